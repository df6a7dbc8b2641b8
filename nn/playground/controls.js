// ----- showing ------------------------------------------------------------------------------------------------------
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const percent = (share) => `${(100 * share).toFixed(1)} %`;
let waiting = 0, resting = 0;
function redraw() {
  if (!waiting) waiting = requestAnimationFrame(draw);
}
const PARTS = [
  () => {
    const X = layersOf(run(), nowShown(), grid(COARSE));
    drawMap(X);
    drawNeurons(X);
  },
  drawLayers,
  () => {
    drawCurves();
    showFacts();
  },
];
function draw() {
  waiting = 0;
  for (const part of PARTS) part();
  clearTimeout(resting);
  if (!training && !playing) resting = setTimeout(rest, 120);
}
// When nothing moves: a finer map, and the frames that nobody has looked at yet, some in each frame of the browser.
let restful = 0;
function rest() {
  refine();
  const of = run(), mine = ++restful;
  function part() {
    if (mine !== restful || of !== run() || training) return;
    const until = performance.now() + SLICE;
    for (let k; performance.now() < until; seenOf(of, k)) if ((k = unseen(of, state.frame)) < 0) return drawCurves();
    requestAnimationFrame(part);
  }
  requestAnimationFrame(part);
}
function showFacts() {
  const of = run(), { right, rightHeldOut } = seenOf(of, state.frame), step = of.at[state.frame], { network } = of;
  $("range").max = of.frames.length - 1;
  $("range").value = state.frame;
  const loss = of.lossOf[state.frame];
  const summary = `step ${step}, loss ${loss.toFixed(3)}, ${percent(right)} right`;
  $("range").setAttribute("aria-valuetext", summary);
  $("now").textContent = `step ${step} of ${of.steps}`;
  $("step").textContent = `${step} of ${of.steps}`;
  $("loss").textContent = `${loss.toFixed(3)} (at least ${D.least.toFixed(3)})`;
  $("right").textContent = `${percent(right)} of ${of.samples.y.length}`;
  $("heldout").textContent = `${percent(rightHeldOut)} of ${heldOut.y.length}`;
  $("shape").textContent = `${network.widths.join(" → ")}, ${network.parameters} parameters`;
  $("size").textContent = Number((of.step ?? network.step).toPrecision(3));
  const what = state.neuron ? nameOfNeuron(state.neuron) : "the most probable class";
  $("maptitle").textContent = state.neuron ? `One neuron: ${what}` : "What it has learnt";
  $("map").setAttribute("aria-label", `Map of the plane: ${what}. ${summary}. Arrows move a cross, Enter adds a point there.`);
  $("classes").hidden = state.neuron !== null;
  $("scale").hidden = state.neuron === null;
  const isOwn = of === own[state.depth];
  $("whose").hidden = !own[state.depth];
  $("theirs").checked = !isOwn;
  $("mine").checked = isOwn;
  const added = state.added.length, known = isOwn ? of.samples.y.length - samples.y.length : 0;
  $("undo").disabled = $("clear").disabled = !added;
  $("train").textContent = training ? "■ Stop" : "Train again";
  $("train").classList.toggle("primary", !training && added !== known);
  const points = `${added} point${added === 1 ? "" : "s"} added`;
  $("said").textContent = training
    ? `Training here: step ${training.taken} of ${training.made.steps}, ${(training.spent / Math.max(training.taken, 1)).toFixed(2)} ms each.`
    : of.trouble ?? (added && added !== known ? `${points}. Train again, so that the network learns them.`
      : isOwn ? `Trained here on ${of.samples.y.length} samples${known ? `, ${known} of them yours` : ""}.` : added ? `${points}.` : "Click into the picture to add points.");
}
const announce = (text) => ($("live").textContent = text);

function show(frame) {
  state.frame = Math.max(0, Math.min(run().frames.length - 1, frame));
  redraw();
}
function setDepth(k) {
  stopTraining();
  pause();
  state.depth = k;
  state.isOwn = own[k] !== null && state.isOwn;
  state.neuron = state.pinned = null;
  state.frame = run().frames.length - 1;
  document.querySelector(`#depth input[value="${k}"]`).checked = true;
  lay();
  showPrograms();
  showComparison();
}
function setOwn(isOwn) {
  pause();
  const step = run().at[state.frame];
  state.isOwn = isOwn;
  show(run().at.findLastIndex((at) => at <= step));
}
function lay() {
  layNetwork();
  layPanels();
  redraw();
}

