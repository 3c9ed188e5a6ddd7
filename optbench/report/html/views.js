// Quality against cost, stacked bars, tuning and gradients.

// -- quality against cost ---------------------------------------------------------------------------------------

const COSTS = [
  [["epoch", "time of an epoch", TIMES, ""], ["trained", "time of an epoch", TIMES, " (as the runs took it, not measured apart)"]],
  [["peak", "peak memory", SIZES, ""], ["state", "optimizer state", SIZES, " (peak memory was not measured)"]],
];

// The points that no other beats in both: [x, y] with less x better and `lower` saying it of y.
function frontOf(points, lower) {
  const sorted = [...points].sort((a, b) => a.x - b.x || (lower ? a.y - b.y : b.y - a.y));
  let best = null;
  return sorted.filter((p) => { const wins = best === null || (lower ? p.y < best : p.y > best); if (wins) best = p.y; return wins; });
}

function drawPareto(chapter, section) {
  const { data } = chapter, [controls, drawing] = section.querySelectorAll(".controls, .drawing");
  const costs = COSTS.map((options) => options.find(([key]) => data.arms.some((arm) => known(arm[key])))).filter(Boolean);
  if (!data.metrics.length || !costs.length) { section.hidden = true; return null; }
  let metric = data.metrics[0];
  if (data.metrics.length > 1) controls.append(choice("quality", data.metrics.map((m) => [m.name, m.title]), metric.name, (value) => { metric = data.metrics.find((m) => m.name === value); draw(); }));
  const nodes = costs.map(([key, title, units, remark]) => ({ key, title, units, node: figure(title + remark) }));
  drawing.classList.add("grid");
  drawing.append(...nodes.map(({ node }) => node));

  function one({ key, title, units, node }) {
    const [size, unit] = unitOf(units, Math.max(...data.arms.map((arm) => arm[key] || 0))), text = scaled(units);
    const points = data.arms.map((arm, i) => ({ arm, i, x: known(arm[key]) ? arm[key] / size : null, y: arm.metrics[metric.name][0], std: arm.metrics[metric.name][1] || 0 }))
      .filter((p) => chapter.on.has(p.i) && known(p.x) && known(p.y));
    const front = frontOf(points, metric.lower);
    const x = { domain: range([points.map((p) => p.x)], false, true), label: `${title}, ${unit}` };
    const y = { domain: range(points.map((p) => [p.y]), false, false) };
    const usual = points.filter((p) => p.y >= y.domain[0] && p.y <= y.domain[1]);
    y.domain = range([usual.flatMap((p) => [p.y - p.std, p.y + p.std])], false, true);
    const place = axes(node.querySelector(".plot"), x, y, `${metric.title} against ${title}; on the front: ${front.map((p) => p.arm.name).join(", ")}`);
    const { inner, root, X, Y, top, bottom } = place, within = (v) => Math.max(top + 4, Math.min(bottom - 4, Y(v)));
    const steps = front.map((p, i) => (i ? `H${X(p.x)}V${within(p.y)}` : `M${X(p.x)} ${within(p.y)}`)).join("");
    if (front.length) inner.append(svg("path", { class: "front", d: `${steps}H${place.right}` }));
    const taken = points.map((p) => [X(p.x) - 6, within(p.y) - 6, 12, 12]);
    const ranked = [...front, ...points.filter((each) => !front.includes(each))];
    for (const p of ranked) labelPoint(place, p.arm.name, [X(p.x), within(p.y)], taken, front.includes(p)); // below the points
    for (const p of ranked) {
      const at = [X(p.x), within(p.y)], wins = front.includes(p);
      if (p.std) inner.append(paint(svg("line", { x1: at[0], x2: at[0], y1: Y(p.y - p.std), y2: Y(p.y + p.std), "stroke-width": 1.5, opacity: 0.5 }), p.arm.style, "stroke"));
      const away = Y(p.y) > bottom ? 1 : Y(p.y) < top ? -1 : 0; // beyond the axis: an arrow at its edge
      const dot = away
        ? svg("path", { d: `M${at[0] - 6} ${at[1] - 6 * away}h12l-6 ${9 * away}z`, "stroke-width": 2 })
        : svg("circle", { cx: at[0], cy: at[1], r: wins ? 6 : 5, "stroke-width": 2, class: wins ? "front-point" : null });
      paint(dot, p.arm.style, "stroke").style.fill = wins ? colour(p.arm.style) : "var(--ground)";
      root.append(tell(dot, p.arm.name, [[null, metric.title, fixed(p.y, metric.digits)], [null, title, text(p.x * size)], ...(wins ? [[null, "on the front", ""]] : [])]));
    }
  }
  const draw = () => nodes.forEach(one);
  return draw;
}

