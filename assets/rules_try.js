/* What the text would have done on the readings of the last hours, beside what the rules in force do with them. */
"use strict";
(function (cb) {
  let asked = 0;
  cb.tryRules = async function (text, hours, drill) {
    const mine = ++asked, box = cb.byId("rules-trial");
    box.replaceChildren(cb.h("p", { class: "note", role: "status" }, `正在用最近 ${hours} 小时的读数试算…`));
    try {
      const found = await cb.post("/api/v1/rules/try", { text, hours, drill });
      if (mine === asked) show(box, found);
    } catch (failure) {
      if (mine !== asked) return;
      box.replaceChildren(cb.h("p", { class: "trouble" }, failure.status === 422 ? "规则有误,先按行号改正再试算" : failure.message));
      if (failure.status === 422 && failure.data && failure.data.problems) cb.checkRules();
    }
  };
  const enabled = (side) => (side && side.enabled ? side.fired : 0);
  function show(box, found) {
    const rows = found.rules.filter((one) => one.changed || (one.now && one.now.fired) || (one.then && one.then.fired) || cut(one));
    const quiet = found.rules.length - rows.length;
    const order = (one) => [one.changed ? 0 : 1, -enabled(one.then)];
    rows.sort((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
    const same = found.fired_now === found.fired_then;
    box.replaceChildren(...[
      cb.h("div", { class: "bar-top" },
        cb.h("p", { class: "trial-verdict" }, cb.h("b", {}, same ? `将触发 ${found.fired_then} 次,与现行相同` : `现行 ${found.fired_now} 次 → 修改后 ${found.fired_then} 次`),
          ` · ${span(found)} · ${found.drill ? `演练「${found.drill}」的` : ""}读数 ${found.readings.toLocaleString("en-US")} 条${found.reports ? `、位置报告 ${found.reports.toLocaleString("en-US")} 条` : ""}`),
        cb.h("button", { type: "button", class: "quiet", "aria-label": "收起试算结果", on: { click: () => box.replaceChildren() } }, "收起")),
      found.note ? cb.h("p", { class: "trouble" }, found.note) : null,
      found.readings || found.reports ? null : cb.h("p", { class: "trouble" }, "这段时间没有读数也没有位置报告,试算说明不了什么"),
      rows.length ? table(rows) : null,
      quiet ? cb.h("p", { class: "note" }, `其余 ${quiet} 条没有改动,也不会触发`) : null,
    ].filter(Boolean));
    box.scrollIntoView({ block: "nearest" });
  }
  cb.showTrial = show;
  const span = (found) => `${cb.rules.time(found.since)} 至 ${cb.rules.time(found.until)}`;
  const cut = (one) => (one.then && one.then.truncated) || (one.now && one.now.truncated);
  function table(rows) {
    return cb.h("table", {},
      cb.h("thead", {}, cb.h("tr", {}, ["规则", "现行", "修改后", "按最高级别"].map((word) => cb.h("th", { scope: "col" }, word)))),
      cb.h("tbody", {}, rows.flatMap(row)));
  }
  function row(one) {
    const last = one.then || one.now, more = [cut(one) ? cb.h("p", { class: "note" }, cut(one)) : null, last.fired ? episodes(last, one.unit) : null].filter(Boolean);
    return [
      cb.h("tr", { "data-trial": one.id, class: more.length ? "has-more" : null },
        cb.h("th", { scope: "row" }, one.title, one.changed ? cb.h("span", { class: "badge" }, one.now ? (one.then ? "有改动" : "删除") : "新增") : null),
        cb.h("td", { class: "figure" }, side(one.now)), cb.h("td", { class: "figure" }, side(one.then)),
        cb.h("td", {}, cb.h("span", { class: "by" }, ["red", "orange", "yellow", "blue"].filter((level) => last.by_level[level]).map((level) =>
          cb.h("span", { class: `at-${level}` }, `${cb.LEVEL_MARKS[level]} ${cb.LEVELS[level]} ${last.by_level[level]}`))))),
      more.length ? cb.h("tr", { class: "more", "data-trial-more": one.id }, cb.h("td", { colspan: 4 }, more)) : null,
    ].filter(Boolean);
  }
  function side(one) {
    if (!one) return "—";
    return one.enabled ? `${one.fired} 次` : one.fired ? `停用(若启用 ${one.fired} 次)` : "停用";
  }
  function episodes(one, unit) {
    const open = one.open_at_end ? `,${one.open_at_end} 处未结束` : "";
    const more = one.fired > one.episodes.length ? `(最近 ${one.episodes.length} 次)` : "";
    return cb.h("details", {}, cb.h("summary", {}, `逐次查看 ${one.fired} 次${open}${more}`),
      cb.h("ul", { class: "episodes" }, one.episodes.map((each) => cb.h("li", { class: `at-${each.level}` },
        cb.h("span", { class: "level" }, `${cb.LEVEL_MARKS[each.level]} ${cb.LEVELS[each.level]}`),
        cb.h("span", {}, each.name), each.peak === null ? null : cb.h("span", { class: "num" }, `峰值 ${Number(each.peak.toPrecision(4))} ${unit}`),
        cb.h("span", { class: "num" }, `${cb.rules.time(each.began_at)} – ${each.ended_at ? cb.rules.time(each.ended_at).slice(6) : "未结束"}`)))));
  }
})(window.citybrain);
