/* Folding: a storm of alerts as at most ten lines. A red one is never out of sight: it stands in a red line that counts it. */
"use strict";
(function (cb) {
  const LINES = 10;
  const at = (alert) => alert.fired_ms ?? Date.parse(alert.fired_at);
  /** Worst first, then those nobody has seen to, then the newest. */
  cb.alertOrder = (a, b) => b.level_no - a.level_no || !!a.acknowledged_at - !!b.acknowledged_at || at(b) - at(a) || (a.id < b.id ? 1 : -1);
  const real = (alert) => (alert.status === "Exercise" ? "演练" : alert.status === "Actual" ? "" : alert.status);
  /* three ways to belong together, ever wider; a drill never lies in one line with what is real */
  const fine = (alert) => (alert.incident_id ? `i|${alert.incident_id}|${real(alert)}` : `e|${alert.event}|${alert.county || ""}|${real(alert)}`);
  const wide = (alert) => (alert.incident_id ? `i|*|${real(alert)}` : `e|${alert.event}|*|${real(alert)}`);
  const rest = (alert) => `*|${real(alert)}`;

  function group(alerts, keyOf) {
    const found = new Map();
    for (const alert of alerts) {
      const key = keyOf(alert);
      const line = found.get(key);
      if (line) line.alerts.push(alert); else found.set(key, { key, alerts: [alert] });
    }
    return found;
  }
  const worst = (line) => line.alerts[0].level_no; // each line's alerts are worst first
  /** Of the narrow lines that a wider key would join, the family that is mildest, then largest. */
  function nextFamily(lines) {
    const families = new Map();
    for (const line of lines) {
      const key = wide(line.alerts[0]), family = families.get(key) || { key, lines: 0, worst: 0, size: 0 };
      family.lines++; family.size += line.alerts.length; family.worst = Math.max(family.worst, worst(line));
      families.set(key, family);
    }
    return [...families.values()].filter((one) => one.lines > 1).sort((a, b) => a.worst - b.worst || b.lines - a.lines || b.size - a.size || (a.key < b.key ? -1 : 1))[0];
  }
  function join(lines, key) {
    const inside = (line) => wide(line.alerts[0]) === key;
    return [...lines.filter((line) => !inside(line)), { key, alerts: lines.filter(inside).flatMap((line) => line.alerts).sort(cb.alertOrder) }];
  }
  /** The worst lines stay; what is left makes one line for each kind (real, drill, test). */
  function withRest(lines, limit) {
    const kinds = new Set(lines.map((line) => rest(line.alerts[0]))).size;
    const kept = [...lines].sort(lineOrder).slice(0, limit - kinds), known = new Set(kept);
    const left = lines.filter((line) => !known.has(line)).flatMap((line) => line.alerts).sort(cb.alertOrder);
    return [...kept, ...group(left, rest).values()];
  }
  /**
   * The lines of `alerts`: {key, alerts (worst first), one (a single alert that stands for itself)}; at most `limit` of them,
   * every alert in exactly one. Reds stand singly while there is room. The order of lines does not change by what arrives inside them.
   */
  cb.foldAlerts = function (alerts, limit = LINES) {
    const all = [...alerts].sort(cb.alertOrder);
    if (all.length <= limit) return all.map(single);
    let lines = [...group(all, fine).values()];
    for (let family = nextFamily(lines); lines.length > limit && family; family = nextFamily(lines)) lines = join(lines, family.key);
    if (lines.length > limit) lines = withRest(lines, limit);
    return showReds(lines, limit).map((line) => (line.alerts.length === 1 ? single(line.alerts[0]) : line)).sort(lineOrder);
  };
  const single = (alert) => ({ key: alert.id, alerts: [alert], one: alert });
  /** While there is room, the reds of the line with the fewest of them stand before it, each for itself. */
  function showReds(lines, limit) {
    let room = limit - lines.length;
    const reds = (line) => line.alerts.filter((alert) => alert.level_no >= 4).length;
    for (const line of [...lines].filter((one) => one.alerts.length > 1 && reds(one)).sort((a, b) => reds(a) - reds(b) || (a.key < b.key ? -1 : 1))) {
      const n = reds(line), gone = n === line.alerts.length ? 1 : 0;
      if (n - gone > room) continue;
      room -= n - gone;
      lines = lines.filter((one) => one !== line).concat(line.alerts.slice(0, n).map(single), gone ? [] : [{ key: line.key, alerts: line.alerts.slice(n) }]);
    }
    return lines;
  }
  const unseen = (line) => line.alerts.some((alert) => alert.level_no === worst(line) && !alert.acknowledged_at);
  /* lines of one level keep their place by when they began, so that nothing jumps under the officer's hand */
  const began = (line) => line.began ?? (line.began = line.alerts.reduce((least, alert) => Math.min(least, at(alert)), Infinity));
  function lineOrder(a, b) {
    return worst(b) - worst(a) || unseen(b) - unseen(a) || (a.one && b.one ? cb.alertOrder(a.one, b.one) : began(b) - began(a)) || (a.key < b.key ? -1 : 1);
  }
  /** A county by its name; some sources send the name itself. */
  cb.countyName = (code) => (cb.state && cb.state.counties && cb.state.counties[code]) || code || "区县未知";
  /** What a line is called: the incident, the event and where, or what is left. */
  cb.lineTitle = function (line) {
    const [kind, what, where] = line.key.split("|");
    if (kind === "i") return what === "*" ? `${new Set(line.alerts.map((alert) => alert.incident_id)).size} 起处置中的事件` : cb.incidentTitle(what);
    const counties = [...new Set(line.alerts.map((alert) => alert.county).filter(Boolean))];
    if (kind === "e") return where === "*" ? `${what} · ${counties.length > 1 ? counties.length + " 个区县" : (counties.length ? cb.countyName(counties[0]) : "多处")}` : `${what} · ${cb.countyName(where)}`;
    const events = new Set(line.alerts.map((alert) => alert.event));
    return events.size === 1 ? `其他 ${[...events][0]}` : `其他 ${events.size} 类告警`;
  };
  cb.levelCounts = function (alerts) {
    const sums = { red: 0, orange: 0, yellow: 0, blue: 0, none: 0 };
    for (const alert of alerts) sums[alert.level in sums ? alert.level : "none"]++;
    return sums;
  };
})(window.citybrain);
