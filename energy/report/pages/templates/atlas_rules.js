"use strict";
/* The atlas: what holds for points, without a page: filters, limits, the front, figures as text, CSV. */
const atlas = (window.atlas = {});

/* ---- which points remain ---- */
atlas.squashed = (text) => String(text ?? "").toLowerCase().replace(/[^0-9a-z]+/g, "");
const SEARCHED = ["label", "known_as", "organization", "system", "board", "processor", "accelerator", "processor_kind",
  "benchmark", "monitor", "files", "findings", "name"];
atlas.found = (point, words) =>
  words.every((word) => SEARCHED.some((column) => atlas.squashed(point[column]).includes(word)));
atlas.chosenBy = (point, filters) =>
  filters.benchmarks.has(point.benchmark) &&
  Object.entries(filters.equal).every(([column, value]) => !value || String(point[column]) === value) &&
  atlas.found(point, filters.words);

/* Whether a point is inside the region: true, false, or null where it does not state what is limited. */
atlas.inside = (point, limits) => {
  let all = true;
  for (const { column, kind, value } of limits) {
    const stream = point.streaming && column === "joule_per_inference"; // its energy is that of a whole stream
    const figure = stream ? null : point[column];
    if (typeof figure !== "number") return null;
    if (kind === "most" ? figure > value : figure < value) all = false;
  }
  return all;
};

/* ---- Pareto front: points that no other of the workload beats in one figure without losing in the other.
   A point that is not valid is on none, and one of the virtual bench only where its workload has no other. ---- */
atlas.upOf = (view) => (view === "energy" ? "joule_per_inference" : "power_w");
/* Which points have a place in the chart: energy of a whole stream is no energy per inference. */
atlas.placer = (points, up) => {
  const mixed = up === "joule_per_inference" && points.some((point) => !point.streaming);
  return (point) => point.latency_s > 0 && point[up] > 0 && !(mixed && point.streaming);
};
atlas.front = (points, up) => {
  const kept = new Set(), placed = atlas.placer(points, up);
  for (const benchmark of new Set(points.map((point) => point.benchmark))) {
    const valid = points.filter((point) => point.benchmark === benchmark && point.valid !== false && placed(point));
    const real = valid.filter((point) => !point.virtual), own = real.length ? real : valid;
    own.sort((a, b) => a.latency_s - b.latency_s || a[up] - b[up]);
    let least = Infinity;
    for (let place = 0; place < own.length; ) {
      const { latency_s: latency, [up]: lowest } = own[place];
      for (; place < own.length && own[place].latency_s === latency; place += 1)
        if (own[place][up] === lowest && lowest < least) kept.add(own[place]);
      least = Math.min(least, lowest);
    }
  }
  return kept;
};

/* ---- figures as text, as the program writes them ---- */
const PREFIXES = { "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G" };
const powerOf = (value) => Math.min(Math.max(Math.floor(Math.log10(Math.abs(value)) / 3) * 3, -12), 9);
const FACTORS = { "-12": 1e-12, "-9": 1e-9, "-6": 1e-6, "-3": 1e-3, 0: 1, 3: 1e3, 6: 1e6, 9: 1e9 };
atlas.engineering = (value, unit, digits = 4) => {
  if (typeof value !== "number") return "–";
  const power = value === 0 ? 0 : powerOf(value), scaled = value / FACTORS[power];
  const decimals = digits - 1 - (scaled ? Math.floor(Math.log10(Math.abs(scaled))) : 0);
  return `${scaled.toFixed(Math.max(decimals, 0))} ${PREFIXES[power]}${unit}`;
};
const factorFor = (value, unit) => {
  if (unit === "J" && Math.abs(value) >= 1e-6 && Math.abs(value) < 1e-2) return [1e-6, "µJ"];
  const power = value === 0 ? 0 : powerOf(value);
  return [FACTORS[power], PREFIXES[power] + unit];
};
/* A number with some decimals (below 0: to tens, hundreds), halves away from zero as they are written (2530.45 is 2530.5). */
const rounded = (value, places) => {
  const [whole, part = ""] = String(value).split(".");
  if (part.includes("e") || whole.includes("e") || part.length <= places) return value.toFixed(Math.max(places, 0));
  const cut = 10n ** BigInt(part.length - places), scaled = ((BigInt(whole + part) * 2n) / cut + 1n) / 2n;
  if (places < 0) return String(scaled * 10n ** BigInt(-places));
  const digits = String(scaled).padStart(places + 1, "0"), end = digits.length - places;
  return places ? `${digits.slice(0, end)}.${digits.slice(end)}` : digits;
};
atlas.uncertain = (value, expanded, unit) => {
  if (typeof value !== "number") return "–";
  if (!(expanded > 0)) return atlas.engineering(value, unit);
  const [factor, shown] = factorFor(Math.max(value, expanded), unit);
  const scaled = expanded / factor, coarse = Number(rounded(scaled, 1 - Math.floor(Math.log10(scaled))));
  const last = Math.floor(Math.log10(coarse)) - 1;
  return `${rounded(value / factor, Math.max(1 - last, 0))} ${shown} ± ${coarse.toFixed(Math.max(-last, 0))} ${shown}`;
};
atlas.accuracy = (point) => {
  if (typeof point.accuracy !== "number") return "–";
  return point.accuracy_metric === "AUC"
    ? `AUC ${Number(point.accuracy.toPrecision(4))}` : `${Number((100 * point.accuracy).toPrecision(4))} %`;
};
atlas.texts = (point) => ({
  latency_s: atlas.engineering(point.latency_s, "s"),
  joule_per_inference: atlas.uncertain(point.joule_per_inference, point.expanded_uncertainty_j, "J"),
  power_w: atlas.engineering(point.power_w, "W"),
  accuracy: atlas.accuracy(point),
  voltage_v: typeof point.voltage_v === "number" ? `${Number(point.voltage_v.toPrecision(4))} V` : "–",
  ...point.texts,
});
atlas.GRADES = { error: "error", "not valid": "error", warning: "warning", sound: "good", valid: "good" };

/* ---- order and CSV ---- */
atlas.sorted = (points, column, up, front) => {
  const keyOf = (point) => {
    if (column === "front") return front.has(point) ? 0 : 1;
    return point[column] ?? null;
  };
  const keyed = points.map((point) => [keyOf(point), point]);
  keyed.sort(([a, one], [b, other]) => {
    const unknown = (key) => key === null || key === "";
    if (unknown(a) || unknown(b)) return unknown(a) - unknown(b); // what is not known stays below
    const order = typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
    return (up ? order : -order) || one.name.localeCompare(other.name, "en", { numeric: true });
  });
  return keyed.map(([, point]) => point);
};
const FORMULA = /^ *[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;
const cellOf = (value) => {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (typeof value === "string" && FORMULA.test(text)) text = `'${text}`; // a spreadsheet would calculate it
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
atlas.csv = (points, columns) =>
  [columns, ...points.map((point) => columns.map((column) => point[column]))]
    .map((row) => row.map(cellOf).join(",")).join("\r\n") + "\r\n";
