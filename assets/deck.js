/* The 3-D view: pydeck's own bundle, loaded when it is first asked for. */
"use strict";
(function (cb) {
  let view = null, loading = null;
  function library() {
    loading = loading || new Promise((done, fail) => {
      const script = document.createElement("script");
      script.src = "/vendor/pydeck.js";
      script.onload = done;
      script.onerror = () => { loading = null; fail(new Error("三维组件没有载入")); };
      document.head.append(script);
    });
    return loading;
  }
  cb.toggleDeck = async function () {
    const frame = cb.byId("deck-toggle");
    frame.hidden = !frame.hidden;
    if (frame.hidden) return;
    try {
      const [, spec] = await Promise.all([library(), cb.request("/api/v1/deck/waterlogging")]);
      const make = window.createDeck || (window.pydeck && window.pydeck.createDeck);
      if (!make) throw new Error("三维组件不可用");
      if (view && view.finalize) view.finalize();
      const holder = cb.byId("deck-view");
      holder.replaceChildren();
      view = make({ container: holder, jsonInput: spec, tooltip: false });
      frame.dataset.ready = "true";
    } catch (failure) { frame.hidden = true; cb.toast("三维视图打不开:" + failure.message); }
  };
})(window.citybrain);
