// What every view needs: the figures, elements, numbers as text, the tip that follows the pointer, light and dark.
// Names come from users: they reach the page as text nodes and attributes only, never as markup.
const report = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

// Make an element: h("td", {class: "left"}, "text", child); functions are listeners, null attributes are left out.
function make(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);

// -- numbers ----------------------------------------------------------------------------------------------------

const NOTHING = "–";
const MINUS = "−";
const known = (value) => value !== null && value !== undefined;
const tidy = (text) => text.replace("-", MINUS);

function fixed(value, digits, sign) {
  if (!known(value)) return NOTHING;
  const text = value.toFixed(digits);
  return tidy((sign && value > 0 ? "+" : "") + (Number(text) === 0 ? text.replace("-", "") : text));
}

// A number with so many significant digits, without needless zeros: 0.0123, 97.4, 12,000, 1e+9.
function plain(value, digits = 4) {
  if (!known(value)) return NOTHING;
  const size = Math.abs(value);
  if (size && (size >= 1e7 || size < 1e-4)) return tidy(value.toExponential(2).replace(/\.?0+e/, "e"));
  const rounded = Number(value.toPrecision(Math.max(digits, Math.ceil(Math.log10(size + 1)))));
  return tidy(size >= 1e4 ? rounded.toLocaleString("en-US", { maximumFractionDigits: 0 }) : String(rounded));
}

const TIMES = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]];
const SIZES = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]];
const unitOf = (units, value) => units.find(([least]) => Math.abs(value) >= least) || units[units.length - 1];
const scaled = (units) => (value) => {
  if (!known(value)) return NOTHING;
  const [size, unit] = unitOf(units, value);
  const shown = value / size, digits = unit === "B" || shown >= 100 ? 0 : shown >= 10 ? 1 : 2;
  return `${fixed(shown, digits)} ${unit}`;
};
const seconds = scaled(TIMES), bytes = scaled(SIZES);

// -- styles -----------------------------------------------------------------------------------------------------

const both = ([light, dark]) => `light-dark(${light}, ${dark})`;
const colour = (style) => both(report.styles[style % report.styles.length]);
const dash = (style) => report.styles[style % report.styles.length][2] || null;

// Give an element a colour as its stroke, its fill, or both; it follows the theme by itself.
function paint(element, style, ...what) {
  for (const each of what) element.style[each] = typeof style === "number" ? colour(style) : style;
  return element;
}

// A short line in the manner of an arm.
function swatch(style) {
  const line = svg("line", { x1: 0, y1: 5, x2: 22, y2: 5, "stroke-width": 3, "stroke-dasharray": dash(style) });
  return svg("svg", { width: 22, height: 10, "aria-hidden": "true" }, paint(line, style, "stroke"));
}

// -- controls ---------------------------------------------------------------------------------------------------

// Buttons of which one is pressed; `options` is a list of [value, text].
function choice(label, options, current, change) {
  const buttons = options.map(([value, text]) => h("button", { type: "button", "data-value": value, click: () => set(value) }, text));
  function set(value) {
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.value === String(value))));
    change(value);
  }
  buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.value === String(current))));
  return h("div", { class: "choice", role: "group", "aria-label": label }, h("span", {}, label), ...buttons);
}

function picker(label, options, current, change) {
  const list = h("select", { change: () => change(list.value) }, ...options.map(([value, text]) => h("option", { value }, text)));
  list.value = current;
  return h("div", {}, h("label", {}, label, " ", list));
}

// -- the tip ----------------------------------------------------------------------------------------------------

const tip = document.getElementById("tip");

// Show a heading and rows of [style, name, value] at a place of the window.
function showTip(x, y, heading, rows = []) {
  tip.replaceChildren(h("p", { class: "head" }, heading));
  for (const [style, name, value] of rows)
    tip.append(h("div", {}, style === null ? h("span") : swatchDot(style), h("span", {}, name), h("span", {}, value)));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 16 + width > innerWidth ? x - 16 - width : x + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, Math.min(y - height / 2, innerHeight - height - 4))}px`;
}
const hideTip = () => { tip.hidden = true; };
const swatchDot = (style) =>
  svg("svg", { width: 10, height: 10, "aria-hidden": "true" }, paint(svg("circle", { cx: 5, cy: 5, r: 4.5 }), style, "fill"));

// Let an element tell something when it is pointed at.
function tell(element, heading, rows) {
  element.addEventListener("pointermove", (event) => showTip(event.clientX, event.clientY, heading, rows));
  element.addEventListener("pointerleave", hideTip);
  return element;
}

// -- light and dark ---------------------------------------------------------------------------------------------

function startTheme() {
  const root = document.documentElement, button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; show(); });
  system.addEventListener("change", show);
  button.hidden = false;
  show();
}
