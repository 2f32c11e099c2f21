/* One key: alert → incident and plan preview (first press) → call (second press) → live ledger. */
"use strict";
(function (cb) {
  const h = cb.h;
  const calls = new Map(); // id → call
  let stage = null; // {key, incident, preview, call, busy}
  cb.calls = calls;
  const panel = () => cb.byId("call-panel");
  const DONE = new Set(["confirmed", "en_route", "on_site"]);

  function paint(...parts) {
    const box = panel();
    if (!box) return;
    box.hidden = false;
    box.replaceChildren(...parts.filter(Boolean));
  }
  cb.closeCall = function () {
    const box = panel();
    if (!box || box.hidden) return false;
    stage = null;
    box.hidden = true;
    cb.byId("alert-list")?.focus();
    return true;
  };
  const top = (title, drill) => h("div", { class: "bar-top" }, h("h2", {}, title), drill ? h("span", { class: "badge mode-exercise" }, "演练") : null,
    h("button", { type: "button", class: "quiet close", "aria-label": "关闭", "data-act": "close-call" }, "✕"));

  /** First press: open the incident and show who would be called. A second press while it loads changes nothing. */
  cb.oneKey = (alert) => alert && begin(alert.id, alert.headline, alert.status === "Exercise", [alert.id], alert.incident_id);
  /** The same for a line of many: one incident for all of them, or the one they are in already. */
  cb.oneKeyAll = function (line) {
    const free = line.alerts.filter((alert) => !alert.incident_id), first = line.alerts[0];
    const incident = free.length ? null : first.incident_id;
    begin("fold " + line.key, cb.lineTitle(line), first.status === "Exercise", free.slice(0, 200).map((alert) => alert.id), incident);
  };
  cb.openIncident = (one) => begin("incident " + one.id, one.title, one.exercise, [], one.id);

  async function begin(key, title, drill, ids, incident) {
    if (cb.state.at || !cb.state.may_call) return;
    if (stage && stage.key === key && (stage.busy || stage.preview)) return confirmFocus();
    stage = { key, drill, busy: true };
    const mine = stage;
    paint(top("正在准备调度…", drill), h("p", { class: "skeleton" }, title), h("p", { class: "skeleton" }, "查找责任人、最近的队伍与路程"));
    try {
      let id = incident;
      if (!id) {
        mine.incident = await cb.post("/api/v1/incidents", { alert_ids: ids });
        id = mine.incident.id;
        for (const one of ids) { const known = cb.alerts.get(one); if (known) known.incident_id = id; }
      } else {
        mine.incident = await cb.request(`/api/v1/incidents/${encodeURIComponent(id)}`);
        const running = (mine.incident.calls || []).filter((call) => call.status === "active").pop();
        if (running && stage === mine) { calls.set(running.id, running); mine.busy = false; mine.call = running.id; return ledger(running); }
      }
      mine.preview = await cb.post(`/api/v1/incidents/${encodeURIComponent(id)}/plan`);
      mine.busy = false;
      if (stage === mine) preview(mine);
    } catch (failure) {
      mine.busy = false;
      if (stage === mine) paint(top("没有准备好"), h("p", { class: "trouble", role: "alert" }, failure.message), h("button", { type: "button", class: "button", on: { click: () => { stage = null; begin(key, title, drill, ids, incident); } } }, "重试"));
    }
  }
  const minutes = (s) => (s === null || s === undefined ? "不可达" : s < 90 ? `${Math.round(s)} 秒` : `${Math.round(s / 60)} 分钟`);
  const incidentLink = (id) => h("a", { class: "incident-link", href: "/incident/?id=" + encodeURIComponent(id), target: "_blank" }, "事件台账 ↗");
  const CHANNELS = { email: "邮件", webhook: "短信网关", voice: "电话", sms: "短信", sink: "演示信箱" };

  function preview(at) {
    const plan = at.preview, n = plan.people.filter((entry) => entry.channels.length).length;
    paint(
      top("呼叫前确认", at.incident && at.incident.exercise),
      h("p", { class: "plan-title" }, h("b", {}, plan.plan_title), " · ", plan.level, incidentLink(plan.incident_id)),
      h("button", { type: "button", class: "confirm", id: "confirm-call", disabled: n ? null : true, on: { click: () => call(at) } }, n ? `呼叫 ${n} 人` : "没有可呼叫的人", h("small", {}, n ? "回车确认 · Esc 取消" : "原因见下")),
      plan.missing.length ? h("details", { class: "missing", open: plan.missing.length < 2 ? true : null },
        h("summary", {}, `缺 ${plan.missing.length} 项`, h("span", { class: "first" }, plan.missing[0])), h("ul", {}, plan.missing.map((line) => h("li", {}, line)))) : null,
      h("h3", {}, `人员 ${plan.people.length}`),
      h("ul", { class: "plan-people" }, plan.people.map((entry) => h("li", { class: entry.missing ? "is-missing" : "" },
        h("div", { class: "line1" }, h("b", {}, entry.person.name), h("span", {}, `${entry.person.unit} ${entry.person.title}`), h("span", { class: "role" }, entry.role)),
        h("div", { class: "line2" }, h("span", {}, entry.why), h("span", { class: "by" }, entry.missing || entry.channels.map((name) => CHANNELS[name] || name).join("、") + ` · ${minutes(entry.confirm_within_s)}内确认`))))),
      h("h3", {}, "队伍"),
      plan.teams.length ? h("ul", { class: "plan-teams" }, plan.teams.map((team) => h("li", { class: team.chosen ? "is-chosen" : "is-passed" },
        h("div", { class: "line1" }, h("b", {}, (team.chosen ? "✓ " : "") + team.name), h("span", { class: "num" }, minutes(team.eta_s) + (team.distance_m ? ` · ${(team.distance_m / 1000).toFixed(1)} 公里` : ""))),
        h("div", { class: "line2" }, team.why)))) : h("p", { class: "empty" }, "预案没有要求队伍,或附近没有可用队伍"),
      h("h3", {}, "通知内容"), h("p", { class: "message" }, plan.message));
    confirmFocus();
  }
  function confirmFocus() { cb.byId("confirm-call")?.focus({ preventScroll: true }); }

  /** Second press. The key was made with the preview, so any number of presses calls once. */
  async function call(at) {
    if (at.busy || at.call) return;
    at.busy = true;
    const button = cb.byId("confirm-call");
    if (button) { button.disabled = true; cb.setText(button, "正在呼叫…"); }
    try {
      const id = at.preview.incident_id;
      const answer = await cb.post(`/api/v1/incidents/${encodeURIComponent(id)}/call`, {}, { "Idempotency-Key": at.preview.idempotency_key });
      at.call = answer.call;
      await refresh(answer.call);
    } catch (failure) {
      if (button && stage === at) { button.disabled = false; cb.setText(button, "再试一次(不会重复呼叫)"); button.focus(); }
      cb.toast("呼叫没有成功:" + failure.message);
    } finally { at.busy = false; }
  }

  /* ---- the ledger, live ---- */
  const waiting = new Map();
  async function refresh(id) {
    try {
      const one = await cb.request(`/api/v1/calls/${encodeURIComponent(id)}`);
      calls.set(id, one);
      if (stage && stage.call === id) ledger(one);
      board();
    } catch (failure) { if (failure.status !== 403) cb.toast("台账没有更新:" + failure.message); }
  }
  function soon(id) {
    if (!id || waiting.has(id) || !(panel() || cb.byId("call-board"))) return;
    waiting.set(id, setTimeout(() => { waiting.delete(id); refresh(id); }, 60));
  }
  cb.on("call", (event) => {
    const named = event.call_id || (typeof event.call === "string" ? event.call : event.call && event.call.id) || (event.row && event.row.call_id);
    soon(named);
  });
  cb.on("resync", () => { for (const id of calls.keys()) soon(id); });

  function ledger(one) {
    const rows = one.rows, done = rows.filter((row) => DONE.has(row.state)).length;
    const old = panel()?.querySelector(".ledger"), place = old ? old.scrollTop : 0;
    paint(
      top("叫应台账", one.exercise),
      h("p", { class: "plan-title" }, h("b", { class: "num" }, `${done} / ${rows.length}`), " 已确认 · ", h("span", {}, `${one.pressed_by} ${cb.shortClock(one.pressed_at)} 发起`), incidentLink(one.incident_id)),
      h("progress", { class: "bar", value: rows.length ? done / rows.length : 0, max: 1 }),
      callActs(one),
      h("ul", { class: "ledger" }, rows.map(ledgerRow)),
      one.teams.filter((team) => team.chosen).length ? h("h3", {}, "已派队伍") : null,
      h("ul", { class: "plan-teams" }, one.teams.filter((team) => team.chosen).map((team) => h("li", {}, h("div", { class: "line1" }, h("b", {}, team.name), h("span", { class: "num" }, minutes(team.eta_s)))))));
    const now = panel().querySelector(".ledger");
    if (now) now.scrollTop = place;
  }
  /** Call again those who are silent; end the call. Ending asks twice, since it cannot be taken back. */
  function callActs(one) {
    if (!cb.state.may_call || cb.state.at || one.status !== "active") return one.status === "active" ? null : h("p", { class: "note" }, "本次叫应已结束");
    const silent = one.rows.filter((row) => !DONE.has(row.state) && row.state !== "stood_down").length;
    const sure = stage && stage.sure === one.id;
    return h("div", { class: "call-acts" },
      h("button", { type: "button", class: "quiet", disabled: silent ? null : true, on: { click: () => act(one.id, "recall") } }, silent ? `再叫未确认的 ${silent} 人` : "全部已确认"),
      h("button", { type: "button", class: "quiet" + (sure ? " is-sure" : ""), on: { click: () => { if (sure) return act(one.id, "stand-down"); if (stage) stage.sure = one.id; ledger(calls.get(one.id)); } } }, sure ? "再按一次结束叫应" : "结束叫应"));
  }
  async function act(id, what) {
    try { await cb.post(`/api/v1/calls/${encodeURIComponent(id)}/${what}`); await refresh(id); }
    catch (failure) { cb.toast((what === "recall" ? "没有再叫:" : "没有结束:") + failure.message); }
  }
  function ledgerRow(row) {
    const late = row.confirm_by && !DONE.has(row.state) && !["failed", "escalated", "stood_down"].includes(row.state);
    return h("li", { class: `person-row st-${row.state}`, "data-row": row.id },
      h("div", { class: "line1" }, h("span", { class: "state" }, cb.PERSON[row.state] || row.state), h("b", {}, row.name), h("span", {}, `${row.unit} ${row.title}`), late ? h("span", { class: "countdown num", "data-by": row.confirm_by }, countdown(row.confirm_by)) : null),
      h("div", { class: "line2" }, row.why, row.escalated_to ? h("span", { class: "by" }, "未按时确认,已转副职") : null, row.escalated_from ? h("span", { class: "by" }, "代为接听") : null, row.note ? h("span", { class: "by" }, row.note) : null,
        (row.attempts || []).map((one) => h("span", { class: "attempt" }, `${CHANNELS[one.channel] || one.channel} ${one.state === "failed" ? "失败" : one.state === "sent" ? "已发" : "待发"} ${one.address_masked || ""}`))));
  }
  function countdown(iso) {
    const s = Math.round((Date.parse(iso) - cb.now()) / 1000);
    return s <= 0 ? "正在转副职" : `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} 后转副职`;
  }
  setInterval(() => { for (const node of document.querySelectorAll("[data-by]")) cb.setText(node, countdown(node.dataset.by)); }, 1000);

  /* ---- the wall's board ---- */
  function board() {
    const list = cb.byId("call-board");
    if (!list) return;
    const rows = [...calls.values()].filter((one) => one.status === "active").sort((a, b) => Date.parse(b.pressed_at) - Date.parse(a.pressed_at)).slice(0, 4);
    list.replaceChildren(...rows.map((one) => {
      const done = one.rows.filter((row) => DONE.has(row.state)).length;
      const open = one.rows.filter((row) => !DONE.has(row.state)).slice(0, 5);
      return h("li", { class: "call-card" },
        h("div", { class: "line1" }, one.exercise ? h("span", { class: "badge mode-exercise" }, "演练") : null, h("b", { class: "num" }, `${done} / ${one.rows.length} 已确认`), h("span", { class: "age", "data-since": one.pressed_at }, cb.ageText(one.pressed_at))),
        h("progress", { class: "bar", value: one.rows.length ? done / one.rows.length : 0, max: 1 }),
        h("div", { class: "people" }, open.map((row) => h("span", { class: `chip st-${row.state}` }, `${row.name} ${cb.PERSON[row.state] || row.state}`))));
    }));
    if (!rows.length) list.append(h("li", { class: "empty" }, list.dataset.empty));
  }
  cb.startCalls = function (state) {
    for (const one of state.calls || []) calls.set(one.id, one);
    board();
  };
})(window.citybrain);
