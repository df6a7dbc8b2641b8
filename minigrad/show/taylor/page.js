"use strict";
// Everything here is read off from the Taylor coefficients at the points of the page; nothing is differentiated anew.
const DATA = JSON.parse(document.getElementById("data").textContent);
const X = DATA.x, HIGHEST = DATA.degrees, [LEFT, RIGHT, TOP] = [78, 14, 14];
const at = (id) => document.getElementById(id);
const state = { which: 0, order: 0, degree: 3, point: Math.round(0.6 * (X.length - 1)), lower: true };
const ticks = (low, high, about) => {
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough), found = [];
  for (let k = Math.ceil(low / step); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
};
const short = (number, digits = 4) => {
  if (number === null || !Number.isFinite(number)) return "none";
  const text = String(Number(number.toPrecision(digits)));
  const cut = text.match(/^(-?[\d.]+)e([+-]\d+)$/);
  return (cut ? `${cut[1]}·10^${Number(cut[2])}` : text).replace("-", "−");
};
const factor = (n, k) => { let f = 1; for (let j = n + 1; j <= n + k; j++) f *= j; return f; };  // (n + k)! / n!
const named = (k) => (k < 4 ? `f${"′".repeat(k)}` : `f⁽${[...String(k)].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("")}⁾`);

/** The coefficient of degree n of the derivative of an order, at a point; null where there is none. */
function coefficient(fun, order, n, point) {
  const c = fun.coefficients[n + order]?.[point];
  return c === null || c === undefined ? null : c * factor(n, order);
}

/** The coefficients at the point up to the degree, or up to the last that there is. */
function polynomial(fun, order, degree, point) {
  const found = [];
  for (let n = 0; n <= degree; n++) {
    const c = coefficient(fun, order, n, point);
    if (c === null) break;
    found.push(c);
  }
  return found;
}
const valued = (c, h) => c.reduceRight((sum, a) => sum * h + a, 0);

/** What of the vertical axis is worth seeing: the curve, but for its poles. */
function limits(fun, order) {
  const sizes = X.map((_, i) => coefficient(fun, order, 0, i)).filter((y) => y !== null);
  if (!sizes.length) return [-1, 1];
  const sorted = [...sizes].sort((a, b) => a - b), cut = fun.poles.length ? Math.floor(0.04 * sorted.length) : 0;
  let [low, high] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  low = Math.min(low, 0); high = Math.max(high, 0);
  const margin = 0.18 * (high - low) || 1;
  return [low - margin, high + margin];
}

const element = (name, attributes, text) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};
function scales(svg, low, high) {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number), bottom = height - 34;
  return {
    width, bottom,
    x: (v) => LEFT + ((v - X[0]) / (X.at(-1) - X[0])) * (width - LEFT - RIGHT),
    y: (v) => bottom - ((v - low) / (high - low)) * (bottom - TOP),
  };
}
function axes(svg, scale, low, high, write) {
  const narrow = svg.clientWidth < 560, parts = [];
  for (const v of ticks(X[0], X.at(-1), narrow ? 5 : 10)) {
    parts.push(element("line", { x1: scale.x(v), x2: scale.x(v), y1: TOP, y2: scale.bottom, class: "grid" }));
    parts.push(element("text", { x: scale.x(v), y: scale.bottom + 24, "text-anchor": "middle" }, short(v)));
  }
  for (const v of ticks(low, high, 5)) {
    parts.push(element("line", { x1: LEFT, x2: scale.width - RIGHT, y1: scale.y(v), y2: scale.y(v), class: Math.abs(v) < 1e-12 * (high - low) ? "zero" : "grid" }));
    parts.push(element("text", { x: LEFT - 8, y: scale.y(v) + 5, "text-anchor": "end" }, write(v)));
  }
  return parts;
}
/** A path through values at the points; it breaks where there is none and where it leaves the picture by far. */
function path(scale, values, low, high, kind) {
  let d = "", drawn = false;
  const far = high - low;
  values.forEach((v, i) => {
    const inside = v !== null && v > low - far && v < high + far;
    if (inside) d += `${drawn ? "L" : "M"}${scale.x(X[i]).toFixed(1)} ${scale.y(v).toFixed(1)}`;
    drawn = inside;
  });
  return element("path", { d, class: kind });
}
function disc(fun, scale) {
  const radius = fun.radii[state.point];
  if (radius === null) return [];
  const reach = radius === "none" ? Infinity : radius, a = X[state.point];
  const from = scale.x(Math.max(a - reach, X[0])), to = scale.x(Math.min(a + reach, X.at(-1)));
  return [element("rect", { x: from, width: to - from, y: TOP, height: scale.bottom - TOP, class: "disc" })];
}

