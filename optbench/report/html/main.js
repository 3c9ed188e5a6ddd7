// Puts the views into the page and keeps them together: the legend switches an optimizer on and off in all of them.

function startLegend(chapter, redraw) {
  const legend = chapter.node.querySelector(".legend"), { arms } = chapter.data;
  if (arms.length < 2) return;
  const show = () => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(chapter.on.has(i))));
  const change = (wanted) => { chapter.on = new Set(wanted); show(); redraw(); };
  const all = [...arms.keys()];
  const buttons = arms.map((arm, i) => h("button", {
    type: "button", title: `${arm.full}\nAlt and click: this one alone`,
    click: (event) => change(event.altKey ? [i] : all.filter((k) => (k === i) !== chapter.on.has(k))),
  }, swatch(arm.style), h("span", { class: "name" }, arm.name)));
  legend.append(...buttons,
    h("button", { type: "button", class: "all", click: () => change(all) }, "all"),
    h("button", { type: "button", class: "all", click: () => change([]) }, "none"));
  legend.hidden = false;
  show();
}

function startChapter(data) {
  const chapter = { data, node: document.getElementById(data.id), on: new Set(data.arms.keys()) };
  const views = {
    compare: drawCompare, curves: drawCurves, pareto: drawPareto, tuning: drawTuning, gradients: drawGradients,
    time: (own, section) => drawBars(own, section, data.time, seconds),
    memory: (own, section) => drawBars(own, section, data.memory, bytes),
  };
  const draws = [...chapter.node.querySelectorAll(".view")].map((section) => views[section.dataset.view](chapter, section)).filter(Boolean);
  const redraw = () => draws.forEach((draw) => draw());
  startLegend(chapter, redraw);
  chapter.node.querySelector("details.tables").open = false; // open in the file for readers without scripts
  redraw();
  return redraw;
}

startTheme();
const redraws = report.chapters.map(startChapter);
let width = innerWidth, waiting = 0;
addEventListener("resize", () => {
  if (innerWidth === width) return; // phones tell of a hidden address bar too
  width = innerWidth;
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => redraws.forEach((redraw) => redraw()));
});
addEventListener("scroll", hideTip, { passive: true });
document.documentElement.dataset.ready = "yes";
