"use strict";
// Arrays of doubles with at most two axes, and of NumPy what the programs on this page use. A number is an array
// without axes. What does not fit is refused: an array of another shape would be a silently wrong derivative.

class NDArray {
  constructor(shape, data) {
    this.shape = shape;
    this.data = data;
  }
}

const np = (() => {
  const shapeOf = (a) => (typeof a === "number" ? [] : a.shape);
  const told = (a) => `(${shapeOf(a).join(", ")}${shapeOf(a).length === 1 ? "," : ""})`;
  function known(name, ...arrays) {
    for (const a of arrays) {
      if (typeof a !== "number" && !(a instanceof NDArray)) throw new TypeError(`np.${name}: ${a} is no array`);
    }
  }
  function array(rows) {
    if (typeof rows === "number") return rows;
    if (typeof rows[0] === "number" || rows.length === 0) return new NDArray([rows.length], Float64Array.from(rows));
    const columns = rows[0].length;
    if (rows.some((row) => row.length !== columns)) throw new RangeError("np.array: rows of different lengths");
    return new NDArray([rows.length, columns], Float64Array.from(rows.flat()));
  }
  // Rows and columns; a vector is a row, as broadcasting has it.
  const sides = (a) => [a.shape.length === 2 ? a.shape[0] : 1, a.shape.at(-1)];

  // Plain loops: the methods map and reduce of a typed array take several times as long.
  function mapped(a, f) {
    const n = a.data.length, out = new Float64Array(n);
    for (let k = 0; k < n; k++) out[k] = f(a.data[k]);
    return new NDArray(a.shape, out);
  }
  function elementwise(name, f) {
    return (a) => {
      known(name, a);
      return typeof a === "number" ? f(a) : mapped(a, f);
    };
  }
  function broadcast(name, f) {
    return (a, b) => {
      known(name, a, b);
      const isNumber = typeof a === "number";
      if (isNumber && typeof b === "number") return f(a, b);
      if (isNumber) return mapped(b, (y) => f(a, y));
      if (typeof b === "number") return mapped(a, (x) => f(x, b));
      const [m, n] = sides(a), [p, q] = sides(b);
      if ((m !== p && m !== 1 && p !== 1) || (n !== q && n !== 1 && q !== 1)) {
        throw new RangeError(`np.${name}: the shapes ${told(a)} and ${told(b)} do not fit`);
      }
      // An axis of length 1 is as long as the other one, also if that has no entries.
      const rows = m === 1 ? p : m, columns = n === 1 ? q : n;
      const x = a.data, y = b.data, out = new Float64Array(rows * columns);
      const aRow = m === 1 ? 0 : n, aColumn = n === 1 ? 0 : 1, bRow = p === 1 ? 0 : q, bColumn = q === 1 ? 0 : 1;
      for (let i = 0, k = 0; i < rows; i++) {
        for (let j = 0, s = i * aRow, t = i * bRow; j < columns; j++, s += aColumn, t += bColumn) out[k++] = f(x[s], y[t]);
      }
      return new NDArray(Math.max(a.shape.length, b.shape.length) === 2 ? [rows, columns] : [columns], out);
    };
  }
  function matmul(a, b) {
    known("matmul", a, b);
    const [m, k] = shapeOf(a), [l, n] = shapeOf(b);
    if (shapeOf(a).length !== 2 || shapeOf(b).length !== 2 || k !== l) {
      throw new RangeError(`np.matmul: the shapes ${told(a)} and ${told(b)} do not fit`);
    }
    const x = a.data, y = b.data, out = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      for (let s = 0; s < k; s++) {
        const factor = x[i * k + s];
        for (let j = 0, o = i * n, t = s * n; j < n; j++) out[o++] += factor * y[t++];
      }
    }
    return new NDArray([m, n], out);
  }
  function transpose(a) {
    known("transpose", a);
    if (shapeOf(a).length < 2) return a;
    const [m, n] = a.shape, out = new Float64Array(m * n);
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out[j * m + i] = a.data[i * n + j];
    return new NDArray([n, m], out);
  }
  function reduction(name, f, start) {
    return (a, { axis = null, keepdims = false } = {}) => {
      known(name, a);
      if (axis === null) {
        if (keepdims) throw new RangeError(`np.${name}: keepdims needs an axis`);
        if (typeof a === "number") return a;
        let total = start;
        for (let k = 0; k < a.data.length; k++) total = f(total, a.data[k]);
        return total;
      }
      const axes = shapeOf(a).length;
      if (!(axis < axes)) throw new RangeError(`np.${name}: ${told(a)} has no axis ${axis}`);
      const [m, n] = sides(a), isDown = axes === 2 && axis === 0;
      if ((isDown ? m : n) === 0 && start !== 0) throw new RangeError(`np.${name}: nothing along axis ${axis} of ${told(a)}`);
      const out = new Float64Array(isDown ? n : m).fill(start);
      for (let i = 0, k = 0; i < m; i++) {
        for (let j = 0; j < n; j++, k++) {
          const at = isDown ? j : i;
          out[at] = f(out[at], a.data[k]);
        }
      }
      if (keepdims) return new NDArray(a.shape.map((side, k) => (k === axis ? 1 : side)), out);
      return axes === 1 ? out[0] : new NDArray([out.length], out);
    };
  }
  function vdot(a, b) {
    known("vdot", a, b);
    if (typeof a === "number" && typeof b === "number") return a * b;
    if (told(a) !== told(b)) throw new RangeError(`np.vdot: the shapes ${told(a)} and ${told(b)} differ`);
    let total = 0;
    for (let k = 0; k < a.data.length; k++) total += a.data[k] * b.data[k];
    return total;
  }
  function item(a, k) {
    known("item", a);
    const [m, n] = shapeOf(a);
    if (!(k < m)) throw new RangeError(`np.item: ${told(a)} has no entry ${k}`);
    return n === undefined ? a.data[k] : new NDArray([n], a.data.slice(k * n, (k + 1) * n));
  }
  function newaxis(a) {
    known("newaxis", a);
    if (shapeOf(a).length !== 1) throw new RangeError(`np.newaxis: ${told(a)} is no vector`);
    return new NDArray([1, a.shape[0]], a.data);
  }
  return {
    array, matmul, transpose, vdot, item, newaxis,
    add: broadcast("add", (x, y) => x + y),
    subtract: broadcast("subtract", (x, y) => x - y),
    multiply: broadcast("multiply", (x, y) => x * y),
    divide: broadcast("divide", (x, y) => x / y),
    arctan: elementwise("arctan", (x) => Math.atan(x)),
    exp: elementwise("exp", (x) => Math.exp(x)),
    log: elementwise("log", (x) => Math.log(x)),
    max: reduction("max", (x, y) => (x >= y || x !== x ? x : y), -Infinity),
    sum: reduction("sum", (x, y) => x + y, 0),
  };
})();
