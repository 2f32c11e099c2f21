/* A drafted response: edit, save with the version that was read, sign, withdraw, then open the incident and call. */
"use strict";
(function (cb) {
  const h = cb.h;
  const LEVELS = ["Ⅳ", "Ⅲ", "Ⅱ", "Ⅰ"];
  let one = null, before = null;
  const path = (rest) => `/api/v1/responses/${encodeURIComponent(one.id)}${rest || ""}`;
  const box = () => cb.byId("response-editor");
  const filled = (text) => (level().value ? text.replaceAll("{level}", level().value) : text);
  const level = () => box().querySelector("[name=level]");
  const short = () => box().querySelector("[name=short]");
  const long = () => box().querySelector("[name=long]");

  cb.startResponse = function (response) { one = response; paint(); };
  function paint() {
    const draft = one.status === "draft", may = cb.state.may_call && draft;
    box().replaceChildren(...[
      one.overtaken ? h("p", { class: "trouble", role: "alert" }, one.overtaken, may && !one.overtaken.includes("解除") ? h("button", { type: "button", class: "button", on: { click: (e) => save(e.target, true) } }, "已按新预警核对") : null) : null,
      one.withdrawn_why ? h("p", { class: "trouble" }, "撤回理由:" + one.withdrawn_why) : null,
      h("label", {}, h("span", {}, "响应级别"), select(may), h("em", { class: "source" }, one.level_source ? "依据:" + one.level_source : "未核定:没有公布的依据,由人确定")),
      h("label", {}, h("span", {}, "短信"), h("textarea", { name: "short", rows: 2, maxlength: 200, readonly: !may, on: { input: count } }), h("em", { class: "sms-count num", id: "short-count" })),
      h("label", {}, h("span", {}, "通知全文"), h("textarea", { name: "long", rows: 10, maxlength: 5000, readonly: !may, on: { input: count } })),
      draft ? h("ul", { class: "gaps" }, one.missing.map((gap) => h("li", {}, gap))) : h("p", { class: "note" }, signedWords()),
      h("div", { class: "act-bar no-print" }, buttons(may, draft)),
      h("div", { id: "response-preview" }),
    ].filter(Boolean));
    short().value = may ? one.short : one.short_rendered;
    long().value = may ? one.long : one.long_rendered;
    if (level()) level().value = one.level;
    count();
  }
  const signedWords = () => (one.signed_by ? `${one.signed_by} 于 ${cb.clockText(Date.parse(one.signed_at))} 签发` : "没有签发");
  function select(may) {
    return h("select", { name: "level", disabled: !may, on: { change: count } }, h("option", { value: "" }, "空(未核定)"), LEVELS.map((x) => h("option", { value: x }, x + "级")));
  }
  function buttons(may, draft) {
    const all = [];
    if (may) all.push(h("button", { type: "button", class: "button", id: "save-response", on: { click: (e) => save(e.target, false) } }, "保存"));
    if (draft && cb.state.may_sign) all.push(h("button", { type: "button", class: "button", id: "sign-response", disabled: !!(one.missing.length || one.overtaken), on: { click: (e) => cb.incidentSend(e.target, () => cb.post(path("/sign"), { version: one.version })) } }, "签发"));
    if (one.status === "signed" && cb.state.may_call) all.push(h("button", { type: "button", class: "button", id: "use-response", on: { click: (e) => use(e.target) } }, "打开事件并查看叫应"));
    if (one.incident_id) all.push(h("a", { class: "button quiet", href: "/incident/?id=" + encodeURIComponent(one.incident_id) }, "事件台账"));
    if (one.status !== "withdrawn" && (one.status === "signed" ? cb.state.may_sign : cb.state.may_call)) {
      const why = h("input", { name: "reason", required: true, maxlength: 500 });
      all.push(cb.incidentForm("撤回", "撤回", [["reason", why, "理由"]], (v) => cb.post(path("/withdraw"), { version: one.version, reason: v.reason.value })));
    }
    return all;
  }
  /** Signs of the short text as it would be sent. */
  function count() {
    const used = [...filled(short().value)].length, node = cb.byId("short-count");
    cb.setText(node, `${used} / ${one.short_room} 字` + (one.exercise ? "(另加【演练】)" : ""));
    node.classList.toggle("is-over", used > one.short_room);
    const sign = cb.byId("sign-response");
    before = before ?? [one.level, one.short, one.long].join("\u0000");
    if (sign) sign.disabled = !!(one.missing.length || one.overtaken || (cb.state.may_call && [level().value, short().value, long().value].join("\u0000") !== before));
  }
  function save(button, rebase) {
    const body = { version: one.version, level: level().value, short: short().value, long: long().value, rebase };
    cb.incidentSend(button, () => cb.request(path(), { method: "PATCH", body }));
  }
  /** The incident at the signed level and what one key would do; a second press calls. */
  function use(button) {
    cb.incidentSend(button, async () => {
      const incident = await cb.post(path("/incident"));
      return cb.post(`/api/v1/incidents/${encodeURIComponent(incident.id)}/plan`);
    }, preview);
  }
  function preview(plan) {
    const n = plan.people.filter((entry) => entry.channels.length).length;
    const call = h("button", { type: "button", class: "button confirm", id: "confirm-call", disabled: !n, on: { click: (event) => cb.incidentSend(event.target,
      () => cb.post(`/api/v1/incidents/${encodeURIComponent(plan.incident_id)}/call`, {}, { "Idempotency-Key": plan.idempotency_key }),
      () => { location.href = "/incident/?id=" + encodeURIComponent(plan.incident_id); }) } }, n ? `呼叫 ${n} 人` : "没有可呼叫的人");
    cb.byId("response-preview").replaceChildren(h("section", { class: "panel" },
      h("h2", {}, `呼叫前确认 · ${plan.plan_title} · ${plan.level}级`), h("p", { class: "note" }, plan.notice),
      h("p", { class: "message" }, plan.message), call,
      h("ul", { class: "gaps" }, plan.missing.map((line) => h("li", {}, line))),
      h("p", {}, plan.people.map((entry) => `${entry.person.unit}${entry.person.name}`).join("、") || "没有人员")));
    call.focus();
  }
})(window.citybrain);
