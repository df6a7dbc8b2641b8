// ----- the map of the classes, and of every neuron ------------------------------------------------------------------
const COARSE = 56; // pixels on a side while something moves, and of the small maps
const FINE = 224; // of the large map at rest
const BATCH = 3136; // points that are evaluated at once for it

// Pixels of the probabilities of the classes: their colours, mixed as the probabilities say.
function classPixels(z, out, at = 0) {
  const { classes, field } = colours(), [k, n] = z.shape, p = new Float64Array(k);
  for (let j = 0; j < n; j++) {
    let top = -Infinity, total = 0, r = 0, g = 0, b = 0;
    for (let c = 0; c < k; c++) top = Math.max(top, z.data[c * n + j]);
    for (let c = 0; c < k; c++) total += p[c] = Math.exp(z.data[c * n + j] - top);
    for (let c = 0; c < k; c++) {
      const share = p[c] / total, colour = classes[c];
      r += share * colour[0];
      g += share * colour[1];
      b += share * colour[2];
    }
    // 1 / total is the probability of the first class; the less certain, the more of the background shows.
    const sure = 0.25 + 0.45 * ((1 / total - 1 / k) / (1 - 1 / k));
    out[at + j] = pixel(field[0] + sure * (r - field[0]), field[1] + sure * (g - field[1]), field[2] + sure * (b - field[2]));
  }
}
// Pixels of one coordinate; arctan goes from -π/2 to π/2, an input from -LIMIT to LIMIT.
function coordinatePixels(u, i, limit, out, at = 0) {
  const { shades } = colours(), n = u.shape[1];
  for (let j = 0; j < n; j++) out[at + j] = shades[Math.round(127 * (1 + Math.max(-1, Math.min(1, u.data[i * n + j] / limit))))];
}
const limitOf = (layer) => (layer === 0 ? LIMIT : Math.PI / 2);
function pixelsOf(X, what, out, at) {
  if (what === null) classPixels(X.at(-1), out, at);
  else coordinatePixels(X[what[0]], what[1], limitOf(what[0]), out, at);
}

const image = Object.assign(document.createElement("canvas"), { width: COARSE, height: COARSE });
function paintImage(side, pixels) {
  image.width = image.height = side;
  image.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), side, side), 0, 0);
}
const place = (size) => (x, y) => [(size * (x / LIMIT + 1)) / 2, (size * (1 - y / LIMIT)) / 2];

let refining = 0; // counts what is drawn: a finer picture of something older is dropped
function drawMap(X) {
  const pixels = new Uint32Array(COARSE * COARSE);
  pixelsOf(X, state.neuron, pixels);
  paintImage(COARSE, pixels);
  composeMap();
  refining++;
}
function composeMap() {
  const size = $("map").clientWidth, g = prepared($("map"), size, size), { css, classes, card, ink } = colours();
  g.imageSmoothingQuality = "high";
  g.drawImage(image, 0, 0, size, size);
  const at = place(size), [, n] = samples.x.shape, small = Math.max(2.4, size / 150);
  g.lineWidth = 0.9;
  g.strokeStyle = card;
  for (let j = 0; j < n; j++) {
    g.fillStyle = css(classes[samples.y[j]]);
    mark(g, samples.y[j], ...at(samples.x.data[j], samples.x.data[n + j]), small);
  }
  g.lineWidth = 2;
  g.strokeStyle = ink;
  for (const [x, y, label] of state.added) {
    g.fillStyle = css(classes[label]);
    mark(g, label, ...at(x, y), 2 * small);
  }
  if (state.cursor) {
    const [x, y] = at(...state.cursor);
    g.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      g.moveTo(x + 5 * dx, y + 5 * dy);
      g.lineTo(x + 14 * dx, y + 14 * dy);
    }
    g.stroke();
  }
}
// The large map once more with more pixels, a part in each frame, as soon as nothing moves.
function refine() {
  const mine = ++refining, of = run(), vector = nowShown(), what = state.neuron;
  const pixels = new Uint32Array(FINE * FINE), all = grid(FINE), total = FINE * FINE;
  let at = 0;
  function part() {
    if (mine !== refining) return;
    const end = Math.min(at + BATCH, total), x = new Float64Array(2 * (end - at));
    x.set(all.data.subarray(at, end));
    x.set(all.data.subarray(total + at, total + end), end - at);
    pixelsOf(layersOf(of, vector, columns(x)), what, pixels, at);
    at = end;
    if (at < total) return requestAnimationFrame(part);
    paintImage(FINE, pixels);
    composeMap();
  }
  requestAnimationFrame(part);
}

