/* The desk: start, keyboard, buttons, sound. */
"use strict";
(function (cb) {
  cb.starters.desk = function (state) {
    cb.startAlerts(state);
    cb.startCalls(state);
    cb.startIncidents();
    cb.startStream();
    sound(!!cb.preference("sound"), true);
    for (const side of ["left", "right"]) fold(side, !!cb.preference(`rail-${side}`));
    searchField();
    document.addEventListener("keydown", keys);
    document.addEventListener("click", acts);
    cb.on("alert-new", heard);
    cb.on("picked", () => leaveSearch());
    document.documentElement.dataset.ready = "true";
  };
  /** One sound for what comes together, of the worst of it: two hundred at once are a noise, not a sign. */
  let loudest = 0;
  function heard(alert) {
    if (!cb.preference("sound")) return;
    if (!loudest) setTimeout(() => { const level = loudest; loudest = 0; cb.tone(level); }, 150);
    loudest = Math.max(loudest, alert.level_no, 1);
  }
  const search = () => cb.byId("search-text");
  function searchField() {
    const box = cb.byId("search-box");
    if (!box || search()) return;
    let waiting = null;
    const ask = (text) => window.dash_clientside.set_props("search-query", { data: text });
    const typed = (event) => { const text = event.target.value; clearTimeout(waiting); waiting = setTimeout(() => ask(text), 180); };
    box.append(cb.h("input", { id: "search-text", type: "text", class: "search-input", maxlength: 64, autocomplete: "off", spellcheck: "false",
      placeholder: box.dataset.words + "  /", "aria-label": box.dataset.words, "aria-controls": "search-results", on: { input: typed } }));
  }
  const typing = (node) => node && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search()) return searchKeys(event);
    if (typing(event.target)) return;
    const onButton = event.target.closest && event.target.closest("button, a, summary");
    const act = {
      "/": () => { search().focus(); search().select(); },
      "Escape": escape,
      "?": () => { const box = cb.byId("key-map"); box.hidden = !box.hidden; },
      "ArrowDown": () => cb.walkAlerts(1),
      "ArrowUp": () => cb.walkAlerts(-1),
      "ArrowRight": () => cb.selectedFold() ? cb.toggleFold(cb.selectedFold().key, true) : false,
      "ArrowLeft": () => cb.selectedFold() ? cb.toggleFold(cb.selectedFold().key, false) : false,
      "Enter": () => { if (onButton) return false; const line = cb.selectedFold(); return line ? cb.toggleFold(line.key) : cb.oneKey(cb.selectedAlert()); },
      "a": () => { const line = cb.selectedFold(), alert = cb.selectedAlert(); if (line) cb.acknowledgeAll(line); else if (alert) cb.acknowledge(alert.id); },
      "m": () => cb.selectedAlert() ? cb.alertMore(cb.selectedAlert()) : false,
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    if (act() !== false) event.preventDefault();
  }
  function escape() {
    const box = cb.byId("key-map");
    if (!box.hidden) { box.hidden = true; return; }
    if (cb.closeSheet() || cb.closeCall()) return;
    cb.dropCircle();
    closeDossier();
  }
  function closeDossier() {
    window.dash_clientside.set_props("selection", { data: null });
    cb.setView({ at: null });
  }
  function leaveSearch() {
    search().blur();
    cb.byId("search-results").classList.add("is-away");
  }
  function searchKeys(event) {
    const box = cb.byId("search-results");
    box.classList.remove("is-away");
    if (event.key === "Escape") { leaveSearch(); cb.byId("alert-list").focus(); }
    if (!["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
    const found = [...box.querySelectorAll(".pick")];
    if (!found.length) return;
    event.preventDefault();
    const at = found.findIndex((node) => node.classList.contains("is-on"));
    if (event.key === "Enter") return (found[at] || found[0]).click();
    found[at]?.classList.remove("is-on");
    const next = found[(at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length];
    next.classList.add("is-on");
    next.scrollIntoView({ block: "nearest" });
  }
  function acts(event) {
    const box = cb.byId("search-results");
    if (!event.target.closest(".search")) box.classList.add("is-away"); else if (event.target === search()) box.classList.remove("is-away");
    const act = event.target.closest("[data-act]")?.dataset.act;
    const map = cb.map();
    if (act === "zoom-in") map?.zoomIn(1, { animate: false });
    if (act === "zoom-out") map?.zoomOut(1, { animate: false });
    if (act === "home") cb.wholeCity();
    if (act === "circle") cb.armCircle();
    if (act === "deck") cb.toggleDeck();
    if (act === "close-call") cb.closeCall();
    if (act === "close-dossier") closeDossier();
    if (act === "close-circle") cb.dropCircle();
    for (const side of ["left", "right"]) if (act === `rail-${side}`) fold(side, cb.preference(`rail-${side}`, !cb.preference(`rail-${side}`)));
    if (act === "sound") sound(!cb.preference("sound"), false);
  }
  document.addEventListener("click", async (event) => {
    if (!event.target.closest('[data-act="logout"]')) return;
    try { await fetch("/logout", { method: "POST", credentials: "same-origin", headers: { "X-Requested-With": "citybrain" }, redirect: "manual" }); } finally { location.assign("/login"); }
  });

  /* ---- rails: folded ones stay folded on this machine; a new alert is told by the title and the button ---- */
  function fold(side, away) {
    document.querySelector(".desk").classList.toggle(`no-${side}`, away);
    const button = document.querySelector(`.rail-toggle-${side}`);
    button.setAttribute("aria-expanded", String(!away));
    cb.setText(button, (side === "left") === away ? "›" : "‹");
  }

  /* ---- sound: off until asked for, remembered ---- */
  let audio = null;
  function sound(on, quiet) {
    cb.preference("sound", on);
    const button = cb.byId("sound-toggle");
    button.setAttribute("aria-pressed", String(on));
    cb.setText(button, on ? "声音:开" : "声音:关");
    if (on && !quiet) cb.tone(1);
  }
  cb.tone = function (level) {
    try {
      audio = audio || new AudioContext();
      const start = audio.currentTime;
      for (let i = 0; i < Math.max(1, level - 1); i++) {
        const tone = audio.createOscillator(), loud = audio.createGain();
        tone.frequency.value = level >= 4 ? 880 : level === 3 ? 740 : 587;
        loud.gain.setValueAtTime(0.0001, start + i * 0.28);
        loud.gain.exponentialRampToValueAtTime(0.2, start + i * 0.28 + 0.02);
        loud.gain.exponentialRampToValueAtTime(0.0001, start + i * 0.28 + 0.22);
        tone.connect(loud).connect(audio.destination);
        tone.start(start + i * 0.28);
        tone.stop(start + i * 0.28 + 0.24);
      }
    } catch { /* no audio device: the list and the map still show it */ }
  };
})(window.citybrain);
