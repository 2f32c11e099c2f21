/* The wall: rem from the viewport, awake, on the worst alert; goes back to the whole city when all is calm. */
"use strict";
(function (cb) {
  cb.starters.wall = function (state) {
    const fit = () => { document.documentElement.style.fontSize = Math.max(10, Math.min(window.innerHeight / 67.5, window.innerWidth / 100)) + "px"; };
    fit();
    window.addEventListener("resize", fit);
    cb.startAlerts(state);
    cb.startCalls(state);
    cb.startIncidents();
    cb.startStream();
    awake();
    document.addEventListener("visibilitychange", awake);
    cb.on("alerts-drawn", focus);
    cb.on("map-ready", focus);
    focus();
    setInterval(() => location.reload(), 6 * 3600e3); // a fresh page each shift: long-lived tabs leak
    document.documentElement.dataset.ready = "true";
  };
  async function awake() {
    try { if (document.visibilityState === "visible" && navigator.wakeLock) await navigator.wakeLock.request("screen"); } catch { /* not allowed here; the display's own settings rule */ }
  }
  let seen = null;
  function focus() {
    const box = cb.byId("wall-focus"), map = cb.map();
    const worst = cb.worstAlerts().find((alert) => alert.level_no >= 3 && !alert.acknowledged_at) || cb.worstAlerts().find((alert) => alert.level_no >= 3);
    box.hidden = !worst;
    if (worst) {
      box.className = `focus at-${worst.level}`;
      box.replaceChildren(
        cb.h("span", { class: "mark" }, cb.LEVEL_MARKS[worst.level]),
        cb.h("div", {}, cb.h("b", {}, (worst.status === "Exercise" ? "【演练】" : "") + worst.headline), cb.h("span", {}, `${worst.place || ""} · ${cb.LEVELS[worst.level]}`), cb.h("span", { class: "age", "data-since": worst.fired_at }, cb.ageText(worst.fired_at))));
    }
    const id = worst ? worst.id : null;
    if (!map || seen === id) return;
    seen = id;
    // dash-leaflet puts back the view it last heard of when two moves fall into one render: wait for it to settle
    setTimeout(() => { if (seen !== id) return; if (worst && worst.lon !== null) cb.lookAt(worst.lon, worst.lat, 11.25 + Math.log2(cb.scale())); else cb.wholeCity(); }, 300);
  }
})(window.citybrain);