// ----- playing ------------------------------------------------------------------------------------------------------
let playing = 0;
function play() {
  if (playing) return pause();
  stopTraining();
  if (state.frame >= run().frames.length - 1) show(0);
  // With less motion: ten pictures, one a second.
  const stride = calm.matches ? Math.ceil(run().frames.length / 10) : 1;
  playing = setInterval(() => {
    show(state.frame + stride);
    if (state.frame >= run().frames.length - 1) pause();
  }, calm.matches ? 1000 : 110);
  showPlaying();
}
function pause() {
  clearInterval(playing);
  playing = 0;
  showPlaying();
  redraw();
}
function showPlaying() {
  $("play").firstElementChild.firstElementChild.setAttribute("d", playing ? "M4 3h4v12H4zM10 3h4v12h-4z" : "M5 3l10 6-10 6z");
  $("play").setAttribute("aria-label", playing ? "Pause" : "Play the training");
}

// ----- training -----------------------------------------------------------------------------------------------------
function train() {
  if (training) return stopTraining();
  pause();
  beginTraining($("from").value, Number($("factor").value));
  announce(`Training on ${training.made.samples.y.length} samples.`);
  show(own[state.depth].frames.length - 1);
  let last = 0, parts = [];
  const pictures = calm.matches ? 1000 : 110; // milliseconds between two
  // One frame of the browser trains, or draws a part of the picture.
  function tick(now) {
    if (!training) return;
    if (!parts.length && now - last > pictures) {
      state.frame = training.made.frames.length - 1;
      parts = [...PARTS];
    }
    if (parts.length) {
      parts.shift()();
      last = now;
    } else if (!descend(SLICE)) return finished();
    requestAnimationFrame(tick);
  }
  requestAnimationFrame(tick);
}
function stopTraining() {
  if (!training) return;
  endTraining();
  finished();
}
function finished() {
  show(run().frames.length - 1);
  const { right } = seenOf(run(), state.frame);
  announce(run().trouble ?? `Trained: ${percent(right)} of ${run().samples.y.length} samples are right.`);
}

// ----- points -------------------------------------------------------------------------------------------------------
const inside = (v) => Math.max(-LIMIT, Math.min(LIMIT, v));
function add(x, y) {
  stopTraining();
  state.added.push([inside(x), inside(y), state.ink]);
  announce(`A point of class ${D.classes[state.ink]} at ${x.toFixed(2)}, ${y.toFixed(2)}. ${state.added.length} added.`);
  redraw();
}
function removeLast() {
  if (!state.added.length) return;
  stopTraining();
  state.added.pop();
  announce(`${state.added.length} points added.`);
  redraw();
}
function moveCursor(dx, dy) {
  const [x, y] = state.cursor ?? [0, 0];
  state.cursor = [inside(x + 0.05 * dx), inside(y + 0.05 * dy)];
  announce(`${state.cursor[0].toFixed(2)}, ${state.cursor[1].toFixed(2)}`);
  composeMap();
}
$("map").addEventListener("click", (event) => {
  const box = $("map").getBoundingClientRect();
  state.cursor = null;
  add(LIMIT * ((2 * (event.clientX - box.left)) / box.width - 1), LIMIT * (1 - (2 * (event.clientY - box.top)) / box.height));
});
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
$("map").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const arrow = ARROWS[event.key];
  if (arrow) moveCursor(...arrow.map((d) => d * (event.shiftKey ? 5 : 1)));
  else if (event.key === "Enter") add(...(state.cursor ?? [0, 0]));
  else if (event.key === "Backspace" || event.key === "Delete") removeLast();
  else return;
  event.preventDefault();
  event.stopPropagation();
});
$("map").addEventListener("blur", () => {
  state.cursor = null;
  composeMap();
});

// ----- neurons ------------------------------------------------------------------------------------------------------
const neuronOf = (event) => {
  const button = event.target.closest(".neuron");
  return button && [Number(button.dataset.layer), Number(button.dataset.coordinate)];
};
function setNeuron(neuron) {
  if (String(neuron) === String(state.neuron)) return;
  state.neuron = neuron;
  redraw();
}
function pin(neuron) {
  const isSame = String(neuron) === String(state.pinned);
  state.pinned = isSame ? null : neuron;
  for (const button of document.querySelectorAll(".neuron")) button.setAttribute("aria-pressed", "false");
  if (state.pinned) cells[neuron[0]][neuron[1]].button.setAttribute("aria-pressed", "true");
  setNeuron(state.pinned);
}
$("neurons").addEventListener("pointerover", (event) => event.pointerType === "mouse" && setNeuron(neuronOf(event) ?? state.pinned));
$("neurons").addEventListener("pointerleave", () => setNeuron(state.pinned));
$("neurons").addEventListener("click", (event) => {
  const neuron = neuronOf(event);
  if (neuron) pin(neuron);
});
$("neurons").addEventListener("keydown", (event) => {
  const neuron = neuronOf(event);
  if (!neuron || event.ctrlKey || event.altKey || event.metaKey || !ARROWS[event.key]) return;
  const [dx, dy] = ARROWS[event.key], layer = cells[Math.max(0, Math.min(cells.length - 1, neuron[0] + dx))];
  const next = layer[Math.max(0, Math.min(layer.length - 1, neuron[1] - dy))].button;
  for (const button of document.querySelectorAll(".neuron")) button.tabIndex = button === next ? 0 : -1;
  next.focus();
  event.preventDefault();
  event.stopPropagation();
});

