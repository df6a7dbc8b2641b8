"use strict";
// ----- the data of the page, and what follows from them: who reads whom, what comes in, what goes out ---------------
const began = performance.now();
const $ = (id) => document.getElementById(id);
const D = JSON.parse($("data").textContent);
const E = D.entries;
const N = E.op.length;
const lists = () => Array.from({ length: N }, () => []);

const children = lists(); // entries that read an entry
const incoming = lists(); // edges that bring a contribution to it, in the order of the backward sweep
const outgoing = lists(); // edges of its own rule
const madeBy = lists(); // entries that its rule made, in sweeps of inner derivatives
for (let i = 0; i < N; i++) {
  for (const p of new Set(E.parents[i])) if (p >= 0) children[p].push(i);
  if (E.rule[i]) madeBy[E.rule[i][0]].push(i);
}
D.edges.node.forEach((child, e) => {
  incoming[D.edges.parent[e]].push(e);
  outgoing[child].push(e);
});

// The backward steps: from the last entry that has a cotangent to the first.
const backward = [];
for (let i = N - 1; i >= 0; i--) if (E.cotangent[i] !== null) backward.push(i);
const turnOf = new Int32Array(N).fill(-1); // at which backward step an entry's cotangent is complete
backward.forEach((i, step) => (turnOf[i] = step));

const isOutput = new Set(D.outputs);
const deltaOf = new Map(D.deltas.map((delta) => [delta.node, delta]));

const nameOf = (i) => D.labels[i] || "";
const operationOf = (i) => D.operations[E.op[i]]; // [name, kind, texts of the rules]
const isInput = (i) => i < D.leaves;
const shapeOf = (i) => D.types[E.type[i]][1];
const levelOf = (i) => D.levels[E.level[i]] || [];
const spotOf = (i) => (E.spot[i] < 0 ? null : D.spots[E.spot[i]]);
const uses = new Map(); // of a name: how many entries have it
for (const name of Object.values(D.labels)) uses.set(name, (uses.get(name) || 0) + 1);
const subscript = (k) => String(k).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
// How texts call an entry: by its name, with its number where others have the same, as in loops.
const reference = (i) => (nameOf(i) ? nameOf(i) + (uses.get(nameOf(i)) > 1 ? subscript(i) : "") : "%" + i);
const placeOf = (i) => {
  const spot = spotOf(i);
  return spot ? `${D.sources[spot[0]].file}:${spot[2]}` : "";
};
const lineText = (source, line) => D.sources[source].lines[line - D.sources[source].first] || "";

// ----- values: a number, a text for what is not finite, an object for an array, a list of several results -----------
const isArray = (v) => v !== null && typeof v === "object" && !Array.isArray(v) && completed(v);
function completed(v) {
  // Rows and columns `g`, and the range `m`: the data leave out what follows from the entries.
  if (v.g) return true;
  const columns = v.s.length ? v.s[v.s.length - 1] : 1;
  v.g = v.part || [columns ? v.v.length / columns : 0, columns];
  if (!v.m && v.v.length) Object.assign(v, ranged(v));
  return true;
}
const isBad = (v) =>
  v === null || v === undefined ? false : Array.isArray(v) ? v.some(isBad) : isArray(v) ? Boolean(v.bad) : typeof v === "string";

function plusNumber(a, b) {
  if (typeof a === "number" && typeof b === "number") return a + b;
  const x = Number(String(a).replace("inf", "Infinity")) + Number(String(b).replace("inf", "Infinity"));
  return Number.isFinite(x) ? x : Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}
function timesNumber(a, factor) {
  if (factor === 0) return 0;
  if (typeof a === "number") return a * factor;
  return a === "nan" ? a : (a[0] === "-") === factor > 0 ? "-inf" : "inf";
}
function ranged(v) {
  // The range of what is shown, where that of all entries is not known.
  const finite = v.v.filter((x) => typeof x === "number");
  const sizes = v.w ? v.v.map((x, k) => Math.hypot(x, v.w[k])) : finite;
  const mean = sizes.reduce((s, x) => s + x, 0) / (sizes.length || 1);
  const m = sizes.length ? [Math.min(...sizes), mean, Math.max(...sizes)] : ["nan", "nan", "nan"];
  return { ...v, m, bad: v.bad || v.v.length - finite.length };
}
function plus(a, b) {
  if (a === null || a === undefined) return b;
  if (b === null || b === undefined) return a;
  if (Array.isArray(a)) return a.map((part, k) => plus(part, b[k]));
  if (!isArray(a)) return isArray(b) ? plus({ ...b, v: b.v.map(() => a), w: undefined }, b) : plusNumber(a, b);
  if (!isArray(b)) return plus(a, { ...a, v: a.v.map(() => b), w: undefined });
  const w = a.w || b.w ? a.v.map((_, k) => plusNumber(a.w ? a.w[k] : 0, b.w ? b.w[k] : 0)) : undefined;
  return ranged({ ...a, v: a.v.map((x, k) => plusNumber(x, b.v[k])), w });
}
function times(v, factor) {
  if (v === null || v === undefined || factor === 1) return v ?? null;
  if (Array.isArray(v)) return v.map((part) => times(part, factor));
  if (!isArray(v)) return timesNumber(v, factor);
  const scaled = (list) => list && list.map((x) => timesNumber(x, factor));
  const m = factor < 0 ? [v.m[2], v.m[1], v.m[0]] : v.m;
  return { ...v, v: scaled(v.v), w: scaled(v.w), m: v.w ? v.m.map((x) => timesNumber(x, Math.abs(factor))) : scaled(m) };
}
function ones(like) {
  if (!isArray(like)) return 1;
  return { s: like.s, g: like.g, v: like.v.map(() => 1), m: [1, 1, 1], part: like.part };
}

// ----- where NaN and infinity begin ---------------------------------------------------------------------------------
const badFirst = new Set(); // values whose operands are finite
const badBackward = new Map(); // entry -> the edge by which its rule sends what is not finite, of a finite cotangent
for (let i = 0; i < N; i++) {
  if (isBad(E.value[i]) && !E.parents[i].some((p) => p >= 0 && isBad(E.value[p]))) badFirst.add(i);
}
D.edges.node.forEach((child, e) => {
  if (isBad(D.edges.value[e]) && !isBad(E.cotangent[child]) && !badBackward.has(child)) badBackward.set(child, e);
});
const troubles = [...new Set([...badFirst, ...badBackward.keys()])].sort((a, b) => a - b);

// ----- memory: bytes that are kept, and cotangents that wait, at every step of both sweeps --------------------------
function memoryCurve() {
  const steps = N + backward.length;
  const values = new Float64Array(steps);
  const waiting = new Float64Array(steps);
  const freed = new Float64Array(N);
  let alive = 0;
  for (let i = 0; i < N; i++) {
    alive += E.bytes[i];
    values[i] = alive;
    const readers = E.readers[i];
    if (readers.length) freed[readers[readers.length - 1]] += E.bytes[i];
  }
  const size = (i) => shapeOf(i).reduce((a, b) => a * b, 1) * 8;
  const came = new Uint8Array(N);
  let open = 0;
  for (const i of D.outputs) (came[i] = 1), (open += size(i));
  backward.forEach((i, k) => {
    for (const e of outgoing[i]) {
      const p = D.edges.parent[e];
      if (!came[p]) (came[p] = 1), (open += size(p));
    }
    values[N + k] = alive;
    waiting[N + k] = open;
    alive -= freed[i];
    if (!isInput(i)) open -= size(i);
  });
  return { values, waiting };
}
