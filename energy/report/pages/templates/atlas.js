"use strict";
/* The atlas: filters, the table beside the chart, the details of a row, own files, CSV. */
jb.scripts.atlas = (div, spec) => {
  const { points, columns, workloads } = spec;
  const form = document.getElementById("atlas-filters"), body = document.querySelector("#atlas-rows tbody");
  const status = document.getElementById("atlas-status"), details = document.getElementById("atlas-details");
  const headings = Array.from(document.querySelectorAll("#atlas-rows th"));
  const state = { selected: null, column: "latency_s", ascending: true, view: null };
  const number = () => points.forEach((point, place) => { point.place = place; });
  number();

  /* ---- what the reader asks for ---- */
  function limits() {
    const problem = document.getElementById("limit-problem"), found = [], wrong = [];
    for (const input of form.querySelectorAll("[data-limit]")) {
      const text = input.value.trim().replace(",", ".");
      const value = Number(text), bad = text !== "" && !(Number.isFinite(value) && value > 0);
      if (bad) wrong.push(`“${input.value.slice(0, 30)}” is no number above 0, so this limit is not applied.`);
      else if (text !== "")
        found.push({ column: input.name, kind: input.dataset.limit, value: value * Number(input.dataset.scale) });
      if (bad) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
    }
    problem.textContent = wrong.join(" ");
    problem.hidden = !wrong.length;
    return found;
  }

  const filters = () => ({
    benchmarks: new Set(Array.from(form.querySelectorAll("[name=benchmark]:checked"), (box) => box.value)),
    equal: Object.fromEntries(Array.from(form.querySelectorAll(".rows select"), (select) => [select.name, select.value])),
    words: form.elements.words.value.split(/\s+/).map(atlas.squashed).filter(Boolean),
  });

  function seen() {
    const asked = filters(), bounds = limits(), up = form.elements.view.value;
    const chosen = points.filter((point) => atlas.chosenBy(point, asked));
    const inside = chosen.map((point) => [point, atlas.inside(point, bounds)]);
    const remaining = inside.filter(([, is]) => is === true).map(([point]) => point);
    const unstated = inside.filter(([, is]) => is === null).length;
    const front = atlas.front(remaining, atlas.upOf(up));
    const outside = inside.filter(([, is]) => is !== true).map(([point]) => point);
    return { up, limits: bounds, remaining, outside, unstated, front, selected: state.selected,
      placed: atlas.placer(chosen, atlas.upOf(up)), hidden: new Set(points.filter((point) => !chosen.includes(point))),
      height: Math.max(460, Math.min(720, window.innerHeight - 120)) };
  }

  /* ---- the table ---- */
  const element = (name, text, options = {}) => Object.assign(document.createElement(name), { textContent: text, ...options });

  function nameCell(point) {
    const cell = document.createElement("td");
    const button = element("button", point.label || point.name, { type: "button", className: "choose" });
    button.setAttribute("aria-pressed", String(state.selected === point));
    button.dataset.place = point.place;
    if (point.virtual) cell.append(element("span", "VIRTUAL", { className: "virtual" }), " ");
    const which = point.own ? [point.name] : [point.round, point.division, point.organization, point.known_as];
    cell.append(button, element("div", which.filter(Boolean).join(" · "), { className: "path", title: point.name }));
    return cell;
  }

  function cellOf(point, column, number) {
    if (column === "label") return nameCell(point);
    const cell = element("td", "", { className: number ? "number" : "" });
    if (column === "files") {
      cell.append(element("span", point.files, { className: `tag ${atlas.GRADES[point.files] ?? "info"}` }));
    } else if (column === "front") cell.textContent = state.view.front.has(point) ? "front" : "";
    else cell.textContent = atlas.texts(point)[column] ?? point[column] ?? "–";
    if (typeof point[column] === "number") cell.dataset.v = point[column];
    return cell;
  }

  function rowOf(point) {
    const row = document.createElement("tr");
    row.dataset.name = point.name;
    if (point.own) row.classList.add("own");
    if (state.selected === point) row.classList.add("chosen");
    row.append(...headings.map((heading) => cellOf(point, heading.dataset.column, heading.classList.contains("number"))));
    return row;
  }

  function fill() {
    for (const heading of headings) {
      if (heading.dataset.column === state.column) heading.setAttribute("aria-sort", state.ascending ? "ascending" : "descending");
      else heading.removeAttribute("aria-sort");
    }
    state.rows = atlas.sorted(state.view.remaining, state.column, state.ascending, state.view.front);
    body.replaceChildren(...state.rows.map(rowOf));
  }

  function count(view) {
    const up = atlas.upOf(view.up), what = view.up === "energy" ? "an energy" : "a power";
    const placed = view.remaining.filter((point) => point[up] > 0).length;
    const parts = [`${view.remaining.length} of ${points.length} rows remain`, `${placed} of them have ${what}`,
      `${view.front.size} ${view.front.size === 1 ? "is" : "are"} on the front of its workload`.replace("are on the front of its workload", "are on the fronts of their workloads")];
    if (view.unstated) parts.push(`${view.unstated} left out because they do not state a figure that is limited`);
    status.textContent = `${parts.join("; ")}.`;
  }

  /* ---- one row in full ---- */
  function facts(point) {
    const texts = atlas.texts(point);
    const assumed = point.assumed ? " (U of an assumed budget)" : "";
    return [["Name", point.name], ["Known as", point.known_as], ["Organisation", point.organization],
      ["Round, division", [point.round, point.division].filter(Boolean).join(", ")], ["Workload", point.benchmark],
      ["Latency", point.latency_mode ? `${texts.latency_s} (${point.latency_mode} mode)` : texts.latency_s],
      [point.streaming ? "Energy of the whole stream, 95 %" : "Energy per inference, 95 %", `${texts.joule_per_inference}${assumed}`],
      ["Mean power", texts.power_w], ["Accuracy", texts.accuracy], ["Supply voltage", texts.voltage_v],
      ["Processor", [point.processor_kind, point.processor, point.accelerator].filter(Boolean).join("; ")],
      ["Flash", atlas.engineering(point.flash_bytes, "B")], ["RAM", atlas.engineering(point.ram_bytes, "B")],
      ["Monitor", point.monitor], ["Scope", point.scope], ["Files", point.files], ["Findings", point.findings],
      ["Notes", point.notes], ["Read from", point.path]].filter(([, text]) => text && text !== "–");
  }

  function describe(point) {
    if (!point) return;
    const list = document.createElement("dl");
    list.className = "facts";
    for (const [name, text] of facts(point)) {
      const group = document.createElement("div");
      group.append(element("dt", name), element("dd", text));
      list.append(group);
    }
    const title = element("h3", "");
    if (point.virtual) title.append(element("span", "VIRTUAL", { className: "virtual" }), " ");
    title.append(point.label || point.name);
    details.replaceChildren(title, list);
  }

  function choose(point, { scroll = false, focus = false } = {}) {
    state.selected = state.selected === point && !scroll ? null : point;
    jb.draw(div);
    if (state.selected) describe(point);
    const row = body.querySelector("tr.chosen");
    if (row && scroll) row.scrollIntoView({ block: "center" });
    if (row && focus) row.querySelector("button").focus();
  }

  /* ---- own files ---- */
  const messages = document.getElementById("atlas-messages");
  async function add(files) {
    const { points: found, lines } = await atlas.readFiles(files, columns, points);
    const known = new Map(points.map((point, place) => [point.own ? point.name : null, place]));
    for (const point of found) {
      if (known.has(point.name)) points[known.get(point.name)] = point; // read once more
      else points.push(point);
      if (!workloads.some(({ id }) => id === point.benchmark)) addWorkload(point.benchmark);
    }
    number();
    for (const [text, bad] of lines) messages.append(element("li", text, { className: bad ? "problem" : "" }));
    jb.draw(div);
  }

  function addWorkload(id) {
    workloads.push({ id, colour: "--c8" });
    const label = document.createElement("label");
    label.append(element("input", "", { type: "checkbox", name: "benchmark", value: id, checked: true }), ` ${id || "other"}`);
    form.querySelector(".workloads").append(label);
  }

  function download() {
    const link = element("a", "", { href: URL.createObjectURL(new Blob([atlas.csv(state.rows, columns)], { type: "text/csv" })),
      download: "atlas.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  /* ---- what the reader does ---- */
  form.addEventListener("input", (event) => { if (event.target.type !== "file") jb.draw(div); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => jb.draw(div)));
  document.getElementById("atlas-csv").addEventListener("click", download);
  document.getElementById("atlas-files").addEventListener("change", (event) => {
    add(Array.from(event.target.files)).then(() => { event.target.value = ""; });
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    add(Array.from(event.dataTransfer.files));
  });
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button.choose");
    if (button) choose(points[button.dataset.place], { focus: true });
  });
  for (const heading of headings) heading.querySelector("button").addEventListener("click", () => {
    state.ascending = heading.dataset.column === state.column ? !state.ascending : true;
    state.column = heading.dataset.column;
    fill();
  });

  let listening = false;
  return {
    draw() {
      state.view = seen();
      fill();
      count(state.view);
      const done = atlas.drawChart(div, state.view, workloads);
      if (!listening) {
        listening = true;
        div.on("plotly_click", ({ points: [hit] }) => {
          if (hit.customdata !== undefined) choose(points[hit.customdata], { scroll: true });
        });
      }
      return done;
    },
  };
};
