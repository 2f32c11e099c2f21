/* Open incidents beside the alerts: what is being handled, what belongs together, and the response level they make. */
"use strict";
(function (cb) {
  const h = (...given) => cb.h(...given);
  const LEVELS = ["Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ"];
  const open = new Map();
  let asked = 0;
  cb.incidentTitle = (id) => (open.has(id) ? "事件 " + open.get(id).title : "事件 " + id);

  async function read() {
    if (cb.state.at || !(cb.byId("incident-list") || cb.byId("response-level"))) return;
    try {
      const { items } = await cb.request("/api/v1/incidents?status=open");
      open.clear();
      for (const one of items) open.set(one.id, one);
      level(items);
      draw(items);
      cb.emit("incidents");
    } catch { /* the link banner says it */ }
  }
  function level(items) {
    const badge = cb.byId("response-level");
    const worst = LEVELS.find((one) => items.some((incident) => incident.level === one));
    cb.setText(badge, worst ? `响应 ${worst} 级` + (cb.state.approved ? "" : "(未核定)") : "未启动响应");
  }
  function draw(items) {
    const list = cb.byId("incident-list");
    if (!list) return;
    const rows = [...items].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || Date.parse(b.opened_at) - Date.parse(a.opened_at));
    list.replaceChildren(...rows.slice(0, 12).map(row));
    if (rows.length > 12) list.append(h("li", { class: "note" }, h("a", { href: "/incident/", target: "_blank" }, `全部 ${rows.length} 起 ↗`)));
    const box = list.closest("section");
    box.hidden = !rows.length && !cb.byId("incident-hints")?.childElementCount;
    cb.setText(cb.byId("incident-count"), rows.length ? `${rows.length} 起` : "");
  }
  function row(one) {
    return h("li", { class: "incident", "data-incident": one.id },
      h("b", { class: "grade" }, one.level + " 级"),
      h("span", { class: "title" }, one.exercise ? h("span", { class: "badge mode-exercise" }, "演练") : null, one.title),
      h("span", { class: "note num" }, `告警 ${one.alert_ids.length}`, one.overdue ? h("b", { class: "overdue" }, ` 超时 ${one.overdue}`) : null),
      h("button", { type: "button", class: "quiet", "data-act": "handle" }, "处置"),
      h("a", { class: "quiet", href: "/incident/?id=" + encodeURIComponent(one.id), target: "_blank", title: "事件台账" }, "台账"));
  }

  /* ---- alerts that seem to belong together: offered, never done by itself ---- */
  let hints = [];
  async function readHints() {
    const box = cb.byId("incident-hints");
    if (!box || cb.state.at || !cb.state.may_call) return;
    try { hints = (await cb.request("/api/v1/incidents/suggestions")).items.slice(0, 3); } catch { hints = []; }
    box.replaceChildren(...hints.map((hint, i) => h("li", { class: "hint" },
      h("span", {}, hint.incident_id ? `可并入 ${cb.incidentTitle(hint.incident_id)}:` : "可合并处置:", h("b", {}, `${hint.alert_ids.length} 条`), " ", h("span", { class: "note" }, hint.reason)),
      h("button", { type: "button", class: "quiet", "data-hint": i }, hint.incident_id ? "并入" : "合并"))));
    box.closest("section").hidden = !open.size && !hints.length;
  }
  async function accept(hint) {
    const alerts = hint.alert_ids.map((id) => cb.alerts.get(id)).filter(Boolean);
    if (!hint.incident_id) return cb.oneKeyAll({ key: "hint|" + hint.alert_ids[0], alerts, title: "合并处置" });
    try { await cb.post(`/api/v1/incidents/${encodeURIComponent(hint.incident_id)}/alerts`, { add: hint.alert_ids, reason: "按建议并入:" + hint.reason }); }
    catch (failure) { cb.toast("没有并入:" + failure.message); }
    again(50);
  }
  function again(wait) {
    clearTimeout(asked);
    asked = setTimeout(async () => { await read(); readHints(); }, wait);
  }
  cb.on("incident", () => again(150));
  cb.on("resync", () => again(50));
  let hinted = 0;
  cb.on("alert", (event) => {
    if (!["alert.fired", "alert.many"].includes(event.kind) || Date.now() - hinted < 5000) return;
    hinted = Date.now();
    setTimeout(readHints, 1500);
  });
  cb.startIncidents = function () {
    again(0);
    cb.byId("incident-panel")?.addEventListener("click", (event) => {
      const hint = event.target.closest("[data-hint]");
      if (hint) return accept(hints[Number(hint.dataset.hint)]);
      const one = event.target.closest("[data-incident]");
      if (one && event.target.closest('[data-act="handle"]')) cb.openIncident(open.get(one.dataset.incident));
    });
  };
})(window.citybrain);
