// ----- text and pictures of values. Whatever is put into markup is escaped here. ------------------------------------
const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const shapeText = (shape) => (shape.length ? shape.join("×") : "scalar");
const short = (x, digits = 4) => {
  if (typeof x === "string") return x;
  if (x === 0) return "0";
  const size = Math.abs(x);
  const outside = digits > 2 ? size >= 1e5 || size < 1e-3 : size >= 1e4 || size < 1e-2;
  return outside ? x.toExponential(digits > 2 ? 2 : 0) : String(+x.toPrecision(digits));
};
const complex = (re, im) => `${short(re)}${typeof im === "number" && im < 0 ? "−" : "+"}${short(typeof im === "number" ? Math.abs(im) : im)}i`;
const bytes = (b) => (b < 1024 ? `${b} B` : b < 1048576 ? `${(b / 1024).toFixed(1)} KiB` : `${(b / 1048576).toFixed(1)} MiB`);
const micros = (us) => (us < 1000 ? `${us} µs` : us < 1e6 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1e6).toFixed(2)} s`);
const count = (n) => (n < 1e4 ? String(n) : n < 1e6 ? `${(n / 1e3).toFixed(1)}k` : n < 1e9 ? `${(n / 1e6).toFixed(1)}M` : `${(n / 1e9).toFixed(1)}G`);
const number = (x) => (typeof x === "string" ? `<span class="nan">${escaped(x)}</span>` : short(x));

function brief(v) {
  // A value in a few characters, as markup.
  if (v === null || v === undefined) return "0";
  if (Array.isArray(v)) return v.map(brief).join("; ");
  if (!isArray(v)) return number(v);
  if (v.bad) return `<span class="nan">${v.bad} not finite</span>`;
  if (v.w) return v.s.length ? `|.| ${short(v.m[0])}…${short(v.m[2])}` : complex(v.v[0], v.w[0]);
  if (!v.m) return "empty";
  return v.m[0] === v.m[2] ? short(v.m[0]) : `${short(v.m[0])}…${short(v.m[2])}`;
}
const plainly = (v) => brief(v).replace(/<[^>]*>/g, "").replaceAll("…", " to ");

// ----- colours ------------------------------------------------------------------------------------------------------
let palette = null; // read again when the scheme changes
function colours() {
  if (palette === null) {
    const probe = $("probe");
    const of = (name) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
    };
    palette = {};
    for (const name of ["negative", "positive", "zero", "bad", "value", "valueback", "cotangent", "cotangentback", "waiting", "taylor"]) palette[name] = of(name);
  }
  return palette;
}
const rgb = (c) => `rgb(${c.join(",")})`;
function colourOf(x, top) {
  const p = colours();
  if (typeof x === "string") return p.bad;
  const weight = top ? 0.85 * Math.sqrt(Math.min(1, Math.abs(x) / top)) : 0;
  return (x < 0 ? p.negative : p.positive).map((c, k) => Math.round(p.zero[k] + (c - p.zero[k]) * weight));
}
function inkOn(colour) {
  const [r, g, b] = colour.map((c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
const shownEntries = (v) => (v.w ? v.v.map((x, k) => (typeof x === "string" ? x : Math.hypot(x, Number(v.w[k]) || 0))) : v.v);
const largest = (v) => shownEntries(v).reduce((m, x) => (typeof x === "number" ? Math.max(m, Math.abs(x)) : m), 0);

function heatMap(canvas, v, { width = 46, height = 22, cell = 6, top = largest(v) } = {}) {
  const [rows, columns] = v.g;
  const w = Math.max(1, Math.min(cell, Math.floor(width / columns)));
  const h = Math.max(1, Math.min(cell, Math.floor(height / rows)));
  canvas.width = Math.max(1, columns * w);
  canvas.height = Math.max(1, rows * h);
  const pen = canvas.getContext("2d");
  shownEntries(v).forEach((x, k) => {
    pen.fillStyle = rgb(colourOf(x, top));
    pen.fillRect((k % columns) * w, Math.floor(k / columns) * h, w, h);
  });
}

// ----- a value in a cell of the list --------------------------------------------------------------------------------
function fillCell(cell, v, note = "") {
  cell.textContent = "";
  if (v === null || v === undefined) {
    cell.textContent = note;
    return;
  }
  if (note) {
    const mark = document.createElement("span");
    mark.className = "partial";
    mark.title = "contributions that have come in";
    mark.textContent = note;
    cell.append(mark);
  }
  const first = Array.isArray(v) ? v.find((part) => part !== null) ?? 0 : v;
  const text = document.createElement("span");
  if (isArray(first) && first.v.length && first.s.length) {
    const canvas = document.createElement("canvas");
    heatMap(canvas, first);
    cell.append(canvas);
    if (first.bad) (text.className = "nan"), (text.textContent = `${first.bad} bad`);
    else if (first.m) {
      const ends = first.m[0] === first.m[2] ? short(first.m[0], 2) : `${short(first.m[0], 2)}…${short(first.m[2], 2)}`;
      const wider = Math.abs(first.m[0]) > Math.abs(first.m[2]) ? first.m[0] : first.m[2];
      text.innerHTML = `<span class="wide">${ends}</span><span class="tight">${short(wider, 2)}</span>`;
    }
  } else text.innerHTML = brief(first);
  cell.append(text);
  if (Array.isArray(v)) cell.append(Object.assign(document.createElement("span"), { className: "more", textContent: `+${v.length - 1}` }));
}

// ----- a value in the inspector: numbers when it is small, a heat map when it is large ------------------------------
let maps = []; // heat maps that wait for their canvas
function later(v, options) {
  maps.push([v, options]);
  return `<canvas data-map="${maps.length - 1}"></canvas>`;
}
function drawMaps(root) {
  for (const canvas of root.querySelectorAll("canvas[data-map]")) heatMap(canvas, ...maps[+canvas.dataset.map]);
}
function inFull(v) {
  if (v === null || v === undefined) return '<p class="small">0: the result does not depend on it</p>';
  if (Array.isArray(v)) return v.map((part, k) => `<p class="small">result ${k + 1} of ${v.length}</p>${inFull(part)}`).join("");
  if (!isArray(v)) return `<p class="number">${typeof v === "string" ? number(v) : +v.toPrecision(6)}</p>`;
  if (!v.s.length) return `<p class="number">${complex(v.v[0], v.w[0])}</p>`;
  const [rows, columns] = v.g;
  const facts = [shapeText(v.s)];
  if (v.part) facts.push(`${rows}×${columns} of the entries shown`);
  if (v.m) facts.push(`${v.w ? "|.|: " : ""}min ${short(v.m[0])} · mean ${short(v.m[1])} · max ${short(v.m[2])}`);
  if (v.bad) facts.push(`<span class="nan">${v.bad} not finite</span>`);
  const about = `<p class="small">${facts.join(" · ")}</p>`;
  if (!v.v.length) return about;
  if (v.part || v.v.length > 64 || columns > 8) return `<p>${later(v, { width: 300, height: 160, cell: 22 })}</p>${about}`;
  const top = largest(v);
  const sizes = shownEntries(v);
  let table = "";
  for (let r = 0; r < rows; r++) {
    table += "<tr>";
    for (let c = 0; c < columns; c++) {
      const k = r * columns + c;
      const colour = colourOf(sizes[k], top);
      const text = v.w ? complex(v.v[k], v.w[k]) : short(v.v[k]);
      table += `<td style="background:${rgb(colour)};color:${inkOn(colour)}">${escaped(text)}</td>`;
    }
    table += "</tr>";
  }
  return `<div class="scroll"><table class="matrix">${table}</table></div>${about}`;
}

// ----- an operation in words ----------------------------------------------------------------------------------------
const INFIX = { add: "+", subtract: "−", multiply: "·", divide: "/", matmul: "@", power: "**" };
const operands = (i) => E.parents[i].map((p, k) => (p >= 0 ? reference(p) : E.constants[i][k]));
function term(i) {
  if (isInput(i)) return "input";
  const sign = INFIX[operationOf(i)[0]];
  const given = operands(i);
  if (sign && given.length === 2 && !E.params[i]) return `${given[0]} ${sign} ${given[1]}`;
  return `${operationOf(i)[0]}(${given.concat(E.params[i] ? [E.params[i]] : []).join(", ")})`;
}
const VERBS = { primal: "records", pullback: "pulls back", pushforward: "pushes forward", series: "pushes series" };
function levelText(level) {
  if (!level.length) return "your function";
  return level.map(([phase, serial, operation]) => `${operation || "inner"} ${serial} ${VERBS[phase]}`).join(" › ");
}
