/* Canvas layers from vector tiles inside the dash-leaflet map.
 *
 * In the layout:   dl.LayerGroup(id=…, eventHandlers={"add": {"variable": "citybrain.addCanvasLayers"}})   in the map, and
 *                  html.Div(hidden=True, **{"data-citybrain-layers": json.dumps([{…}, {…}])})   anywhere, where each is
 *   {"id": "components", "layer": "city_components", "url": "/tiles/city_components/{z}/{x}/{y}.pbf", "version": "…",
 *    "shown": true, "minZoom": 0, "maxZoom": 22, "pane": "overlayPane", "order": 50, "about": {…}, "style": {…}}
 *   (url: that is its default; about: TileService.tilejson(layer, "") when it is at hand, else it is fetched)
 * style: {"type", "colors": {code: css}, "default": css, "radius": px | {zoom: px}, "state_colors": {code: css}, "opacity",
 *    "widths": {code: px | {zoom: px}}, "weight", "casing": css, "casing_from_zoom", "outline": css, "stale": bool,
 *    "hatch": [code], "labels": {"min_zoom", "size", "color", "halo", "font"}}; a css may be a token ("--level-red");
 *    "colours", "state_colours" and "colour" are read as "colors", "state_colors" and "default".
 * Later:   citybrain.canvasLayers[id].setFilter({classes: ["01"] | Set | null, states: … | null}) · .setStyle({…}) ·
 *          .refresh(version) · citybrain.showCanvasLayer(id, true|false).
 * Filters name values of the layer's class and state columns (geodata/datasets.py); "" stands for "has none".
 * By hand: citybrain.mvtLayer({url, layer, style, …}).addTo(map).
 */