function draw() {
  const fun = DATA.functions[state.which], { order, point } = state, a = X[point];
  const c = polynomial(fun, order, Math.min(state.degree, HIGHEST - order), point), degree = c.length - 1;
  const plot = at("plot");
  plot.setAttribute("viewBox", plot.clientWidth < 560 ? "0 0 900 720" : "0 0 900 460");
  const [low, high] = limits(fun, order), scale = scales(plot, low, high);
  const curve = X.map((_, i) => coefficient(fun, order, 0, i));
  const parts = [...disc(fun, scale), ...axes(plot, scale, low, high, (v) => short(v))];
  for (const pole of fun.poles) parts.push(element("line", { x1: scale.x(pole), x2: scale.x(pole), y1: TOP, y2: scale.bottom, class: "pole" }));
  parts.push(path(scale, curve, low, high, "curve"));
  if (state.lower) {
    for (let n = 0; n < degree; n++) {
      const lower = path(scale, X.map((x) => valued(c.slice(0, n + 1), x - a)), low, high, "lower");
      lower.setAttribute("opacity", (0.15 + (0.5 * (n + 1)) / (degree + 1)).toFixed(2));
      parts.push(lower);
    }
  }
  if (degree >= 0) {
    parts.push(path(scale, X.map((x) => valued(c, x - a)), low, high, "polynomial"));
    parts.push(element("circle", { id: "dot", cx: scale.x(a), cy: scale.y(Math.max(low, Math.min(high, c[0]))), r: 9 }));
  }
  const clip = element("clipPath", { id: "inside" });
  clip.append(element("rect", { x: LEFT, y: TOP, width: scale.width - LEFT - RIGHT, height: scale.bottom - TOP }));
  const inside = element("g", { "clip-path": "url(#inside)" });
  inside.append(...parts.filter((part) => part.tagName !== "text"));
  plot.replaceChildren(clip, inside, ...parts.filter((part) => part.tagName === "text"));

  const distances = curve.map((y, i) => (y === null || degree < 0 ? null : Math.abs(y - valued(c, X[i] - a))));
  drawErrors(fun, distances);
  tell(fun, c, degree, distances);
}

function drawErrors(fun, distances) {
  const svg = at("errors"), floor = -14;
  const logs = distances.map((d) => (d === null ? null : Math.max(floor, Math.log10(d + 1e-300))));
  const highest = Math.ceil(Math.min(8, Math.max(0, ...logs.filter((v) => v !== null))));
  const scale = scales(svg, floor, highest);
  const write = (v) => (Math.abs(v) < 1e-9 ? "1" : `10${[...String(Math.round(v))].map((d) => (d === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[d])).join("")}`);
  svg.replaceChildren(...disc(fun, scale), ...axes(svg, scale, floor, highest, write), path(scale, logs, floor, highest, "polynomial"));
}

function tell(fun, c, degree, distances) {
  const { order, point } = state, a = X[point], radius = fun.radii[point];
  at("order-value").textContent = `${order} (${named(order)})`;
  at("degree-value").textContent = String(Math.max(degree, 0));
  at("point-value").textContent = `x = ${short(a)}`;
  at("curve-name").textContent = named(order);
  at("polynomial-name").textContent = `its Taylor polynomial of degree ${Math.max(degree, 0)} at x = ${short(a)}`;
  let text = degree < 0 ? `${named(order)} has no value at x = ${short(a)}.` : "";
  if (degree >= 0) {
    const [low, high] = limits(fun, order);
    let reach = Infinity;
    distances.forEach((d, i) => { if (d === null || d > 0.01 * (high - low)) reach = Math.min(reach, Math.abs(X[i] - a)); });
    text = `At x = ${short(a)}, ${named(order)} is ${short(c[0], 6)}. The polynomial of degree ${degree} stays within 1 % of the height of the picture `;
    text += reach === Infinity ? "everywhere on it. " : `up to a distance of ${short(reach, 3)}. `;
    if (radius === "none") text += "The coefficients fall ever faster: the series seems to converge everywhere.";
    else if (radius === null) text += "The coefficients do not tell how far the series converges.";
    else text += `The series converges up to a distance of about ${short(radius, 3)}: so far away is the nearest singularity, in the complex plane.`;
  }
  at("sentence").textContent = text;
  const head = document.createElement("thead"), body = document.createElement("tbody");
  const row = (cells, tag) => { const tr = document.createElement("tr"); for (const cell of cells) { const td = document.createElement(tag); td.textContent = cell; tr.append(td); } return tr; };
  head.append(row(["order", "derivative of f", "coefficient of f"], "th"));
  for (let n = 0; n <= HIGHEST; n++) {
    const own = fun.coefficients[n][point];
    const tr = row([String(n), short(own === null ? null : own * factor(0, n), 8), short(own, 8)], "td");
    if (n >= order && n <= order + degree) tr.className = "used";
    body.append(tr);
  }
  at("numbers").replaceChildren(head, body);
}

let waiting = false;
function change(values) {
  Object.assign(state, values);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}
function drag(event) {
  if (event.type === "pointermove" && !event.buttons) return;
  const box = at("plot").getBoundingClientRect(), inside = ((event.clientX - box.left) / box.width) * 900;
  const share = (inside - LEFT) / (900 - LEFT - RIGHT);
  const point = Math.max(0, Math.min(X.length - 1, Math.round(share * (X.length - 1))));
  at("point").value = point;
  change({ point });
}
at("plot").addEventListener("pointerdown", (event) => { at("plot").setPointerCapture(event.pointerId); drag(event); });
at("plot").addEventListener("pointermove", drag);
for (const id of ["order", "degree", "point"]) at(id).addEventListener("input", () => change({ [id]: Number(at(id).value) }));
at("lower").addEventListener("change", () => change({ lower: at("lower").checked }));
at("degree").max = HIGHEST;
at("point").max = X.length - 1;
for (const [key, value] of Object.entries(state)) if (at(key) && key !== "lower") at(key).value = value;
if (DATA.functions.length > 1) {
  at("choice").hidden = false;
  DATA.functions.forEach((fun, i) => at("function").append(new Option(fun.name, i)));
  at("function").addEventListener("change", () => change({ which: Number(at("function").value) }));
}
addEventListener("resize", () => change({}));
draw();
