/* Drawing of decoded vector tiles on a canvas: lines with casings and names, polygons with hatching (see mvt_draw.js). */
(function () {
  "use strict";
  const citybrain = (window.citybrain = window.citybrain || {});
  const NONE = 0xffffffff;
  const { atZoom, tables, visible } = citybrain.mvtParts;

  function trace(context, data, row, scale, close) {
    for (let part = data.features[row]; part < data.features[row + 1]; part++) {
      for (let at = data.parts[part]; at < data.parts[part + 1]; at++) {
        const x = data.xs[at] * scale;
        const y = data.ys[at] * scale;
        if (at === data.parts[part]) context.moveTo(x, y);
        else context.lineTo(x, y);
      }
      if (close) context.closePath();
    }
  }

  /* Rows that pass the filter, by class value ("" when it has none). */
  function byClass(data, view) {
    const table = tables(data, view.style, view.filter);
    const groups = new Map();
    for (let row = 0; row < data.count; row++) {
      if (!visible(data, row, table, view.filter)) continue;
      const key = data.c[row] === NONE ? "" : data.values[data.c[row]];
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    return groups;
  }

  /* Narrow roads first; every casing before any fill, so that crossings join. */
  function drawLines(context, data, view) {
    const { style, ratio, zoom } = view;
    const scale = view.pixels / data.extent;
    const width = (key) => atZoom(style.widths[key] ?? style.weight, zoom, 1.5) * ratio;
    const groups = [...byClass(data, view)].sort((a, b) => width(a[0]) - width(b[0]));
    context.lineJoin = context.lineCap = "round";
    const passes = style.casing && zoom >= style.casingFromZoom ? [true, false] : [false];
    for (const casing of passes) {
      for (const [key, rows] of groups) {
        context.beginPath();
        for (const row of rows) trace(context, data, row, scale, false);
        context.strokeStyle = casing ? style.casing : style.colors[key] || style.default;
        context.lineWidth = width(key) + (casing ? 2 * ratio : 0);
        context.stroke();
      }
    }
    if (style.labels && zoom >= (style.labels.min_zoom ?? 14)) drawLineLabels(context, data, view, scale);
  }

  /* A name along the longest straight piece, once a tile, only where it fits whole. */
  function drawLineLabels(context, data, view, scale) {
    const best = new Map();
    for (let at = 0; at < data.count; at++) {
      const name = data.name[at] === NONE ? "" : data.values[data.name[at]];
      if (!name) continue;
      for (let i = data.parts[data.features[at]]; i < data.parts[data.features[at + 1]] - 1; i++) {
        const [x, y] = [data.xs[i] * scale, data.ys[i] * scale];
        const [dx, dy] = [data.xs[i + 1] * scale - x, data.ys[i + 1] * scale - y];
        const length = Math.hypot(dx, dy);
        if (!best.has(name) || best.get(name).length < length) {
          best.set(name, { length, x: x + dx / 2, y: y + dy / 2, turn: Math.atan2(dy, dx) });
        }
      }
    }
    const size = (view.style.labels.size ?? 11) * view.ratio;
    context.font = `${size}px ${view.style.labels.font || "sans-serif"}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [name, spot] of best) label(context, name, spot, size, view);
  }

  function label(context, name, spot, size, view) {
    const half = context.measureText(name).width / 2;
    const inside = (value) => value - half > 0 && value + half < view.pixels;
    if (spot.length < half * 1.6 || !inside(spot.x) || !inside(spot.y)) return;
    const upright = Math.abs(spot.turn) > Math.PI / 2 ? spot.turn + Math.PI : spot.turn;
    context.save();
    context.translate(spot.x, spot.y);
    context.rotate(upright);
    context.lineWidth = size / 4;
    context.strokeStyle = view.style.labels.halo || "#0b1220";
    context.strokeText(name, 0, 0);
    context.fillStyle = view.style.labels.color || "#c8d3e6";
    context.fillText(name, 0, 0);
    context.restore();
  }

  function drawPolygons(context, data, view) {
    const { style, ratio } = view;
    const scale = view.pixels / data.extent;
    for (const [key, rows] of byClass(data, view)) {
      context.beginPath();
      for (const row of rows) trace(context, data, row, scale, true);
      context.globalAlpha = style.opacity;
      context.fillStyle = style.stale ? style.staleColor : style.colors[key] || style.default;
      context.fill();
      context.globalAlpha = 1;
      if (style.stale || style.hatch.includes(key)) {
        context.fillStyle = hatch(context, style.hatchColor, ratio);
        context.fill();
      }
      if (style.outline) {
        context.strokeStyle = style.outline;
        context.lineWidth = (style.weight || 0.6) * ratio;
        context.stroke();
      }
    }
  }

  function hatch(context, color, ratio) {
    const size = Math.round(8 * ratio); // divides the tile, so the lines join across tiles
    const small = document.createElement("canvas");
    small.width = small.height = size;
    const pen = small.getContext("2d");
    pen.strokeStyle = color;
    pen.lineWidth = ratio;
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift, size);
      pen.lineTo(shift + size, 0);
    }
    pen.stroke();
    return context.createPattern(small, "repeat");
  }

  Object.assign(citybrain.mvtParts, { drawLines, drawPolygons });
})();
