/* The rules' text: line numbers, problems with their line, what is not yet in force, and the buttons under it. */
"use strict";
(function (cb) {
  const CHECK_MS = 900;
  let base = { no: 0, text: "" }; // the version this text was made from
  let area = null, gutter = null, problems = [], asked = 0, waiting = null;
  cb.ruleBase = () => base;
  cb.ruleEdited = () => !!area && area.value !== base.text;
  cb.ruleText = () => area.value;

  cb.ruleEditor = async function () {
    const box = cb.byId("rules-editor"), may = cb.rules.mayEdit;
    gutter = cb.h("pre", { class: "gutter", "aria-hidden": "true" });
    area = cb.h("textarea", { id: "rules-text", class: "rules-text", spellcheck: "false", autocomplete: "off", autocapitalize: "off", wrap: "off",
      "aria-label": "规则全文(YAML)", "aria-describedby": "rules-problems", readonly: !may });
    box.replaceChildren(
      cb.h("div", { class: "bar-top" }, cb.h("h2", {}, "规则全文"), cb.h("span", { id: "rules-base", class: "source" }),
        cb.h("span", { id: "rules-dirty", class: "badge dirty", hidden: true }, "有修改,尚未启用")),
      cb.h("div", { id: "rules-newer", class: "trouble newer", role: "alert", hidden: true }),
      cb.h("div", { class: "editor" }, gutter, area),
      cb.h("div", { id: "rules-problems", class: "problems", role: "status" }),
      may ? buttons() : cb.h("p", { class: "note" }, "您的身份只能查看规则;修改由值班员或管理员进行。"),
      cb.h("div", { id: "rules-trial", class: "trial", "aria-live": "polite" }),
    );
    area.addEventListener("input", typed);
    area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
    document.addEventListener("keydown", keys);
    window.addEventListener("beforeunload", (event) => { if (cb.ruleEdited()) event.preventDefault(); });
    await takeText();
  };
  function buttons() {
    const button = (act, word, title, kind) => cb.h("button", { type: "button", class: "button " + (kind || ""), "data-rules": act, title }, word);
    const hours = cb.h("select", { id: "rules-hours", "aria-label": "试算多长时间" },
      [6, 24, 72].map((n) => cb.h("option", { value: n, selected: n === 24 }, `最近 ${n} 小时`)));
    const row = cb.h("div", { class: "edit-acts" }, button("check", "校核", "逐行校核,不保存"), hours,
      cb.rules.view.exercise ? cb.h("label", { class: "drill" }, cb.h("input", { type: "checkbox", id: "rules-drill" }), "用演练读数") : null,
      button("try", "试算", "若早已启用,会触发多少次"), button("drop", "放弃修改", "回到现行版本", "quiet"),
      button("save", "启用…", "看过差别、写明理由后启用(Ctrl+S)", "primary"));
    row.addEventListener("click", acts);
    return row;
  }
  function acts(event) {
    const act = event.target.dataset ? event.target.dataset.rules : "";
    if (act === "check") check(true);
    if (act === "try") cb.tryRules(area.value, Number(cb.byId("rules-hours").value), !!cb.byId("rules-drill")?.checked);
    if (act === "save") save();
    if (act === "drop") { area.value = base.text; typed(); cb.byId("rules-newer").hidden || takeText(); area.focus(); }
  }
  function keys(event) {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    if (cb.rules.mayEdit && !document.querySelector("dialog[open]")) save();
  }
  async function save() {
    if (!cb.ruleEdited()) return cb.toast("没有修改,无需启用");
    await cb.rulePutInForce(area.value, "启用修改");
  }

  /** The text in force, as the base of what is edited from now on. */
  async function takeText() {
    try {
      base = await cb.request("/api/v1/rules/text");
    } catch (failure) { return cb.toast(failure.message); }
    area.value = base.text;
    cb.byId("rules-newer").hidden = true;
    cb.byId("rules-trial").replaceChildren();
    typed();
  }
  cb.ruleTakeText = takeText;

  function typed() {
    const dirty = cb.ruleEdited();
    cb.byId("rules-dirty").hidden = !dirty;
    cb.setText(cb.byId("rules-base"), base.no ? `从第 ${base.no} 版改起` : "");
    document.querySelectorAll('[data-rules="save"],[data-rules="drop"]').forEach((one) => { one.disabled = !dirty; });
    clearTimeout(waiting);
    if (dirty && cb.rules.mayEdit) waiting = setTimeout(() => check(false), CHECK_MS);
    else { asked++; showProblems([], null); }
    numbers();
  }
  function numbers() {
    const count = area.value.split("\n").length, wrong = new Set(problems.map((one) => one.line));
    const parts = [];
    let run = [];
    for (let n = 1; n <= count; n++) {
      if (!wrong.has(n)) { run.push(n); continue; }
      parts.push(run.join("\n") + (run.length ? "\n" : ""), cb.h("b", {}, "✕ " + n), "\n");
      run = [];
    }
    gutter.replaceChildren(...parts, run.join("\n") + "\n\n");
    gutter.scrollTop = area.scrollTop;
  }

  /** What is wrong with the text now, and what it changes; a later answer never gives way to an earlier one. */
  async function check(loud) {
    const mine = ++asked, box = cb.byId("rules-problems");
    if (loud) box.replaceChildren(cb.h("p", { class: "note" }, "正在校核…"));
    try {
      const found = await cb.post("/api/v1/rules/check", { text: area.value });
      if (mine === asked) showProblems(found.problems, found);
      return found;
    } catch (failure) {
      if (mine === asked) box.replaceChildren(cb.h("p", { class: "trouble" }, failure.message));
      return null;
    }
  }
  cb.checkRules = () => check(true);
  function showProblems(list, found) {
    problems = list;
    const box = cb.byId("rules-problems");
    if (list.length) box.replaceChildren(cb.h("p", { class: "wrong" }, `✕ ${list.length} 处有误,不能启用`), cb.h("ul", {}, list.map(row)));
    else if (found) box.replaceChildren(cb.h("p", { class: "right" }, `✓ 校核通过:${found.rules} 条,启用 ${found.active} 条`, changeWords(found.changes)));
    else box.replaceChildren();
    numbers();
  }
  cb.showRuleProblems = (list) => showProblems(list, null);
  const row = (one) => cb.h("li", {}, cb.h("button", { type: "button", class: "pick", on: { click: () => line(one.line) } },
    cb.h("b", { class: "num" }, `第 ${one.line} 行`), " ", one.what));
  function changeWords(changes) {
    if (!changes.length) return " · 与现行规则含义相同";
    return " · " + changes.slice(0, 6).map((one) => `${one.what}「${one.title}」`).join("、") + (changes.length > 6 ? ` 等 ${changes.length} 处` : "");
  }
  cb.ruleChangeWords = changeWords;

  function line(number) {
    const lines = area.value.split("\n"), at = Math.min(number, lines.length) - 1;
    const start = lines.slice(0, at).reduce((sum, one) => sum + one.length + 1, 0);
    area.focus({ preventScroll: true });
    area.setSelectionRange(start, start + lines[at].length);
    const tall = parseFloat(getComputedStyle(area).lineHeight);
    area.scrollTop = Math.max(0, at * tall - area.clientHeight / 3);
    area.scrollLeft = 0;
  }
  cb.ruleLine = line;

  /** Another version came into force while this page is open: taken up at once, unless something is being edited. */
  cb.ruleVersionCame = function (version) {
    if (!version || version.no === base.no) return;
    if (!cb.ruleEdited()) return takeText();
    const box = cb.byId("rules-newer");
    box.hidden = false;
    box.replaceChildren(
      cb.h("span", {}, `${version.author} 已启用第 ${version.no} 版(${version.why}),您是从第 ${base.no} 版改起的。`),
      cb.h("button", { type: "button", class: "button", on: { click: () => cb.ruleShowVersion(version.no) } }, "看它改了什么"),
      cb.h("button", { type: "button", class: "button", on: { click: rebase } }, "以新版为底保留我的文本"));
  };
  /** Keep the text, from now on compared with the version in force: the diff then shows what it would undo. */
  async function rebase() {
    const mine = area.value;
    await takeText();
    area.value = mine;
    typed();
    cb.toast("已改为对照新版:启用前请在差别里看清,是否会抹掉对方的修改");
  }
})(window.citybrain);
