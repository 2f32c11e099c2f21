/* What moves on the map: waterlogging points by their live depth, and a pulse for each alert. */
"use strict";
(function (cb) {
  const L = () => window.L;
  /* ---- live waterlogging points: colour by depth, hatched grey when silent ---- */
  let map = null, markers = [];
  const pointNames = new Map(); // sensor → name of its point
  cb.pointName = (sensor) => pointNames.get(sensor) || sensor;
  cb.fillPoints = function (layer, data, group) {
    markers = [];
    const renderer = L().canvas({ pane: "live", padding: 0.3 });
    for (const feature of data.features) {
      const [lon, lat] = feature.geometry.coordinates, props = feature.properties;
      const marker = L().circleMarker([lat, lon], { renderer, pane: "live", radius: layer.style.radius, weight: 1.2 });
      marker.city = { layer: layer.source, id: props.id, sensor: props.sensor_id, kind: props.kind, lon, lat };
      marker.on("click", (event) => { L().DomEvent.stop(event); cb.select({ layer: layer.source, id: props.id }); });
      marker.addTo(group);
      markers.push(marker);
      if (props.sensor_id) pointNames.set(props.sensor_id, props.name);
    }
    for (const [sensor, row] of Object.entries(cb.state.depths || {})) if (!cb.depths.has(sensor)) cb.depths.set(sensor, row);
    paintDepths();
    cb.emit("points-named");
  };
  cb.paintDepths = paintDepths;
  function paintDepths() {
    const layer = cb.layerConfig("waterlogging"), hidden = cb.hiddenOf("waterlogging").kind, zoom = map ? map.getZoom() : 9;
    const scale = cb.scale() * (zoom < 10 ? 0.7 : zoom >= 13 ? 1.6 : 1), calm = cb.token(layer.style.colour), stale = cb.token("--stale"), edge = cb.token("--bg");
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
  setInterval(() => { if (map) paintDepths(); }, 30000);

  /* ---- alert pulses ---- */
  let pulses = null;
  const pulseOf = new Map();
  function drawPulses() {
    if (!map) return;
    const wanted = clusters();
    for (const [id, marker] of pulseOf) if (!wanted.has(id)) { marker.remove(); pulseOf.delete(id); }
    for (const [id, { alert, count }] of wanted) {
      const kind = `pulse at-${alert.level}` + (alert.acknowledged_at ? " is-acked" : "");
      let marker = pulseOf.get(id);
      if (marker && marker.kind === kind + count) continue;
      const more = count > 1 ? cb.h("span", { class: "n" }, String(count)) : "";
      const body = cb.h("div", { title: count > 1 ? `${alert.headline} 等 ${count} 条` : alert.headline }, cb.h("i", {}, cb.LEVEL_MARKS[alert.level]), more);
      const icon = L().divIcon({ className: kind, html: body, iconSize: [22, 22] });
      if (marker) marker.setIcon(icon);
      else {
        marker = L().marker([alert.lat, alert.lon], { icon, pane: "pulses", keyboard: false, zIndexOffset: alert.level_no * 100 });
        marker.on("click", () => cb.selectAlert(id));
        marker.addTo(pulses);
        pulseOf.set(id, marker);
      }
      marker.kind = kind + count;
    }
  }
  /** Alerts that would lie on each other share one mark: that of the worst among them, with their number. */
  function clusters() {
    const all = cb.worstAlerts(), crowd = all.length > 1000 ? 3 : all.length > 300 ? 2 : 1; // the more there are, the wider each mark stands
    const size = 26 * cb.scale() * crowd, zoom = map.getZoom(), taken = new Map(), found = new Map();
    for (const alert of all) {
      if (alert.lon === null || alert.lat === null) continue;
      const at = map.project([alert.lat, alert.lon], zoom), x = Math.floor(at.x / size), y = Math.floor(at.y / size);
      let first = null;
      for (let dx = -1; dx <= 1 && !first; dx++) for (let dy = -1; dy <= 1 && !first; dy++) {
        const near = taken.get(`${x + dx}/${y + dy}`);
        if (near && Math.hypot(near.at.x - at.x, near.at.y - at.y) < size) first = near;
      }
      if (first) { first.count++; continue; }
      const entry = { alert, at, count: 1 };
      taken.set(`${x}/${y}`, entry);
      found.set(alert.id, entry);
    }
    return found;
  }
  cb.on("map-ready", (ready) => {
    map = ready;
    pulses = L().layerGroup([], { pane: "pulses" }).addTo(map);
    cb.on("alerts-drawn", drawPulses);
    cb.on("depths", paintDepths);
    map.on("zoomend", () => { paintDepths(); drawPulses(); });
    drawPulses();
  });
})(window.citybrain);
