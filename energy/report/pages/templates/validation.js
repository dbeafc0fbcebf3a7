"use strict";
/* A validation: its plots show the benchmarks that the table's filters leave, and a click leads to one. */
const left = () => {
  const rows = Array.from(document.querySelectorAll("#benchmarks tbody tr"));
  return new Set(rows.filter((row) => !row.hidden).map((row) => row.querySelector("a[href]")?.hash.slice(1)));
};

jb.scripts.benchmarks = (div, spec) => {
  let listening = false;
  return {
    draw() {
      const shown = left();
      const data = spec.data.map((trace) => ({ ...trace,
        y: trace.y.map((value, place) => (shown.has(trace.customdata[place]) ? value : null)) }));
      const done = jb.react(div, data, { ...spec.layout, uirevision: "kept" });
      if (!listening) {
        listening = true;
        div.on("plotly_click", ({ points: [hit] }) => {
          if (hit.customdata) location.hash = hit.customdata;
        });
      }
      return done;
    },
  };
};
document.addEventListener("filtered", (event) => {
  if (event.target.id === "benchmarks") jb.redraw();
});

/* A link to a benchmark opens its part. */
const open = () => {
  const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (part instanceof HTMLDetailsElement) part.open = true;
  part?.scrollIntoView();
};
addEventListener("hashchange", open);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (link && link.hash === location.hash) open(); // the same link once more changes no address
});
if (location.hash) open();
