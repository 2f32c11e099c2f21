/* The rules page: what is in force, whether the engine goes by it, what is wrong, and one switch a rule. */
"use strict";
(function (cb) {
  const POLL_MS = 4000;
  const ORIGIN = { file: "规则文件", page: "页面", restore: "恢复" };
  const rules = (cb.rules = { view: null, mayEdit: false, listAt: 0 });
  let failedSince = 0;

  cb.starters.rules = async function () {
    await load();
    if (rules.view) await Promise.all([cb.ruleEditor(), cb.ruleHistory()]);
    document.documentElement.dataset.ready = "true";
    setInterval(poll, POLL_MS);
    cb.byId("rules-list").addEventListener("click", pressed);
  };
  rules.origin = (one) => ORIGIN[one.origin] || one.origin;
  rules.time = (iso) => cb.clockText(Date.parse(iso)).slice(5, 16);

  /** Everything of the left column and the header anew. */
  async function load() {
    try {
      rules.view = await cb.request("/api/v1/rules");
      rules.mayEdit = rules.view.may_edit;
      rules.listAt = Date.now();
      linked(true);
      showState(rules.view);
      showList(rules.view.rules);
    } catch (failure) {
      linked(false);
      if (!rules.view) cb.byId("rules-list").replaceChildren(cb.h("p", { class: "trouble", role: "alert" }, failure.message));
    }
  }
  cb.reloadRules = load;

  async function poll() {
    try {
      const said = await cb.request("/api/v1/rules/state");
      linked(true);
      const before = rules.view && rules.view.version ? rules.view.version.no : 0;
      const now = said.version ? said.version.no : 0;
      showState(said);
      if (now !== before || !rules.view || Date.now() - rules.listAt > 60000) await load();
      if (now !== before) { cb.ruleHistory(); cb.ruleVersionCame(said.version); }
    } catch { linked(false); }
  }
  function linked(up) {
    failedSince = up ? 0 : failedSince || Date.now();
    const dot = cb.byId("link-state"), banner = cb.byId("link-banner");
    dot.className = "link link-" + (up ? "live" : "cut");
    cb.setText(dot.querySelector(".word"), up ? "已连接" : "已断开");
    banner.hidden = up;
    if (!up) cb.setText(banner, `与中心断开,自 ${cb.shortClock(new Date(failedSince).toISOString())} · 所见为断开前的规则,正在自动重试`);
  }
  function showState(said) {
    const one = said.version, box = cb.byId("rules-in-force");
    if (!one) cb.setText(box, "还没有生效的规则");
    else cb.setText(box, `现行第 ${one.no} 版 · ${one.author} ${rules.time(one.at)} · ${engineWords(said)}`);
    box.classList.toggle("is-behind", !!one && said.engine !== one.no);
    box.dataset.engine = said.engine ?? "";
    const trouble = cb.byId("rules-trouble");
    trouble.hidden = !said.problem;
    if (trouble.dataset.said === said.problem) return;
    trouble.dataset.said = said.problem;
    const lines = said.problem.split("\n").filter(Boolean);
    trouble.replaceChildren(
      cb.h("b", {}, one ? `规则文件有误,没有采用;第 ${one.no} 版继续有效` : "规则文件有误,没有规则在运行"),
      cb.h("ul", {}, lines.slice(0, 50).map((line) => cb.h("li", {}, line))),
    );
  }
  const engineWords = (said) =>
    said.engine === null ? "没有引擎在判读" : said.engine === said.version.no ? "引擎已按此版判读" : `引擎仍按第 ${said.engine} 版,数秒内切换`;

  /* ---- the rules in force ---- */
  function showList(list) {
    const box = cb.byId("rules-list"), off = list.filter((one) => !one.enabled).length;
    if (!list.length) return box.replaceChildren(cb.h("p", { class: "empty" }, "没有规则:读数不会变成告警。请在中间写入规则,或检查规则文件。"));
    const held = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.rule : null;
    box.replaceChildren(
      cb.h("p", { class: "source" }, `共 ${list.length} 条,启用 ${list.length - off},停用 ${off}`),
      cb.h("ul", { class: "rule-cards" }, list.map(card)),
    );
    if (held) box.querySelector(`.rule-switch[data-rule="${CSS.escape(held)}"]`)?.focus();
  }
  function card(one) {
    return cb.h("li", { class: "rule-card" + (one.enabled ? "" : " is-off"), "data-card": one.id },
      cb.h("div", { class: "line1" },
        cb.h("button", { type: "button", class: "rule-title", title: `在文本中看(第 ${one.line} 行)`, "data-line": one.line }, one.title),
        cb.h("span", { class: "badge" }, one.kind_word), toggle(one)),
      cb.h("p", { class: "watches" }, one.watches),
      cb.h("ul", { class: "rule-steps" }, one.levels.map(step)),
      cb.h("p", { class: "source" }, `出处:${one.source}`),
      one.note ? cb.h("p", { class: "source" }, `备注:${one.note}`) : null,
      cb.h("p", { class: "fired" }, firedWords(one.fired)));
  }
  function toggle(one) {
    const word = one.enabled ? "启用" : "停用";
    if (!rules.mayEdit) return cb.h("span", { class: "state-word" }, word);
    return cb.h("button", { type: "button", class: "rule-switch", role: "switch", "aria-checked": String(one.enabled), "data-rule": one.id,
      "aria-label": `${one.title}:${word}`, title: one.enabled ? "停用这条规则" : "启用这条规则" }, cb.h("span", { class: "knob" }), word);
  }
  const step = (one) => cb.h("li", { class: `at-${one.level}` },
    cb.h("span", { class: "mark", "aria-hidden": "true" }, cb.LEVEL_MARKS[one.level]),
    cb.h("span", { class: "level" }, cb.LEVELS[one.level]), cb.h("span", {}, one.native), cb.h("span", { class: "num" }, one.words));
  function firedWords(fired) {
    const drill = fired.drill_week ? `(另演练 ${fired.drill_day} / ${fired.drill_week})` : "";
    return `触发:24 小时 ${fired.day} 次 · 7 天 ${fired.week} 次${drill}`;
  }
  async function pressed(event) {
    const title = event.target.closest("[data-line]"), turned = event.target.closest(".rule-switch");
    if (title) cb.ruleLine(Number(title.dataset.line));
    if (!turned) return;
    if (cb.ruleEdited()) return cb.toast("编辑框里有没有启用的修改:请先启用或放弃,再开关单条规则");
    const id = turned.dataset.rule, on = turned.getAttribute("aria-checked") !== "true";
    const title1 = rules.view.rules.find((one) => one.id === id).title;
    try {
      const found = await cb.post("/api/v1/rules/switched", { text: cb.ruleBase().text, rule_id: id, enabled: on });
      await cb.rulePutInForce(found.text, `${on ? "启用" : "停用"}规则「${title1}」`);
    } catch (failure) { cb.toast(failure.message); }
  }
})(window.citybrain);