// Write a name beside a point where it covers nothing; leave it out where there is no such place.
function labelPoint({ root, left, right, top, bottom }, name, [x, y], taken, strong) {
  const text = name.length > 26 ? `${name.slice(0, 25)}…` : name, width = 7.2 * text.length, height = 13;
  const begins = { start: 0, middle: -width / 2, end: -width };
  const places = [["start", 9, 0], ["end", -9, 0], ["middle", 0, -15], ["middle", 0, 15], ["start", 7, -12], ["start", 7, 12], ["end", -7, -12], ["end", -7, 12]];
  const boxOf = ([anchor, dx, dy]) => [x + dx + begins[anchor], y + dy - height / 2, width, height];
  const free = ([a, b]) => a >= left && a + width <= right && b >= top && b + height <= bottom && taken.every(([c, d, w, t]) => a + width < c || c + w < a || b + height < d || d + t < b);
  const found = places.find((place) => free(boxOf(place)));
  if (!found) return;
  taken.push(boxOf(found));
  root.append(svg("text", { x: x + found[1], y: y + found[2] + 4, "text-anchor": found[0], class: strong ? "label strong" : "label" }, text));
}

// -- stacked bars -----------------------------------------------------------------------------------------------

const partColour = (k) => both(report.parts[k % report.parts.length]);

function drawBars(chapter, section, found, text) {
  const [controls, drawing] = section.querySelectorAll(".controls, .drawing");
  controls.className = "keys";
  controls.append(...found.parts.map((part, k) => h("span", {}, swatchDot(partColour(k)), part)));
  const sum = (row) => row.reduce((total, value) => total + (value || 0), 0);
  return () => {
    const shown = visible(chapter).filter((i) => found.rows[i].some(known));
    const width = Math.max(260, drawing.clientWidth || 560), narrow = width < 640;
    const names = narrow ? 0 : Math.min(240, 20 + 7 * Math.max(0, ...shown.map((i) => Math.min(32, chapter.data.arms[i].name.length))));
    const most = Math.max(...shown.map((i) => Math.max(sum(found.rows[i]), found.totals?.[i] || 0)), 0) || 1;
    const each = narrow ? 44 : 30, offset = narrow ? 17 : 4, space = width - names - 76;
    const root = svg("svg", { width: "100%", viewBox: `0 0 ${width} ${each * shown.length || 1}`, role: "img", "aria-label": `${found.parts.join(", ")} of each optimizer; the values are in the tables` });
    shown.forEach((i, row) => drawBar(root, chapter.data.arms[i], found, i, { y: each * row + offset, names, narrow, unit: space / most, text, total: found.totals?.[i] ?? sum(found.rows[i]) }));
    drawing.replaceChildren(h("div", { class: "chart" }, root));
  };
}
const visible = (chapter) => [...chapter.data.arms.keys()].filter((i) => chapter.on.has(i));

function drawBar(root, arm, found, i, { y, names, narrow, unit, text, total }) {
  const name = arm.name.length > 32 ? `${arm.name.slice(0, 31)}…` : arm.name;
  root.append(svg("text", { class: "strong", x: narrow ? 0 : names - 10, y: narrow ? y - 4 : y + 15, "text-anchor": narrow ? "start" : "end" }, name));
  let x = names;
  const rows = found.parts.map((part, k) => [partColour(k), part, text(found.rows[i][k])]);
  found.rows[i].forEach((value, k) => {
    if (!value) return;
    root.append(tell(paint(svg("rect", { x, y, width: Math.max(0.5, value * unit), height: 22, class: "part" }), partColour(k), "fill"), `${arm.name}: ${text(total)}`, rows));
    x += value * unit;
  });
  if (found.totals && known(total)) root.append(svg("line", { class: "mark", x1: names + total * unit, x2: names + total * unit, y1: y - 3, y2: y + 25 }));
  root.append(svg("text", { x: Math.max(x, names + total * unit) + 8, y: y + 15 }, text(total)));
}

// -- tuning -----------------------------------------------------------------------------------------------------

