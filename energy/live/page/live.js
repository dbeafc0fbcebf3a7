"use strict";

// The live page: frames come as server-sent events (energy/live/server.py, energy/live/scene.py).

const byId = (id) => document.getElementById(id);
const QUANTITIES = {
  power: { unit: "W", label: "power" },
  current: { unit: "A", label: "current" },
  voltage: { unit: "V", label: "voltage" },
};
const LEFT = 74, TOP = 16, BOTTOM = 22;
const PREFIXES = { "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M" };

let source = null, span = "10", paused = false, over = false;
let frame = null, wave = null, pointer = null, shownSession = 0;

function power(value) {
  if (!Number.isFinite(value) || value === 0) return 0;
  return Math.min(Math.max(Math.floor(Math.log10(Math.abs(value)) / 3) * 3, -12), 6);
}

function engineering(value, unit, digits = 4) {
  if (!Number.isFinite(value)) return "–";
  const tens = power(value), scaled = value / 10 ** tens;
  const before = scaled === 0 ? 1 : Math.floor(Math.log10(Math.abs(scaled))) + 1;
  return `${scaled.toFixed(Math.max(digits - before, 0))} ${PREFIXES[tens]}${unit}`;
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

// Frames

function connect() {
  if (source) source.close();
  if (over) return;
  const columns = Math.round(Math.min(plotWidth() * Math.min(window.devicePixelRatio || 1, 2), 2400));
  source = new EventSource(`events?span=${span}&columns=${Math.max(columns, 100)}`);
  source.onmessage = (event) => { byId("link").hidden = true; take(JSON.parse(event.data)); };
  source.onerror = () => {
    if (over) return;
    byId("link").hidden = false;
    byId("link").textContent = "joulebench does not answer: it has ended, or has too many viewers. Trying again.";
    // A refused stream is not tried again by the browser itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (!over) connect(); }, 2000);
  };
}

function take(next) {
  frame = next;
  if (next.over) {
    over = true;
    source.close();
    for (const button of document.querySelectorAll("button[data-span]")) button.disabled = true;
  }
  if (next.wave && !paused) wave = decoded(next.wave);
  if (!next.wave) wave = null;
  showSession(next);
  requestAnimationFrame(draw);
}

function decoded(sent) {
  const bytes = Uint8Array.from(atob(sent.data), (letter) => letter.charCodeAt(0));
  const values = new Float32Array(bytes.buffer), n = sent.columns;
  const rows = {};
  sent.quantities.forEach((name, k) => {
    const part = (i) => values.subarray((3 * k + i) * n, (3 * k + i + 1) * n);
    rows[name] = { low: part(0), high: part(1), mean: part(2) };
  });
  return { ...sent, rows };
}

// Words and numbers

function showSession(next) {
  const session = next.session;
  byId("progress").value = next.progress;
  if (!session) return;
  const kind = [session.workload, session.mode].filter(Boolean).join(" ");
  const name = `${session.board}, ${session.voltage_v} V: ${kind}`;
  if (shownSession !== session.number) {
    shownSession = session.number;
    byId("windows").tBodies[0].replaceChildren();
    document.title = `${kind}, ${session.board}: joulebench live`;
  }
  setText("name", name);
  setText("setup", `bench ${session.bench}${session.label ? `, ${session.label}` : ""}`
    + (session.rate_hz ? `, ${engineering(session.rate_hz, "S/s", 3)}` : ""));
  byId("virtual").hidden = !session.virtual;
  document.body.dataset.state = session.state;
  setText("state", session.state);
  setText("doing", next.over ? "The run is over; this page keeps what it shows." : session.doing);
  byId("error").hidden = !session.error && !next.defect;
  if (session.error) setText("error", `${session.error[1]} [${session.error[0]}] ${session.error[2]}`);
  else if (next.defect) setText("error", `This view has ended by a defect (${next.defect}); the recording goes on.`);
  showWindows(next.windows);
  showFindings(session);
  showSessions(next.sessions);
  const lost = session.dropped_by_view ? ` This view missed ${session.dropped_by_view} updates; the recording did not.` : "";
  setText("store", `Every sample is in ${session.folder}; this page shows the least, mean and greatest of each column.${lost}`);
  showMeters(session);
}

function setText(id, text) {
  const target = byId(id);
  if (target.textContent !== text) target.textContent = text;
}

function meter(name, label, value, range) {
  let box = byId(`meter-${name}`);
  if (!box) {
    box = element("div", "", name);
    box.id = `meter-${name}`;
    box.append(element("dt"), element("dd", "", "value"), element("dd", "", "range"));
    byId("meters").append(box);
  }
  [label, value, range].forEach((text, k) => {
    if (box.children[k].textContent !== text) box.children[k].textContent = text;
  });
}

function showMeters(session) {
  if (wave) {
    for (const name of wave.quantities) {
      const row = wave.rows[name], unit = QUANTITIES[name].unit;
      let sum = 0, count = 0, low = Infinity, high = -Infinity;
      for (let i = 0; i < row.mean.length; i++) {
        if (Number.isNaN(row.mean[i])) continue;
        sum += row.mean[i]; count++;
        low = Math.min(low, row.low[i]); high = Math.max(high, row.high[i]);
      }
      const digits = name === "voltage" ? 5 : 3;
      meter(name, `mean ${QUANTITIES[name].label}`, engineering(count ? sum / count : NaN, unit),
        count ? `${engineering(low, unit, digits)} to ${engineering(high, unit, digits)}` : "");
    }
    meter("energy", "energy so far", session.energy, "");
    const missing = session.missing ? `${session.missing} are no numbers` : "";
    meter("time", "recorded", `${session.elapsed_s.toFixed(1)} s`, `${session.samples.toLocaleString("en")} samples`
      + (missing ? `, ${missing}` : ""));
  }
  const rate = session.rate || "";
  meter("cost", "median per inference", session.cost || "–", rate);
}

function showWindows(windows) {
  const table = byId("windows"), body = table.tBodies[0];
  if (!table.tHead.rows.length) {
    const row = table.tHead.insertRow();
    for (const text of windows.columns) {
      const cell = element("th", text);
      cell.scope = "col";
      row.append(cell);
    }
  }
  if (windows.replace) body.replaceChildren();
  for (const cells of windows.rows) {
    const row = body.insertRow(0);
    cells.forEach((text, k) => { row.insertCell().textContent = text; if (k === cells.length - 1 && text) row.className = "error"; });
  }
  while (body.rows.length > 500) body.deleteRow(-1);
  table.hidden = !windows.count;
  byId("no-windows").hidden = Boolean(windows.count);
  setText("windows-count", windows.count ? `${windows.count}, the latest first` : "");
}

function showFindings(session) {
  const key = JSON.stringify([session.findings, session.notes]);
  const list = byId("findings");
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  setText("findings-count", session.findings_count ? String(session.findings_count) : "none");
  list.replaceChildren(...session.findings.map(([severity, code, evidence, window]) => {
    const item = element("li");
    const text = element("span", `${code}: ${window ? `window ${window}: ` : ""}${evidence}`);
    item.append(element("b", severity, severity), text);
    return item;
  }));
  byId("notes").replaceChildren(...session.notes.map((note) => element("li", note)));
}

function showSessions(sessions) {
  byId("sessions-part").hidden = sessions.length < 2;
  const key = JSON.stringify(sessions), table = byId("sessions");
  if (sessions.length < 2 || table.dataset.key === key) return;
  table.dataset.key = key;
  table.tBodies[0].replaceChildren(...sessions.map((session) => {
    const row = element("tr", "", session.worst === "error" ? "error" : "");
    const name = [session.workload, session.mode, session.label].filter(Boolean).join(" ");
    for (const text of [name, session.state, String(session.windows), session.cost || "–", session.rate || "–"]) {
      row.append(element("td", text));
    }
    return row;
  }));
}

// The waveform

const plotWidth = () => Math.max(byId("panels").clientWidth - LEFT - 8, 100);

function panel(name, lesser) {
  let canvas = byId(`wave-${name}`);
  if (!canvas) {
    canvas = element("canvas");
    canvas.id = `wave-${name}`;
    canvas.setAttribute("role", "img");
    canvas.addEventListener("pointermove", (event) => { pointer = event.offsetX; draw(); });
    canvas.addEventListener("pointerleave", () => { pointer = null; draw(); });
    byId("panels").append(canvas);
  }
  canvas.className = lesser ? "lesser" : "";
  return canvas;
}

function niceStep(range, most) {
  const raw = range / most, tens = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((k) => k * tens).find((step) => step >= raw * 0.999);
}

function limits(name, row) {
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < row.low.length; i++) {
    if (row.low[i] < low) low = row.low[i];
    if (row.high[i] > high) high = row.high[i];
  }
  if (!Number.isFinite(low)) return [0, 1];
  if (name !== "voltage") { low = Math.min(low, 0); high = Math.max(high, 0); }
  const rest = (high - low) || Math.abs(high) * 0.02 || 1e-9;
  return [name !== "voltage" && low === 0 ? 0 : low - rest * 0.06, high + rest * 0.08];
}

