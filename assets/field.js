/* The field screen: tasks, three answers, my position. What is pressed without a link is kept and sent later. */
"use strict";
(function (cb) {
  const h = cb.h, QUEUE = "citybrain.field.queue";
  const STEPS = [["confirmed", "确认收到"], ["en_route", "已出发"], ["on_site", "已到达"]];
  const RANK = { queued: 0, sent: 0, delivered: 0, escalated: 0, failed: 0, confirmed: 1, en_route: 2, on_site: 3 };
  let tasks = [];
  const kept = () => { try { return JSON.parse(localStorage.getItem(QUEUE) || "[]"); } catch { return []; } };
  const keep = (list) => localStorage.setItem(QUEUE, JSON.stringify(list));
  const rowOf = (task) => task.row || task;
  const rowId = (task) => task.row_id || rowOf(task).id || task.id;

  cb.starters.field = function (state) {
    const box = cb.byId("field-tasks");
    tasks = JSON.parse(box.dataset.tasks || "[]");
    draw();
    cb.startStream();
    cb.on("call", reload);
    cb.on("resync", reload);
    window.addEventListener("online", send);
    setInterval(send, 10000);
    cb.on("map-ready", marks);
    cb.byId("field-position")?.addEventListener("click", locate);
    if ("serviceWorker" in navigator && !state.at) navigator.serviceWorker.register("/field/sw.js", { scope: "/field/" }).catch(() => {});
    document.documentElement.dataset.ready = "true";
  };
  let timer = 0;
  function reload() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try { tasks = (await cb.request("/api/v1/field/tasks")).items; draw(); marks(); } catch { /* the link banner says it */ }
    }, 120);
  }
  function draw() {
    const box = cb.byId("field-tasks"), waiting = kept();
    box.replaceChildren(...tasks.map((task) => card(task, waiting)));
    if (!tasks.length) box.append(h("li", { class: "empty" }, box.dataset.empty));
  }
  function card(task, waiting) {
    const id = rowId(task), mine = waiting.filter((one) => one.id === id).map((one) => one.action);
    const state = mine.length ? mine[mine.length - 1] : task.state || rowOf(task).state;
    const at = RANK[state] || 0;
    const where = task.place || (task.incident && task.incident.place) || "";
    return h("li", { class: "task", "data-row": id },
      h("div", { class: "line1" }, task.exercise ? h("span", { class: "badge mode-exercise" }, "演练") : null, h("b", {}, (task.incident && task.incident.title) || "任务")),
      h("p", { class: "message" }, task.message || task.why || ""),
      h("dl", {}, h("dt", {}, "地点"), h("dd", {}, where || "见地图"), h("dt", {}, "下达"), h("dd", { "data-since": task.since }, cb.ageText(task.since)), h("dt", {}, "状态"), h("dd", { class: "state" }, (cb.PERSON[state] || state || "") + (mine.length ? "(待发送)" : ""))),
      h("div", { class: "steps" }, STEPS.map(([action, word], i) => h("button", { type: "button", class: "step" + (at >= i + 1 ? " is-done" : at === i ? " is-next" : ""), disabled: at >= i + 1, on: { click: () => answer(id, action) } }, (at >= i + 1 ? "✓ " : "") + word))));
  }
  function answer(id, action) {
    keep([...kept().filter((one) => one.id !== id || one.action !== action), { id, action, at: new Date(cb.now()).toISOString() }]);
    draw();
    send();
  }
  let sending = false;
  async function send() {
    if (sending || !kept().length) return;
    sending = true;
    try {
      for (const one of kept()) {
        try {
          await cb.post(`/api/v1/field/tasks/${encodeURIComponent(one.id)}/${one.action}`, { at: one.at });
        } catch (failure) {
          if (!failure.status || failure.status >= 500 || failure.status === 401) throw failure;
          cb.toast("没有被接受:" + failure.message);
        }
        keep(kept().filter((other) => other.id !== one.id || other.action !== one.action));
      }
      reload();
    } catch { cb.toast("网络不通,已保存,恢复后自动发送"); } finally { sending = false; draw(); }
  }

  /* ---- the map: where my tasks are, where I am ---- */
  let spots = null, me = null;
  function marks() {
    const map = cb.map();
    if (!map) return;
    if (spots) spots.remove();
    spots = window.L.layerGroup().addTo(map);
    const places = [];
    for (const task of tasks) {
      const lon = task.lon ?? task.incident?.lon, lat = task.lat ?? task.incident?.lat;
      if (lon === null || lon === undefined) continue;
      places.push([lat, lon]);
      window.L.marker([lat, lon], { pane: "pulses", icon: window.L.divIcon({ className: "pulse task-spot", html: h("i", {}, "任"), iconSize: [28, 28] }) }).addTo(spots);
    }
    if (places.length) map.setView(places[0], 12, { animate: false });
  }
  function locate() {
    if (!navigator.geolocation) return cb.toast("本机不能定位");
    navigator.geolocation.getCurrentPosition((at) => {
      const spot = [at.coords.latitude, at.coords.longitude], map = cb.map();
      if (me) me.remove();
      me = window.L.circle(spot, { radius: at.coords.accuracy, color: cb.token("--accent"), pane: "live" }).addTo(map);
      map.setView(spot, 14, { animate: false });
    }, () => cb.toast("没有取得位置:请在浏览器设置中允许定位"), { enableHighAccuracy: true, timeout: 10000, maximumAge: 30000 });
  }
})(window.citybrain);
