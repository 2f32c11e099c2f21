/* The alert list: keyed rows, worst first. A new row never moves what the officer is looking at. */
"use strict";
(function (cb) {
  const LIMIT = 200;
  const alerts = new Map();
  const rows = new Map();
  let level = "all", selected = null, whole = true; // whole: every open alert is here, not only the first of them
  cb.alerts = alerts;
  cb.selectedAlert = () => alerts.get(selected);
  const order = (a, b) => b.level_no - a.level_no || !!a.acknowledged_at - !!b.acknowledged_at || Date.parse(b.fired_at) - Date.parse(a.fired_at);
  cb.worstAlerts = () => [...alerts.values()].sort(order);

  function value(alert) {
    if (alert.value === null || alert.value === undefined) return "";
    return `${Number(alert.value).toLocaleString("en-US", { maximumFractionDigits: 2 })} ${alert.unit || ""}`;
  }
  function build(alert) {
    const h = cb.h, wall = cb.state.screen === "wall";
    const row = h("li", { class: "alert", role: "option", "data-id": alert.id, id: "alert-" + alert.id },
      h("span", { class: "mark", "aria-hidden": "true" }),
      h("div", { class: "what" },
        h("div", { class: "line1" }, h("span", { class: "level" }), h("span", { class: "drill badge" }, "演练"), h("b", { class: "headline" })),
        h("div", { class: "line2" }, h("span", { class: "acked" }), h("span", { class: "place" }), h("span", { class: "value num" }), h("span", { class: "age", "data-since": alert.fired_at }))),
      wall ? null : h("div", { class: "acts" },
        h("button", { type: "button", class: "quiet", "data-act": "ack", tabindex: "-1" }, "确认"),
        h("button", { type: "button", class: "key", "data-act": "key", tabindex: "-1" }, "一键调度")));
    rows.set(alert.id, row);
    return row;
  }
  function fill(row, alert) {
    row.dataset.level = alert.level;
    row.className = `alert at-${alert.level}` + (alert.acknowledged_at ? " is-acked" : "") + (alert.id === selected ? " is-selected" : "");
    row.setAttribute("aria-selected", String(alert.id === selected));
    const put = (name, text) => cb.setText(row.querySelector("." + name), text);
    put("mark", cb.LEVEL_MARKS[alert.level] || "·");
    put("level", (cb.LEVELS[alert.level] || alert.level) + (alert.native_level ? ` · ${alert.native_level}` : ""));
    put("headline", alert.headline || alert.event);
    put("place", alert.place || alert.sensor || alert.sender || "位置未知");
    put("value", value(alert));
    put("age", cb.ageText(alert.fired_at));
    put("acked", alert.acknowledged_at ? `✓ ${alert.acknowledged_by || ""} 已确认` : "未确认");
    row.querySelector(".drill").hidden = alert.status !== "Exercise";
    const ack = row.querySelector('[data-act="ack"]');
    if (ack) ack.hidden = !!alert.acknowledged_at || !!cb.state.at || !cb.state.may_call;
    const key = row.querySelector('[data-act="key"]');
    if (key) { key.hidden = !!cb.state.at || !cb.state.may_call; cb.setText(key, alert.incident_id ? "查看事件" : "一键调度"); }
    row.hidden = level !== "all" && alert.level !== level;
  }
  let painting = false;
  function paint() {
    if (painting) return;
    painting = true;
    requestAnimationFrame(() => { painting = false; draw(); });
  }
  function draw() {
    const list = cb.byId("alert-list");
    if (!list) return;
    const top = list.getBoundingClientRect().top;
    const anchor = list.scrollTop > 4 ? [...list.children].find((row) => row.getBoundingClientRect().bottom > top) : null;
    const before = anchor && anchor.getBoundingClientRect().top;
    const shown = cb.worstAlerts().filter((alert) => level === "all" || alert.level === level).slice(0, LIMIT);
    const keep = new Set(shown.map((alert) => alert.id));
    for (const [id, row] of rows) if (!keep.has(id)) { row.remove(); rows.delete(id); }
    list.querySelector(".empty")?.remove();
    let place = list.firstElementChild;
    for (const alert of shown) {
      const row = rows.get(alert.id) || build(alert);
      fill(row, alert);
      if (row === place) place = place.nextElementSibling; else list.insertBefore(row, place);
    }
    list.querySelector(".more")?.remove();
    if (alerts.size > shown.length) list.append(cb.h("li", { class: "more note" }, `另有 ${alerts.size - shown.length} 条较轻的没有列出;按级别筛选或搜索查看`));
    if (!shown.length) list.append(cb.h("li", { class: "empty" }, cb.state.at ? "这一时刻没有未结束的告警" : list.dataset.empty || "目前没有未结束的告警;新告警会立即出现在这里"));
    if (anchor && anchor.isConnected) list.scrollTop += anchor.getBoundingClientRect().top - before;
    count();
    cb.emit("alerts-drawn");
  }
  function count() {
    if (!whole) return; // the numbers the server wrote hold until all are here
    const sums = { all: alerts.size, red: 0, orange: 0, yellow: 0, blue: 0 };
    for (const alert of alerts.values()) if (alert.level in sums) sums[alert.level]++;
    for (const [name, n] of Object.entries(sums)) {
      cb.setText(document.querySelector(`#alert-filter [data-level="${name}"] .n`), String(n));
      const kpi = document.querySelector(`[data-kpi="alerts-${name}"]`);
      if (kpi) { cb.setText(kpi.querySelector(".num"), String(n)); kpi.classList.toggle("at-" + name, n > 0); }
    }
    const open = [...alerts.values()].filter((alert) => !alert.acknowledged_at).length;
    cb.setText(cb.byId("alert-counts"), open ? `${open} 条未确认` : "");
    document.title = (open ? `(${open}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  }
  function take(alert, fresh) {
    if (!alert || !alert.id) return;
    const known = alerts.get(alert.id);
    if (known && known.version > alert.version) return;
    if (alert.state === "resolved" || alert.resolved_at) alerts.delete(alert.id);
    else alerts.set(alert.id, alert);
    if (fresh && !known) cb.emit("alert-new", alert);
    paint();
  }
  cb.on("alert", (event) => take(event.alert, event.kind === "alert.fired"));
  cb.on("resync", async () => {
    try {
      const items = []; let next = null;
      do {
        const page = await cb.request("/api/v1/alerts?state=open&limit=1000" + (next ? "&before=" + encodeURIComponent(next) : ""));
        items.push(...page.items); next = page.next;
      } while (next && items.length < 20000);
      alerts.clear();
      whole = true;
      items.forEach((alert) => take(alert, false));
      paint();
    } catch (failure) { cb.toast("重新载入告警失败:" + failure.message); }
  });

  cb.selectAlert = function (id, options) {
    selected = id;
    const row = rows.get(id);
    for (const [key, one] of rows) { one.classList.toggle("is-selected", key === id); one.setAttribute("aria-selected", String(key === id)); }
    const list = cb.byId("alert-list");
    if (row && list) {
      list.setAttribute("aria-activedescendant", row.id);
      if (!options || !options.quiet) row.scrollIntoView({ block: "nearest" });
    }
    const alert = alerts.get(id);
    cb.setView({ alert: id });
    if (alert && (!options || !options.quiet)) cb.emit("alert-selected", alert);
  };
  cb.walkAlerts = function (step) {
    const visible = [...(cb.byId("alert-list")?.querySelectorAll(".alert:not([hidden])") || [])];
    if (!visible.length) return;
    const at = visible.findIndex((row) => row.dataset.id === selected);
    const to = at < 0 ? 0 : Math.min(visible.length - 1, Math.max(0, at + step));
    cb.selectAlert(visible[to].dataset.id);
  };
  cb.acknowledge = async function (id) {
    const alert = alerts.get(id);
    if (!alert || alert.acknowledged_at || cb.state.at) return;
    try {
      const answer = await cb.post(`/api/v1/alerts/${encodeURIComponent(id)}/acknowledge`, { note: "" });
      if (answer && answer.id) take(answer.alert || answer, false);
    } catch (failure) { cb.toast("确认失败:" + failure.message); }
  };
  cb.startAlerts = function (state) {
    for (const alert of state.alerts) alerts.set(alert.id, alert);
    whole = state.alert_total <= state.alerts.length;
    if (!whole && !state.at) setTimeout(() => cb.emit("resync"), 0);
    draw();
    const list = cb.byId("alert-list");
    list?.addEventListener("click", (event) => {
      const row = event.target.closest(".alert");
      if (!row || state.screen === "wall") return;
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act === "ack") return cb.acknowledge(row.dataset.id);
      cb.selectAlert(row.dataset.id);
      if (act === "key") cb.oneKey(alerts.get(row.dataset.id));
    });
    cb.byId("alert-filter")?.addEventListener("click", (event) => {
      const chip = event.target.closest("[data-level]");
      if (!chip) return;
      level = chip.dataset.level;
      for (const one of chip.parentElement.children) one.setAttribute("aria-pressed", String(one === chip));
      paint();
    });
    const wanted = cb.view().get("alert");
    if (wanted && alerts.has(wanted)) cb.selectAlert(wanted, { quiet: true });
  };
})(window.citybrain);
