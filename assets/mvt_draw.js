/* Drawing of decoded vector tiles on a canvas: points and cells here, the rest in mvt_draw_shapes.js. */
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

  citybrain.mvtParts = Object.assign(citybrain.mvtParts || {}, { atZoom, tables, visible });
  citybrain.drawMvt = function (canvas, data, view) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!data || !data.count) return;
    if (data.cells) drawCells(context, data, view);
    else [null, drawPoints, citybrain.mvtParts.drawLines, citybrain.mvtParts.drawPolygons][data.kind]?.(context, data, view);
  };
})();
