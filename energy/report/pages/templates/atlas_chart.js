"use strict";
/* The atlas: its chart. */
(() => {
  const SYMBOLS = { "Cortex-M0+": "circle", "Cortex-M4": "circle", "Cortex-M33": "circle", "Cortex-M7": "circle",
    "Cortex-M85": "circle", "other MCU": "circle", "RISC-V": "pentagon", accelerator: "triangle-up", FPGA: "diamond",
    "application processor": "square" };
  const MEANING = [["circle", "microcontroller"], ["pentagon", "RISC-V"], ["triangle-up", "accelerator"], ["diamond", "FPGA"],
    ["square", "application processor"], ["hexagram", "not known"]];
  const symbolOf = (point) => SYMBOLS[point.processor_kind] ?? "hexagram";
  const safe = (text) => String(text ?? "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const UP = { energy: { title: "Energy per inference", unit: "J", spread: "expanded_uncertainty_j" },
    power: { title: "Mean power inside the windows", unit: "W", spread: "power_expanded_w" } };

  atlas.hover = (point) => {
    const texts = atlas.texts(point);
    const lines = [`${point.virtual ? "VIRTUAL " : ""}${point.label}`, point.name,
      `${point.benchmark}${point.streaming ? ", energy of a whole stream" : ""}`,
      `latency ${texts.latency_s}`, `energy ${texts.joule_per_inference}`, `power ${texts.power_w}`,
      `accuracy ${texts.accuracy}`, `${point.processor_kind}${point.processor ? `: ${point.processor}` : ""}`,
      `files: ${point.files}${point.findings ? `: ${point.findings}` : ""}`];
    return lines.map((line) => safe(line).slice(0, 120)).join("<br>");
  };

  /* The region's outline: from below up to the limits, which are straight lines in this chart. */
  const region = (limits, view, x, y) => {
    const most = Object.fromEntries(limits.filter(({ kind }) => kind === "most").map(({ column, value }) => [column, value]));
    const right = Math.min(most.latency_s ?? Infinity, x[1]);
    const flat = view === "energy" ? most.joule_per_inference : most.power_w;
    const sloping = view === "energy" ? most.power_w : most.joule_per_inference;
    if (most.latency_s === undefined && flat === undefined && sloping === undefined) return null;
    const slope = view === "energy" ? 1 : -1;
    const height = (at) => Math.min(flat ?? y[1], sloping === undefined ? y[1] : sloping * at ** slope, y[1]);
    const steps = Array.from({ length: 65 }, (_, step) => x[0] * (right / x[0]) ** (step / 64));
    const tops = steps.map((at) => Math.max(height(at), y[0]));
    return { x: [x[0], ...steps, right], y: [y[0], ...tops, y[0]], type: "scatter", mode: "lines", fill: "toself",
      fillcolor: "--region", line: { color: "--good", width: 1, dash: "dot" }, hoverinfo: "skip", name: "region of interest" };
  };

  /* Lines of equal power (energy over latency) or of equal energy (power over latency), one a decade. */
  const same = (view, x, y) => {
    const slope = view === "energy" ? 1 : -1, unit = view === "energy" ? "W" : "J", lines = { x: [], y: [] }, notes = [];
    const levels = [y[0], y[1]].flatMap((up) => [x[0], x[1]].map((at) => up / at ** slope));
    const first = Math.ceil(Math.log10(Math.min(...levels))), last = Math.floor(Math.log10(Math.max(...levels)));
    for (let decade = first; decade <= last; decade += 1) {
      const level = 10 ** decade, ends = [x[0], x[1]].map((at) => level * at ** slope);
      lines.x.push(x[0], x[1], null);
      lines.y.push(...ends, null);
      const edge = slope > 0 ? Math.min(x[1], y[1] / level) : Math.max(x[0], level / y[1]);
      const up = level * edge ** slope;
      if (up > y[0] * 3 && up <= y[1] * 1.001 && edge > x[0] * 5 && edge <= x[1])
        notes.push({ x: Math.log10(edge), y: Math.log10(up), text: atlas.engineering(level, unit, 1), showarrow: false,
          xanchor: slope > 0 ? "right" : "left", yanchor: "top", font: { size: 11, color: "--dim" } });
    }
    return [{ ...lines, type: "scatter", mode: "lines", line: { color: "--grid", width: 1, dash: "dot" }, hoverinfo: "skip",
      name: view === "energy" ? "equal power" : "equal energy", showlegend: false }, notes];
  };

  const around = (values, least, most) => {
    const known = values.filter((value) => value > 0);
    if (!known.length) return [least, most];
    return [Math.min(...known) / 2, Math.max(...known) * 2];
  };

  const markers = (points, up, name, more = {}) => ({ type: "scatter", mode: "markers", name: safe(name),
    x: points.map((point) => point.latency_s), y: points.map((point) => point[up]),
    customdata: points.map((point) => point.place), text: points.map(atlas.hover), hoverinfo: "text", ...more });

  const ownAndOthers = (points) => [points.filter((point) => !point.own), points.filter((point) => point.own)];

  /* An entry of the legend without a point. */
  const key = (name, marker, group) => ({ type: "scatter", mode: "markers", x: [null], y: [null], name: safe(name), marker, hoverinfo: "skip",
    legendgroup: group ?? name });

  function traces(view, workloads, up) {
    const { spread } = UP[view.up], placed = (points) => points.filter(view.placed);
    const found = [];
    const outside = placed(view.outside);
    if (outside.length) found.push(markers(outside, up, "outside the region", { opacity: 0.35,
      marker: { color: "--dim", size: 6, symbol: outside.map(symbolOf) } }));
    for (const { id, colour } of workloads) {
      const [published, own] = ownAndOthers(placed(view.remaining).filter((point) => point.benchmark === id));
      const bars = (points) => ({ type: "data", array: points.map((point) => point[spread] ?? 0), thickness: 1, width: 0, color: colour });
      if (published.length) found.push(markers(published, up, id, { legendgroup: id, showlegend: false, error_y: bars(published),
        marker: { color: colour, size: 8, symbol: published.map(symbolOf), line: { color: "--paper", width: 0.7 } } }));
      if (own.length) found.push(markers(own, up, `${id}, own`, { legendgroup: id, showlegend: false, error_y: bars(own),
        marker: { color: colour, size: 14, symbol: own.map(symbolOf), line: { color: "--ink", width: 2 } } }));
      if (published.length + own.length) found.push(key(id, { color: colour, symbol: "circle", size: 9 }, id));
      const front = [...view.front].filter((point) => point.benchmark === id).sort((a, b) => a.latency_s - b.latency_s);
      if (front.length) found.push({ x: front.map((point) => point.latency_s), y: front.map((point) => point[up]),
        type: "scatter", mode: "lines", line: { color: colour, width: 1.5, shape: "hv" }, hoverinfo: "skip",
        legendgroup: id, showlegend: false, name: safe(`front of ${id}`) });
    }
    const marked = (grade) => placed(view.remaining).filter((point) => atlas.GRADES[point.files] === grade);
    const wrong = marked("error"), doubtful = marked("warning");
    if (doubtful.length) found.push(markers(doubtful, up, "warnings about its files",
      { hoverinfo: "skip", marker: { symbol: "circle-open", size: 15, color: "--warning", line: { width: 1.6 } } }));
    if (wrong.length) found.push(markers(wrong, up, "errors in its files",
      { hoverinfo: "skip", marker: { symbol: "x-thin", size: 13, color: "--error", line: { color: "--error", width: 2 } } }));
    const used = new Set(placed(view.remaining).map(symbolOf));
    for (const [symbol, meaning] of MEANING)
      if (used.has(symbol)) found.push(key(meaning, { symbol, size: 8, color: "--paper", line: { color: "--dim", width: 1.5 } }));
    if (placed(view.remaining).some((point) => point.own))
      found.push(key("own", { symbol: "circle", size: 13, color: "--paper", line: { color: "--ink", width: 2 } }));
    return found;
  }

  /* Below the chart: the rows that have a latency but no figure to place them by. */
  function strip(view, workloads, up) {
    const rest = view.remaining.filter((point) => point.latency_s > 0 && !view.placed(point));
    return workloads.flatMap(({ id, colour }) => {
      const own = rest.filter((point) => point.benchmark === id);
      if (!own.length) return [];
      return [{ ...markers(own, up, id, { legendgroup: id, showlegend: false }), y: own.map(() => safe(id)), yaxis: "y2",
        marker: { symbol: "line-ns", size: 9, line: { color: colour, width: 1.4 } } }];
    });
  }

  function layout(view, title, x, y, notes, below) {
    const foot = below.length ? 0.05 + 0.028 * below.length : 0;
    const span = (range) => range.map(Math.log10);
    const axes = {
      xaxis: { type: "log", title: { text: "Latency" }, range: span(x), nticks: 6, tickformat: "~s", ticksuffix: "s", anchor: below.length ? "y2" : "y" },
      yaxis: { type: "log", title: { text: title }, range: span(y), nticks: 6, tickformat: "~s", ticksuffix: UP[view.up].unit,
        domain: [foot ? foot + 0.03 : 0, 1] },
    };
    if (below.length) axes.yaxis2 = { type: "category", domain: [0, foot], fixedrange: true, showgrid: false,
      title: { text: "others", font: { size: 11 } }, tickfont: { size: 11 } };
    return { ...axes, annotations: notes, height: view.height, margin: { l: 78, r: 14, t: 14, b: 54 },
      legend: { orientation: "h", y: -0.11, x: 0, font: { size: 12 } }, uirevision: view.up };
  }

  const MOST_MARKED = 12;
  /* Points of the virtual bench are called so in the chart; where there are many, by the legend's outline alone. */
  const virtual = (view, up) => {
    const points = view.remaining.filter((point) => point.virtual && view.placed(point));
    return points.slice(0, MOST_MARKED).map((point, place) => ({ x: Math.log10(point.latency_s), y: Math.log10(point[up]),
      text: "VIRTUAL", showarrow: true, arrowhead: 0, arrowwidth: 1, arrowcolor: "--error", ax: -52, ay: 22 - 6 * (place % 3),
      font: { size: 10, color: "--error" }, bgcolor: "--paper", borderpad: 1 }));
  };
  const chosen = (view) => view.selected && view.placed(view.selected) && !view.hidden.has(view.selected);
  const labels = (view, up) => {
    if (!chosen(view)) return [];
    const point = view.selected;
    return [{ x: Math.log10(point.latency_s), y: Math.log10(point[up]), text: safe(point.label).slice(0, 60), showarrow: true,
      arrowcolor: "--ink", arrowhead: 0, ax: 0, ay: -34, bgcolor: "--soft", bordercolor: "--ink", borderpad: 3 }];
  };

  atlas.drawChart = (div, view, workloads) => {
    const up = atlas.upOf(view.up), points = [...view.remaining, ...view.outside], placed = points.filter(view.placed);
    const streams = view.up === "energy" && placed.length > 0 && placed.every((point) => point.streaming);
    const title = streams ? "Energy of the whole stream" : UP[view.up].title;
    const x = around(points.map((point) => point.latency_s), 1e-4, 10);
    const y = around(placed.map((point) => point[up]), 1e-6, 1);
    const [equal, notes] = streams ? [[], []] : same(view.up, x, y), below = strip(view, workloads, up);
    const ring = { symbol: "circle-open", size: 20, color: "--ink", line: { width: 2.5 } };
    const data = [region(view.limits, view.up, x, y), equal, ...traces(view, workloads, up), ...below,
      chosen(view) && markers([view.selected], up, "chosen", { hoverinfo: "skip", showlegend: false, marker: ring })];
    return jb.react(div, data.flat().filter(Boolean), layout(view, title, x, y, [...notes, ...virtual(view, up), ...labels(view, up)], below));
  };
})();