// ----- buttons and keys ---------------------------------------------------------------------------------------------
function choices(box, name, labels, chosen, pick) {
  labels.forEach((label, k) => {
    const wrap = document.createElement("label"), input = document.createElement("input"), text = document.createElement("span");
    Object.assign(input, { type: "radio", name, value: k, checked: k === chosen });
    input.addEventListener("change", () => pick(k));
    text.append(...[label].flat());
    wrap.append(input, text);
    box.append(wrap);
  });
}
function swatch(c) {
  const canvas = document.createElement("canvas");
  canvas.className = "swatch";
  canvas.dataset.label = c;
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}
function drawSwatches() {
  const { css, classes, card } = colours();
  for (const canvas of document.querySelectorAll(".swatch")) {
    const g = prepared(canvas, 16, 16), c = Number(canvas.dataset.label);
    g.fillStyle = css(classes[c]);
    g.strokeStyle = card;
    mark(g, c, 8, 8, 5.5);
  }
}
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  palette = null;
  drawSwatches();
  redraw();
}
const isDark = matchMedia("(prefers-color-scheme: dark)");
isDark.addEventListener("change", () => setTheme(isDark.matches ? "dark" : "light"));
const otherTheme = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");

$("play").onclick = play;
$("start").onclick = () => (pause(), show(0));
$("back").onclick = () => (pause(), show(state.frame - 1));
$("on").onclick = () => (pause(), show(state.frame + 1));
$("end").onclick = () => (pause(), show(run().frames.length - 1));
$("range").addEventListener("input", () => (pause(), show(Number($("range").value))));
$("train").onclick = train;
$("undo").onclick = removeLast;
$("clear").onclick = () => {
  stopTraining();
  state.added = [];
  announce("No points added.");
  redraw();
};
$("theirs").addEventListener("change", () => setOwn(false));
$("mine").addEventListener("change", () => setOwn(true));
$("theme").onclick = otherTheme;
$("help").onclick = () => $("keys").showModal();
$("closekeys").onclick = () => $("keys").close();
$("which").addEventListener("change", () => {
  which = $("which").value;
  showPrograms();
});
for (const name of ["numpy", "javascript"]) $(name).addEventListener("change", () => ($("programs").dataset.language = name));
$("programs").addEventListener("pointerover", (event) => {
  const row = event.target.closest("code")?.dataset.row;
  for (const cell of $("programs").children) cell.classList.toggle("lit", cell.dataset.row === row);
});
$("programs").addEventListener("pointerleave", () => {
  for (const cell of $("programs").children) cell.classList.remove("lit");
});

const KEYS = {
  " ": play,
  ArrowRight: () => (pause(), show(state.frame + 1)),
  ArrowLeft: () => (pause(), show(state.frame - 1)),
  Home: () => (pause(), show(0)),
  End: () => (pause(), show(run().frames.length - 1)),
  t: train,
  u: removeLast,
  d: otherTheme,
  Escape: () => state.pinned && pin(state.pinned),
  "?": () => $("keys").showModal(),
};
D.networks.forEach((_, k) => (KEYS[k + 1] = () => setDepth(k)));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || $("keys").open || !Object.hasOwn(KEYS, event.key)) return;
  if (event.target.matches("select, input") || (event.key === " " && event.target.matches("button, summary, .scroll"))) return;
  if (event.key.startsWith("Arrow") && event.target.matches(".scroll")) return;
  KEYS[event.key]();
  event.preventDefault();
});

// ----- the beginning ------------------------------------------------------------------------------------------------
choices($("depth"), "depth", D.networks.map((_, k) => String(k + 1)), state.depth, setDepth);
choices($("ink"), "ink", D.classes.map((name, c) => [swatch(c), name]), 0, (c) => (state.ink = c));
$("classes").append(...D.classes.map((name, c) => {
  const item = document.createElement("span");
  item.append(swatch(c), ` class ${name}`);
  return item;
}));
$("dataset").textContent = D.name;
$("count").textContent = samples.y.length;
setTheme(isDark.matches ? "dark" : "light");
let widthBefore = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== widthBefore) lay();
  widthBefore = innerWidth;
});
setDepth(state.depth);
// For the tests of the page.
window.network = { state, data: D, recorded, own, samples, np, NDArray, PROGRAMS, run, show, setDepth, setNeuron, add, unpacked, packed, compared, layersOf, seenOf, oneHot, beginTraining, descend, isTraining: () => training !== null };
