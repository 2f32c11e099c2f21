/* The browser's base: one namespace, text-only DOM building, requests, times, preferences. Loaded first (a_). */
"use strict";
window.citybrain = window.citybrain || {};
window.dash_clientside = Object.assign(window.dash_clientside || {}, { citybrain: window.citybrain });

(function (cb) {
  /** Build an element. Text is only ever set as text; nothing here parses markup. */
  cb.h = function (tag, props, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(props || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key === "class") node.className = value;
      else if (key === "on") for (const [kind, act] of Object.entries(value)) node.addEventListener(kind, act);
      else node.setAttribute(key, value === true ? "" : String(value));
    }
    for (const child of children.flat()) {
      if (child === null || child === undefined || child === false) continue;
      node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return node;
  };
  cb.byId = (id) => document.getElementById(id);
  cb.token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  cb.setText = function (node, text) {
    if (node && node.textContent !== text) node.textContent = text;
  };

  /* ---- times ---- */
  const SHANGHAI = { timeZone: "Asia/Shanghai", hour12: false };
  const CLOCK = new Intl.DateTimeFormat("zh-CN", { ...SHANGHAI, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const SHORT = new Intl.DateTimeFormat("zh-CN", { ...SHANGHAI, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  let skew = 0; // server clock minus this machine's, ms: ages must be true on a machine whose clock is not
  cb.now = () => Date.now() + skew;
  cb.setServerTime = function (iso) {
    const at = Date.parse(iso);
    if (Number.isFinite(at)) skew = at - Date.now();
  };
  cb.clockText = (ms) => CLOCK.format(new Date(ms)).replaceAll("/", "-");
  cb.shortClock = (iso) => (iso ? SHORT.format(new Date(iso)) : "—");
  cb.ageText = function (iso) {
    if (!iso) return "从未收到";
    const s = Math.max(0, Math.floor((cb.moment() - Date.parse(iso)) / 1000));
    if (s < 5) return "刚刚";
    if (s < 60) return s + " 秒前";
    if (s < 3600) return Math.floor(s / 60) + " 分钟前";
    if (s < 86400) return Math.floor(s / 3600) + " 小时前";
    return Math.floor(s / 86400) + " 天前";
  };
  cb.moment = () => (cb.state && cb.state.at ? Date.parse(cb.state.at) : cb.now());

  /* ---- requests ---- */
  cb.request = async function (path, options) {
    const { method = "GET", body, headers = {} } = options || {};
    const answer = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", "X-Requested-With": "citybrain", ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
    });
    if (answer.status === 401) cb.toast("登录已失效,请重新登录");
    const text = await answer.text();
    let data = null;
    try { data = text ? JSON.parse(text) : null; } catch { data = null; }
    if (!answer.ok) {
      const failure = new Error((data && (data.detail || data.title)) || `请求失败(${answer.status}),请重试`);
      failure.status = answer.status;
      failure.data = data;
      throw failure;
    }
    return data;
  };
  cb.post = (path, body, headers) => cb.request(path, { method: "POST", body: body || {}, headers });

  let toastTimer = 0;
  cb.toast = function (text) {
    const box = cb.byId("toast");
    if (!box) return;
    cb.setText(box, text);
    box.classList.toggle("on", !!text);
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => box.classList.remove("on"), 6000);
  };

  /* ---- preferences of this person on this machine ---- */
  const KEY = "citybrain.preferences";
  cb.preference = function (name, value) {
    let all = {};
    try { all = JSON.parse(localStorage.getItem(KEY) || "{}"); } catch { all = {}; }
    if (value === undefined) return all[name];
    all[name] = value;
    try { localStorage.setItem(KEY, JSON.stringify(all)); } catch { /* private mode: not remembered */ }
    return value;
  };

  /* ---- the view in the URL's hash: #map=zoom/lat/lon&layers=a,b ---- */
  cb.view = () => new URLSearchParams(location.hash.slice(1));
  cb.setView = function (changes) {
    const view = cb.view();
    for (const [key, value] of Object.entries(changes)) value === null ? view.delete(key) : view.set(key, value);
    history.replaceState(null, "", location.pathname + location.search + "#" + view.toString().replaceAll("%2F", "/").replaceAll("%2C", ","));
  };

  cb.LEVELS = { red: "红色", orange: "橙色", yellow: "黄色", blue: "蓝色", none: "无" };
  cb.LEVEL_MARKS = { red: "Ⅰ", orange: "Ⅱ", yellow: "Ⅲ", blue: "Ⅳ", none: "·" };
  cb.PERSON = { queued: "待发送", sent: "已发出", delivered: "已送达", confirmed: "已确认", en_route: "已出发", on_site: "已到达", failed: "未送达", escalated: "已转副职", stood_down: "已解除" };

  /* ---- one bus inside the page ---- */
  const ears = new Map();
  cb.on = (kind, act) => { ears.set(kind, [...(ears.get(kind) || []), act]); };
  cb.emit = (kind, data) => { for (const act of ears.get(kind) || []) act(data); };
  cb.starters = {};

  /** Called by Dash once the screen's elements stand (callbacks/boot.py). */
  cb.boot = function (screen) {
    const holder = cb.byId("screen-state");
    if (!holder || cb.state) return true;
    cb.state = JSON.parse(holder.dataset.state);
    cb.setServerTime(cb.state.server_now);
    document.documentElement.dataset.mode = cb.state.mode;
    const start = cb.starters[screen];
    if (start) start(cb.state);
    cb.emit("booted", cb.state);
    return true;
  };
})(window.citybrain);
