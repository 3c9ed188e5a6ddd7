// Learning curves by epoch, by update and by second. Draws into its section of a chapter and returns a function that draws
// anew, for other optimizers or another width, as every view does.

const figure = (title, ...more) => h("figure", { class: "chart" }, h("figcaption", {}, h("span", {}, title), ...more), h("div", { class: "plot" }));
const mean = (values) => { const own = values.filter(known); return own.length ? own.reduce((a, b) => a + b, 0) / own.length : null; };

const AXES = { epoch: "epoch", update: "update", second: "second of training" };

// A run's x and y for one of the series; null where it has no such x.
function pointsOf(curves, run, k, axis) {
  if (axis === "update" && curves.series[k].loss && run.loss) return [curves.xs[run.loss[0]], run.loss[1]];
  const x = axis === "second" ? run.second : known(run[axis]) ? curves.xs[run[axis]] : null;
  return x && [x, run.y[k]];
}

// The mean over an arm's finished runs with their range; runs of different lengths as far as all go.
function lineOf(arm, points) {
  const count = Math.min(...points.map(([x]) => x.length)), at = [...Array(count).keys()];
  const ys = at.map((i) => points.map(([, y]) => y[i]).filter(known));
  const end = (pick) => ys.map((values) => (values.length ? pick(...values) : null));
  return {
    name: arm.name, style: arm.style, x: at.map((i) => mean(points.map(([x]) => x[i]))), y: ys.map(mean),
    low: points.length > 1 ? end(Math.min) : null, high: points.length > 1 ? end(Math.max) : null,
    seeds: points.length > 1 ? points.map(([, y]) => y.slice(0, count)) : null,
  };
}

function drawCurves(chapter, section) {
  const { data } = chapter, curves = data.curves, runs = curves.arms.flat();
  const [controls, drawing] = section.querySelectorAll(".controls, .drawing");
  const state = { axis: "epoch", seeds: "range", all: "usual" };
  const offered = Object.keys(AXES).filter((axis) => axis === "epoch" || runs.some((run) => known(run[axis])));
  const set = (key) => (value) => { state[key] = value; draw(); };
  controls.append(choice("by", offered.map((axis) => [axis, axis]), "epoch", set("axis")));
  if (curves.arms.some((own) => own.length > 1)) controls.append(choice("seeds", [["range", "mean and range"], ["each", "each"]], "range", set("seeds")));
  controls.append(choice("axes", [["usual", "without outliers"], ["all", "everything"]], "usual", set("all")));
  const figures = curves.series.map((series, k) => {
    const own = { k, series, log: series.log && spread(runs.flatMap((run) => (run.status === "ok" ? run.y[k] : []))) > 20 };
    own.button = series.log ? h("button", { type: "button", class: "log", "aria-pressed": String(own.log), click: () => { own.log = !own.log; own.button.setAttribute("aria-pressed", String(own.log)); one(own); } }, "log scale") : null;
    own.node = figure(series.title, own.button);
    return own;
  });
  drawing.classList.add("grid");
  drawing.append(...figures.map((own) => own.node));

  function one({ k, series, log, node }) {
    const lines = [], ghosts = [];
    data.arms.forEach((arm, i) => {
      if (!chapter.on.has(i)) return;
      const found = curves.arms[i].map((run) => [run, pointsOf(curves, run, k, state.axis)]).filter(([, points]) => points);
      const finished = found.filter(([run]) => run.status === "ok").map(([, points]) => points);
      if (finished.length) lines.push(lineOf(arm, finished));
      for (const [run, [x, y]] of found)
        if (run.status !== "ok") ghosts.push({ name: `${arm.name}, seed ${run.seed}`, status: run.status.replaceAll("_", " "), style: arm.style, x, y });
    });
    drawLines(node.querySelector(".plot"), {
      lines, ghosts, x: { label: AXES[state.axis], whole: state.axis !== "second" }, y: { log, lower: series.lower }, seeds: state.seeds === "each",
      everything: state.all === "all" || series.exact, label: `${series.title} by ${AXES[state.axis]}, ${lines.length} optimizers; the values are in the tables`,
    });
  }
  const draw = () => figures.forEach(one);
  return draw;
}

function spread(values) {
  const own = values.filter((v) => known(v) && v > 0).sort((a, b) => a - b);
  return own.length ? own[Math.floor(0.98 * (own.length - 1))] / own[Math.floor(0.02 * (own.length - 1))] : 1;
}
