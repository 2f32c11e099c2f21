/* The report page: says when it is drawn, so that whoever takes its picture knows. */
"use strict";
(function (cb) {
  cb.starters.brief = function () {
    document.addEventListener("click", (event) => { if (event.target.closest('[data-act="print"]')) window.print(); });
    const pictures = [...document.images].map((image) => (image.complete ? null : image.decode().catch(() => {})));
    Promise.all([...pictures, document.fonts.ready]).then(() => {
      cb.byId("brief-page").dataset.ready = "true";
      document.documentElement.dataset.ready = "true";
    });
  };
})(window.citybrain);
