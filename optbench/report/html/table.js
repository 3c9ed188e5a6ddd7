// The comparison: a table that sorts, with differences to a baseline of the reader's choice and their intervals drawn.

const BAR = 132;

// An interval as a bar about zero; what lies beyond `extent` ends in an arrow there.
function intervalBar([value, low, high], extent, verdict) {
  if (!known(value) || !extent) return null;
  const X = (v) => BAR / 2 + (Math.max(-extent, Math.min(extent, v)) / extent) * (BAR / 2 - 5);
  const tint = { better: "var(--better)", worse: "var(--worse)" }[verdict] || "var(--soft)";
  const bar = svg("svg", { class: "bar", width: BAR, height: 14, "aria-hidden": "true" },
    svg("line", { class: "axis", x1: 0, x2: BAR, y1: 7, y2: 7 }), svg("line", { x1: BAR / 2, x2: BAR / 2, y1: 0, y2: 14, stroke: "var(--soft)" }));
  if (known(low)) {
    bar.append(svg("line", { x1: X(low), x2: X(high), y1: 7, y2: 7, "stroke-width": 4, stroke: tint, opacity: 0.55 }));
    for (const [end, way] of [[low, -1], [high, 1]])
      if (Math.abs(end) > extent) bar.append(svg("path", { d: `M${X(end)} 2l${5 * way} 5l${-5 * way} 5z`, fill: tint }));
  }
  if (Math.abs(value) <= extent) bar.append(svg("circle", { cx: X(value), cy: 7, r: 4, fill: tint }));
  return bar;
}

// How far the bars reach: over all intervals, but for those far wider than is usual.
function extentOf(cells) {
  const reach = cells.filter((cell) => cell && known(cell[0])).map((cell) => Math.max(...cell.slice(0, 3).filter(known).map(Math.abs))).sort((a, b) => a - b);
  if (!reach.length) return 0;
  const usual = reach[Math.floor((reach.length - 1) / 2)];
  return reach.findLast((v) => v <= 6 * usual) || reach[reach.length - 1];
}

function intervalCell(cell, digits, extent, verdict) {
  if (!cell || !known(cell[0])) return [NOTHING];
  const [value, low, high] = cell;
  const ends = known(low) ? h("span", { class: "sub" }, ` [${fixed(low, digits, true)}, ${fixed(high, digits, true)}]`) : null;
  return [h("span", { class: verdict === "better" || verdict === "worse" ? verdict : null }, fixed(value, digits, true)), ends, intervalBar(cell, extent, verdict)];
}

// The verdict on a difference in percent of time, where less is better: what the whole interval says.
const sideOf = (cell) => (!cell || !known(cell[1]) ? "" : cell[2] < 0 ? "better" : cell[1] > 0 ? "worse" : "");

const RANK = { better: 0, equivalent: 1, "not distinguishable": 2, worse: 3 };

// Columns: key, title, value of an arm (for sorting; null comes last), its cell, and whether less is better.
function columnsOf({ data }, metric, base) {
  const arms = data.arms, name = arms[base].name, columns = [];
  const add = (key, title, value, cell, lower = false, align = "") => columns.push({ key, title, value, cell, lower, align });
  for (const each of data.metrics)
    add(each.name, each.title, (i) => arms[i].metrics[each.name][0], (i) => meanCell(arms[i], each), each.lower);
  if (metric) {
    const cells = metric.against[base], extent = extentOf(cells);
    add("difference", `${metric.title} minus ${name}`, (i) => (i === base ? 0 : cells[i][0]), (i) => intervalCell(cells[i], metric.digits, extent, cells[i] && cells[i][3]), metric.lower);
    add("verdict", `against ${name}`, (i) => (i === base ? 1.5 : RANK[cells[i][3]] ?? null), (i) => [cells[i] ? h("span", { class: cells[i][3] }, cells[i][4] || NOTHING) : "baseline"], true, "left");
  }
  if (arms.some((arm) => known(arm.epoch))) add("epoch", "epoch", (i) => arms[i].epoch, (i) => [seconds(arms[i].epoch)], true);
  if (data.overheads) {
    const cells = data.overheads[base], extent = extentOf(cells);
    add("overhead", `iteration time minus ${name}, %`, (i) => (i === base ? 0 : cells[i][0]), (i) => intervalCell(cells[i], 1, extent, sideOf(cells[i])), true);
  }
  if (arms.some((arm) => known(arm.peak))) add("peak", "peak memory", (i) => arms[i].peak, (i) => memoryCell(arms, i, base), true);
  if (arms.some((arm) => known(arm.state))) add("state", "optimizer state", (i) => arms[i].state, (i) => [bytes(arms[i].state)], true);
  return columns;
}

