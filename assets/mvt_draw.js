/* Drawing of decoded vector tiles on a canvas: points, cells, lines, polygons (used by mvt_layer.js). */
(function () {
  "use strict";
  const citybrain = (window.citybrain = window.citybrain || {});
  const NONE = 0xffffffff;
  const DENSE = 1200; // more points than this go through ImageData

  /* A number, or the entry of {zoom: number} at or below `zoom`. */
  function atZoom(value, zoom, fallback) {
    if (typeof value === "number") return value;
    if (!value || typeof value !== "object") return fallback;
    const stops = Object.keys(value).map(Number).sort((a, b) => a - b);
    let chosen = value[stops[0]];
    for (const stop of stops) if (stop <= zoom) chosen = value[stop];
    return chosen;
  }

  const rgba = new Map();
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  /* [r, g, b] of any CSS colour. */
  function rgb(css) {
    if (!rgba.has(css)) {
      probe.fillStyle = "#888";
      probe.fillStyle = css;
      probe.fillRect(0, 0, 1, 1);
      rgba.set(css, probe.getImageData(0, 0, 1, 1).data.slice(0, 3));
    }
    return rgba.get(css);
  }

  /* For every value of the tile: its colour by class, its colour by state, and whether the filter lets it through. */
  function tables(data, style, filter) {
    const colors = data.values.map((value) => style.colors[value] || style.default);
    const states = data.values.map((value) => style.stateColors[value] || null);
    const classes = data.values.map((value) => !filter.classes || filter.classes.has(String(value)));
    const shown = data.values.map((value) => !filter.states || filter.states.has(String(value)));
    return { colors, states, classes, shown };
  }

  function visible(data, row, table, filter) {
    const c = data.c[row];
    const s = data.s[row];
    if (filter.classes && !(c === NONE ? filter.classes.has("") : table.classes[c])) return false;
    return !filter.states || (s === NONE ? filter.states.has("") : table.shown[s]);
  }

  function drawPoints(context, data, view) {
    const table = tables(data, view.style, view.filter);
    const radius = atZoom(view.style.radius, view.zoom, 3) * view.ratio;
    const rows = [];
    const bad = [];
    for (let row = 0; row < data.count; row++) {
      if (!visible(data, row, table, view.filter)) continue;
      const s = data.s[row];
      (s !== NONE && table.states[s] ? bad : rows).push(row);
    }
    const scale = view.pixels / data.extent;
    if (rows.length + bad.length > DENSE) return drawDense(context, data, view, table, rows, bad, radius, scale);
    for (const row of rows) disc(context, data.xs[row] * scale, data.ys[row] * scale, radius, fill(data, row), null);
    for (const row of bad) {
      const ring = table.states[data.s[row]];
      disc(context, data.xs[row] * scale, data.ys[row] * scale, radius, fill(data, row), ring, 1.5 * view.ratio);
    }
    function fill(tile, row) {
      return tile.c[row] === NONE ? view.style.default : table.colors[tile.c[row]];
    }
  }

  function disc(context, x, y, radius, fill, ring, width) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    if (!ring) return;
    context.lineWidth = width;
    context.strokeStyle = ring;
    context.stroke();
  }

  /* Thousands of points: pixels written straight into memory. A bad state takes the whole dot, one pixel larger. */
  function drawDense(context, data, view, table, rows, bad, radius, scale) {
    const size = view.pixels;
    const image = context.createImageData(size, size);
    const pixels = new Uint32Array(image.data.buffer);
    const packed = (css) => {
      const [r, g, b] = rgb(css);
      return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
    };
    const colors = table.colors.map(packed);
    const states = table.states.map((css) => (css ? packed(css) : 0));
    const plain = packed(view.style.default);
    for (const [list, reach, isBad] of [[rows, radius, false], [bad, radius + view.ratio, true]]) {
      const offsets = discOffsets(reach);
      for (const row of list) {
        const x = Math.round(data.xs[row] * scale);
        const y = Math.round(data.ys[row] * scale);
        const color = isBad ? states[data.s[row]] : data.c[row] === NONE ? plain : colors[data.c[row]];
        for (let at = 0; at < offsets.length; at += 2) {
          const px = x + offsets[at];
          const py = y + offsets[at + 1];
          if (px >= 0 && py >= 0 && px < size && py < size) pixels[py * size + px] = color;
        }
      }
    }
    context.putImageData(image, 0, 0);
  }

  function discOffsets(radius) {
    const offsets = [];
    const reach = Math.max(0, Math.ceil(radius));
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) if (dx * dx + dy * dy <= radius * radius + 0.2) offsets.push(dx, dy);
    }
    return offsets;
  }

  /* One disc a cell: its area shows how many pass the filter, its colour the commonest class, its ring the worst state. */
  function drawCells(context, data, view) {
    const { style, filter, ratio } = view;
    const half = (view.pixels / view.cellsPerTile / 2) * 0.94;
    const scale = view.pixels / data.extent;
    for (let row = 0; row < data.count; row++) {
      const seen = cellSum(data.cells, row, filter, view.rank);
      if (!seen.n) continue;
      const radius = Math.max(1.2 * ratio, half * Math.sqrt(Math.min(1, seen.n / view.reference)));
      const ring = style.stateColors[seen.worst] || null;
      context.globalAlpha = style.opacity;
      const x = data.xs[row] * scale;
      const y = data.ys[row] * scale;
      disc(context, x, y, radius, style.colors[seen.top] || style.default, ring, Math.min(1.5 * ratio, radius));
    }
    context.globalAlpha = 1;
  }

  function cellSum(cells, row, filter, rank) {
    const perClass = {};
    let n = 0;
    let worst = "";
    let top = "";
    for (let at = cells.starts[row]; at < cells.starts[row + 1]; at++) {
      const pair = cells.keys[cells.key.data[at]];
      if (filter.classes && !filter.classes.has(pair.c)) continue;
      if (filter.states && !filter.states.has(pair.s)) continue;
      const many = cells.n.data[at];
      n += many;
      perClass[pair.c] = (perClass[pair.c] || 0) + many;
      if (perClass[pair.c] > (perClass[top] || 0)) top = pair.c;
      if (pair.s && (!worst || (rank[pair.s] ?? 1) > (rank[worst] ?? 1))) worst = pair.s;
    }
    return { n, worst, top };
  }

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

  citybrain.drawMvt = function (canvas, data, view) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!data || !data.count) return;
    if (data.cells) drawCells(context, data, view);
    else [null, drawPoints, drawLines, drawPolygons][data.kind]?.(context, data, view);
  };
})();
