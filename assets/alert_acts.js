/* What an officer does to alerts: acknowledge one or many, put aside, silence, close, and see what happened to it. */
"use strict";
(function (cb) {
  const h = (...given) => cb.h(...given);
  const one = (id, act) => `/api/v1/alerts/${encodeURIComponent(id)}/${act}`;
  const may = () => !cb.state.at && cb.state.may_call;

  cb.acknowledge = async function (id) {
    const alert = cb.alerts.get(id);
    if (!alert || alert.acknowledged_at || !may()) return;
    try { cb.takeAlert(await cb.post(one(id, "acknowledge"), { note: "" }), false); }
    catch (failure) { cb.toast("确认失败:" + failure.message); }
  };
  /** Every unacknowledged alert of a line, in pieces the server takes; what could not be done is said. */
  cb.acknowledgeAll = async function (line) {
    if (!may()) return;
    const ids = line.alerts.filter((alert) => !alert.acknowledged_at).map((alert) => alert.id);
    let failed = 0;
    try {
      for (let at = 0; at < ids.length; at += 2000) {
        const answer = await cb.post("/api/v1/alerts/acknowledge", { ids: ids.slice(at, at + 2000), note: "成组确认:" + cb.lineTitle(line) });
        failed += answer.items.filter((item) => item.outcome !== "acknowledged" && item.outcome !== "already").length;
      }
      cb.toast(failed ? `已确认 ${ids.length - failed} 条,${failed} 条没有确认(多为刚刚结束)` : `已确认 ${ids.length} 条`);
    } catch (failure) { cb.toast("成组确认没有完成:" + failure.message); }
  };

  /* ---- the sheet of one alert: facts, what can be done, its history ---- */
  const LIMITS = { red: [5, 15], orange: [15, 60], yellow: [30, 240], blue: [60, 480], none: [60, 480] };
  const KINDS = { fired: "触发", level: "级别变化", updated: "更新", value: "数值更新", resolved: "解除", reopened: "复发", cancelled: "取消", acknowledged: "确认", shelved: "搁置", unshelved: "恢复显示",
    closed: "关闭", linked: "并入事件", unlinked: "移出事件", chattering: "判为反复跳变", quiet: "反复跳变停止", escalated: "无人确认升级" };
  const minutesText = (n) => (n % 60 ? `${n} 分钟` : `${n / 60} 小时`);
  let shown = null;
  cb.alertMore = async function (alert) {
    const box = cb.byId("alert-sheet");
    if (!box || !alert) return;
    shown = alert.id;
    box.hidden = false;
    box.replaceChildren(...sheet(alert), h("p", { class: "skeleton" }, "读取经过…"));
    box.querySelector("button")?.focus({ preventScroll: true });
    try {
      const full = await cb.request(`/api/v1/alerts/${encodeURIComponent(alert.id)}`);
      if (shown !== alert.id) return;
      box.querySelector(".skeleton")?.remove();
      box.append(history(full));
    } catch (failure) { cb.setText(box.querySelector(".skeleton"), "经过没有读到:" + failure.message); }
  };
  cb.closeSheet = function () {
    const box = cb.byId("alert-sheet");
    if (!box || box.hidden) return false;
    box.hidden = true;
    shown = null;
    cb.byId("alert-list")?.focus();
    return true;
  };
  function sheet(alert) {
    const level = `${cb.LEVELS[alert.level] || alert.level}(归一) · ${alert.native_level || "无"}(原文)`;
    const facts = [["级别", level], ["位置", alert.place || "未知"], ["触发", cb.clockText(Date.parse(alert.fired_at))], ["来源", alert.sensor || alert.sender || alert.source], ["编号", alert.id]];
    return [
      h("div", { class: "bar-top" }, h("h2", {}, alert.headline || alert.event), h("button", { type: "button", class: "quiet close", "aria-label": "关闭", on: { click: cb.closeSheet } }, "✕")),
      h("dl", {}, facts.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])),
      may() ? forms(alert) : null,
    ].filter(Boolean);
  }
  function forms(alert) {
    const reason = h("input", { type: "text", class: "reason", maxlength: 200, placeholder: "原因(必填,记入台账)", "aria-label": "原因" });
    const trouble = h("p", { class: "trouble", role: "alert" });
    const act = (path, body, done) => async () => {
      if (!reason.value.trim()) { cb.setText(trouble, "请先写明原因"); return reason.focus(); }
      try { cb.takeAlert(await cb.post(path, body(reason.value.trim())), false); cb.closeSheet(); cb.toast(done); }
      catch (failure) { cb.setText(trouble, failure.message); }
    };
    const button = (word, title, run) => h("button", { type: "button", class: "button", title, on: { click: run } }, word);
    const shelve = alert.shelved_until
      ? [button("恢复显示", "结束搁置", act(one(alert.id, "unshelve"), (why) => ({ reason: why }), "已恢复显示"))]
      : LIMITS[alert.level].map((n) => button(`搁置 ${minutesText(n)}`, "到时自动恢复;级别升高立即恢复", act(one(alert.id, "shelve"), (why) => ({ minutes: n, reason: why }), `已搁置 ${minutesText(n)}`)));
    const same = [`event=${alert.event}`, ...(alert.county ? [`county=${alert.county}`] : []), ...(alert.rule_id ? [`rule=${alert.rule_id}`] : []), `status=${alert.status}`];
    const silence = button("静默同类 1 小时", same.join(" "), async () => {
      if (!reason.value.trim()) { cb.setText(trouble, "请先写明原因"); return reason.focus(); }
      try {
        const until = new Date(cb.now() + 3600e3).toISOString();
        await cb.post("/api/v1/silences", { matchers: same, ends_at: until, reason: reason.value.trim() });
        cb.closeSheet(); cb.toast("已静默同类 1 小时:不再对外通知;红色仍显示在列表中");
      } catch (failure) { cb.setText(trouble, failure.message); }
    });
    return h("div", { class: "sheet-acts" }, reason, trouble, h("div", { class: "buttons" }, shelve, silence));
  }
  function history(full) {
    const steps = full.history || [];
    return h("div", {}, h("h3", {}, `经过 ${steps.length} 步`),
      h("ol", { class: "course" }, steps.slice(-40).reverse().map((step) => h("li", {},
        h("span", { class: "t num" }, cb.shortClock(step.at)), h("span", {}, h("b", {}, KINDS[step.kind] || step.kind), " ", step.who === "engine" ? "系统" : step.who),
        h("span", { class: "by" }, step.detail || "")))));
  }
})(window.citybrain);
