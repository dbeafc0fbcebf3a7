"use strict";
/* The atlas: own sessions from files that the reader chooses; nothing leaves the page. */
(() => {
  const LARGEST = 50e6, MOST = 5000, LONGEST = 300;
  const READ = { "joulebench.sessions": 1, "joulebench.result": 1 };
  class Refused extends Error {}

  const shown = (text) => String(text).replace(/[^\P{C}]/gu, "\ufffd").slice(0, LONGEST);
  const textOf = (value) => (typeof value === "string" ? shown(value) : "");
  const numberOf = (document, ...keys) => {
    let value = document;
    for (const key of keys) value = value && typeof value === "object" ? value[key] : null;
    if (value === null || value === undefined) return null;
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
      throw new Refused(`its ${keys.join(".")} is ${shown(JSON.stringify(value))}, not a number of 0 or more`);
    return value;
  };
  const per = (rate) => (rate > 0 ? 1 / rate : null);
  const benchmarkOf = (workload) => textOf(workload).replace(/[0-9]+$/, "");
  const codesOf = (value) =>
    Array.isArray(value)
      ? [...new Set(value.filter((item) => item && item.severity !== "info").map((item) => textOf(item.code)))].join(", ")
      : textOf(value);

  const whether = (valid) => (typeof valid === "boolean" ? valid : null);
  const filesOf = (valid) => (whether(valid) === null ? "not checked" : valid ? "valid" : "not valid");
  const blank = (columns) => Object.fromEntries(columns.map((column) => [column, null]));
  const metricOf = (benchmark) => (benchmark === "ad" ? "AUC" : "top-1");

  function fromResult(document, file, columns) {
    const mode = textOf(document.mode);
    if (mode !== "energy" && mode !== "performance")
      throw new Refused(`it is of mode ${mode || "(none)"}; only energy and performance sessions have a point`);
    const session = document.session, sure = document.uncertainty ?? {}, conditions = sure.conditions ?? {};
    const stated = (name, ...keys) => numberOf(sure, name, "value") ?? numberOf(session, name, ...keys, "median");
    const joule = stated("joule_per_inference", "exact"), power = stated("power_w", "exact");
    const board = textOf(conditions.board), voltage = numberOf(conditions, "voltage_v");
    const benchmark = benchmarkOf(document.workload);
    return { ...blank(columns), name: file, source: "session", own: true, path: file, benchmark,
      label: board || file, latency_s: per(stated("inferences_per_second")), latency_mode: mode,
      joule_per_inference: joule,
      expanded_uncertainty_j: joule === null ? null : numberOf(sure, "joule_per_inference", "expanded_uncertainty"),
      coverage_factor: numberOf(sure, "joule_per_inference", "coverage_factor"),
      power_w: power,
      power_expanded_w: numberOf(sure, "power_w", "expanded_uncertainty"),
      board, voltage_v: voltage, clock_hz: numberOf(conditions, "clock_hz"), monitor: textOf(conditions.monitor),
      accuracy_metric: metricOf(benchmark), streaming: benchmark === "sww", virtual: document.virtual === true,
      valid: whether(document.valid), files: filesOf(document.valid), findings: codesOf(document.findings),
      processor_kind: "not known", notes: mode === "energy" ? "latency of energy mode" : "a performance session" };
  }

  function fromSession(session, columns, others) {
    const folder = textOf(session.folder), benchmark = benchmarkOf(session.workload);
    const partner = others.get(textOf(session.performance));
    const rate = numberOf(partner ?? session, "inferences_per_second");
    const board = textOf(session.board), voltage = numberOf(session, "voltage_v"), label = textOf(session.label);
    const last = folder.split(/[\\/]/).filter(Boolean).pop() ?? "session";
    return { ...blank(columns), name: folder || last, source: "session", own: true, path: folder, benchmark,
      label: [board || last, label].filter(Boolean).join(", "),
      latency_s: per(rate), latency_mode: partner || session.mode === "performance" ? "performance" : "energy",
      joule_per_inference: numberOf(session, "joule_per_inference"), power_w: numberOf(session, "power_w"),
      board, voltage_v: voltage, clock_hz: numberOf(session, "clock_hz"), monitor: textOf(session.monitor),
      scope: textOf(session.scope), accuracy_metric: metricOf(benchmark), streaming: benchmark === "sww", virtual: session.virtual === true,
      valid: whether(session.valid), files: filesOf(session.valid), findings: codesOf(session.findings),
      processor_kind: "not known", notes: "the list of sessions holds no uncertainty" };
  }

  function fromSessions(document, columns) {
    if (!Array.isArray(document.sessions)) throw new Refused("it has no list of sessions");
    if (document.sessions.length > MOST)
      throw new Refused(`it lists ${document.sessions.length} sessions; the page takes ${MOST}`);
    const sessions = document.sessions.filter((session) => session && typeof session === "object");
    const last = (session) => textOf(session.folder).split(/[\\/]/).filter(Boolean).pop();
    const others = new Map(sessions.filter((one) => one.mode === "performance").map((one) => [last(one), one]));
    return sessions.filter((session) => session.mode === "energy")
      .map((session) => fromSession(session, columns, others));
  }

  /* The kind of processor of a board: that of the published systems that have its name in theirs. */
  const kindOf = (board, points) => {
    const name = atlas.squashed(board);
    const alike = points.filter((point) => !point.own && name.length >= 5 && atlas.squashed(point.board).includes(name));
    const kinds = new Set(alike.map((point) => point.processor_kind).filter((kind) => kind !== "not known"));
    return kinds.size === 1 ? [...kinds][0] : "not known";
  };

  /* The points of a file's text. Throws an Error whose message is for the reader. */
  atlas.pointsIn = (text, file, columns) => {
    let document;
    try {
      document = JSON.parse(text);
    } catch (error) {
      throw new Refused(`it is not JSON (${shown(error.message)})`);
    }
    const schema = textOf(document?.schema), [, kind, version] = /^(.*)\/(\d+)$/.exec(schema) ?? [];
    if (!(kind in READ))
      throw new Refused(`its schema is ${schema || "not stated"}; the page reads ${Object.keys(READ).join(" and ")}`);
    if (Number(version) !== READ[kind])
      throw new Refused(`its schema is ${schema}, of another version; the page reads ${kind}/${READ[kind]}`);
    const points = kind === "joulebench.result" ? [fromResult(document, file, columns)] : fromSessions(document, columns);
    const usable = points.filter((point) => point.latency_s !== null || point.joule_per_inference !== null);
    if (!usable.length) throw new Refused("it holds no energy session with a figure");
    return usable;
  };

  atlas.readFiles = async (files, columns, known) => {
    const points = [], lines = [];
    for (const file of files) {
      const name = shown(file.name);
      try {
        if (file.size > LARGEST) throw new Refused(`it is larger than ${LARGEST / 1e6} MB`);
        const found = atlas.pointsIn(await file.text(), name, columns);
        for (const point of found) point.processor_kind = kindOf(point.board, known);
        points.push(...found);
        lines.push([`${name}: ${found.length} ${found.length === 1 ? "point" : "points"} added`, false]);
      } catch (error) {
        const reason = error instanceof Refused ? error.message : "it cannot be read";
        lines.push([`${name} was not added: ${reason}.`, true]);
      }
    }
    return { points, lines };
  };
})();
