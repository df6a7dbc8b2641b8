// ----- training in the page -----------------------------------------------------------------------------------------
// Gradient descent with the program `gradient`, some steps in each frame of the browser.
const SLICE = 11; // milliseconds
let training = null;

function noise() {
  // Two uniform numbers make one of the standard normal distribution, by Box and Muller.
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
function beginTraining(from, factor) {
  const base = recorded[state.depth], { network, program } = base, n0 = samples.y.length, added = state.added;
  const n = n0 + added.length, data = new Float64Array(2 * n);
  data.set(samples.x.data.subarray(0, n0));
  data.set(samples.x.data.subarray(n0), n);
  added.forEach(([x, y], k) => ((data[n0 + k] = x), (data[n + n0 + k] = y)));
  const y = [...samples.y, ...added.map(([, , label]) => label)];
  const vector = from === "here" ? Float64Array.from(nowShown()) : from === "new" ? base.frames[0].map(noise) : base.frames[0];
  const [A, b] = unpacked(network.widths, vector);
  // The loss is a sum over the samples, and so is its gradient.
  const step = (factor * network.step * n0) / n;
  const made = { network, program, at: [], frames: [], lossOf: [], losses: { at: [], values: [] }, samples: { x: columns(data), y }, steps: network.steps };
  made.step = step;
  training = { made, A, b, Y: oneHot(y), step, taken: 0, wanted: new Set(network.at), spent: 0 };
  own[state.depth] = made;
  state.isOwn = true;
  state.frame = 0;
  descend(0);
}
// Steps until the time is over, at least one; whether there are more to come.
function descend(milliseconds) {
  const t = training, { made } = t, n = made.samples.y.length, started = performance.now();
  do {
    const [loss, [gA, gb]] = made.program.gradient(t.A, t.b, made.samples.x, t.Y);
    const isLost = !Number.isFinite(loss), isLast = t.taken === made.steps;
    if (t.taken % made.network.stride === 0 || isLast || isLost) {
      made.losses.at.push(t.taken);
      made.losses.values.push(loss / n);
    }
    if (!isLost && (t.wanted.has(t.taken) || isLast)) {
      made.at.push(t.taken);
      made.frames.push(packed(t.A, t.b));
      made.lossOf.push(loss / n);
    }
    if (isLost) made.trouble = `The loss is no number any more at step ${t.taken}: take smaller steps.`;
    if (isLost || isLast) return endTraining(), false;
    t.A = t.A.map((a, r) => np.subtract(a, np.multiply(t.step, gA[r])));
    t.b = t.b.map((a, r) => np.subtract(a, np.multiply(t.step, gb[r])));
    t.taken++;
  } while (performance.now() - started < milliseconds);
  t.spent += performance.now() - started;
  return true;
}
// The training is over, or stopped: then its last step gets a frame too.
function endTraining() {
  const { made, taken, A, b, Y } = training;
  if (made.at.at(-1) !== taken && !made.trouble) {
    made.at.push(taken);
    made.frames.push(packed(A, b));
    made.lossOf.push(made.program.gradient(A, b, made.samples.x, Y)[0] / made.samples.y.length);
  }
  made.steps = Math.max(taken, 1);
  training = null;
}
