/* Mapbox Vector Tile 2.1 → typed arrays, for the canvas layers (mvt_layer.js).
 *
 * citybrain.decodeMvt(arrayBuffer) → null (nothing there) or
 *   { kind: 1|2|3, extent, count, values: [..], c, s, id, name: Uint32Array (index into values; 0xFFFFFFFF: none),
 *     xs, ys: Int32Array, features: Uint32Array (first part), parts: Uint32Array (first vertex),
 *     cells: null or { keys: [{c, s}], starts, key, n, total } }      — points need no features/parts: one vertex each
 */
(function () {
  "use strict";
  const citybrain = (window.citybrain = window.citybrain || {});
  const NONE = 0xffffffff;
  const text = new TextDecoder();

  class Reader {
    constructor(bytes, from, to) {
      this.bytes = bytes;
      this.at = from;
      this.end = to;
    }
    varint() {
      const bytes = this.bytes;
      let byte = bytes[this.at++];
      let value = byte & 127;
      if (byte < 128) return value;
      byte = bytes[this.at++];
      value |= (byte & 127) << 7;
      if (byte < 128) return value;
      byte = bytes[this.at++];
      value |= (byte & 127) << 14;
      if (byte < 128) return value;
      let scale = 2097152;
      do {
        if (this.at >= this.end) throw new Error("vector tile is cut short");
        byte = bytes[this.at++];
        value += (byte & 127) * scale;
        scale *= 128;
      } while (byte > 127);
      return value;
    }
    /* What follows a tag, as [from, to) for bytes or skipped for the rest. */
    block() {
      const size = this.varint();
      const from = this.at;
      this.at += size;
      if (this.at > this.end) throw new Error("vector tile is cut short");
      return [from, this.at];
    }
    skip(wire) {
      if (wire === 0) this.varint();
      else if (wire === 1) this.at += 8;
      else if (wire === 2) this.block();
      else if (wire === 5) this.at += 4;
      else throw new Error("vector tile has an unknown wire type");
    }
  }

  function readValue(bytes, from, to) {
    const reader = new Reader(bytes, from, to);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    let value = null;
    while (reader.at < to) {
      const tag = reader.varint();
      const field = tag >> 3;
      if (field === 1) {
        const [a, b] = reader.block();
        value = text.decode(bytes.subarray(a, b));
      } else if (field === 2) {
        value = view.getFloat32(reader.at, true);
        reader.at += 4;
      } else if (field === 3) {
        value = view.getFloat64(reader.at, true);
        reader.at += 8;
      } else if (field === 4 || field === 5) value = reader.varint();
      else if (field === 6) {
        const raw = reader.varint();
        value = raw % 2 ? -(raw + 1) / 2 : raw / 2;
      } else if (field === 7) value = Boolean(reader.varint());
      else reader.skip(tag & 7);
    }
    return value;
  }

  /* The layer's table of contents: where its features are, its keys and its values. */
  function readLayer(bytes, from, to) {
    const reader = new Reader(bytes, from, to);
    const layer = { extent: 4096, keys: [], values: [], places: [] };
    while (reader.at < to) {
      const tag = reader.varint();
      const field = tag >> 3;
      if (field === 2) {
        const [a, b] = reader.block();
        layer.places.push(a, b);
      } else if (field === 3) {
        const [a, b] = reader.block();
        layer.keys.push(text.decode(bytes.subarray(a, b)));
      } else if (field === 4) {
        const [a, b] = reader.block();
        layer.values.push(readValue(bytes, a, b));
      } else if (field === 5) layer.extent = reader.varint();
      else reader.skip(tag & 7);
    }
    return layer;
  }

  class Grow {
    constructor(Kind, size) {
      this.data = new Kind(size);
      this.size = 0;
    }
    push(value) {
      if (this.size === this.data.length) {
        const wider = new this.data.constructor(this.size * 2 + 16);
        wider.set(this.data);
        this.data = wider;
      }
      this.data[this.size++] = value;
    }
  }

  function readGeometry(reader, to, out, kind) {
    let x = 0;
    let y = 0;
    while (reader.at < to) {
      const command = reader.varint();
      const id = command & 7;
      if (id === 7) continue;
      if (id === 1 && kind !== 1) out.parts.push(out.xs.size);
      for (let left = command >> 3; left > 0; left--) {
        let raw = reader.varint();
        x += (raw >> 1) ^ -(raw & 1);
        raw = reader.varint();
        y += (raw >> 1) ^ -(raw & 1);
        out.xs.push(x);
        out.ys.push(y);
      }
    }
  }

  function readFeatures(bytes, layer) {
    const count = layer.places.length / 2;
    const cells = layer.keys[0] === "n" ? cellTable(layer.keys) : null;
    const roles = layer.keys.map((key) => ["c", "s", "id", "name"].indexOf(key));
    const columns = [0, 1, 2, 3].map(() => new Uint32Array(count).fill(NONE));
    const out = { xs: new Grow(Int32Array, count), ys: new Grow(Int32Array, count), parts: new Grow(Uint32Array, 16) };
    const features = new Uint32Array(count + 1);
    let kind = 0;
    for (let row = 0; row < count; row++) {
      const to = layer.places[2 * row + 1];
      const reader = new Reader(bytes, layer.places[2 * row], to);
      features[row] = out.parts.size;
      if (cells) cells.starts[row] = cells.key.size;
      while (reader.at < to) {
        const tag = reader.varint();
        const field = tag >> 3;
        if (field === 3) kind = reader.varint();
        else if (field === 2) {
          const [from, end] = reader.block();
          readTags(new Reader(bytes, from, end), layer, roles, columns, cells, row);
        } else if (field === 4) {
          const [from, end] = reader.block();
          reader.at = from;
          readGeometry(reader, end, out, kind);
          reader.at = end;
        } else reader.skip(tag & 7);
      }
    }
    features[count] = out.parts.size;
    out.parts.push(out.xs.size);
    if (cells) cells.starts[count] = cells.key.size;
    const [c, s, id, name] = columns;
    const places = { xs: out.xs.data.subarray(0, out.xs.size), ys: out.ys.data.subarray(0, out.ys.size) };
    const parts = out.parts.data.subarray(0, out.parts.size);
    return { kind, extent: layer.extent, count, values: layer.values, c, s, id, name, ...places, features, parts, cells };
  }

  function cellTable(keys) {
    const pairs = keys.map((key) => {
      const bar = key.indexOf("|");
      return bar < 0 ? null : { c: key.slice(0, bar), s: key.slice(bar + 1) };
    });
    return { keys: pairs, starts: [], key: new Grow(Uint16Array, 256), n: new Grow(Uint32Array, 256), total: [] };
  }

  function readTags(tags, layer, roles, columns, cells, row) {
    while (tags.at < tags.end) {
      const key = tags.varint();
      const value = tags.varint();
      if (cells) {
        if (key === 0) cells.total[row] = layer.values[value];
        else if (cells.keys[key]) {
          cells.key.push(key);
          cells.n.push(layer.values[value]);
        }
      } else if (roles[key] >= 0) columns[roles[key]][row] = value;
    }
  }

  citybrain.decodeMvt = function (buffer) {
    const bytes = new Uint8Array(buffer);
    const reader = new Reader(bytes, 0, bytes.length);
    while (reader.at < bytes.length) {
      const tag = reader.varint();
      if (tag >> 3 === 3) {
        const [from, to] = reader.block();
        return readFeatures(bytes, readLayer(bytes, from, to));
      }
      reader.skip(tag & 7);
    }
    return null;
  };
  citybrain.MVT_NONE = NONE;
})();
