/* The load page: bars of ten minutes with their limits and floods, as SVG; and the way from a list to its alert. */
"use strict";
(function (cb) {
  const NS = "http://www.w3.org/2000/svg", HEIGHT = 210, LEFT = 44, RIGHT = 8, TOP = 12, BOTTOM = 24, BIN_MS = 600000;
  const DAY = new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", month: "2-digit", day: "2-digit" });
  const HOUR = new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", hour12: false });
  const when = (ms) => DAY.format(ms).replace("/", "-") + " " + HOUR.format(ms);
  let drawn = null;

  function svg(tag, props, text) {
    const node = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
    if (text !== undefined) node.append(document.createTextNode(text));
    return node;
  }
  /** Bins put together so that each bar is at least 3 px wide; a bar shows the busiest of its bins, never their mean. */
  function bars(data, room) {
    const floods = new Set(JSON.parse(data.floods)), each = Math.max(1, Math.ceil(data.levels.length / Math.floor(room / 3)));
    const found = [];
    for (let from = 0; from < data.levels.length; from += each) {
      let best = null, flood = false;
      for (let i = from; i < Math.min(from + each, data.levels.length); i++) {
        const levels = data.levels[i] || [0, 0, 0, 0], count = levels.reduce((sum, n) => sum + n, 0);
        flood = flood || floods.has(i);
        if (!best || count > best.count) best = { at: data.first + i * BIN_MS, levels, count };
      }
      found.push({ ...best, flood, last: from + each >= data.levels.length });
    }
    return { found, each };
  }
  /** Straight up to 24, then by logarithm: a flood of two thousand must not flatten the limit of ten. */
  function scale(most) {
    const logarithmic = most > 24, top = logarithmic ? Math.log1p(most * 1.15) : Math.max(12, most * 1.1);
    const ticks = logarithmic ? [1, 10, 100, 1000, 10000].filter((n) => n <= most * 1.15) : [1, 5, 10, 15, 20].filter((n) => n <= top);
    const high = (n) => ((logarithmic ? Math.log1p(n) : n) / top) * (HEIGHT - TOP - BOTTOM);
    return { high, ticks, logarithmic };
  }
  function axis(draw, data, room, { high, ticks }) {
    const width = LEFT + room;
    for (const n of ticks) {
      const y = HEIGHT - BOTTOM - high(n), limit = data.limits.includes(n);
      draw.append(svg("line", { x1: LEFT, x2: width, y1: y, y2: y, class: limit ? "limit" : "grid" }));
      draw.append(svg("text", { x: LEFT - 6, y: y + 4, class: limit ? "tick is-limit" : "tick", "text-anchor": "end" }, n.toLocaleString("en-US")));
    }
    const step = Math.max(1, Math.ceil(data.levels.length / Math.max(2, Math.floor(room / 110))));
    for (let i = 0; i < data.levels.length; i += step) {
      const x = LEFT + (i / data.levels.length) * room, end = x > width - 80;
      if (!end) draw.append(svg("text", { x, y: HEIGHT - 6, class: "tick" }, when(data.first + i * BIN_MS)));
    }
  }
  function bar(draw, one, x, wide, { high }, names, read) {
    const base = HEIGHT - BOTTOM, group = svg("g", { class: "bar-of" });
    if (one.flood) group.append(svg("rect", { x, y: TOP, width: wide, height: base - TOP, class: "flood" }));
    let below = 0;
    one.levels.forEach((n, i) => {
      if (!n) return;
      const y0 = high(below), y1 = high(below + n);
      group.append(svg("rect", { x: x + 0.5, y: base - y1, width: Math.max(1, wide - 1), height: Math.max(1, y1 - y0), class: "level at-" + names[i] + (one.last ? " is-running" : "") }));
      below += n;
    });
    const words = one.levels.map((n, i) => (n ? `${cb.LEVELS[names[i]]} ${n}` : "")).filter(Boolean).reverse().join("、");
    const text = `${when(one.at)} 起 10 分钟:${one.count.toLocaleString("en-US")} 次${words ? "(" + words + ")" : ""}${one.flood ? " · 洪峰" : ""}${one.last ? " · 还没有过完" : ""}`;
    const touch = svg("rect", { x, y: TOP, width: wide, height: base - TOP, class: "touch" });
    touch.append(svg("title", {}, text));
    touch.addEventListener("pointerenter", () => cb.setText(read, text));
    touch.addEventListener("click", () => cb.setText(read, text));
    group.append(touch);
    draw.append(group);
  }
  /** Called by Dash whenever the numbers are new (callbacks/load.py). */
  cb.drawLoad = function (data) {
    const box = cb.byId("load-chart");
    if (!box || !data || !data.levels.length) return null;
    drawn = data;
    const room = Math.max(200, box.clientWidth - LEFT - RIGHT), { found, each } = bars(data, room);
    const by = scale(Math.max(...found.map((one) => one.count))), wide = room / found.length;
    const draw = svg("svg", { width: LEFT + room + RIGHT, height: HEIGHT, viewBox: `0 0 ${LEFT + room + RIGHT} ${HEIGHT}` });
    const notes = [each > 1 ? `每柱为 ${each} 格中最忙的一格` : "", by.logarithmic ? "纵轴为对数" : ""].filter(Boolean).join(" · ");
    const read = cb.h("p", { class: "load-read num" }, notes || "指向或按一根柱看数字");
    found.forEach((one, i) => bar(draw, one, LEFT + i * wide, wide, by, data.names, read));
    axis(draw, data, room, by);
    box.replaceChildren(draw, read);
    document.documentElement.dataset.ready = box.dataset.ready = "true";
    return data.first;
  };
  cb.starters.load = function () {
    let timer = 0;
    window.addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(() => cb.drawLoad(drawn), 150); });
  };
  /** `/desk/#alert=…`: the alert that a list of this page leads to, when it is still open. */
  cb.on("booted", (state) => {
    const wanted = state.screen === "desk" && cb.view().get("alert");
    if (!wanted) return;
    cb.setView({ alert: null });
    if (cb.alerts && cb.alerts.has(wanted)) cb.selectAlert(wanted);
    else cb.toast("这条告警已经结束,或不在列表中:" + wanted);
  });
})(window.citybrain);
