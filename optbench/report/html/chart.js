// Axes, and lines with bands over them.

const HEIGHT = 290, LEFT = 58, RIGHT = 14, TOP = 10, BOTTOM = 40;
let clips = 0;

// A function from values to pixels; `back` is its inverse.
function scale([low, high], [from, to], log) {
  const f = log ? Math.log : (value) => value;
  const a = f(low), b = f(high) - a || 1;
  const found = (value) => from + ((f(value) - a) / b) * (to - from);
  found.back = (pixel) => { const v = a + ((pixel - from) / (to - from)) * b; return log ? Math.exp(v) : v; };
  return found;
}

function ticks([low, high], count, log) {
  if (log) return logTicks(low, high, count);
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= 0.7 * rough);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}
function logTicks(low, high, count) {
  const decades = Math.log10(high / low), found = [];
  const factors = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 1.5, 2, 3, 4, 5, 7];
  const every = Math.max(1, Math.ceil(decades / count));
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
    if (p % every === 0) for (const f of factors) { const v = f * 10 ** p; if (v >= low * 0.999 && v <= high * 1.001) found.push(v); }
  return found.length > 1 ? found : ticks([low, high], count, false);
}

// The range of values, a list for each arm, that shows what most arms do: neither the spikes of one arm nor an arm
// far from the others decides it. `everything` shows all.
function range(groups, log, everything) {
  const sorted = groups.map((values) => values.filter((v) => known(v) && (!log || v > 0)).sort((a, b) => a - b)).filter((v) => v.length);
  if (!sorted.length) return log ? [0.1, 1] : [0, 1];
  const f = log ? Math.log : (v) => v, inverse = log ? Math.exp : (v) => v;
  const ends = sorted.map((values) => {
    const at = (q) => f(values[Math.round(q * (values.length - 1))]);
    const inner = at(0.98) - at(0.02), low = at(0), high = at(1);
    if (everything) return [low, high];
    return [at(0.02) - low > 3 * inner ? at(0.02) : low, high - at(0.98) > 3 * inner ? at(0.98) : high];
  });
  const lows = ends.map(([low]) => low).sort((a, b) => a - b), highs = ends.map(([, high]) => high).sort((a, b) => a - b);
  let low = lows[0], high = highs[highs.length - 1];
  if (!everything) {
    const middleLow = lows[Math.ceil((lows.length - 1) / 2)], middleHigh = highs[Math.floor((highs.length - 1) / 2)];
    const reach = (log ? 2 : 8) * Math.max(Math.abs(middleHigh - middleLow), middleHalf(lows), middleHalf(highs));
    if (reach) {
      low = lows.find((v) => v >= middleLow - reach) ?? low;
      high = highs.findLast((v) => v <= middleHigh + reach) ?? high;
    }
  }
  const margin = 0.04 * (high - low) || Math.abs(high) * 0.05 || 0.5;
  return [inverse(low - margin), inverse(high + margin)];
}

// How far the middle half of sorted numbers is spread, the ends rounded inwards: of a few, an outlier is not in it.
const middleHalf = (sorted) => sorted[Math.floor(0.75 * (sorted.length - 1))] - sorted[Math.ceil(0.25 * (sorted.length - 1))];

