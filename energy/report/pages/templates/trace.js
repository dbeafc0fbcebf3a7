"use strict";
/* Power over time in levels: the finest that the view can hold, and every sample where the page has them. */
jb.scripts.trace = (div, { extra }) => {
  const COLUMNS = 3000, SAMPLES = 20000; // points that a view may hold
  const { factor, unit, windows, gaps, whole, origin } = extra;
  const series = extra.series.map((one) => ({
    ...one,
    levels: one.levels.map((level) => ({ width: level.width, low: jb.numbers(level.low), high: jb.numbers(level.high),
      mean: jb.numbers(level.mean) })),
    wholes: one.wholes.map((part) => ({ first: part.first, power: jb.numbers(part.power) })),
  }));
  let view = whole.slice(), saying = "";

  const timeOf = (one, position) => (position + one.offset) / one.rate - one.origin;
  const positionOf = (one, time) => (time + one.origin) * one.rate - one.offset;
  const rounded = (value, digits) => Number(value.toPrecision(digits));
  const span = (seconds) =>
    seconds >= 1 ? `${rounded(seconds, 4)} s` : seconds >= 1e-3 ? `${rounded(seconds * 1e3, 4)} ms` : `${rounded(seconds * 1e6, 4)} µs`;

  const columnsIn = (level, one, from, to) =>
    [Math.max(0, Math.floor((from - one.first) / level.width)), Math.min(level.low.length, Math.ceil((to - one.first) / level.width))];
  const levelFor = (one, from, to) => {
    let best = one.levels[0];
    for (const level of one.levels) if ((to - from) / level.width <= COLUMNS) best = level;
    return best;
  };

  /* what of a series lies in the view: parts that are held whole, and columns for the rest */
  const seen = (one) => {
    const from = Math.max(one.first, Math.floor(positionOf(one, view[0])) - 1);
    const to = Math.min(one.stop, Math.ceil(positionOf(one, view[1])) + 1);
    const parts = one.wholes
      .map((part) => [Math.max(part.first, from), Math.min(part.first + part.power.length, to), part])
      .filter(([a, b]) => b > a);
    const count = parts.reduce((sum, [a, b]) => sum + b - a, 0);
    const level = one.levels.length ? levelFor(one, from, to) : null;
    const crowded = level && count > COLUMNS && (to - from) / level.width >= 500; // columns show more
    const every = !level || (count <= SAMPLES && to - from <= 50 * count && !crowded); // fewer cannot be seen
    return { from, to, level, parts: every ? parts : [] };
  };

  const columns = (one, { from, to, level, parts }) => {
    const x = [], y = [], mx = [], my = [];
    if (!level) return { x, y, mx, my };
    const [a, b] = columnsIn(level, one, from, to);
    for (let i = a; i < b; i++) {
      const start = one.first + i * level.width, stop = Math.min(start + level.width, one.stop);
      const time = timeOf(one, (start + stop) / 2);
      const inside = [Math.max(start, from), Math.min(stop, to)]; // the part of the column in the view
      const covered = parts.some(([, , part]) => inside[0] >= part.first && inside[1] <= part.first + part.power.length);
      if (covered) { if (x.length && !Number.isNaN(y[y.length - 1])) { x.push(time); y.push(NaN); mx.push(time); my.push(NaN); } continue; }
      x.push(time, time); y.push(level.low[i] * factor, level.high[i] * factor);
      if (level.mean) { mx.push(time); my.push(level.mean[i] * factor); }
    }
    return { x, y, mx, my };
  };
  const samples = (one, { parts }) => {
    const x = [], y = [];
    for (const [a, b, part] of parts) {
      for (let at = a; at < b; at++) { x.push(timeOf(one, at)); y.push(part.power[at - part.first] * factor); }
      x.push(timeOf(one, b)); y.push(y[y.length - 1]);
      x.push(timeOf(one, b)); y.push(NaN);
    }
    return { x, y };
  };

  const rectangles = (spans) => spans.map(([a, b]) => `M${a},0L${b},0L${b},1L${a},1Z`).join("");
  const shapes = () => {
    const inside = windows.filter(({ start, stop }) => stop > view[0] && start < view[1]);
    const made = [];
    const add = (spans, fill, opacity, line) => {
      if (spans.length)
        made.push({ type: "path", path: rectangles(spans), xref: "x", yref: "paper", layer: "below",
          fillcolor: fill, opacity, line: line || { width: 0 } });
    };
    add(inside.filter((w) => !w.flawed).map((w) => [w.start, w.stop]), "--window", 0.28);
    add(inside.filter((w) => w.flawed).map((w) => [w.start, w.stop]), "--error", 0.3);
    const least = (view[1] - view[0]) / 400;
    add(gaps.filter(([a, b]) => b > view[0] && a < view[1]).map(([a, b]) => [a, Math.max(b, a + least)]), "--error", 0.55);
    if (inside.length <= 20) {
      const edges = inside.flatMap(({ start, stop }) => [start, stop]);
      made.push({ type: "path", path: edges.map((time) => `M${time},0L${time},1`).join("") || "M0,0", xref: "x",
        yref: "paper", line: { color: "--edge", width: 1.2 } });
    }
    return made;
  };
  const names = () => {
    const inside = windows.filter(({ start, stop, number }) => number && stop > view[0] && start < view[1]);
    if (inside.length > 24) return [];
    return inside.map(({ number, start, stop }) => ({ x: (Math.max(start, view[0]) + Math.min(stop, view[1])) / 2, y: 1, yref: "paper",
      yanchor: "bottom", showarrow: false, text: `${inside.length < 12 ? "window " : ""}${number}`, font: { size: 12, color: "--dim" } }));
  };

  const draw = () => {
    const data = [], said = [];
    let whole_ = true;
    for (const one of series) {
      const what = seen(one), band = columns(one, what), every = samples(one, what);
      const of = series.length > 1 ? `${one.name}: ` : "";
      const line = one.colour, hover = `%{x:.7~f} s<br>%{y:.5~g} ${unit}<extra>${of}`;
      data.push({ ...band, mx: undefined, my: undefined, mode: "lines", line: { color: series.length > 1 ? line : "--band", width: 1 },
        opacity: series.length > 1 ? 0.45 : 1, name: `${of}lowest to highest`, hovertemplate: `${hover}lowest or highest</extra>`,
        visible: band.x.length > 0 });
      data.push({ x: band.mx, y: band.my, mode: "lines", line: { color: line, width: 1.4 }, name: `${of}mean`,
        hovertemplate: `${hover}mean</extra>`, visible: band.mx.length > 0 });
      data.push({ ...every, mode: every.x.length < 400 ? "lines+markers" : "lines", line: { color: line, width: 1.3, shape: "hv" },
        marker: { size: 4, color: line }, name: `${of}every sample`, hovertemplate: `${hover}a sample</extra>`,
        visible: every.x.length > 0 });
      const covered = what.parts.reduce((sum, [a, b]) => sum + b - a, 0) >= what.to - what.from - 2;
      if (covered) said.push(`${of}every sample, ${span(1 / one.rate)} each`);
      else {
        whole_ = false;
        said.push(`${of}a column is ${what.level.width} samples, ${span(what.level.width / one.rate)}` +
          (what.parts.length ? "; every sample at the edges" : ""));
      }
    }
    saying = said.join("; ");
    const layout = {
      xaxis: { title: { text: origin }, range: view.slice(), autorange: false, exponentformat: "none" },
      yaxis: { title: { text: `power (${unit})` }, autorange: true, rangemode: view[1] - view[0] > (whole[1] - whole[0]) / 2 ? "tozero" : "normal" },
      shapes: shapes(), annotations: names(), margin: { l: 70, r: 20, t: 34, b: 50 }, showlegend: true, dragmode: "zoom",
      legend: { orientation: "h", y: 1.12, yanchor: "bottom", x: 0 },
    };
    div.dataset.level = whole_ ? "samples" : "columns";
    state.textContent = `From ${rounded(view[0], 9)} s to ${rounded(view[1], 9)} s: ${saying}.`;
    return jb.react(div, data, layout);
  };

  const show = (from, to) => {
    const least = 4 / Math.max(...series.map((one) => one.rate));
    if (!(to - from >= least)) { const middle = (from + to) / 2; from = middle - least / 2; to = middle + least / 2; }
    view = [from, to];
    draw();
  };
  const zoom = (times) => { const middle = (view[0] + view[1]) / 2, half = ((view[1] - view[0]) / 2) * times; show(middle - half, middle + half); };
  const move = (part) => { const by = (view[1] - view[0]) * part; show(view[0] + by, view[1] + by); };

  /* what a name of a view shows: "3", "3-start", "3-end" */
  const named = (name) => {
    const [number, end] = name.split("-"), window_ = windows.find((of) => String(of.number) === number);
    if (!window_) return;
    const { start, stop } = window_, margin = (stop - start) * 0.05, near = Math.min(extra.edge, stop - start);
    if (end === "start") show(start - near / 10, start + near);
    else if (end === "end") show(stop - near, stop + near / 10);
    else show(start - margin, stop + margin);
  };

  const tools = document.createElement("div"), state = document.createElement("p");
  tools.className = "plot-tools tools";
  const label = document.createElement("label"), choice = document.createElement("select");
  choice.setAttribute("aria-label", "Part of the trace");
  label.append("Show ", choice);
  const option = (value, text) => choice.append(new Option(text, value));
  option("", "the whole");
  for (const { number } of windows) {
    option(`${number}`, `window ${number}`);
    option(`${number}-start`, `start of window ${number}`);
    option(`${number}-end`, `end of window ${number}`);
  }
  choice.addEventListener("change", () => (choice.value ? named(choice.value) : show(...whole)));
  tools.append(label);
  for (const [text, name, act] of [["+", "Zoom in", () => zoom(0.5)], ["−", "Zoom out", () => zoom(2)],
    ["←", "Earlier", () => move(-0.5)], ["→", "Later", () => move(0.5)]]) {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = text; button.title = name; button.setAttribute("aria-label", name);
    button.addEventListener("click", act);
    tools.append(button);
  }
  state.className = "note"; state.setAttribute("role", "status");
  div.before(tools); div.after(state);

  let listening = false;
  const listen = () => {
    if (listening) return;
    listening = true;
    div.on("plotly_relayout", (changed) => {
      const from = changed["xaxis.range[0]"], to = changed["xaxis.range[1]"];
      if (from !== undefined) show(Number(from), Number(to));
      else if (changed["xaxis.range"]) show(...changed["xaxis.range"].map(Number));
      else if (changed["xaxis.autorange"]) { choice.value = ""; show(...whole); }
    });
  };
  const follow = () => {
    const found = /^#window-(\d+(?:-start|-end)?)$/.exec(location.hash);
    if (!found) return;
    jb.draw(div);
    choice.value = found[1];
    named(found[1]);
    div.closest("figure").scrollIntoView();
  };
  addEventListener("hashchange", follow);
  const made = { draw: () => { const done = draw(); listen(); return done; }, show };
  setTimeout(follow, 0);
  return made;
};