// ----- the network as a picture: a map for every neuron, a line for every weight --------------------------------------
let cells = []; // cells[layer][coordinate]: {button, canvas, x, y}
let cellSize = 40;
const subscripts = (number) => String(number).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d]);
function nameOfNeuron([layer, i]) {
  const last = run().network.widths.length - 1;
  if (layer === 0) return `feature ${i + 1}`;
  if (layer === last) return `the score of class ${D.classes[i]}`;
  return `coordinate ${i + 1} of x${subscripts(layer)}`;
}
function layNetwork() {
  const box = $("neurons"), { widths } = run().network, most = Math.max(...widths), width = box.clientWidth;
  const head = 24, gap = 5;
  const pitch = width / widths.length;
  cellSize = Math.max(22, Math.min(46, pitch - Math.min(24, 0.4 * pitch)));
  const height = head + most * (cellSize + gap);
  box.style.height = `${height}px`;
  box.querySelectorAll(".neuron, .layer").forEach((element) => element.remove());
  cells = widths.map((count, layer) => {
    const x = pitch * (layer + 0.5), top = head + ((most - count) * (cellSize + gap)) / 2;
    const label = Object.assign(document.createElement("span"), { className: "layer", textContent: `x${subscripts(layer)}` });
    label.style.left = `${x}px`;
    box.append(label);
    return Array.from({ length: count }, (_, i) => {
      const y = top + i * (cellSize + gap) + cellSize / 2;
      const button = document.createElement("button"), canvas = document.createElement("canvas");
      canvas.width = canvas.height = COARSE;
      button.className = "neuron";
      button.type = "button";
      button.tabIndex = layer === 0 && i === 0 ? 0 : -1; // the arrows go on from there
      Object.assign(button.style, { left: `${x - cellSize / 2}px`, top: `${y - cellSize / 2}px`, width: `${cellSize}px`, height: `${cellSize}px` });
      if (layer === widths.length - 1) button.style.borderColor = `var(--class${i})`;
      button.setAttribute("aria-label", nameOfNeuron([layer, i]));
      button.setAttribute("aria-pressed", "false");
      button.dataset.layer = layer;
      button.dataset.coordinate = i;
      button.append(canvas);
      box.append(button);
      return { button, canvas, x, y };
    });
  });
}
function drawNeurons(X) {
  const pixels = new Uint32Array(COARSE * COARSE);
  const picture = new ImageData(new Uint8ClampedArray(pixels.buffer), COARSE, COARSE);
  cells.forEach((layer, r) =>
    layer.forEach(({ canvas }, i) => {
      coordinatePixels(X[r], i, limitOf(r), pixels);
      canvas.getContext("2d").putImageData(picture, 0, 0);
    }),
  );
  drawWeights();
}
function drawWeights() {
  const box = $("neurons"), g = prepared($("weights"), box.clientWidth, box.clientHeight), { css, negative, positive } = colours();
  const [A] = unpacked(run().network.widths, nowShown());
  A.forEach((a, r) => {
    const [rows, count] = a.shape, largest = a.data.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < count; j++) {
        const weight = a.data[i * count + j], share = Math.abs(weight) / largest;
        if (share < 0.04) continue;
        const from = cells[r][j], to = cells[r + 1][i], x0 = from.x + cellSize / 2, x1 = to.x - cellSize / 2, middle = (x0 + x1) / 2;
        const isLit = state.neuron && ((state.neuron[0] === r + 1 && state.neuron[1] === i) || (state.neuron[0] === r && state.neuron[1] === j));
        g.strokeStyle = css(weight < 0 ? negative : positive, isLit ? 1 : state.neuron ? 0.12 : 0.2 + 0.6 * share);
        g.lineWidth = (isLit ? 1 : 0) + 0.4 + 3 * share;
        g.setLineDash(weight < 0 ? [5, 3] : []);
        g.beginPath();
        g.moveTo(x0, from.y);
        g.bezierCurveTo(middle, from.y, middle, to.y, x1, to.y);
        g.stroke();
      }
    }
  });
  g.setLineDash([]);
}