function meanCell(arm, metric) {
  const [mean, std, count] = arm.metrics[metric.name];
  if (!known(mean)) return [h("span", { class: "failed" }, arm.status === "ok" ? NOTHING : arm.status.replaceAll("_", " "))];
  const few = arm.status === "ok" ? null : h("div", { class: "sub" }, `${count} finished`);
  return [fixed(mean, metric.digits), known(std) ? h("span", { class: "sub" }, ` ± ${fixed(std, metric.digits)}`) : null, few];
}

function memoryCell(arms, i, base) {
  const times = i !== base && arms[base].peak && known(arms[i].peak) ? h("div", { class: "sub" }, `${fixed(arms[i].peak / arms[base].peak, 2)} ×`) : null;
  return [bytes(arms[i].peak), times];
}

function nameCell(arm, isBase) {
  const badges = [isBase ? "baseline" : null, arm.role === "reference" ? "reference" : null].filter(Boolean).map((text) => h("span", { class: "badge" }, text));
  if (arm.status !== "ok") badges.push(h("span", { class: "badge failed" }, arm.status.replaceAll("_", " ")));
  return h("th", { scope: "row", class: "left", title: arm.full }, h("div", { class: "who" }, swatch(arm.style), h("span", { class: "name" }, arm.name), ...badges));
}

// Null and undefined come last whichever way the column is sorted.
function order(count, value, down) {
  return [...Array(count).keys()].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (!known(x) || !known(y)) return known(y) - known(x) || a - b;
    return (down ? y - x : x - y) || a - b;
  });
}

function drawCompare(chapter, section) {
  const { data } = chapter, state = { metric: data.metrics[0], base: data.baseline, key: null, down: false };
  const [controls, drawing] = section.querySelectorAll(".controls, .drawing");
  section.classList.add("compare");
  if (data.arms.length > 1)
    controls.append(picker("baseline", data.arms.map((arm, i) => [String(i), arm.name]), String(state.base), (value) => { state.base = Number(value); draw(); }));
  if (data.metrics.length > 1)
    controls.append(choice("difference in", data.metrics.map((metric) => [metric.name, metric.title]), state.metric.name, (value) => { state.metric = data.metrics.find((m) => m.name === value); draw(); }));
  const note = h("p", { class: "note" });
  section.append(note);

  function sortBy(column) {
    const same = state.key === column.key;
    state.down = same ? !state.down : !column.lower;
    state.key = column.key;
    draw();
    drawing.querySelector(`[data-key="${CSS.escape(column.key)}"] button`).focus();
  }
  function draw() {
    const columns = columnsOf(chapter, state.metric, state.base);
    const name = { key: "name", title: "optimizer", lower: true, align: "left" };
    const heads = [name, ...columns].map((column) => {
      const sorted = state.key === column.key ? (state.down ? "descending" : "ascending") : "none";
      return h("th", { scope: "col", class: column.align, "data-key": column.key, "aria-sort": sorted }, h("button", { type: "button", click: () => sortBy(column) }, column.title.replaceAll(" %", "\u00a0%")));
    });
    const value = columns.find((column) => column.key === state.key)?.value;
    let rows = value ? order(data.arms.length, value, state.down) : [...data.arms.keys()];
    if (state.key === "name") rows.sort((a, b) => data.arms[a].name.localeCompare(data.arms[b].name) * (state.down ? -1 : 1));
    const body = rows.map((i) => h("tr", { class: i === state.base ? "base" : null }, nameCell(data.arms[i], i === state.base), ...columns.map((column) => h("td", { class: column.align }, ...column.cell(i)))));
    drawing.replaceChildren(h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Comparison" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...body))));
    note.textContent = remark(data.arms[state.base]);
  }
  function remark(base) {
    const intervals = "Bars: 95 % intervals; where one leaves out the middle line, it is a difference. Verdicts are corrected by Holm";
    if (!state.metric) return "Bars: 95 % intervals over launches.";
    return base.role === "baseline" ? `${intervals}, as the notes below tell.` : `${intervals} over all the other optimizers: ${base.name} is no baseline of the comparison, but of your choice.`;
  }
  draw();
}
