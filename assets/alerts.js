/* The alert list: every open alert known to the page, folded into few lines. A new one never moves what is looked at. */
"use strict";
(function (cb) {
  const SHOWN = 60; // rows of an open line, or of the flat list, before more are asked for
  const alerts = new Map(), rows = new Map(), opened = new Set(), more = new Map();
  let held = new Map(); // id → [state, why, hides]: what the server says of silenced, inhibited and shelved ones
  let level = "all", view = "open", selected = null, whole = true; // whole: every open alert is here, not only the first of them
  let lines = [], guarded = false;
  cb.alerts = alerts;
  cb.alertLines = () => lines;
  cb.selectedAlert = () => alerts.get(selected) || null;
  let sorted = null; // made when asked for after a change
  cb.worstAlerts = () => sorted || (sorted = [...alerts.values()].sort(cb.alertOrder));
  const hides = (alert) => { const standing = held.get(alert.id); return !!(standing && standing[2]); };

  /* ---- what is shown ---- */
  function chosen() {
    const wanted = [];
    for (const alert of cb.worstAlerts()) {
      if (level !== "all" && alert.level !== level) continue;
      if (view === "held" ? !held.has(alert.id) : hides(alert)) continue;
      if (view === "unseen" && alert.acknowledged_at) continue;
      wanted.push(alert);
    }
    return wanted;
  }
  function plan(most) {
    const wanted = chosen();
    if (view === "flat") { lines = wanted.map((one) => ({ key: one.id, alerts: [one], one })); return rowsOf(lines.slice(0, more.get("flat") || SHOWN * 3), "flat", lines.length); }
    lines = cb.foldAlerts(wanted, most);
    return lines.flatMap((line) => {
      if (line.one) return [{ alert: line.one }];
      if (!opened.has(line.key)) return [{ line }];
      const limit = more.get(line.key) || SHOWN;
      return [{ line }, ...rowsOf(line.alerts.slice(0, limit).map((one) => ({ one })), line.key, line.alerts.length, true)];
    });
  }
  function rowsOf(some, key, total, inside) {
    const found = some.map(({ one }) => ({ alert: one, inside }));
    if (some.length < total) found.push({ more: key, left: total - some.length });
    return found;
  }
  const keyOf = (item) => (item.alert ? item.alert.id : item.line ? "fold " + item.line.key : "more " + item.more);
  function rowOf(item) {
    const key = keyOf(item);
    let row = rows.get(key);
    if (!row) {
      row = item.alert ? cb.buildAlertRow(item.alert) : item.line ? cb.buildFoldRow(item.line) : cb.h("li", { class: "more note", "data-more": item.more });
      rows.set(key, row);
    }
    if (item.alert) cb.fillAlertRow(row, item.alert, { selected: item.alert.id === selected, inside: item.inside, standing: held.get(item.alert.id) });
    else if (item.line) cb.fillFoldRow(row, item.line, { selected: "fold " + item.line.key === selected, open: opened.has(item.line.key) });
    else cb.setText(row, `还有 ${item.left.toLocaleString("en-US")} 条,点此再显示`);
    return row;
  }
  let painting = false, drawnAt = 0;
  function paint() {
    if (painting) return;
    painting = true;
    const wait = alerts.size > 500 ? Math.max(0, drawnAt + 200 - performance.now()) : 0; // in a storm five pictures a second
    setTimeout(() => requestAnimationFrame(() => { painting = false; draw(); }), wait);
  }
  function draw() {
    const list = cb.byId("alert-list");
    if (!list) return;
    drawnAt = performance.now();
    const top = list.getBoundingClientRect().top;
    const anchor = list.scrollTop > 4 ? [...list.children].find((row) => row.getBoundingClientRect().bottom > top) : null;
    const before = anchor && anchor.getBoundingClientRect().top;
    fill(list, plan());
    if (cb.state.screen === "wall") for (let most = 9; most >= 3 && list.scrollHeight > list.clientHeight + 1; most--) fill(list, plan(most)); // nobody scrolls a wall
    if (anchor && anchor.isConnected) list.scrollTop += anchor.getBoundingClientRect().top - before;
    count();
    cb.emit("alerts-drawn");
  }
  function fill(list, items) {
    const wanted = new Set(items.map(keyOf));
    for (const [key, row] of rows) if (!wanted.has(key)) { row.remove(); rows.delete(key); }
    list.querySelector(".empty")?.remove();
    let place = list.firstElementChild;
    for (const item of items) {
      const row = rowOf(item);
      if (row === place) place = place.nextElementSibling; else list.insertBefore(row, place);
    }
    if (!items.length) list.append(cb.h("li", { class: "empty" }, empty(list)));
  }
  function empty(list) {
    if (cb.state.at) return "这一时刻没有未结束的告警";
    if (view === "held") return "没有搁置、静默或抑制的告警";
    if (alerts.size) return "没有符合筛选的告警";
    return list.dataset.empty || "目前没有未结束的告警;新告警会立即出现在这里";
  }
  function count() {
    if (!whole) return; // the numbers the server wrote hold until all are here
    const sums = { all: alerts.size, ...cb.levelCounts(alerts.values()) };
    for (const [name, n] of Object.entries(sums)) {
      cb.setText(document.querySelector(`#alert-filter [data-level="${name}"] .n`), n.toLocaleString("en-US"));
      const kpi = document.querySelector(`[data-kpi="alerts-${name}"]`);
      if (kpi) { cb.setText(kpi.querySelector(".num"), n.toLocaleString("en-US")); kpi.classList.toggle("at-" + name, n > 0); }
    }
    cb.setText(document.querySelector('#alert-view [data-view="held"] .n'), String(held.size));
    const open = [...alerts.values()].filter((alert) => !alert.acknowledged_at && !hides(alert)).length;
    cb.setText(cb.byId("alert-counts"), open ? `${open.toLocaleString("en-US")} 条未确认` : "");
    document.title = (open ? `(${open}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  }

  /* ---- what comes in ---- */
  function take(alert, fresh) {
    if (!alert || !alert.id) return;
    const known = alerts.get(alert.id);
    if (known && known.version > alert.version) return;
    sorted = null;
    if (alert.state === "resolved" || alert.state === "closed" || alert.resolved_at || alert.closed_at) { alerts.delete(alert.id); held.delete(alert.id); }
    else keep(alert);
    if (fresh && !hides(alert) && (!known || known.level_no < alert.level_no)) cb.emit("alert-new", alert);
    paint();
  }
  cb.takeAlert = take;
  function keep(alert) {
    alert.fired_ms = Date.parse(alert.fired_at);
    alerts.set(alert.id, alert);
  }
  const LOUD = new Set(["alert.fired", "alert.reopened"]);
  cb.on("alert", (event) => {
    for (const { kind, alert } of event.alerts || [event]) { // a storm's steps come many to an event
      take(alert, LOUD.has(kind));
      if (kind === "alert.escalated" && alert && !hides(alert)) cb.emit("alert-new", alert); // nobody has looked: say it again
    }
    if (guarded || event.kind === "alert.shelved" || event.kind === "alert.unshelved") lookAtHeld(1000);
  });
  cb.on("silence", () => lookAtHeld(50));
  cb.on("resync", load);
  async function load() {
    try {
      const answer = await cb.request("/api/v1/open-alerts");
      const fresh = new Map();
      for (const row of answer.rows) { const alert = {}; answer.fields.forEach((name, i) => { alert[name] = row[i]; }); fresh.set(alert.id, alert); }
      for (const [id, known] of alerts) { const now = fresh.get(id); if (now && known.version > now.version) fresh.set(id, known); }
      alerts.clear();
      for (const alert of fresh.values()) keep(alert);
      sorted = null;
      whole = true;
      hold(answer);
      paint();
    } catch (failure) { cb.toast("重新载入告警失败:" + failure.message); }
  }
  function hold(answer) {
    held = new Map(Object.entries(answer.standings));
    guarded = answer.guarded;
  }
  let looking = 0;
  function lookAtHeld(wait) {
    if (cb.state.at) return;
    clearTimeout(looking);
    looking = setTimeout(async () => {
      try { hold(await cb.request("/api/v1/open-alerts?only=standings")); paint(); } catch { /* the link banner says it; the next look comes */ }
    }, wait);
  }

  /* ---- choosing and walking ---- */
  const list = () => cb.byId("alert-list");
  cb.selectAlert = function (id, options) {
    const alert = alerts.get(id);
    if (alert && !rows.has(id)) { const line = lines.find((one) => !one.one && one.alerts.includes(alert)); if (line) { opened.add(line.key); more.set(line.key, Math.max(more.get(line.key) || SHOWN, line.alerts.indexOf(alert) + 1)); draw(); } }
    point(id);
    const row = rows.get(id);
    if (row && (!options || !options.quiet)) row.scrollIntoView({ block: "nearest" });
    cb.setView({ alert: alert ? id : null });
    if (alert && (!options || !options.quiet)) cb.emit("alert-selected", alert);
  };
  function point(key) {
    selected = key;
    for (const [one, row] of rows) { row.classList.toggle("is-selected", one === key); row.setAttribute("aria-selected", String(one === key)); }
    const row = rows.get(key);
    if (row && list()) list().setAttribute("aria-activedescendant", row.id);
  }
  cb.walkAlerts = function (step) {
    const visible = [...(list()?.querySelectorAll(".alert:not([hidden])") || [])];
    if (!visible.length) return;
    const at = visible.findIndex((row) => row.classList.contains("is-selected"));
    const row = visible[at < 0 ? 0 : Math.min(visible.length - 1, Math.max(0, at + step))];
    if (row.dataset.id) return cb.selectAlert(row.dataset.id);
    point("fold " + row.dataset.fold);
    row.scrollIntoView({ block: "nearest" });
  };
  cb.selectedFold = () => lines.find((line) => "fold " + line.key === selected && !line.one) || null;
  cb.toggleFold = function (key, open) {
    const now = open ?? !opened.has(key);
    now ? opened.add(key) : opened.delete(key);
    draw();
  };

  cb.startAlerts = function (state) {
    state.alerts.forEach(keep);
    whole = state.alert_total <= state.alerts.length;
    hold({ standings: state.standings || {}, guarded: !!state.guarded });
    if (!whole && !state.at) setTimeout(load, 0);
    draw();
    if (state.screen === "wall" && list()) new ResizeObserver(paint).observe(list()); // calls take room and give it back
    if (!state.at) setInterval(() => { if (guarded) lookAtHeld(0); }, 30000); // silences end by time alone
    list()?.addEventListener("click", (event) => {
      const row = event.target.closest("li");
      if (!row || state.screen === "wall") return;
      if (row.dataset.more) { more.set(row.dataset.more, (more.get(row.dataset.more) || SHOWN) + SHOWN * 4); return draw(); }
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (row.dataset.fold) return pressFold(lines.find((line) => line.key === row.dataset.fold), act);
      if (!row.dataset.id) return;
      if (act === "ack") return cb.acknowledge(row.dataset.id);
      cb.selectAlert(row.dataset.id);
      if (act === "key") cb.oneKey(alerts.get(row.dataset.id));
      if (act === "more") cb.alertMore(alerts.get(row.dataset.id));
    });
    press("alert-filter", "level", (value) => { level = value; });
    press("alert-view", "view", (value) => { view = value; });
    const wanted = cb.view().get("alert");
    if (wanted && alerts.has(wanted)) cb.selectAlert(wanted, { quiet: true });
  };
  function pressFold(line, act) {
    if (!line) return;
    if (act === "ack-all") return cb.acknowledgeAll(line);
    if (act === "key-all") return cb.oneKeyAll(line);
    point("fold " + line.key);
    cb.toggleFold(line.key);
  }
  function press(id, name, set) {
    cb.byId(id)?.addEventListener("click", (event) => {
      const chip = event.target.closest(`[data-${name}]`);
      if (!chip) return;
      const same = name === "view" && chip.getAttribute("aria-pressed") === "true";
      set(same ? "open" : chip.dataset[name]);
      for (const one of chip.parentElement.children) if (one.dataset[name]) one.setAttribute("aria-pressed", String(one === chip && !same));
      draw();
    });
  }
})(window.citybrain);