// Axes in a box. `x` and `y` are {domain, log, label, text (a tick as text), whole (numbers only)}; returns places and what is drawn in.
function axes(box, x, y, label, height = HEIGHT) {
  const width = Math.max(260, box.clientWidth || 560), id = `clip${clips++}`;
  const X = scale(x.domain, [LEFT, width - RIGHT], x.log), Y = scale(y.domain, [height - BOTTOM, TOP], y.log);
  const frame = svg("g"), inner = svg("g", { "clip-path": `url(#${id})` });
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": label },
    svg("clipPath", { id }, svg("rect", { x: LEFT, y: TOP - 1, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM + 2 })), frame, inner);
  for (const value of ticks(y.domain, 5, y.log)) {
    frame.append(svg("line", { class: "gridline", x1: LEFT, x2: width - RIGHT, y1: Y(value), y2: Y(value) }));
    frame.append(svg("text", { x: LEFT - 7, y: Y(value) + 4, "text-anchor": "end" }, (y.text || plain)(value)));
  }
  for (const value of ticks(x.domain, Math.max(3, Math.floor(width / 95)), x.log)) {
    if (x.whole && !Number.isInteger(value)) continue;
    frame.append(svg("line", { class: "axis", x1: X(value), x2: X(value), y1: height - BOTTOM, y2: height - BOTTOM + 5 }));
    frame.append(svg("text", { x: X(value), y: height - BOTTOM + 18, "text-anchor": "middle" }, (x.text || plain)(value)));
  }
  frame.append(svg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: height - BOTTOM, y2: height - BOTTOM }));
  frame.append(svg("text", { x: (LEFT + width - RIGHT) / 2, y: height - 5, "text-anchor": "middle" }, x.label));
  box.replaceChildren(root);
  return { root, inner, X, Y, width, height, top: TOP, bottom: height - BOTTOM, left: LEFT, right: width - RIGHT };
}

// A path through the points that are known; a gap where one is not. Log axes have no place for 0 or less.
function path(xs, ys, X, Y, log) {
  let text = "", pen = false;
  ys.forEach((value, i) => {
    const fit = known(value) && known(xs[i]) && (!log || value > 0);
    if (fit) text += `${pen ? "L" : "M"}${X(xs[i]).toFixed(1)} ${Math.max(-1e4, Math.min(1e4, Y(value))).toFixed(1)}`;
    pen = fit;
  });
  return text;
}

// Lines over x. `lines`: {name, style, x, y, low, high, seeds: [ys]}; `ghosts`: {name, style, x, y}, unfinished runs.
function drawLines(box, { lines, ghosts = [], x, y, label, everything, seeds, text = plain }) {
  const known_ = lines.map((line) => (seeds && line.seeds ? line.seeds.flat() : [...line.y, ...(line.low || []), ...(line.high || [])]));
  // where nothing finished, what there is of the others has to do
  const domain = range(known_.some((values) => values.some(known)) ? known_ : ghosts.map((ghost) => ghost.y), y.log, everything);
  const all = (lines.length ? lines : ghosts).flatMap((line) => line.x.filter((v) => known(v) && (!x.log || v > 0)));
  const across = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
  if (across[0] === across[1]) across[1] += 1;
  const place = axes(box, { ...x, domain: across }, { ...y, domain }, label);
  const { inner, X, Y } = place;
  inner.classList.toggle("many", lines.length > 8);
  tellCut(box, lines, domain);
  for (const line of lines) {
    if (!seeds && line.low) inner.append(paint(svg("path", { class: "band", d: band(line, X, Y, y.log) }), line.style, "fill"));
    for (const own of (seeds && line.seeds) || [])
      inner.append(paint(svg("path", { class: "seed", d: path(line.x, own, X, Y, y.log), "stroke-dasharray": dash(line.style) }), line.style, "stroke"));
  }
  for (const line of lines) {
    const d = path(line.x, line.y, X, Y, y.log);
    inner.append(paint(svg("path", { class: "line", d, "stroke-dasharray": dash(line.style) }), line.style, "stroke"));
    if (line.y.filter(known).length === 1) line.y.forEach((v, i) => known(v) && inner.append(paint(svg("circle", { cx: X(line.x[i]), cy: Y(v), r: 3.5 }), line.style, "fill")));
  }
  for (const ghost of ghosts) drawGhost(place, ghost, y.log);
  pointAt(place, lines, { x, y, text });
  return place;
}

// Name the lines that an axis does not show whole.
function tellCut(box, lines, [low, high]) {
  const cut = lines.filter((line) => line.y.some((value) => known(value) && (value < low || value > high))).map((line) => line.name);
  if (!cut.length) return;
  const names = cut.length > 4 ? `${cut.slice(0, 4).join(", ")} and ${cut.length - 4} more` : cut.join(", ");
  box.append(h("p", { class: "note cut" }, `Partly beyond the axis: ${names}`));
}

