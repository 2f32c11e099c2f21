/* Every version of the rules: the list, what one changed, going back; and the two steps by which a text gets in force. */
"use strict";
(function (cb) {
  const shown = [];
  cb.ruleHistory = async function () {
    const box = cb.byId("rules-history");
    try {
      const page = await cb.request("/api/v1/rules/versions?limit=50");
      shown.splice(0, shown.length, ...page.items);
      draw(box, page.next);
    } catch (failure) { box.replaceChildren(cb.h("p", { class: "trouble", role: "alert" }, failure.message)); }
  };
  async function older(box, before) {
    const page = await cb.request(`/api/v1/rules/versions?limit=50&before=${before}`);
    shown.push(...page.items);
    draw(box, page.next);
  }
  function draw(box, next) {
    if (!shown.length) return box.replaceChildren(cb.h("p", { class: "empty" }, "还没有任何一版"));
    box.replaceChildren(cb.h("ol", { class: "versions" }, shown.map(row)),
      next ? cb.h("button", { type: "button", class: "button", on: { click: () => older(box, next).catch((failure) => cb.toast(failure.message)) } }, "更早的版本") : "");
  }
  function row(one, place) {
    const back = place && cb.rules.mayEdit;
    return cb.h("li", { class: "version" + (place ? "" : " is-now"), "data-version": one.no },
      cb.h("div", { class: "line1" }, cb.h("b", {}, `第 ${one.no} 版`), cb.h("span", { class: "badge" }, cb.rules.origin(one)), place ? null : cb.h("span", { class: "badge now" }, "现行")),
      cb.h("p", { class: "why" }, one.why),
      cb.h("p", { class: "source" }, `${one.author} · ${cb.clockText(Date.parse(one.at)).slice(0, 16)} · ${one.digest.slice(0, 8)}`),
      cb.h("div", { class: "acts" },
        cb.h("button", { type: "button", class: "quiet", "aria-label": `看第 ${one.no} 版改了什么`, on: { click: () => cb.ruleShowVersion(one.no) } }, "改了什么"),
        back ? cb.h("button", { type: "button", class: "quiet", "aria-label": `恢复第 ${one.no} 版`, on: { click: () => restore(one.no) } }, "恢复…") : null));
  }

  /* ---- dialogs ---- */
  function open(title, body, foot) {
    const from = document.activeElement;
    const box = cb.h("dialog", { class: "rules-dialog", "aria-labelledby": "rules-dialog-title" },
      cb.h("h2", { id: "rules-dialog-title" }, title), ...body, cb.h("div", { class: "dialog-acts" }, ...foot));
    box.addEventListener("close", () => { box.remove(); if (from && from.isConnected) from.focus(); });
    cb.byId("rules-dialogs").append(box);
    box.showModal();
    return box;
  }
  const closer = (word) => cb.h("button", { type: "button", class: "button quiet", on: { click: (event) => event.target.closest("dialog").close() } }, word);
  function diff(lines) {
    if (!lines.length) return cb.h("p", { class: "note" }, "文本完全相同");
    const kind = (line) => (/^(---|\+\+\+) /.test(line) ? "diff-file" : line[0] === "+" ? "diff-in" : line[0] === "-" ? "diff-out" : line[0] === "@" ? "diff-at" : "diff-same");
    return cb.h("pre", { class: "diff", tabindex: "0", "aria-label": "差别:加号为新增行,减号为删除行" },
      lines.slice(0, 3000).map((line) => cb.h("span", { class: kind(line) }, line + "\n")),
      lines.length > 3000 ? `… 另有 ${lines.length - 3000} 行\n` : "");
  }
  const changeList = (changes) => (changes.length ? cb.h("ul", { class: "changes" }, changes.map((one) => cb.h("li", {}, cb.h("b", {}, one.what), ` ${one.title}(${one.rule_id})`)))
    : cb.h("p", { class: "note" }, "规则的含义没有变化(只动了注释、次序或空白)"));

  cb.ruleShowVersion = async function (no) {
    try {
      const one = await cb.request(`/api/v1/rules/versions/${no}`);
      open(`第 ${no} 版改了什么 · ${one.author} ${cb.rules.time(one.at)}`, [cb.h("p", {}, `理由:${one.why}`), changeList(one.changes), diff(one.diff)], [closer("关闭")]);
    } catch (failure) { cb.toast(failure.message); }
  };

  /** The second step: the difference to the version in force is seen and a reason given before anything is taken. */
  cb.rulePutInForce = async function (text, title) {
    const found = await checked(text);
    if (!found) return;
    const base = cb.ruleBase().no;
    ask(`${title} · 对照现行第 ${cb.rules.view.version ? cb.rules.view.version.no : 0} 版`, found, "启用",
      (reason) => cb.post("/api/v1/rules", { text, base, why: reason }));
  };
  async function restore(no) {
    if (cb.ruleEdited()) return cb.toast("编辑框里有没有启用的修改:请先启用或放弃,再恢复旧版");
    try {
      const old = await cb.request(`/api/v1/rules/versions/${no}`);
      const found = await checked(old.text);
      if (found) ask(`恢复第 ${no} 版 · 对照现行第 ${cb.rules.view.version.no} 版`, found, "恢复",
        (reason) => cb.post("/api/v1/rules/restore", { no, base: cb.ruleBase().no, why: reason }));
    } catch (failure) { cb.toast(failure.message); }
  }
  async function checked(text) {
    try {
      const found = await cb.post("/api/v1/rules/check", { text });
      if (!found.problems.length) return found;
      cb.showRuleProblems(found.problems);
      cb.toast(`${found.problems.length} 处有误,没有启用;请按行号修改`);
    } catch (failure) { cb.toast(failure.message); }
    return null;
  }
  function ask(title, found, word, act) {
    const reason = cb.h("input", { type: "text", id: "rules-why", maxlength: 300, required: true, autocomplete: "off", placeholder: "为什么改,谁要求的" });
    const trouble = cb.h("p", { class: "trouble", role: "alert", hidden: true });
    const sure = cb.h("button", { type: "submit", class: "button primary" }, word);
    const form = cb.h("form", { on: { submit: take } }, changeList(found.changes), diff(found.diff),
      cb.h("label", { class: "reason" }, "理由(记入历史与审计)", reason), trouble, cb.h("div", { class: "dialog-acts" }, closer("取消"), sure));
    const box = open(title, [form], []);
    reason.focus();
    async function take(event) {
      event.preventDefault();
      sure.disabled = true;
      try {
        const saved = await act(reason.value);
        await Promise.all([cb.ruleTakeText(), cb.reloadRules(), cb.ruleHistory()]);
        box.close();
        cb.toast(`第 ${saved.no} 版已启用,引擎数秒内切换`);
      } catch (failure) {
        cb.setText(trouble, failure.message);
        trouble.hidden = false;
        sure.disabled = false;
        if (failure.status === 409) cb.ruleHistory();
      }
    }
  }
})(window.citybrain);
