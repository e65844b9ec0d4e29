// Charts that can be zoomed. Without this script the page shows the same curves as drawings; paper always does.
(() => {
  "use strict";

  const page = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const HEIGHT = 230;
  const DASHES = { c1: [7, 3], c2: [2, 3], c4: [7, 3], c5: [2, 3] };
  const MARKS = { best: [5, 4], cut: [1.5, 3], restore: [5, 4], stop: [7, 3, 1.5, 3], resume: [2, 5] };

  const shown = new Map(); // figure -> chart
  let range = null; // what all charts show of the steps; null for everything

  // ---- data

  const sums = (differences) => {
    let sum = 0;
    return differences.map((difference) => (sum += difference));
  };

  // All curves of a chart on one list of steps. A step at which a curve has several values is listed as often; null is a
  // gap, and undefined a step at which a curve has no value, which its line passes over.
  const aligned = (curves) => {
    const most = new Map();
    for (const { steps } of curves) {
      const count = new Map();
      for (const step of steps) count.set(step, (count.get(step) ?? 0) + 1);
      for (const [step, times] of count) most.set(step, Math.max(times, most.get(step) ?? 0));
    }
    const first = new Map();
    const all = [];
    for (const step of [...most.keys()].sort((a, b) => a - b)) {
      first.set(step, all.length);
      for (let times = most.get(step); times > 0; times--) all.push(step);
    }
    const columns = curves.map(({ steps, values }) => {
      const column = new Array(all.length).fill(undefined);
      let before = null;
      let repeated = 0;
      steps.forEach((step, index) => {
        repeated = step === before ? repeated + 1 : 0;
        before = step;
        column[first.get(step) + repeated] = values[index];
      });
      return column;
    });
    return [all, ...columns];
  };

  for (const chart of page.charts) {
    for (const curve of chart.curves) curve.steps = sums(curve.steps);
    chart.data = aligned(chart.curves);
  }
  const ends = page.charts.flatMap(({ data: [steps] }) => [steps[0], steps.at(-1)]);
  const whole = { min: Math.min(...ends), max: Math.max(...ends) };
  if (whole.min === whole.max) whole.max += 1;

  // ---- zooming: what one chart shows, all show

  const zoom = (wanted) => {
    range = wanted;
    root.classList.toggle("is-zoomed", range !== null);
    for (const chart of shown.values()) chart.setScale("x", range ?? whole);
  };

  const follow = (chart, scale) => {
    const { min, max } = chart.scales.x;
    const now = range ?? whole;
    if (scale === "x" && min !== null && (min !== now.min || max !== now.max)) zoom({ min, max });
  };

  // A finger that moves sideways selects, as a mouse does; one that moves up or down scrolls the page.
  const listenToFingers = (chart) => {
    const { over } = chart;
    let from = null;
    const place = (event) => Math.min(Math.max(event.clientX - over.getBoundingClientRect().left, 0), over.clientWidth);
    const select = (left, width) => chart.setSelect({ left, width, top: 0, height: over.clientHeight }, false);
    over.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" && event.isPrimary) from = place(event);
    });
    over.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = place(event);
      chart.setCursor({ left: to, top: 0 });
      select(Math.min(from, to), Math.abs(to - from));
    });
    over.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const [left, right] = [from, place(event)].sort((a, b) => a - b);
      if (right - left > 10) zoom({ min: chart.posToVal(left, "x"), max: chart.posToVal(right, "x") });
      select(0, 0);
      from = null;
    });
    over.addEventListener("pointercancel", () => {
      select(0, 0);
      from = null;
    });
  };

  // ---- drawing

  const drawMarks = (chart) => {
    const { ctx, bbox } = chart;
    const bottom = bbox.top + bbox.height;
    const ratio = uPlot.pxRatio;
    const inside = (x) => x >= bbox.left && x <= bbox.left + bbox.width;
    ctx.save();
    ctx.lineWidth = 1.3 * ratio;
    for (const [step, kind] of page.marks) {
      const x = chart.valToPos(step, "x", true);
      if (!inside(x)) continue;
      ctx.strokeStyle = colour(kind);
      ctx.setLineDash(MARKS[kind].map((length) => length * ratio));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bottom);
      ctx.stroke();
    }
    ctx.setLineDash([]);
    ctx.strokeStyle = colour("gap");
    const half = 4 * ratio;
    chart.data.slice(1).forEach((column, index) => {
      if (!chart.series[index + 1].show) return;
      column.forEach((value, row) => {
        const x = value === null ? NaN : null;
        if (x === null) return;
        const at = chart.valToPos(chart.data[0][row], "x", true);
        if (!inside(at)) return;
        ctx.beginPath();
        ctx.moveTo(at - half, bottom - 3 * half);
        ctx.lineTo(at + half, bottom - half);
        ctx.moveTo(at - half, bottom - half);
        ctx.lineTo(at + half, bottom - 3 * half);
        ctx.stroke();
      });
    });
    ctx.restore();
  };

  const nameStep = (step) => {
    if (step === null || step === undefined) return "–";
    const epoch = page.epochs.findIndex((end) => end >= step) + 1;
    return step.toLocaleString() + (epoch > 0 ? ` · ${page.words.epoch} ${epoch.toLocaleString()}` : "");
  };

  // As on paper, with as many digits as tell the ticks apart: 0.25, 1e-6, 250k, 3M.
  const nameTick = (value, stride) => {
    if (value === null) return "";
    const size = Math.abs(value);
    const digits = size > 0 && stride > 0 ? Math.min(Math.max(4, Math.ceil(Math.log10(size / stride)) + 1), 15) : 4;
    for (const [suffix, scale] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
      if (size >= scale && size < 1000 * scale) return Number((value / scale).toPrecision(digits)) + suffix;
    }
    const plain = value.toPrecision(digits);
    return size !== 0 && (size < 1e-4 || size >= 1e12) ? Number(plain).toExponential().replace("e+", "e") : String(Number(plain));
  };

  const nameTicks = (_, ticks, axis, space, stride) => ticks.map((tick) => nameTick(tick, stride));

  // On a logarithmic axis only powers of ten get a line.
  const wholePower = (value) => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9 ? value : null);

  const nameValue = (value) => (value === null || value === undefined ? "–" : String(value));

  const draw = (figure) => {
    const { curves, data, log } = page.charts[Number(figure.dataset.chart)];
    const place = figure.querySelector(".live");
    figure.classList.add("is-live");
    const axis = { stroke: () => colour("soft"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false }, values: nameTicks };
    const chart = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        cursor: {
          sync: { key: "report", filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
          bind: { dblclick: () => () => zoom(null) },
        },
        scales: { x: { time: false, ...(range ?? whole) }, y: { distr: log ? 3 : 1 } },
        axes: [
          { ...axis, size: 30 },
          { ...axis, size: 58, grid: { ...axis.grid, filter: (_, splits) => (log ? splits.map(wholePower) : splits) } },
        ],
        series: [
          { label: page.words.step, value: (_, step) => nameStep(step) },
          ...curves.map(({ label, style }) => ({
            label,
            stroke: () => colour(style),
            width: style === "faint" ? 1 : 1.7,
            dash: DASHES[style],
            value: (_, value) => nameValue(value),
          })),
        ],
        hooks: { draw: [drawMarks], setScale: [follow] },
      },
      data,
      place,
    );
    listenToFingers(chart);
    shown.set(figure, chart);
  };

  // ---- the page: charts are drawn when they come into sight, fit their place, and follow the theme

  const figures = [...document.querySelectorAll("figure[data-chart]")];

  const fitting = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = shown.get(target);
      const width = target.querySelector(".live").clientWidth;
      if (chart && width > 0 && width !== chart.width) chart.setSize({ width, height: HEIGHT });
    }
  });

  const appearing = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting || shown.has(target)) continue;
        appearing.unobserve(target);
        draw(target);
        fitting.observe(target);
      }
    },
    { rootMargin: "400px" },
  );

  for (const figure of figures) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "whole";
    button.textContent = page.words.whole;
    button.addEventListener("click", () => zoom(null));
    figure.querySelector("figcaption").append(button);
    appearing.observe(figure);
  }

  const redraw = () => {
    for (const [figure, chart] of [...shown]) {
      chart.destroy();
      draw(figure);
    }
  };

  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    root.dataset.theme = isDark ? "light" : "dark";
    redraw();
  });
})();