function draw() {
  byId("no-wave").hidden = Boolean(wave);
  if (!wave) { byId("panels").replaceChildren(); return; }
  const known = new Set(wave.quantities.map((name) => `wave-${name}`));
  for (const canvas of [...byId("panels").children]) if (!known.has(canvas.id)) canvas.remove();
  wave.quantities.forEach((name, k) => drawPanel(name, k > 0, k === wave.quantities.length - 1));
  showReading();
}

function drawPanel(name, lesser, lowest) {
  const canvas = panel(name, lesser), ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const style = getComputedStyle(document.body), colour = (key) => style.getPropertyValue(`--${key}`).trim();
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  const right = width - 8, bottom = height - (lowest ? BOTTOM : 12), row = wave.rows[name];
  const [low, high] = limits(name, row), duration = wave.stop_s - wave.start_s;
  const x = (second) => LEFT + (second - wave.start_s) / duration * (right - LEFT);
  const y = (value) => bottom - (value - low) / (high - low) * (bottom - TOP);

  pen.save();
  pen.beginPath();
  pen.rect(LEFT, 0, right - LEFT, bottom);
  pen.clip();
  for (const [start, stop, number] of wave.windows) {
    const from = x(start), to = x(stop);
    pen.globalAlpha = Number(colour("shade"));
    pen.fillStyle = colour("window");
    pen.fillRect(from, TOP, to - from, bottom - TOP);
    pen.globalAlpha = 1;
    const text = String(number), room = pen.measureText(text).width + 6;
    const middle = (Math.max(from, LEFT) + Math.min(to, right)) / 2;
    if (!lesser && Math.min(to, right) - Math.max(from, LEFT) > room) {
      pen.fillStyle = colour("quiet");
      pen.textAlign = "center";
      pen.fillText(text, middle, TOP - 4);
    }
  }
  pen.restore();

  drawAxes(pen, name, { low, high, right, bottom, lowest, lesser, x, y, colour });

  pen.save();
  pen.beginPath();
  pen.rect(LEFT, TOP - 2, right - LEFT, bottom - TOP + 4);
  pen.clip();
  drawGaps(pen, x, bottom, colour("bad"));
  drawWave(pen, row, colour(name), y, (right - LEFT) / row.mean.length);
  pen.fillStyle = colour("text");
  for (const second of wave.edges) pen.fillRect(x(second) - 0.5, bottom - 7, 1, 7);
  if (pointer !== null && pointer >= LEFT && pointer <= right) pen.fillRect(pointer - 0.5, TOP, 1, bottom - TOP);
  pen.restore();
  canvas.setAttribute("aria-label", `${name} from ${wave.start_s.toFixed(3)} s to ${wave.stop_s.toFixed(3)} s`);
}

