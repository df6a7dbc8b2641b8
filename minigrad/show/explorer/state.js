// ----- what the page shows now: the mode, the step, the selected entry ----------------------------------------------
const state = {
  mode: "reverse", // or "tangent", "taylor"
  step: 0, // in reverse mode 0 to N - 1 go forward, those above backward
  selected: 0,
  cost: false, // whether the columns show costs in place of values
  speeds: D.directions.map((d) => (D.directions.some((other) => other.given) === d.given ? 1 : 0)),
  line: 0, // of the Taylor series
  k: 1, // the coefficient that the column shows
  hits: null, // the entries that were searched for
};
const reverse = () => state.mode === "reverse";
const stepCount = () => (reverse() ? N + backward.length : N);
const entryAt = (step) => (step < N ? step : backward[step - N]);
const isBackward = () => reverse() && state.step >= N;

const isComputed = (i) => state.step >= N || i <= state.step;
const isComplete = (i) => (reverse() ? turnOf[i] >= 0 && state.step - N >= turnOf[i] : i <= state.step);
const hasArrived = (e) => isBackward() && state.step - N >= turnOf[D.edges.node[e]];

// The cotangent of an entry as far as it has come in, and how many contributions that are.
function cotangentSoFar(i) {
  if (isComplete(i)) return { value: E.cotangent[i], count: incoming[i].length };
  let value = isOutput.has(i) && isBackward() ? ones(E.cotangent[i]) : null;
  let count = 0;
  for (const e of incoming[i]) {
    if (hasArrived(e)) {
      count++;
      value = plus(value, D.edges.value[e]);
    }
  }
  return { value, count };
}

// The tangent along the chosen direction: the tangents of the directions, times their speeds, added up.
let tangents = new Map();
function tangentOf(i) {
  if (!tangents.has(i)) {
    let total = null;
    state.speeds.forEach((speed, d) => {
      if (speed) total = plus(total, times(D.tangents[d][i], speed));
    });
    tangents.set(i, total);
  }
  return tangents.get(i);
}
const coefficientOf = (i, k) => (k === 0 ? E.value[i] : D.series[state.line][i][k - 1]);

// What stands in the column beside the value.
function besideValue(i) {
  if (state.mode === "reverse") return cotangentSoFar(i).value;
  if (!isComplete(i)) return null;
  return state.mode === "tangent" ? tangentOf(i) : coefficientOf(i, state.k);
}
const titleOfColumn = () =>
  ({ reverse: "cotangent", tangent: "tangent", taylor: `coefficient of t${superscript(state.k)}` })[state.mode];
const superscript = (k) => String(k).replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
