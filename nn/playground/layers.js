// ----- the plane on its way through the layers ----------------------------------------------------------------------
const LINES = 15; // grid lines in each direction
const ALONG = 61; // points on each of them
const lattice = (() => {
  const at = (k, count) => (2 * k) / (count - 1) - 1, x = [], y = [];
  for (let line = 0; line < LINES; line++) for (let k = 0; k < ALONG; k++) x.push(at(k, ALONG)), y.push(at(line, LINES));
  const count = x.length;
  for (let k = 0; k < count; k++) x.push(y[k]), y.push(x[k]);
  return columns(Float64Array.from([...x, ...y]));
})();
// Each class has a corner of a regular polygon, the first one on top: so the picture of the scores shows the same
// when all scores grow by the same number, as the probabilities do.
const corner = (c) => {
  const angle = Math.PI / 2 - (2 * Math.PI * c) / D.classes.length;
  return [Math.cos(angle), Math.sin(angle)];
};

let panels = [];
function layPanels() {
  const { widths } = run().network, last = widths.length - 1;
  $("layers").replaceChildren(
    ...widths.map((width, r) => {
      const figure = document.createElement("figure"), canvas = document.createElement("canvas"), caption = document.createElement("figcaption");
      const what = r === 0 ? "the plane" : r === last ? "the scores" : `${width} coordinates`;
      caption.textContent = `x${subscripts(r)}, ${what}`;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `The grid and the samples in layer ${r}: ${what}`);
      figure.append(canvas, caption);
      return figure;
    }),
  );
  panels = [...$("layers").querySelectorAll("canvas")];
}
function flattened(u, r, last, directions) {
  // The points of a layer in two dimensions.
  if (r === last && u.shape[0] > 2) return np.matmul(np.transpose(np.array(D.classes.map((_, c) => corner(c)))), u);
  if (u.shape[0] === 2) return u;
  return np.matmul(np.transpose(directions[r - 1]), u);
}
function drawLayers() {
  const of = run(), vector = nowShown(), { directions } = seenOf(of, state.frame), last = of.network.widths.length - 1;
  const lines = layersOf(of, vector, lattice), points = layersOf(of, vector, of.samples.x);
  const { css, classes, ink, card } = colours();
  panels.forEach((canvas, r) => {
    const size = canvas.clientWidth, g = prepared(canvas, size, size);
    const U = flattened(lines[r], r, last, directions), P = flattened(points[r], r, last, directions);
    const [x0, x1, y0, y1] = extent(U);
    const scale = (0.94 * size) / Math.max(x1 - x0, y1 - y0, 1e-9);
    const at = (x, y) => [size / 2 + scale * (x - (x0 + x1) / 2), size / 2 - scale * (y - (y0 + y1) / 2)];
    const n = U.shape[1], count = P.shape[1];
    if (r === last) sectors(g, size, at);
    g.strokeStyle = ink;
    g.lineWidth = 0.7;
    for (let line = 0; line < 2 * LINES; line++) {
      g.globalAlpha = line % LINES === (LINES - 1) / 2 ? 0.75 : 0.3; // the axes stand out
      g.beginPath();
      for (let k = 0; k < ALONG; k++) {
        const i = line * ALONG + k;
        g[k ? "lineTo" : "moveTo"](...at(U.data[i], U.data[n + i]));
      }
      g.stroke();
    }
    g.globalAlpha = 1;
    g.strokeStyle = card;
    g.lineWidth = 0.6;
    for (let j = 0; j < count; j++) {
      g.fillStyle = css(classes[of.samples.y[j]]);
      mark(g, of.samples.y[j], ...at(P.data[j], P.data[count + j]), Math.max(1.8, size / 100));
    }
  });
}
function extent(U) {
  const n = U.shape[1], of = (from) => U.data.subarray(from, from + n);
  const least = (v) => v.reduce((a, x) => Math.min(a, x), Infinity), most = (v) => v.reduce((a, x) => Math.max(a, x), -Infinity);
  return [least(of(0)), most(of(0)), least(of(n)), most(of(n))];
}
// Where each class wins: a sector around its corner; of two scores, a side of the diagonal.
function sectors(g, size, at) {
  const { css, classes } = colours(), k = D.classes.length, far = 4 * size, [x, y] = at(0, 0);
  for (let c = 0; c < k; c++) {
    const angle = k === 2 ? (c ? Math.PI * 0.75 : -Math.PI / 4) : Math.PI / 2 - (2 * Math.PI * c) / k;
    g.fillStyle = css(classes[c], 0.16);
    g.beginPath();
    g.moveTo(x, y);
    const half = Math.PI / k;
    for (const turn of k === 2 ? [-half, -half / 2, 0, half / 2, half] : [-half, half]) {
      g.lineTo(x + far * Math.cos(angle + turn), y - far * Math.sin(angle + turn));
    }
    g.fill();
  }
}
