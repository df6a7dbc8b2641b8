// ----- the data, and what is shown ----------------------------------------------------------------------------------
const $ = (id) => document.getElementById(id);
const D = JSON.parse($("data").textContent);
const doubles = (text) => new Float64Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const columns = (data) => new NDArray([2, data.length / 2], data);
const oneHot = (labels) => np.array(D.classes.map((_, c) => labels.map((label) => Number(label === c))));

const LIMIT = 1.1; // the picture of the plane shows [-LIMIT, LIMIT]²
const samples = { x: columns(doubles(D.x)), y: D.y };
const heldOut = { x: columns(doubles(D.heldOut.x)), y: D.heldOut.y };

// A run is a training with its frames: {network, at, frames, lossOf, losses, samples, steps}. Where it is
// still going on, frames are added. `lossOf` has the loss of each frame, `losses` what the curve is drawn from.
const recorded = D.networks.map((network, k) => {
  const numbers = doubles(network.frames), size = network.parameters;
  const frames = network.at.map((_, i) => numbers.subarray(i * size, (i + 1) * size));
  const losses = { at: network.loss.map((_, i) => i * network.stride), values: network.loss };
  return { network, program: PROGRAMS[k], at: network.at, frames, lossOf: network.frameLoss, losses, samples, steps: network.steps };
});
const own = recorded.map(() => null); // the last training in this page, for each depth

const state = {
  depth: Math.min(2, recorded.length - 1), // the number of the network
  isOwn: false, // whether the training in this page is shown, or the recorded one
  frame: 0,
  added: [], // points that were clicked: [x1, x2, class]
  ink: 0, // the class of the next one
  neuron: null, // [layer, coordinate] that the large map shows; null for the classes
  pinned: null,
  cursor: null, // where the keyboard would add a point
};
const run = () => (state.isOwn && own[state.depth]) || recorded[state.depth];
const nowShown = () => run().frames[state.frame];

// ----- the network --------------------------------------------------------------------------------------------------
// The parameters A[0], b[0], A[1], ... in one vector, as lists of arrays that share its memory; and back.
function unpacked(widths, vector) {
  const A = [], b = [];
  for (let r = 0, at = 0; r + 1 < widths.length; r++) {
    const rows = widths[r + 1], columns = widths[r];
    A.push(new NDArray([rows, columns], vector.subarray(at, (at += rows * columns))));
    b.push(new NDArray([rows, 1], vector.subarray(at, (at += rows))));
  }
  return [A, b];
}
function packed(A, b) {
  const out = new Float64Array(A.reduce((size, a, r) => size + a.data.length + b[r].data.length, 0));
  let at = 0;
  A.forEach((a, r) => {
    for (const array of [a, b[r]]) {
      out.set(array.data, at);
      at += array.data.length;
    }
  });
  return out;
}
// What every layer makes of the points x: the list x[0], x[1], ... of the program `network`.
const layersOf = (of, vector, x) => of.program.network(...unpacked(of.network.widths, vector), x);

function winner(z, j) {
  const [k, n] = z.shape;
  let best = 0;
  for (let c = 1; c < k; c++) if (z.data[c * n + j] > z.data[best * n + j]) best = c;
  return best;
}
const shareRight = (z, labels) => labels.reduce((right, label, j) => right + Number(winner(z, j) === label), 0) / labels.length;

// The points of a square grid over the picture, in rows from above.
const grids = new Map();
function grid(side) {
  if (!grids.has(side)) {
    const data = new Float64Array(2 * side * side);
    for (let i = 0, k = 0; i < side; i++) {
      for (let j = 0; j < side; j++, k++) {
        data[k] = LIMIT * ((2 * (j + 0.5)) / side - 1);
        data[side * side + k] = LIMIT * (1 - (2 * (i + 0.5)) / side);
      }
    }
    grids.set(side, columns(data));
  }
  return grids.get(side);
}

// ----- what is known of each frame ----------------------------------------------------------------------------------
// The share of points on the right side, and the two directions in which each hidden layer is drawn: those in which its
// points spread most. A frame starts from the directions of the nearest one that is known, and turns them no further
// than it has to, so that nothing jumps while a training is played.
function seenOf(of, frame) {
  of.seen ??= [];
  if (of.seen[frame]) return of.seen[frame];
  let from = frame;
  for (let d = 1; d < of.frames.length && !of.seen[from]; d++) from = of.seen[frame + d] ? frame + d : of.seen[frame - d] ? frame - d : frame;
  if (!of.seen[from]) return (of.seen[frame] = look(of, frame));
  while (from !== frame) {
    const next = from + Math.sign(frame - from);
    of.seen[next] = look(of, next, of.seen[from].directions);
    from = next;
  }
  return of.seen[frame];
}
function look(of, frame, before) {
  const X = layersOf(of, of.frames[frame], of.samples.x), z = layersOf(of, of.frames[frame], heldOut.x).at(-1);
  const directions = X.slice(1, -1).map((u, r) => (u.shape[0] > 2 ? spread(u, before?.[r]) : null));
  return { directions, right: shareRight(X.at(-1), of.samples.y), rightHeldOut: shareRight(z, heldOut.y) };
}
// The frame that is to be looked at next, from the one that is shown outwards; -1 if all are known.
function unseen(of, frame) {
  for (let d = 1; d < of.frames.length; d++) {
    for (const k of [frame - d, frame + d]) if (k >= 0 && k < of.frames.length && !of.seen[k]) return k;
  }
  return -1;
}
function spread(u, before) {
  const [d, n] = u.shape;
  const centre = np.sum(u, { axis: 1, keepdims: true });
  const centred = np.subtract(u, np.divide(centre, n));
  const C = np.matmul(centred, np.transpose(centred));
  let V = before ?? new NDArray([d, 2], Float64Array.from({ length: 2 * d }, (_, k) => Math.cos(1 + k * k)));
  for (let i = 0; i < (before ? 4 : 60); i++) V = orthonormal(np.matmul(C, V));
  return V;
}
// V (VᵀV)^(-1/2): the orthonormal columns that are nearest to those of V. The root of the matrix of 2 by 2 is by
// Cayley and Hamilton: with s the root of the determinant, (G + s 1) / √(trace G + 2 s).
function orthonormal(V) {
  const G = np.matmul(np.transpose(V), V).data;
  const s = Math.sqrt(Math.max(G[0] * G[3] - G[1] * G[2], 0)), t = Math.sqrt(G[0] + G[3] + 2 * s);
  const a = (G[0] + s) / t, b = G[1] / t, c = (G[3] + s) / t, det = a * c - b * b;
  if (!(det > 1e-300)) return V;
  return np.matmul(V, np.array([[c / det, -b / det], [-b / det, a / det]]));
}
