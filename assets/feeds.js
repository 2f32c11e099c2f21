/* The feeds page: one row a feed, failing first, kept live by the stream; words beside every mark. */
"use strict";
(function (cb) {
  const WORDS = { failing: ["✕", "故障"], stale: ["◷", "过期"], waiting: ["…", "待来"], ok: ["●", "正常"], off: ["–", "关闭"] };
  const KINDS = { http: "HTTP JSON", sensorthings: "SensorThings", mqtt: "MQTT", folder: "文件夹", cap: "CAP 轮询", alertmanager: "Alertmanager" };
  let rows = [];
  const figure = (n) => Number(n).toLocaleString("en-US");

  function lag(seconds) {
    if (seconds === null || seconds === undefined) return "—";
    if (seconds < 1) return "不到 1 秒";
    if (seconds < 120) return Math.round(seconds) + " 秒";
    return seconds < 7200 ? Math.round(seconds / 60) + " 分钟" : Math.round(seconds / 3600) + " 小时";
  }
  /** Why it is as it is, and what that means for the readings. */
  function note(row) {
    const parts = [], since = row.since ? `自 ${cb.shortClock(row.since).slice(0, 5)} 起` : "";
    if (row.state === "failing" && row.problem) parts.push([since, row.problem].filter(Boolean).join(" "));
    if (row.state === "stale") parts.push(since + "太久没有消息,请看来源是否还在发送");
    if (row.state === "waiting") parts.push("已配好,还没有收到过");
    if (row.state === "off") parts.push("在接入文件里关着");
    if (row.dropped) parts.push(`丢弃 ${figure(row.dropped)} 条:超过限额或放不下,没有保存`);
    if (row.limit_per_s) parts.push(`限额每秒 ${figure(row.limit_per_s)} 条`);
    return parts.join(" · ");
  }
  function line(row) {
    const h = cb.h, [mark, word] = WORDS[row.state] || ["?", row.state];
    const refused = row.rejected && cb.state.refused
      ? h("a", { href: "/api/v1/rejects?source=" + encodeURIComponent(source(row)), title: "看被拒收的每一条和原因" }, figure(row.rejected)) : figure(row.rejected);
    return h("tr", { class: "feed is-" + row.state, "data-feed": row.id },
      h("td", { class: "state" }, h("span", { class: "feed-mark" }, mark + " " + word)),
      h("th", { scope: "row" }, h("b", { title: row.id }, row.title), h("span", { class: "kind" }, KINDS[row.kind] || row.kind)),
      h("td", { class: "num" }, row.last_message_at ? h("span", { class: "age", "data-since": row.last_message_at }, cb.ageText(row.last_message_at)) : "从未收到"),
      h("td", { class: "num" }, lag(row.lag_s)), h("td", { class: "num" }, figure(row.rate_per_min)), h("td", { class: "num" }, figure(row.accepted)),
      h("td", { class: "num" + (row.rejected ? " has-some" : "") }, refused), h("td", { class: "num" + (row.dropped ? " has-some" : "") }, figure(row.dropped)),
      h("td", { class: "note" }, note(row)));
  }
  const source = (row) => (row.kind === "http" ? "observations" : row.kind === "sensorthings" ? "sensorthings" : row.kind === "alertmanager" ? "prometheus" : "feed:" + row.id);

  function show(found) {
    rows = found;
    const body = cb.byId("feeds-rows"), count = (state) => rows.filter((row) => row.state === state).length;
    body.replaceChildren(...rows.map(line));
    document.querySelector(".feeds-list").hidden = !rows.length;
    cb.byId("feeds-empty").hidden = !!rows.length;
    const said = Object.keys(WORDS).filter(count).map((state) => `${WORDS[state][1]} ${count(state)}`);
    const dropped = rows.reduce((sum, row) => sum + row.dropped, 0);
    if (dropped) said.push(`累计丢弃 ${figure(dropped)} 条`);
    cb.setText(cb.byId("feeds-summary"), rows.length ? `共 ${rows.length} 个接入:${said.join(",")}` : "");
  }
  function showTrouble(problem) {
    const trouble = cb.byId("feeds-trouble");
    trouble.hidden = !problem;
    cb.setText(trouble, problem ? "仍按上一版运行。" + problem : "");
  }
  async function load() {
    try {
      const found = await cb.request("/api/v1/feeds");
      showTrouble(found.problem);
      show(found.items);
    } catch (failure) { cb.toast("没有取到接入状态:" + failure.message); }
  }
  cb.on("feeds", (event) => {
    if (!cb.byId("feeds-rows")) return;
    if (event.kind === "feeds.health") { showTrouble(event.problem); show(event.items); }
    else load();
  });
  cb.on("resync", () => { if (cb.byId("feeds-rows")) load(); });
  cb.starters.feeds = function (state) {
    cb.startStream();
    showTrouble(state.problem);
    show(state.feeds);
    document.documentElement.dataset.ready = "true";
  };
})(window.citybrain);
