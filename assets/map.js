/* The map: panes, view, base and city layers. Attached by dl.LayerGroup's "add" handler. Live points and pulses stand in
   map_live.js, presses and the layer panel in map_press.js. */
"use strict";
(function (cb) {
  const DATA = new Map(); // layer id → Leaflet layer
  let map = null, started = false;
  cb.map = () => map;
  const L = () => window.L;
  /** How much larger than a desk this screen is drawn: the wall's root size over 16 px. */
  cb.scale = () => (cb.state.screen === "wall" ? parseFloat(document.documentElement.style.fontSize || "16") / 16 : 1);
  const config = (cb.layerConfig = (id) => cb.state.layers.find((layer) => layer.id === id));
  cb.mapLayer = (id) => DATA.get(id);
  cb.isLayerOn = (id) => started && DATA.has(id) && map.hasLayer(DATA.get(id));

  cb.attachMap = function (event, ctx) {
    if (map) return;
    map = (ctx && ctx.map) || event.target._map;
    start();
  };
  cb.on("booted", () => start());
  function start() {
    if (!map || !cb.state || started) return;
    started = true;
    for (const [name, order] of [["land", 190], ["base", 200], ["water", 210], ["roads", 220], ["borders", 230], ["city", 350], ["live", 420], ["names", 450], ["pulses", 460]]) {
      const pane = map.createPane(name);
      pane.style.zIndex = order;
      if (name === "names" || name === "land" || name === "borders" || name === "base" || name === "water") pane.style.pointerEvents = "none";
    }
    restoreView();
    for (const layer of [...cb.state.layers].sort((a, b) => a.order - b.order)) if (layer.data && (layer.base || isShown(layer))) show(layer.id, true);
    map.on("moveend", saveView);
    map.on("zoomend", names);
    names();
    cb.on("alert-selected", (alert) => lookAt(alert));
    cb.on("resync", lookForNewData);
    setInterval(lookForNewData, 60000);
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
    document.documentElement.dataset.map = "ready";
    cb.emit("map-ready", map);
  }
  cb.isLayerWanted = isShown;
  function isShown(layer) {
    if (!layer.data) return false;
    const view = cb.view().get("layers");
    if (view !== null) return view.split(",").includes(layer.id);
    const kept = cb.preference("layers");
    return Array.isArray(kept) && cb.state.screen === "desk" ? kept.includes(layer.id) : layer.shown;
  }
  function restoreView() {
    const parts = (cb.view().get("map") || "").split("/").map(Number);
    if (parts.length === 3 && parts.every(Number.isFinite)) map.setView([parts[1], parts[2]], parts[0], { animate: false });
    else cb.wholeCity();
  }
  cb.wholeCity = () => map && map.fitBounds([[34.36, 117.38], [36.23, 119.22]], { animate: false, padding: [8, 8] });
  function saveView() {
    if (cb.state.screen !== "desk") return;
    const centre = map.getCenter();
    cb.setView({ map: `${map.getZoom().toFixed(2)}/${centre.lat.toFixed(5)}/${centre.lng.toFixed(5)}` });
  }
  function lookAt(alert) {
    if (alert.lon === null || alert.lat === null || cb.state.screen !== "desk") return;
    const spot = L().latLng(alert.lat, alert.lon);
    if (!map.getBounds().pad(-0.1).contains(spot)) map.panTo(spot, { animate: false });
  }
  cb.lookAt = (lon, lat, zoom) => map && map.setView([lat, lon], zoom || Math.max(map.getZoom(), 14), { animate: false });

  /* ---- layers ---- */
  cb.showLayer = show;
  function show(id, on) {
    const known = DATA.get(id);
    if (known) { on ? known.addTo(map) : known.remove(); return; }
    if (!on) return;
    const layer = config(id);
    if (layer.kind === "mvt") {
      const made = cb.mvtLayer({ id, layer: layer.source, url: `/tiles/${layer.source}/{z}/{x}/{y}.pbf`, style: layer.style, pane: layer.base ? "roads" : "city", zIndex: layer.order });
      DATA.set(id, made);
      made.addTo(map);
      cb.applyFilter(id);
      return;
    }
    const group = L().layerGroup();
    DATA.set(id, group);
    group.addTo(map);
    load(layer, group);
  }
  function load(layer, group) {
    return fetch(`/data/${layer.source}.geojson`, { credentials: "same-origin" })
      .then((answer) => { if (!answer.ok) throw new Error(String(answer.status)); group.etag = answer.headers.get("etag"); return answer.json(); })
      .then((data) => { group.clearLayers(); fillGeo(layer, data, group); })
      .catch(() => missing(layer));
  }
  function missing(layer) {
    if (!layer.base) cb.toast(`图层“${layer.title}”没有载入:请稍后重新打开它`);
  }
  /** Was a layer imported anew? Its version is asked for once a minute; what is on screen stays until the new is there. */
  async function lookForNewData() {
    for (const [id, layer] of DATA) {
      if (!map.hasLayer(layer)) continue;
      try {
        if (layer.lookAgain) await layer.lookAgain();
        else {
          const answer = await fetch(`/data/${config(id).source}.geojson`, { method: "GET", credentials: "same-origin", headers: layer.etag ? { "If-None-Match": layer.etag } : {} });
          if (answer.status === 200 && answer.headers.get("etag") !== layer.etag) await load(config(id), layer);
        }
      } catch { /* the link banner says that nothing answers */ }
    }
  }
  function fillGeo(layer, data, group) {
    const style = layer.style, colour = cb.token(style.colour);
    if (style.type === "point") return cb.fillPoints(layer, data, group);
    const pane = style.type === "line" ? "water" : layer.id === "counties" ? "land" : "base";
    L().geoJSON(data, {
      pane, interactive: false, renderer: L().svg({ pane, padding: 0.5 }),
      style: (feature) => ({ color: colour, weight: style.type === "line" && feature.properties.rank > 1 ? style.weight * 0.6 : style.weight, fill: style.type === "polygon", fillColor: style.fill ? cb.token(style.fill) : "", fillOpacity: style.fill ? (style.weight ? 1 : 0.55) : 0, lineJoin: "round" }),
    }).addTo(group);
    if (layer.id === "counties") L().geoJSON(data, { pane: "borders", interactive: false, renderer: L().svg({ pane: "borders", padding: 0.5 }), style: { color: colour, weight: style.weight, dashArray: "7 4", fill: false } }).addTo(group);
    if (!style.label) return;
    const placed = []; // a name too near another of its kind would only smear it
    for (const feature of data.features) {
      const name = feature.properties[style.label], spot = middle(feature.geometry);
      if (!name || !spot || placed.some((other) => Math.hypot(other[0] - spot[0], other[1] - spot[1]) < 0.09)) continue;
      placed.push(spot);
      const icon = L().divIcon({ className: `map-name name-${style.label_kind || "county"}`, html: cb.h("span", {}, name), iconSize: null });
      L().marker([spot[1], spot[0]], { icon, pane: "names", interactive: false, keyboard: false }).addTo(group);
    }
  }
  /** A place for the name: a polygon's area centroid (its largest part), a line's middle vertex. */
  function middle(geometry) {
    if (!geometry) return null;
    if (geometry.type === "LineString") return geometry.coordinates[Math.floor(geometry.coordinates.length * 0.62)];
    if (geometry.type === "MultiLineString") return middle({ type: "LineString", coordinates: geometry.coordinates[0] });
    const rings = geometry.type === "Polygon" ? [geometry.coordinates[0]] : geometry.type === "MultiPolygon" ? geometry.coordinates.map((part) => part[0]) : [];
    let best = null, most = -1;
    for (const ring of rings) {
      let area = 0, x = 0, y = 0;
      for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
        const cross = ring[j][0] * ring[i][1] - ring[i][0] * ring[j][1];
        area += cross; x += (ring[j][0] + ring[i][0]) * cross; y += (ring[j][1] + ring[i][1]) * cross;
      }
      if (Math.abs(area) > most && area) { most = Math.abs(area); best = [x / (3 * area), y / (3 * area)]; }
    }
    return best;
  }
  function names() {
    const zoom = map.getZoom();
    map.getContainer().dataset.zoom = zoom < 8.4 ? "far" : zoom < (cb.state.screen === "wall" ? 13 : 11) ? "middle" : "near";
  }
})(window.citybrain);
