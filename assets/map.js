/* The map: base layers, city layers, live points, alert pulses, presses. Attached by dl.LayerGroup's "add" handler. */
"use strict";
(function (cb) {
  const DATA = new Map(); // layer id → Leaflet layer
  let map = null, pulses = null, started = false;
  cb.map = () => map;
  const L = () => window.L;
  /** How much larger than a desk this screen is drawn: the wall's root size over 16 px. */
  cb.scale = () => (cb.state.screen === "wall" ? parseFloat(document.documentElement.style.fontSize || "16") / 16 : 1);
  const config = (id) => cb.state.layers.find((layer) => layer.id === id);
  const hiddenValues = {}; // layer id → {field: Set of hidden values}

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
    pulses = L().layerGroup([], { pane: "pulses" }).addTo(map);
    restoreView();
    for (const layer of [...cb.state.layers].sort((a, b) => a.order - b.order)) if (layer.base || isShown(layer)) show(layer.id, true);
    map.on("moveend", saveView);
    map.on("click", press);
    map.on("zoomend", names);
    names();
    cb.on("alerts-drawn", drawPulses);
    cb.on("depths", paintDepths);
    cb.on("alert-selected", (alert) => lookAt(alert));
    drawPulses();
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
    document.documentElement.dataset.map = "ready";
    cb.emit("map-ready", map);
  }
  function isShown(layer) {
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
  function show(id, on) {
    const known = DATA.get(id);
    if (known) { on ? known.addTo(map) : known.remove(); return; }
    if (!on) return;
    const layer = config(id);
    if (layer.kind === "mvt") {
      const made = cb.mvtLayer({ id, layer: layer.source, url: `/tiles/${layer.source}/{z}/{x}/{y}.pbf`, style: layer.style, pane: layer.base ? "roads" : "city", zIndex: layer.order });
      DATA.set(id, made);
      made.addTo(map);
      return;
    }
    const group = L().layerGroup();
    DATA.set(id, group);
    group.addTo(map);
    fetch(`/data/${layer.source}.geojson`, { credentials: "same-origin" })
      .then((answer) => { if (!answer.ok) throw new Error(String(answer.status)); return answer.json(); })
      .then((data) => { fillGeo(layer, data, group); })
      .catch(() => { if (!layer.base) cb.toast(`图层“${layer.title}”没有载入:请检查是否已导入数据`); });
  }
  function fillGeo(layer, data, group) {
    const style = layer.style, colour = cb.token(style.colour);
    if (style.type === "point") return fillPoints(layer, data, group);
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

  /* ---- live waterlogging points: colour by depth, hatched grey when silent ---- */
  const markers = [];
  function fillPoints(layer, data, group) {
    const renderer = L().canvas({ pane: "live", padding: 0.3 });
    for (const feature of data.features) {
      const [lon, lat] = feature.geometry.coordinates, props = feature.properties;
      const marker = L().circleMarker([lat, lon], { renderer, pane: "live", radius: layer.style.radius, weight: 1.2 });
      marker.city = { layer: layer.source, id: props.id, sensor: props.sensor_id, kind: props.kind, lon, lat };
      marker.on("click", (event) => { L().DomEvent.stop(event); cb.select({ layer: layer.source, id: props.id }); });
      marker.addTo(group);
      markers.push(marker);
    }
    for (const [sensor, row] of Object.entries(cb.state.depths || {})) if (!cb.depths.has(sensor)) cb.depths.set(sensor, row);
    paintDepths();
  }
  function paintDepths() {
    const layer = config("waterlogging"), hidden = (hiddenValues.waterlogging || {}).kind;
    const scale = cb.scale(), calm = cb.token(layer.style.colour), stale = cb.token("--stale"), edge = cb.token("--bg");
    for (const marker of markers) {
      const row = cb.depths.get(marker.city.sensor);
      const fresh = row && cb.moment() - Date.parse(row[1]) < 1800e3;
      const step = fresh ? layer.style.steps.filter(([mark]) => row[0] >= mark).pop() : null;
      const off = hidden && hidden.has(marker.city.kind);
      const colour = step ? cb.token(step[1]) : fresh ? calm : stale;
      const radius = scale * (layer.style.radius + (step ? (step[1] === "--level-red" ? 3 : 1.5) : fresh ? 0 : -1.5));
      const key = `${colour}|${radius}|${off}`;
      if (marker.key === key) continue;
      marker.key = key;
      marker.setRadius(radius);
      marker.setStyle({ color: fresh ? edge : stale, fillColor: colour, fillOpacity: off ? 0 : fresh ? 0.95 : 0.12, opacity: off ? 0 : 0.9, dashArray: fresh ? null : "2 2" });
      if (step) marker.bringToFront();
    }
  }
  setInterval(() => { if (started) paintDepths(); }, 30000);

  /* ---- alert pulses ---- */
  const pulseOf = new Map();
  function drawPulses() {
    if (!started) return;
    const wanted = cb.worstAlerts().filter((alert) => alert.lon !== null && alert.lat !== null).slice(0, 150);
    const keep = new Set(wanted.map((alert) => alert.id));
    for (const [id, marker] of pulseOf) if (!keep.has(id)) { marker.remove(); pulseOf.delete(id); }
    for (const alert of wanted) {
      const kind = `pulse at-${alert.level}` + (alert.acknowledged_at ? " is-acked" : "");
      let marker = pulseOf.get(alert.id);
      if (marker && marker.kind === kind) continue;
      const icon = L().divIcon({ className: kind, html: cb.h("i", { title: alert.headline }, cb.LEVEL_MARKS[alert.level]), iconSize: [22, 22] });
      if (marker) marker.setIcon(icon);
      else {
        marker = L().marker([alert.lat, alert.lon], { icon, pane: "pulses", keyboard: false, zIndexOffset: alert.level_no * 100 });
        marker.on("click", () => cb.selectAlert(alert.id));
        marker.addTo(pulses);
        pulseOf.set(alert.id, marker);
      }
      marker.kind = kind;
    }
  }

  /* ---- presses, selection, circle ---- */
  cb.select = function (selection) {
    if (!cb.byId("dossier")) return;
    window.dash_clientside.set_props("selection", { data: { ...selection, n: Date.now() } });
    cb.setView({ at: selection.id ? `${selection.layer}:${selection.id}` : null });
  };
  let circle = null, centre = null;
  function press(event) {
    if (cb.state.screen !== "desk") return;
    const { lat, lng } = event.latlng;
    if (centre === "armed") { centre = event.latlng; return cb.toast("再点一下确定半径"); }
    if (centre) return finishCircle(event.latlng);
    const layers = cb.state.layers.filter((layer) => !layer.base && DATA.has(layer.id) && map.hasLayer(DATA.get(layer.id))).map((layer) => layer.source);
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
    if (toggle && started) {
      const on = toggle.getAttribute("aria-pressed") !== "true";
      toggle.setAttribute("aria-pressed", String(on));
      show(toggle.dataset.layer, on);
      const list = [...document.querySelectorAll('[data-layer][aria-pressed="true"]')].map((node) => node.dataset.layer);
      cb.preference("layers", list);
      cb.setView({ layers: list.join(",") });
    }
    if (chip && started) filter(chip);
    const pick = event.target.closest("[data-pick]");
    if (pick) {
      cb.select({ layer: pick.dataset.pick, id: pick.dataset.id });
      cb.lookAt(Number(pick.dataset.lon), Number(pick.dataset.lat), ["counties", "rivers", "hills"].includes(pick.dataset.pick) ? 10.5 : null);
      cb.emit("picked");
    }
  });
  function filter(chip) {
    const { filter: id, field, value } = chip.dataset, on = chip.getAttribute("aria-pressed") !== "true";
    chip.setAttribute("aria-pressed", String(on));
    const hidden = ((hiddenValues[id] = hiddenValues[id] || {})[field] = hiddenValues[id][field] || new Set());
    on ? hidden.delete(value) : hidden.add(value);
    if (config(id).kind === "geojson") return paintDepths();
    const allowed = (name) => {
      const chips = [...document.querySelectorAll(`[data-filter="${id}"][data-field="${name}"]`)];
      return chips.every((one) => one.getAttribute("aria-pressed") === "true") ? null : chips.filter((one) => one.getAttribute("aria-pressed") === "true").map((one) => one.dataset.value);
    };
    const layer = DATA.get(id);
    if (layer && layer.setFilter) layer.setFilter({ classes: allowed(config(id).style.by), states: allowed("state") });
  }
  cb.on("booted", () => {
    for (const node of document.querySelectorAll("[data-layer][aria-pressed]")) node.setAttribute("aria-pressed", String(isShown(config(node.dataset.layer))));
    const at = (cb.view().get("at") || "").split(":");
    if (at.length === 2) cb.select({ layer: at[0], id: at[1] });
  });
})(window.citybrain);
