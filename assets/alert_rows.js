/* Rows of the alert list: one alert, or one line that stands for many. Rows are kept by key and only refilled. */
"use strict";
(function (cb) {
  const h = (...given) => cb.h(...given);
  const STATES = { shelved: "已搁置", suppressed: "已抑制" };
  function value(alert) {
    if (alert.value === null || alert.value === undefined) return "";
    return `${Number(alert.value).toLocaleString("en-US", { maximumFractionDigits: 2 })} ${alert.unit || ""}`;
  }
  cb.buildAlertRow = function (alert) {
    const wall = cb.state.screen === "wall";
    return h("li", { class: "alert", role: "option", "data-id": alert.id, id: "alert-" + alert.id },
      h("span", { class: "mark", "aria-hidden": "true" }),
      h("div", { class: "what" },
        h("div", { class: "line1" }, h("span", { class: "level" }), h("span", { class: "drill badge" }, "演练"), h("b", { class: "headline" })),
        h("div", { class: "line2" }, h("span", { class: "acked" }), h("span", { class: "place" }), h("span", { class: "value num" }), h("span", { class: "age", "data-since": alert.fired_at }),
          wall ? null : h("button", { type: "button", class: "quiet more-of", "data-act": "more", tabindex: "-1", title: "搁置、静默、看经过", "aria-label": "搁置、静默、看经过" }, "⋯")),
        h("div", { class: "line2 why" })),
      wall ? null : h("div", { class: "acts" },
        h("button", { type: "button", class: "quiet", "data-act": "ack", tabindex: "-1" }, "确认"),
        h("button", { type: "button", class: "key", "data-act": "key", tabindex: "-1" }, "一键调度")));
  };
  /** What is remarkable about it beside its level: why it is held back, that it came back, that nobody has looked. */
  function remarks(alert, standing) {
    const words = [];
    if (standing) words.push(standing[1] || STATES[standing[0]] || "");
    if (alert.chattering_since) words.push("反复跳变");
    if (alert.reopened) words.push(`复发 ${alert.reopened} 次`);
    if (alert.escalation && !alert.acknowledged_at) words.push(`无人确认,已升级 ${alert.escalation} 次`);
    return words.filter(Boolean).join(" · ");
  }
  cb.fillAlertRow = function (row, alert, { selected, inside, hidden, standing }) {
    row.dataset.level = alert.level;
    row.className = `alert at-${alert.level}` + (alert.acknowledged_at ? " is-acked" : "") + (selected ? " is-selected" : "") + (inside ? " is-inside" : "") + (standing ? " is-held" : "");
    row.setAttribute("aria-selected", String(selected));
    const put = (name, text) => cb.setText(row.querySelector("." + name), text);
    put("mark", cb.LEVEL_MARKS[alert.level] || "·");
    put("level", (cb.LEVELS[alert.level] || alert.level) + (alert.native_level ? ` · ${alert.native_level}` : ""));
    put("headline", alert.headline || alert.event);
    put("place", alert.place || alert.sensor || alert.sender || "位置未知");
    put("value", value(alert));
    put("age", cb.ageText(alert.fired_at));
    put("acked", alert.acknowledged_at ? `✓ ${alert.acknowledged_by || ""} 已确认` : "未确认");
    put("why", remarks(alert, standing));
    row.querySelector(".drill").hidden = alert.status !== "Exercise";
    const ack = row.querySelector('[data-act="ack"]');
    if (ack) ack.hidden = !!alert.acknowledged_at || !!cb.state.at || !cb.state.may_call;
    const key = row.querySelector('[data-act="key"]');
    if (key) { key.hidden = !!cb.state.at || !cb.state.may_call; cb.setText(key, alert.incident_id ? "查看事件" : "一键调度"); }
    row.hidden = !!hidden;
  };

  const MARKS = [["red", "红"], ["orange", "橙"], ["yellow", "黄"], ["blue", "蓝"], ["none", "未定级"]];
  cb.buildFoldRow = function (line) {
    const wall = cb.state.screen === "wall";
    return h("li", { class: "alert fold", role: "option", "data-fold": line.key, id: "fold-" + line.key },
      h("span", { class: "mark", "aria-hidden": "true" }),
      h("div", { class: "what" },
        h("div", { class: "line1" }, h("span", { class: "level" }), h("span", { class: "drill badge" }, "演练"), h("b", { class: "headline" })),
        h("div", { class: "line2" }, h("span", { class: "acked" }), h("span", { class: "sums" }), h("span", { class: "age" })),
        h("div", { class: "line2 place" })),
      wall ? null : h("div", { class: "acts" },
        h("button", { type: "button", class: "quiet", "data-act": "ack-all", tabindex: "-1" }, "全部确认"),
        h("button", { type: "button", class: "key", "data-act": "key-all", tabindex: "-1" }, "合并处置")));
  };
  /** `line`: {key, alerts}; its red ones are always counted in words. */
  cb.fillFoldRow = function (row, line, { selected, open }) {
    const first = line.alerts[0], sums = cb.levelCounts(line.alerts);
    const waiting = line.alerts.filter((alert) => !alert.acknowledged_at).length;
    const newest = line.alerts.reduce((last, alert) => (alert.fired_at > last ? alert.fired_at : last), "");
    row.dataset.level = first.level;
    row.className = `alert fold at-${first.level}` + (waiting ? "" : " is-acked") + (selected ? " is-selected" : "") + (open ? " is-open" : "");
    row.setAttribute("aria-selected", String(selected));
    row.setAttribute("aria-expanded", String(open));
    const put = (name, text) => cb.setText(row.querySelector("." + name), text);
    put("mark", line.alerts.length > 999 ? "千+" : String(line.alerts.length));
    put("level", (cb.LEVELS[first.level] || first.level) + ` · 共 ${line.alerts.length.toLocaleString("en-US")} 条`);
    put("headline", (cb.state.screen === "wall" ? "" : open ? "▾ " : "▸ ") + cb.lineTitle(line));
    put("acked", waiting ? `${waiting.toLocaleString("en-US")} 条未确认` : "✓ 全部已确认");
    put("sums", MARKS.filter(([name]) => sums[name]).map(([name, word]) => `${word} ${sums[name].toLocaleString("en-US")}`).join(" "));
    const age = row.querySelector(".age");
    age.dataset.since = newest;
    cb.setText(age, cb.ageText(newest));
    const places = [...new Set(line.alerts.slice(0, 40).map((alert) => alert.place).filter(Boolean))];
    put("place", "最重:" + places.slice(0, 3).join("、") + (line.alerts.length > 3 ? " 等" : ""));
    row.querySelector(".drill").hidden = first.status !== "Exercise";
    const may = !cb.state.at && cb.state.may_call;
    for (const [act, shown] of [["ack-all", may && waiting > 0], ["key-all", may && line.alerts.length <= 200]]) {
      const button = row.querySelector(`[data-act="${act}"]`);
      if (button) button.hidden = !shown;
    }
    const key = row.querySelector('[data-act="key-all"]');
    if (key) cb.setText(key, line.key.startsWith("i|") && !line.key.startsWith("i|*") ? "查看事件" : "合并处置");
  };
})(window.citybrain);