function band(line, X, Y, log) {
  const at = line.x.map((_, i) => i).filter((i) => known(line.low[i]) && known(line.high[i]) && (!log || line.low[i] > 0));
  const point = (i, ys) => `${X(line.x[i]).toFixed(1)} ${Math.max(-1e4, Math.min(1e4, Y(ys[i]))).toFixed(1)}`;
  return at.length ? `M${[...at.map((i) => point(i, line.high)), ...at.reverse().map((i) => point(i, line.low))].join("L")}Z` : "";
}

// An unfinished run as far as it goes, with a cross at its end, at the edge if it lies beyond.
function drawGhost({ root, inner, X, Y, left, right, top, bottom }, ghost, log) {
  inner.append(paint(svg("path", { class: "ghost", d: path(ghost.x, ghost.y, X, Y, log) }), ghost.style, "stroke"));
  const last = ghost.y.findLastIndex((value, i) => known(value) && known(ghost.x[i]) && (!log || value > 0));
  if (last < 0) return;
  const at = (value, low, high) => Math.max(low, Math.min(high, value));
  const x = at(X(ghost.x[last]), left + 4, right - 4), y = at(Y(ghost.y[last]), top + 5, bottom - 5);
  const cross = svg("path", { d: `M${x - 4} ${y - 4}l8 8m0-8l-8 8`, "stroke-width": 2, fill: "none" });
  root.append(tell(paint(cross, ghost.style, "stroke"), `${ghost.name}: ${ghost.status}`, []));
}

// Values at the pointer, or at the arrow keys' place.
function pointAt({ root, X, Y, left, right, top, bottom, width }, lines, { x, y, text }) {
  const cross = svg("line", { class: "cross", y1: top, y2: bottom }), dots = svg("g");
  const longest = lines.reduce((best, line) => (line.x.length > best.length ? line.x : best), []);
  let place = -1;
  function show(value, clientY) {
    const rows = [];
    dots.replaceChildren();
    for (const line of lines) {
      const i = nearest(line.x, value, X);
      if (i < 0 || !known(line.y[i])) continue;
      const extent = line.low && known(line.low[i]) && line.high[i] !== line.low[i] ? ` (${text(line.low[i])} to ${text(line.high[i])})` : "";
      rows.push([line.style, line.name, text(line.y[i]) + extent, line.y[i]]);
      const at = Y(line.y[i]);
      if (at >= top - 2 && at <= bottom + 2 && (!y.log || line.y[i] > 0)) dots.append(paint(svg("circle", { cx: X(line.x[i]), cy: at, r: 3.5 }), line.style, "fill"));
    }
    rows.sort((a, b) => (y.lower ? a[3] - b[3] : b[3] - a[3]));
    const more = rows.length > 14 ? [[null, `and ${rows.length - 14} more`, ""]] : [];
    cross.setAttribute("x1", X(value)); cross.setAttribute("x2", X(value));
    root.append(cross, dots);
    const bounds = root.getBoundingClientRect();
    showTip(bounds.left + (X(value) * bounds.width) / width, clientY ?? bounds.top + 80, `${x.label} ${plain(value)}`, [...rows.slice(0, 14), ...more]);
  }
  const hide = () => { cross.remove(); dots.remove(); hideTip(); };
  root.addEventListener("pointermove", (event) => {
    const bounds = root.getBoundingClientRect(), pixel = ((event.clientX - bounds.left) * width) / bounds.width;
    if (event.target.closest("[stroke-width='2']")) return;
    const i = pixel < left - 4 || pixel > right + 4 ? -1 : nearest(longest, X.back(pixel), X);
    if (i < 0) hide(); else { place = i; show(longest[i], event.clientY); }
  });
  root.addEventListener("pointerleave", hide);
  root.addEventListener("blur", hide);
  root.setAttribute("tabindex", "0");
  root.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") hide();
    if (!step || !longest.length) return;
    event.preventDefault();
    place = Math.max(0, Math.min(longest.length - 1, place < 0 && step < 0 ? longest.length - 1 : place + step));
    show(longest[place]);
  });
}

function nearest(xs, value, X) {
  let best = -1;
  xs.forEach((x, i) => { if (known(x) && (best < 0 || Math.abs(X(x) - X(value)) < Math.abs(X(xs[best]) - X(value)))) best = i; });
  return best;
}