function drawAxes(pen, name, place) {
  const { low, high, right, bottom, lowest, lesser, x, y, colour } = place;
  const unit = QUANTITIES[name].unit;
  pen.strokeStyle = colour("line");
  pen.fillStyle = colour("quiet");
  pen.lineWidth = 1;
  const step = niceStep(high - low, lesser ? 3 : 5), tens = power(Math.max(Math.abs(low), Math.abs(high)));
  const decimals = Math.max(0, tens - Math.floor(Math.log10(step) + 1e-9));
  pen.textAlign = "right";
  pen.beginPath();
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    const at = Math.round(y(k * step)) + 0.5;
    pen.moveTo(LEFT, at);
    pen.lineTo(right, at);
    pen.fillText(`${(k * step / 10 ** tens).toFixed(decimals)} ${PREFIXES[tens]}${unit}`, LEFT - 8, at + 4);
  }
  const duration = wave.stop_s - wave.start_s, each = niceStep(duration, Math.max((right - LEFT) / 80, 2));
  const after = Math.max(0, -Math.floor(Math.log10(each) + 1e-9));
  pen.textAlign = "center";
  for (let k = Math.ceil(wave.start_s / each - 1e-9); k * each <= wave.stop_s; k++) {
    const at = Math.round(x(k * each)) + 0.5;
    pen.moveTo(at, TOP);
    pen.lineTo(at, bottom);
    if (lowest && at > LEFT + 20 && at < right - 20) pen.fillText(`${(k * each).toFixed(after)} s`, at, bottom + 16);
  }
  pen.stroke();
  pen.textAlign = "right";
  pen.fillStyle = colour(name);
  pen.font = "600 12px system-ui, sans-serif";
  pen.fillText(QUANTITIES[name].label, LEFT - 8, TOP - 4);
  pen.font = "12px system-ui, sans-serif";
}

