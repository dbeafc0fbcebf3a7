"use strict";
/* Tables that sort and filter, the theme, and plots that follow it. Tables work without plotly. */
const jb = (window.jb = { scripts: {}, drawn: new Map(), printing: false });

/* ---- tables ---- */
const cells = (row) => Array.from(row.cells);
const keyOf = (cell) => ("v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent.trim());

function compare(a, b) {
  const unknown = (key) => key === "" || key === "–" || Number.isNaN(key);
  if (unknown(a) || unknown(b)) return unknown(a) - unknown(b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortBy(heading) {
  const table = heading.closest("table"), body = table.tBodies[0];
  const place = heading.cellIndex, up = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = Array.from(body.rows).map((row) => [keyOf(row.cells[place]), row]);
  rows.sort(([a], [b]) => {
    const order = compare(a, b);
    const dash = (key) => key === "" || key === "–" || Number.isNaN(key);
    return up || dash(a) || dash(b) ? order : -order; // what is not known stays below
  });
  body.append(...rows.map(([, row]) => row));
}

function filter(table) {
  const tools = table.closest(".tabled").querySelector(".tools");
  const words = tools.querySelector(".filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const choices = Array.from(tools.querySelectorAll(".choice")).filter((choice) => choice.value);
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    row.hidden =
      !words.every((word) => text.includes(word)) ||
      !choices.every((choice) => row.cells[choice.dataset.column].textContent.trim() === choice.value);
    shown += !row.hidden;
  }
  const all = table.tBodies[0].rows.length;
  tools.querySelector(".count").textContent = shown === all ? `${all} rows` : `${shown} of ${all} rows`;
  table.dispatchEvent(new CustomEvent("filtered", { bubbles: true }));
}

for (const button of document.querySelectorAll("button.sort"))
  button.addEventListener("click", () => sortBy(button.closest("th")));
for (const tools of document.querySelectorAll(".tools")) {
  const table = tools.closest(".tabled").querySelector("table");
  tools.addEventListener("input", () => filter(table));
  filter(table);
}

/* ---- colours: "--name" in a plot is a colour of the page ---- */
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);
jb.colour = (name) => {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
};
jb.coloured = (value) => {
  if (typeof value === "string" && value.startsWith("--")) return jb.colour(value);
  if (ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(jb.coloured);
  if (value && typeof value === "object" && !("bdata" in value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, jb.coloured(item)]));
  return value;
};

/* ---- numbers: typed arrays from base64 ---- */
const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
  i4: Int32Array, u4: Uint32Array };
jb.numbers = (value) => {
  if (!value || !("bdata" in value)) return value;
  const bytes = Uint8Array.from(atob(value.bdata), (letter) => letter.charCodeAt(0));
  return new KINDS[value.dtype](bytes.buffer);
};

/* ---- plots ---- */
const axis = { gridcolor: "--grid", zerolinecolor: "--grid", linecolor: "--dim", tickcolor: "--dim", automargin: true,
  separatethousands: true };
jb.layout = (own) => {
  const layout = {
    separators: ". ",
    paper_bgcolor: "--paper", plot_bgcolor: "--paper", font: { color: "--ink", size: 13, family: "system-ui, Helvetica, Arial, sans-serif" },
    margin: { l: 70, r: 20, t: 20, b: 50 }, autosize: true, hovermode: "closest",
    hoverlabel: { bgcolor: "--soft", bordercolor: "--rule", font: { color: "--ink" } },
    legend: { orientation: "h", y: -0.22, x: 0 },
    modebar: { color: "--dim", activecolor: "--link", bgcolor: "rgba(0,0,0,0)" },
    ...own,
  };
  for (const name of Object.keys(layout))
    if (/^[xy]axis\d*$/.test(name)) layout[name] = { ...axis, ...layout[name] };
  layout.xaxis = { ...axis, ...layout.xaxis };
  layout.yaxis = { ...axis, ...layout.yaxis };
  return layout;
};
jb.config = { responsive: true, displaylogo: false, showLink: false, plotlyServerURL: "", modeBarButtonsToRemove: ["lasso2d", "select2d", "sendDataToCloud"] };
jb.react = (div, data, layout) => Plotly.react(div, jb.coloured(data), jb.coloured(jb.layout(layout)), jb.config);

jb.draw = (div) => {
  let drawn = jb.drawn.get(div);
  if (!drawn) {
    const spec = JSON.parse(document.getElementById(`${div.id}-data`).textContent);
    const make = jb.scripts[div.dataset.script];
    drawn = make ? make(div, spec) : { draw: () => jb.react(div, spec.data, spec.layout) };
    jb.drawn.set(div, drawn);
  }
  const done = drawn.draw();
  div.dataset.drawn = "yes";
  return done;
};
const plots = () => Array.from(document.querySelectorAll("div.plot"));
jb.redraw = (all) => { for (const div of plots()) if (all || div.dataset.drawn) jb.draw(div); };

function start() {
  if (typeof Plotly === "undefined") return;
  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen)
      if (isIntersecting && !target.dataset.drawn) jb.draw(target);
  }, { rootMargin: "400px" });
  for (const div of plots()) near.observe(div);
  document.documentElement.dataset.ready = "yes";
}
document.addEventListener("DOMContentLoaded", start);

/* ---- theme and print ---- */
const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
document.getElementById("theme").addEventListener("click", () => {
  const now = root.dataset.theme || (dark.matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  jb.redraw();
});
dark.addEventListener("change", () => jb.redraw());
let before, opened = [];
addEventListener("beforeprint", () => {
  before = root.dataset.theme;
  root.dataset.theme = "light";
  opened = Array.from(document.querySelectorAll("details.printed:not([open])"));
  for (const details of opened) details.open = true;
  for (const div of plots()) div.style.width = "680px";
  jb.redraw(true);
  for (const div of plots()) if (window.Plotly) Plotly.Plots.resize(div);
});
addEventListener("afterprint", () => {
  if (before) root.dataset.theme = before;
  else delete root.dataset.theme;
  for (const details of opened) details.open = false;
  for (const div of plots()) div.style.width = "";
  jb.redraw();
});
