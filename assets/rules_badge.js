/* On the desk: a wrong rules file is said where the officer looks, with what is wrong, until it is mended. */
"use strict";
(function (cb) {
  const LOOK_MS = 15000;
  cb.on("booted", function () {
    const badge = cb.byId("rules-badge");
    if (!badge || cb.state.at) return;
    look(badge);
    setInterval(() => look(badge), LOOK_MS);
  });
  async function look(badge) {
    let said;
    try { said = await cb.request("/api/v1/rules/state"); } catch { return; } // the link's own sign says so
    if (badge.title !== said.problem) badge.title = said.problem;
    cb.setText(badge, said.version ? "规则文件有误" : "没有规则在运行");
    if (badge.hidden === !!said.problem) badge.hidden = !said.problem;
  }
})(window.citybrain);