(function () {
  "use strict";
  const citybrain = (window.citybrain = window.citybrain || {});
  const KEPT_TILES = 240;
  const SAME_SITE = { credentials: "same-origin" };
  citybrain.canvasLayers = citybrain.canvasLayers || {};

  function css(value) {
    if (typeof value !== "string" || !value.startsWith("--")) return value;
    return getComputedStyle(document.documentElement).getPropertyValue(value).trim() || "#888888";
  }

  function resolved(style) {
    const each = (map) => Object.fromEntries(Object.entries(map || {}).map(([key, value]) => [key, css(value)]));
    return {
      ...style,
      colors: each(style.colors || style.colours),
      stateColors: each(style.state_colors || style.state_colours),
      default: css(style.default || style.colour || "#7aa2d6"),
      widths: style.widths || {},
      casing: css(style.casing),
      casingFromZoom: style.casing_from_zoom ?? 13,
      outline: css(style.outline),
      opacity: style.opacity ?? 0.85,
      hatch: (style.hatch || []).map(String),
      hatchColor: css(style.hatch_color || "#9aa4b2"),
      staleColor: css(style.stale_color || "#59616d"),
      labels: style.labels && { ...style.labels, color: css(style.labels.color), halo: css(style.labels.halo) },
    };
  }

  const asSet = (values) => (values === null || values === undefined ? null : new Set([...values].map(String)));

  function layerClass() {
    return window.L.GridLayer.extend({
      options: { tileSize: 256, keepBuffer: 1, updateWhenZooming: false, maxNativeZoom: 20, maxZoom: 22, minZoom: 0 },

      initialize: function (options) {
        window.L.setOptions(this, options);
        this._style = resolved(options.style || {});
        this._filter = { classes: null, states: null };
        this._version = options.version || "";
        this._decoded = new Map();
        this._about = null;
        this.on("tileunload", (event) => event.tile.aborter?.abort());
      },

      createTile: function (coords, done) {
        const tile = document.createElement("canvas");
        const ratio = Math.min(window.devicePixelRatio || 1, 2);
        tile.width = tile.height = this.getTileSize().x * ratio;
        tile.place = { x: coords.x, y: coords.y, z: coords.z };
        tile.ratio = ratio;
        this._fill(tile).then(() => done(null, tile), (error) => error.name === "AbortError" || done(error, tile));
        return tile;
      },

      /* Fetch, decode and draw one tile; a tile that left the map stops its fetch. */
      _fill: async function (tile) {
        tile.aborter = new AbortController();
        const about = await this._tilejson();
        tile.aborter.signal.throwIfAborted();
        const key = `${tile.place.z}/${tile.place.x}/${tile.place.y}`;
        let data = this._outside(tile.place, about.bounds) ? null : this._decoded.get(key);
        if (data === undefined) {
          const priority = this.options.priority || (this._style.type === "point" ? "high" : "low"); // points before the base map
          const answer = await fetch(this._address(tile.place), { ...SAME_SITE, priority, signal: tile.aborter.signal });
          if (!answer.ok) throw new Error(`瓦片读取失败(${answer.status})`);
          data = citybrain.decodeMvt(await answer.arrayBuffer());
        }
        this._decoded.delete(key);
        this._decoded.set(key, data);
        if (this._decoded.size > KEPT_TILES) this._decoded.delete(this._decoded.keys().next().value);
        tile.data = data;
        this._draw(tile, about);
      },

      /* Nothing lies there: no need to ask. Half a tile of slack for what is drawn across the edge. */
      _outside: function (place, bounds) {
        if (!bounds) return false;
        const tiles = Math.pow(2, place.z);
        const column = (lon) => ((lon + 180) / 360) * tiles;
        const line = (lat) => (0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI)) * tiles;
        const [west, south, east, north] = bounds;
        const beside = place.x + 1.5 < column(west) || place.x - 0.5 > column(east);
        return beside || place.y + 1.5 < line(north) || place.y - 0.5 > line(south);
      },

      _address: function (place) {
        const url = window.L.Util.template(this.options.url, place);
        return this._version ? `${url}${url.includes("?") ? "&" : "?"}v=${encodeURIComponent(this._version)}` : url;
      },

      /* What the server says of the layer (its TileJSON): bounds, how bad a state is, how full a cell may be.
         Asked once a version, or given as options.about. */
      _tilejson: function () {
        const url = this.options.tilejson || this.options.url.replace(/\/\{z\}.*$/, ".json");
        const facts = (found) => {
          const about = { ...found.citybrain, bounds: found.bounds };
          this._version = this._version || about.version || ""; // a tile's address names its version: kept for a day
          return about;
        };
        if (!this._about && this.options.about) this._about = Promise.resolve(facts(this.options.about));
        this._about = this._about || fetch(url, { ...SAME_SITE, priority: "high" })
          .then((answer) => (answer.ok ? answer.json() : {}))
          .then(facts, () => ({}));
        return this._about;
      },

      _draw: function (tile, about) {
        citybrain.drawMvt(tile, tile.data, {
          style: this._style,
          filter: this._filter,
          zoom: tile.place.z,
          ratio: tile.ratio,
          pixels: tile.width,
          rank: about.state_rank || {},
          cellsPerTile: about.cells_per_tile || 16,
          reference: about.cell_reference?.[tile.place.z] || 100,
        });
      },

      redrawTiles: async function () {
        const about = await this._tilejson();
        for (const { el } of Object.values(this._tiles || {})) if (el.data !== undefined) this._draw(el, about);
      },

      /* Show only these classes and states (null: all), from what is already decoded. */
      setFilter: function (filter) {
        this._filter = { classes: asSet(filter.classes), states: asSet(filter.states) };
        return this.redrawTiles();
      },

      setStyle: function (style) {
        this._style = resolved({ ...this.options.style, ...style });
        return this.redrawTiles();
      },

      /* Ask whether the data changed since; if so, take the new version. */
      lookAgain: async function () {
        const answer = await fetch(this.options.tilejson || this.options.url.replace(/\/\{z\}.*$/, ".json"), SAME_SITE);
        const version = answer.ok ? (await answer.json()).citybrain?.version : "";
        if (version && version !== this._version) await this.refresh(version);
      },

      /* The data changed: fetch anew what is on screen, leaving the old picture until the new one is there. */
      refresh: function (version) {
        this._version = version === undefined ? String(Date.now()) : version;
        this._decoded.clear();
        this._about = null;
        delete this.options.about;
        const again = Object.values(this._tiles || {}).map(({ el }) => {
          el.aborter?.abort();
          return this._fill(el).catch((error) => error.name === "AbortError" || this.fire("tileerror", { error, tile: el }));
        });
        return Promise.all(again);
      },
    });
  }

  citybrain.mvtLayer = function (options) {
    citybrain.MvtLayer = citybrain.MvtLayer || layerClass();
    return new citybrain.MvtLayer(options);
  };

  function configured() {
    const found = [...(citybrain.canvasLayerConfig || [])];
    for (const holder of document.querySelectorAll("[data-citybrain-layers]")) {
      found.push(...JSON.parse(holder.getAttribute("data-citybrain-layers")));
    }
    return found;
  }

  /* dash-leaflet calls this as (event, context) when the LayerGroup is added; context.map is the Leaflet map. */
  citybrain.addCanvasLayers = function (event, context) {
    const map = (context && context.map) || event.target._map;
    for (const config of configured()) {
      const old = citybrain.canvasLayers[config.id];
      if (old) old.remove();
      const url = config.url || `/tiles/${config.layer}/{z}/{x}/{y}.pbf`;
      const options = { zIndex: config.order ?? 10, ...config, url };
      const layer = citybrain.mvtLayer(options);
      layer.home = map;
      citybrain.canvasLayers[config.id] = layer;
      if (config.shown !== false) layer.addTo(map);
    }
    document.dispatchEvent(new CustomEvent("citybrain:canvas-layers", { detail: { map } }));
  };

  citybrain.showCanvasLayer = function (id, shown) {
    const layer = citybrain.canvasLayers[id];
    if (!layer) return false;
    if (shown) layer.addTo(layer.home);
    else layer.remove();
    return true;
  };
})();
