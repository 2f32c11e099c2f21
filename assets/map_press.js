/* Presses on the map: what lies there, the circle, the layer panel with its filters. */
"use strict";
(function (cb) {
  const L = () => window.L;
  /* ---- presses, selection, circle ---- */
  cb.select = function (selection) {
    if (!cb.byId("dossier")) return;
    window.dash_clientside.set_props("selection", { data: { ...selection, n: Date.now() } });
    cb.setView({ at: selection.id ? `${selection.layer}:${selection.id}` : null });
  };
  let map = null, circle = null, centre = null;
  cb.on("map-ready", (ready) => { map = ready; map.on("click", press); });
  function press(event) {
    if (cb.state.screen !== "desk") return;
    const { lat, lng } = event.latlng;
    if (centre === "armed") { centre = event.latlng; return cb.toast("再点一下确定半径"); }
    if (centre) return finishCircle(event.latlng);
    const layers = cb.state.layers.filter((layer) => !layer.base && cb.isLayerOn(layer.id)).map((layer) => layer.source);
    cb.select({ lon: lng, lat, zoom: map.getZoom(), layers: [...layers, "rivers", "counties"] });
  }
  cb.armCircle = function () {
    if (circle) { circle.remove(); circle = null; }
    centre = centre ? null : "armed";
    map.getContainer().classList.toggle("is-drawing", !!centre);
    cb.toast(centre ? "圈选:点一下圆心,再点一下确定半径;Esc 取消" : "已取消圈选");
  };
  cb.dropCircle = function () {
    if (circle) circle.remove();
    circle = centre = null;
    map.getContainer().classList.remove("is-drawing");
    window.dash_clientside.set_props("circle", { data: null });
  };
  function finishCircle(edge) {
    cb.toast("");
    const radius = Math.max(1, map.distance(centre, edge));
    circle = L().circle(centre, { radius, color: cb.token("--accent"), weight: 2, fillOpacity: 0.08, pane: "live", interactive: false }).addTo(map);
    window.dash_clientside.set_props("circle", { data: { lon: centre.lng, lat: centre.lat, radius_m: radius } });
    centre = null;
    map.getContainer().classList.remove("is-drawing");
  }

  /* ---- the layer panel ---- */
  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-layer][aria-pressed]"), chip = event.target.closest("[data-filter]");
    if (toggle && map) {
      const on = toggle.getAttribute("aria-pressed") !== "true";
      toggle.setAttribute("aria-pressed", String(on));
      cb.showLayer(toggle.dataset.layer, on);
      const list = [...document.querySelectorAll('[data-layer][aria-pressed="true"]')].map((node) => node.dataset.layer);
      cb.preference("layers", list);
      cb.setView({ layers: list.join(",") });
    }
    if (chip && map) filter(chip);
    const pick = event.target.closest("[data-pick]");
    if (pick) {
      cb.select({ layer: pick.dataset.pick, id: pick.dataset.id });
      cb.lookAt(Number(pick.dataset.lon), Number(pick.dataset.lat), ["counties", "rivers", "hills"].includes(pick.dataset.pick) ? 10.5 : null);
      cb.emit("picked");
    }
  });
  const hidden = {}; // layer id → {field: Set of hidden values}
  cb.hiddenOf = (id) => hidden[id] || {};
  function filter(chip) {
    const { filter: id, field, value } = chip.dataset, on = chip.getAttribute("aria-pressed") !== "true";
    chip.setAttribute("aria-pressed", String(on));
    const values = ((hidden[id] = hidden[id] || {})[field] = hidden[id][field] || new Set());
    on ? values.delete(value) : values.add(value);
    cb.applyFilter(id);
  }
  /** What the chips of a layer say, put on the layer; also when it is switched on again later. */
  cb.applyFilter = function (id) {
    if (cb.layerConfig(id).kind === "geojson") return cb.paintDepths();
    const allowed = (name) => {
      const chips = [...document.querySelectorAll(`[data-filter="${id}"][data-field="${name}"]`)], on = chips.filter((one) => one.getAttribute("aria-pressed") === "true");
      return on.length === chips.length ? null : on.map((one) => one.dataset.value);
    };
    cb.mapLayer(id)?.setFilter({ classes: allowed(cb.layerConfig(id).style.by), states: allowed("state") });
  };
  cb.on("booted", () => {
    for (const node of document.querySelectorAll("[data-layer][aria-pressed]")) node.setAttribute("aria-pressed", String(cb.isLayerWanted(cb.layerConfig(node.dataset.layer))));
    const at = (cb.view().get("at") || "").split(":");
    if (at.length === 2) cb.select({ layer: at[0], id: at[1] });
  });
})(window.citybrain);
