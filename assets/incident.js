/* The incident pages: list, sheet, response. What is drawn on paper comes from the server; here are the things to do. */
"use strict";
(function (cb) {
  const h = cb.h;
  const LEVELS = ["Ⅳ", "Ⅲ", "Ⅱ", "Ⅰ"];
  let mine = 0; // what this page has sent and not yet seen: its own changes are no news
  const path = (id, rest) => `/api/v1/incidents/${encodeURIComponent(id)}${rest || ""}`;

  /** Send one thing; on success show the page anew, on failure say why and keep what was typed. */
  cb.incidentSend = async function (button, work, after) {
    if (button.disabled) return;
    button.disabled = true;
    mine++;
    try {
      const answer = await work();
      if (after) after(answer); else location.reload();
    } catch (failure) {
      mine--;
      button.disabled = false;
      cb.toast("没有保存:" + failure.message);
    }
  };
  /** A small form that opens under its name; `fields` are [name, element, label]. */
  cb.incidentForm = function (title, word, fields, work, after) {
    const button = h("button", { type: "submit", class: "button" }, word);
    const form = h("form", { class: "act-form" }, fields.map(([, node, label]) => (node.tagName === "DIV" ? h("fieldset", {}, h("legend", {}, label), node) : h("label", {}, h("span", {}, label), node))), button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const values = Object.fromEntries(fields.map(([name, node]) => [name, node]));
      cb.incidentSend(button, () => work(values), after);
    });
    return h("details", { class: "act" }, h("summary", {}, title), form);
  };
  const reason = () => ["reason", h("input", { name: "reason", required: true, maxlength: 500, placeholder: "为什么" }), "理由"];
  const pick = (name, options, value) => {
    const node = h("select", { name }, options.map(([key, word]) => h("option", { value: key }, word)));
    node.value = value;
    return node;
  };

  function acts(view) {
    const box = cb.byId("incident-acts"), one = view.incident, id = one.id;
    if (!box) return;
    box.append(h("div", { class: "act-bar" },
      h("button", { type: "button", class: "button", "data-act": "print" }, "打印"),
      h("a", { class: "button", href: path(id, "/timeline.pdf"), download: "" }, "下载 PDF")));
    if (!cb.state.may_call) return;
    const note = h("textarea", { name: "text", required: true, maxlength: 2000, rows: 2, placeholder: "写下发生了什么、决定了什么" });
    box.append(cb.incidentForm("记一笔", "记录", [["text", note, "内容"]], (v) => cb.post(path(id, "/notes"), { text: v.text.value })));
    const file = h("input", { type: "file", name: "file", required: true, accept: ".jpg,.jpeg,.png,.webp,.pdf,.docx,.xlsx,.txt,.csv,.mp4" });
    const about = h("input", { name: "note", maxlength: 500 });
    box.append(cb.incidentForm("附件", "上传", [["file", file, "文件(图片、PDF、DOCX、XLSX、TXT、CSV、MP4)"], ["note", about, "说明"]], (v) => upload(id, v.file.files[0], v.note.value)));
    if (one.status === "open") changes(box, view, one);
    else if (!one.merged_into) box.append(cb.incidentForm("重新打开", "重新打开", [reason()], (v) => cb.post(path(id, "/reopen"), { reason: v.reason.value })));
  }
  function changes(box, view, one) {
    const id = one.id;
    const title = h("input", { name: "title", value: one.title, maxlength: 120, required: true });
    const type = pick("type", Object.entries(view.types), one.type), level = pick("level", LEVELS.map((x) => [x, x + "级"]), one.level);
    box.append(cb.incidentForm("改级别、类型、标题", "修改", [["title", title, "标题"], ["type", type, "类型"], ["level", level, "级别"], reason()],
      (v) => cb.request(path(id), { method: "PATCH", body: { title: v.title.value, type: v.type.value, level: v.level.value, reason: v.reason.value } })));
    const others = view.others.filter((other) => other.exercise === one.exercise);
    if (others.length) {
      const from = pick("from", others.map((other) => [other.id, other.title]), others[0].id);
      box.append(cb.incidentForm("并入其他事件", "并入本事件", [["from", from, "把这一起并进来"], reason()],
        (v) => cb.post(path(id, "/merge"), { from: [v.from.value], reason: v.reason.value })));
    }
    if (view.alerts.length > 1) {
      const ticks = view.alerts.map((alert) => h("label", { class: "tick" }, h("input", { type: "checkbox", value: alert.id }), alert.headline));
      const list = h("div", { class: "ticks" }, ticks), name = h("input", { name: "title", maxlength: 120, placeholder: "不填则由告警生成" });
      const chosen = () => [...list.querySelectorAll("input:checked")].map((node) => node.value);
      box.append(cb.incidentForm("拆出新事件", "拆分", [["list", list, "选出要拆走的告警"], ["title", name, "新事件标题"], reason()],
        (v) => cb.post(path(id, "/split"), { alert_ids: chosen(), title: v.title.value || null, reason: v.reason.value }),
        (made) => { location.href = "/incident/?id=" + encodeURIComponent(made.id); }));
    }
    box.append(h("datalist", { id: "roster" }, view.people.map((one) => h("option", { value: one.id, label: one.name }))));
    const person = h("input", { name: "person", required: true, maxlength: 64, list: "roster", autocomplete: "off", placeholder: "输入姓名或单位来选" }), role = h("input", { name: "role", required: true, maxlength: 40 });
    box.append(cb.incidentForm("登记人员", "登记", [["person", person, "名录中的人员"], ["role", role, "担任"]],
      (v) => cb.post(path(id, "/people"), { person_id: v.person.value.trim(), role: v.role.value })));
    box.append(cb.incidentForm("结束事件", "结束(叫应同时解除)", [reason()], (v) => cb.post(path(id, "/close"), { reason: v.reason.value })));
  }
  async function upload(id, file, note) {
    const body = new FormData();
    body.append("file", file);
    body.append("note", note);
    const answer = await fetch(path(id, "/files"), { method: "POST", body, credentials: "same-origin", headers: { "X-Requested-With": "citybrain" } });
    if (answer.ok) return answer.json();
    const said = await answer.json().catch(() => null);
    throw new Error((said && said.detail) || `上传失败(${answer.status})`);
  }
  /** A step: done at one press; taking it back and notes ask for words first. */
  function step(button) {
    const { task, act } = button.dataset, id = cb.state.view.incident.id, action = act.slice(5);
    const send = (note, from) => cb.incidentSend(from, () => cb.post(path(id, `/tasks/${encodeURIComponent(task)}/${action}`), { note }));
    if (action === "done") return send("", button);
    if (button.parentElement.querySelector("form")) return;
    const input = h("input", { required: true, maxlength: 2000, placeholder: action === "undo" ? "为什么撤销" : "备注", "aria-label": action === "undo" ? "撤销原因" : "备注" });
    const save = h("button", { type: "submit", class: "button" }, "保存");
    button.parentElement.append(h("form", { class: "step-form", on: { submit: (event) => { event.preventDefault(); send(input.value, save); } } }, input, save));
    input.focus();
  }
  function draft(button) {
    cb.incidentSend(button, () => cb.post(`/api/v1/alerts/${encodeURIComponent(button.dataset.alert)}/response`),
      (made) => { location.href = "/incident/?response=" + encodeURIComponent(made.id); });
  }
  function hint(button) {
    const one = cb.state.view.hints[Number(button.dataset.hint)], why = "按建议:" + (one.reasons[0] || "");
    const work = one.incident_id
      ? () => cb.post(path(one.incident_id, "/alerts"), { add: one.alert_ids, reason: why.slice(0, 400) })
      : () => cb.post("/api/v1/incidents", { alert_ids: one.alert_ids });
    cb.incidentSend(button, work, (made) => { location.href = "/incident/?id=" + encodeURIComponent(made.id); });
  }
  const ACTS = { print: () => window.print(), "step-done": step, "step-undo": step, "step-note": step, draft, hint };

  cb.starters.incident = function (state) {
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act]");
      if (button && ACTS[button.dataset.act]) ACTS[button.dataset.act](button);
    });
    if (state.view.kind === "sheet") acts(state.view);
    if (state.view.kind === "response") cb.startResponse(state.view.response);
    cb.startStream();
    const concerns = (event) => state.view.kind !== "sheet" || (event.incident && event.incident.id === state.view.incident.id);
    cb.on("incident", (event) => { if (!mine && state.view.kind !== "response" && concerns(event)) news(); });
    cb.on("call", () => { if (state.view.kind === "sheet") news(); });
    document.fonts.ready.then(() => { cb.byId("incident-page").dataset.ready = "true"; document.documentElement.dataset.ready = "true"; });
  };
  /** What others did is offered, not forced: nobody's half-written note is lost. */
  function news() {
    const box = cb.byId("incident-news");
    if (!box || !box.hidden) return;
    box.hidden = false;
    box.replaceChildren("内容有新的变化 ", h("button", { type: "button", class: "button", on: { click: () => location.reload() } }, "刷新"));
  }
})(window.citybrain);
