// ----- colours ------------------------------------------------------------------------------------------------------
let palette = null;
function colours() {
  if (palette) return palette;
  const rgb = (name) => {
    $("probe").style.color = `var(--${name})`;
    return getComputedStyle($("probe")).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  };
  const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;
  const classes = D.classes.map((_, c) => rgb(`class${c}`));
  const [negative, zero, positive, field] = ["negative", "zero", "positive", "field"].map(rgb);
  // A number from -1 to 1, in 255 steps, as a pixel.
  const shades = Uint32Array.from({ length: 255 }, (_, k) => {
    const t = k / 127 - 1, end = t < 0 ? negative : positive;
    return pixel(...zero.map((z, i) => z + Math.abs(t) * (end[i] - z)));
  });
  const names = ["ink", "soft", "line", "card", "link"];
  palette = { classes, negative, positive, field, shades, css, ...Object.fromEntries(names.map((name) => [name, css(rgb(name))])) };
  return palette;
}
const isLittle = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const pixel = (r, g, b) => (isLittle ? ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0 : ((r << 24) | (g << 16) | (b << 8) | 255) >>> 0);

// A canvas as large as its place, and what draws on it in CSS pixels.
function prepared(canvas, width, height) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}

// The mark of a class: its colour and its shape, for readers who do not see colours.
const SHAPES = [
  (g, x, y, s) => g.arc(x, y, s, 0, 2 * Math.PI),
  (g, x, y, s) => g.rect(x - 0.88 * s, y - 0.88 * s, 1.76 * s, 1.76 * s),
  (g, x, y, s) => corners(g, x, y, 1.3 * s, [0, -1, 0.9, 0.6, -0.9, 0.6]),
  (g, x, y, s) => corners(g, x, y, 1.25 * s, [0, -1, 1, 0, 0, 1, -1, 0]),
  (g, x, y, s) => corners(g, x, y, 1.3 * s, [0, 1, 0.9, -0.6, -0.9, -0.6]),
  (g, x, y, s) => corners(g, x, y, 1.2 * s, [-1, -0.4, -0.4, -0.4, -0.4, -1, 0.4, -1, 0.4, -0.4, 1, -0.4, 1, 0.4, 0.4, 0.4, 0.4, 1, -0.4, 1, -0.4, 0.4, -1, 0.4]),
];
function corners(g, x, y, s, places) {
  for (let k = 0; k < places.length; k += 2) g[k ? "lineTo" : "moveTo"](x + s * places[k], y + s * places[k + 1]);
  g.closePath();
}
function mark(g, label, x, y, size) {
  g.beginPath();
  SHAPES[label](g, x, y, size);
  g.fill();
  g.stroke();
}
