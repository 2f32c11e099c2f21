/* The live link: one EventSource, its state on screen, ages kept true. Deltas go to the page's own bus (cb.emit). */
"use strict";
(function (cb) {
  const SILENT_MS = 7000; // the server beats every 2 s
  const CUT_MS = 15000;
  const KINDS = ["alert.many", "alert.fired", "alert.level", "alert.value", "alert.resolved", "alert.acknowledged", "alert.cancelled", "alert.linked", "alert.unlinked", "alert.updated",
    "alert.reopened", "alert.shelved", "alert.unshelved", "alert.closed", "alert.chattering", "alert.quiet", "alert.escalated", "silence.created", "silence.ended",
    "incident.opened", "incident.updated", "incident.closed", "call.stood_down", "call.started", "call.row", "call.attempt", "call.done", "reading.batch", "system.status", "feeds.health", "feeds.state"];
  let last = ""; // number of the newest event this page has seen: the page's own, then the stream's
  let source = null, heard = 0, silentSince = 0, wordNow = "";

  function show(kind, word) {
    const dot = cb.byId("link-state");
    if (dot && wordNow !== kind + word) {
      wordNow = kind + word;
      dot.className = "link link-" + kind;
      cb.setText(dot.querySelector(".word"), word);
    }
    const banner = cb.byId("link-banner");
    if (banner) {
      banner.hidden = kind !== "cut";
      if (kind === "cut") cb.setText(banner, word + " · 画面停留在断开前的状态,正在自动重连");
    }
    document.documentElement.dataset.link = kind;
  }
  function look() {
    const quiet = Date.now() - heard;
    if (heard && quiet < SILENT_MS) { silentSince = 0; return show("live", "已连接"); }
    silentSince = silentSince || (heard || Date.now());
    if (Date.now() - silentSince > CUT_MS) show("cut", "已断开,自 " + cb.shortClock(new Date(silentSince).toISOString()));
    else show("wait", heard ? "重连中" : "连接中");
    if (heard && quiet > CUT_MS && source && source.readyState === EventSource.CLOSED) open();
  }
  function open() {
    if (source) source.close();
    last = last || String(cb.state.last_event ?? "");
    source = new EventSource("/stream?topics=" + (cb.state.topics || "alerts,calls,incidents,readings,system") + (last ? "&last=" + last : ""));
    source.onopen = () => { heard = Date.now(); look(); };
    source.onerror = () => { look(); if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000); };
    source.addEventListener("hello", (event) => { last = event.lastEventId; });
    source.addEventListener("beat", (event) => {
      heard = Date.now();
      const data = JSON.parse(event.data);
      cb.setServerTime(data.at);
      if (data.bus === "away") show("wait", "数据总线中断"); else look();
    });
    source.addEventListener("resync", () => { heard = Date.now(); cb.emit("resync"); });
    source.addEventListener("signed-out", () => { source.close(); cb.toast("登录已失效,请重新登录"); show("cut", "登录已失效"); });
    for (const kind of KINDS) source.addEventListener(kind, (event) => {
      heard = Date.now();
      last = event.lastEventId || last;
      let data;
      try { data = JSON.parse(event.data); } catch { return; }
      data.kind = data.kind || kind;
      cb.emit(kind.split(".")[0], data);
    });
  }
  function tick() {
    const clock = cb.byId("clock");
    if (clock && !cb.state.at) cb.setText(clock, cb.clockText(cb.now()));
    for (const node of document.querySelectorAll("[data-since]")) {
      const limit = Number(node.dataset.stale || 0), stale = limit && cb.moment() - Date.parse(node.dataset.since) > limit * 1000;
      if (limit) { const row = node.closest(".gauge"); row.classList.toggle("is-stale", stale); if (stale) row.classList.remove("at-yellow", "at-red", "at-blue", "at-orange"); }
      cb.setText(node, stale ? `自 ${cb.shortClock(node.dataset.since).slice(0, 5)} 起无数据` : cb.ageText(node.dataset.since));
    }
    if (!cb.state.at && Date.now() - counted > 15000) countPoints();
    if (!cb.state.at) look();
  }
  cb.startStream = function () {
    if (cb.state.at) { show("replay", "回放 · 非实时"); }
    else { heard = 0; open(); window.addEventListener("pagehide", () => source && source.close()); }
    tick();
    setInterval(tick, 1000);
  };

  /* ---- numbers that move: reading.batch → the gauges on the page ---- */
  const DIGITS = { flow: 0, rain: 1, stage: 2, depth: 2 };
  const MARKS = { depth: [[0.2, "yellow"], [0.27, "red"]] };
  cb.kindOf = (quantity) => ({ flow_m3s: "flow", stage_m: "stage", depth_m: "depth", rain_mm_h: "rain" })[quantity] || "";
  cb.depths = new Map();
  /** A drill that begins while the page is open must show at once: 实时 would be a lie. */
  function mark(exercise) {
    const badge = cb.byId("mode-badge");
    if (!exercise || !badge || cb.state.mode !== "live") return;
    cb.state.mode = document.documentElement.dataset.mode = "exercise";
    badge.className = "badge mode mode-exercise";
    cb.setText(badge, "演练");
  }
  cb.on("alert", (event) => mark((event.alerts || [event]).some((one) => one.alert && one.alert.status === "Exercise")));
  cb.on("reading", function (batch) {
    mark(batch.exercise);
    const kind = cb.kindOf(batch.quantity);
    if (!kind || !Array.isArray(batch.sensors)) return;
    batch.sensors.forEach((sensor, i) => {
      const value = batch.values[i];
      if (kind === "depth") cb.depths.set(sensor, [value, batch.observed_at, false]);
      for (const row of document.querySelectorAll(`.gauge[data-sensor="${CSS.escape(sensor)}"][data-kind="${kind}"]`)) {
        cb.setText(row.querySelector(".num"), Number(value).toLocaleString("en-US", { minimumFractionDigits: DIGITS[kind], maximumFractionDigits: DIGITS[kind] }));
        const age = row.querySelector(".age");
        if (age) age.dataset.since = batch.observed_at;
        row.classList.remove("is-stale");
        if (MARKS[kind]) {
          const level = MARKS[kind].filter(([mark]) => value >= mark).map(([, name]) => name).pop();
          row.classList.remove("at-yellow", "at-red");
          if (level) row.classList.add("at-" + level);
        }
      }
    });
    if (kind === "depth") { cb.emit("depths"); countPoints(); }
  });
  /** 最深 must name the deepest now, not the one that was deepest when the page was opened. */
  function showDeepest(deepest) {
    const row = document.querySelector(".points-block .gauge");
    if (!row || !deepest) return;
    const [sensor, value, at] = deepest;
    if (row.dataset.sensor !== sensor) cb.setText(row.querySelector(".name"), "最深 " + cb.pointName(sensor));
    row.dataset.sensor = sensor;
    cb.setText(row.querySelector(".num"), value.toFixed(2));
    row.querySelector(".age").dataset.since = at;
    row.className = "gauge" + (value >= 0.27 ? " at-red" : value >= 0.2 ? " at-yellow" : "");
  }
  let counted = 0, known = null;
  function countPoints() {
    counted = Date.now();
    let closed = 0, slow = 0, calm = 0, deepest = null, newest = "";
    for (const [sensor, [value, at]] of cb.depths) {
      if (at > newest) newest = at;
      if (cb.moment() - Date.parse(at) > 1800e3) continue;
      if (value >= 0.27) closed++; else if (value >= 0.2) slow++; else calm++;
      if (!deepest || value > deepest[1]) deepest = [sensor, value, at];
    }
    if (!cb.depths.size) return;
    const put = (selector, text) => cb.setText(document.querySelector(selector), text);
    const tiles = document.querySelectorAll("#situation .counts .num");
    known = known ?? [...tiles].reduce((sum, tile) => sum + Number(tile.textContent.replaceAll(",", "")), 0);
    const silent = Math.max(known, cb.depths.size) - closed - slow - calm;
    if (tiles.length === 4) [closed, slow, calm, silent].forEach((n, i) => {
      cb.setText(tiles[i], n.toLocaleString("en-US"));
      tiles[i].parentElement.className = "count" + (n && i !== 2 ? " count-" + ["red", "yellow", "", "stale"][i] : "");
    });
    for (const age of document.querySelectorAll('#situation .source [data-since], [data-kpi="points"] [data-since]')) age.dataset.since = newest;
    showDeepest(deepest);
    put('[data-kpi="points"] .num', `${closed} / ${slow}`);
  }
})(window.citybrain);