function drawWave(pen, row, colour, y, each) {
  const n = row.mean.length;
  pen.fillStyle = colour;
  pen.globalAlpha = 0.3;
  for (let i = 0; i < n; i++) {
    if (Number.isNaN(row.low[i])) continue;
    const top = y(row.high[i]);
    pen.fillRect(LEFT + i * each, top, Math.max(each, 0.5), Math.max(y(row.low[i]) - top, 0.5));
  }
  pen.globalAlpha = 1;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.3;
  pen.lineJoin = "round";
  pen.beginPath();
  let on = false;
  for (let i = 0; i < n; i++) {
    if (Number.isNaN(row.mean[i])) { on = false; continue; }
    const at = LEFT + (i + 0.5) * each;
    if (on) pen.lineTo(at, y(row.mean[i])); else pen.moveTo(at, y(row.mean[i]));
    on = true;
  }
  pen.stroke();
}

function drawGaps(pen, x, bottom, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  for (const [start, stop] of wave.gaps) {
    const from = x(start), to = Math.max(x(stop), from + 3);
    pen.save();
    pen.beginPath();
    pen.rect(from, TOP, to - from, bottom - TOP);
    pen.stroke();
    pen.clip();
    pen.beginPath();
    for (let at = from - (bottom - TOP); at < to; at += 7) {
      pen.moveTo(at, bottom);
      pen.lineTo(at + bottom - TOP, TOP);
    }
    pen.stroke();
    pen.restore();
  }
}

function showReading() {
  const width = plotWidth(), place = pointer === null ? -1 : (pointer - LEFT) / width;
  if (place < 0 || place >= 1) { setText("reading", ""); return; }
  const column = Math.floor(place * wave.columns);
  const second = wave.start_s + (column + 0.5) / wave.columns * (wave.stop_s - wave.start_s);
  const parts = wave.quantities.map((name) => engineering(wave.rows[name].mean[column], QUANTITIES[name].unit));
  setText("reading", `${second.toFixed(4)} s: ${parts.join(", ")}`);
}

// Controls

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.id === "pause") {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
  } else if (button.dataset.span) {
    span = button.dataset.span;
    for (const other of document.querySelectorAll("button[data-span]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    connect();
  }
});

let resized = null;
window.addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => { if (!over) connect(); draw(); }, 200);
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
connect();