function drawTuning(chapter, section) {
  const { data } = chapter, found = data.tuning, [controls, drawing] = section.querySelectorAll(".controls, .drawing");
  let key = 0;
  if (found.keys.length > 1) controls.append(picker("over", found.keys.map((name, k) => [String(k), name]), "0", (value) => { key = Number(value); draw(); }));
  const left = figure(found.metric), right = figure("best of k trials, expected");
  drawing.classList.add("grid");
  drawing.append(left, right);
  const shown = () => found.arms.filter((arm) => { const i = data.arms.findIndex((each) => each.name === arm.name); return i < 0 || chapter.on.has(i); });

  function trials() {
    const arms = shown(), values = arms.flatMap((arm) => arm.trials.map(([x]) => x[key])).filter(known);
    const log = values.length > 0 && Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 8;
    const x = { domain: range([values], log, true), log, label: found.keys[key] };
    const y = { domain: range(arms.map((arm) => arm.trials.map(([, v]) => v)), false, false) };
    const place = axes(left.querySelector(".plot"), x, y, `${found.metric} of every trial over ${found.keys[key]}`);
    for (const arm of arms) trialsOf(place, arm);
  }
  function trialsOf({ inner, root, X, Y, top, bottom }, arm) {
    const own = arm.trials.map(([x, y], i) => ({ x: x[key], y, i })).filter((p) => known(p.x)).sort((a, b) => a.x - b.x);
    const single = own.length && arm.trials[0][0].filter(known).length === 1, done = own.filter((p) => known(p.y));
    inner.append(paint(svg("path", { class: single ? "line" : "seed", d: path(done.map((p) => p.x), done.map((p) => p.y), X, Y), "stroke-dasharray": dash(arm.style) }), arm.style, "stroke"));
    for (const p of own) {
      const cx = X(p.x), cy = known(p.y) ? Math.max(top + 4, Math.min(bottom - 4, Y(p.y))) : bottom - 6, best = p.i === arm.best, edge = arm.edges[found.keys[key]];
      const values = found.keys.map((name, k) => [null, name, plain(arm.trials[p.i][0][k])]);
      const heading = best ? `${arm.name}: the best trial${edge ? `, at the ${edge} edge of ${found.keys[key]}` : ""}` : arm.name;
      const mark = known(p.y) ? paint(svg("circle", { cx, cy, r: 4 }), arm.style, "fill") : paint(svg("path", { d: `M${cx - 4} ${cy - 4}l8 8m0-8l-8 8`, "stroke-width": 2 }), arm.style, "stroke");
      root.append(tell(mark, heading, [...values, [null, found.metric, known(p.y) ? plain(p.y) : "failed"]]));
      if (best) root.append(paint(svg("circle", { cx, cy, r: 8, fill: "none", "stroke-width": 1.5, "pointer-events": "none", "stroke-dasharray": edge ? "3 3" : null }), arm.style, "stroke"));
    }
  }
  function best() {
    const column = (arm, k) => arm.curve.map((row) => row[k]);
    const lines = shown().filter((arm) => arm.curve.length).map((arm) => ({ name: arm.name, style: arm.style, x: column(arm, 0), y: column(arm, 1), low: column(arm, 2), high: column(arm, 3) }));
    drawLines(right.querySelector(".plot"), { lines, x: { label: "trials", whole: true }, y: { lower: found.lower }, label: `${found.metric}: best of k trials, expected` });
  }
  const draw = () => { trials(); best(); };
  return draw;
}

// -- gradients --------------------------------------------------------------------------------------------------

function drawGradients(chapter, section) {
  const found = chapter.data.gradients, drawing = section.querySelector(".drawing"), LN10 = Math.log(10);
  const domain = [Math.exp(found.edges[0]), Math.exp(found.edges[found.edges.length - 1])];
  drawing.classList.add("grid");
  return () => {
    const shown = found.arms.filter((each) => chapter.on.has(each.arm));
    // all of them first, so that each has the width that it keeps
    drawing.replaceChildren(...shown.map((own) => figure(`${chapter.data.arms[own.arm].name}, seed ${own.seed}`)));
    shown.forEach((own, k) => {
      const arm = chapter.data.arms[own.arm], node = drawing.children[k];
      const last = own.updates[own.updates.length - 1], power = (v) => `1e${Math.round(Math.log(v) / LN10)}`;
      const starts = own.updates.map((update, i) => (i ? own.updates[i - 1] : 0));
      const { inner, X, Y } = axes(node.querySelector(".plot"), { domain: [0, last], label: "update" }, { domain, log: true, text: power }, `histogram of |g| over the updates of ${arm.name}`, 240);
      for (let level = 1; level <= 9; level++) {
        let d = "";
        own.levels.forEach((column, i) => [...column].forEach((digit, bin) => {
          if (Number(digit) !== level) return;
          const [a, b] = [X(starts[i]), X(own.updates[i])], [low, high] = [Y(Math.exp(found.edges[bin])), Y(Math.exp(found.edges[bin + 1]))];
          d += `M${a.toFixed(1)} ${high.toFixed(1)}H${b.toFixed(1)}V${low.toFixed(1)}H${a.toFixed(1)}z`;
        }));
        if (d) inner.append(paint(svg("path", { d, opacity: (level / 9).toFixed(2) }), arm.style, "fill"));
      }
    });
  };
}
