// ----- moving: every change of the step or of the selection ends in select ------------------------------------------
function show(step, { scroll = true, say = true } = {}) {
  state.step = Math.max(0, Math.min(stepCount() - 1, step));
  select(entryAt(state.step), { scroll, say });
}

let saying = 0;
function select(i, { scroll = true, say = true } = {}) {
  state.selected = i;
  related.clear();
  ofRule.clear();
  for (const p of E.parents[i]) if (p >= 0) related.add(p);
  for (const c of children[i].slice(0, 200)) related.add(c);
  for (const j of madeBy[i]) ofRule.add(j);
  if (E.rule[i]) ofRule.add(E.rule[i][0]);
  document.body.dataset.phase = isBackward() ? "backward" : state.mode;
  const box = $("tape");
  const y = rowOf[i] * ROW;
  const margin = Math.min(2 * ROW, box.clientHeight / 4);
  if (scroll && (y < box.scrollTop + margin || y + ROW > box.scrollTop + box.clientHeight - margin)) box.scrollTop = y - box.clientHeight / 2 + ROW / 2;
  headings();
  paint();
  lightProgram();
  showEntry();
  const at = entryAt(state.step);
  $("range").max = stepCount() - 1;
  $("range").value = state.step;
  $("range").setAttribute("aria-valuetext", `${isBackward() ? "backward" : "forward"}, ${reference(at)}, ${operationOf(at)[0]}`);
  drawHill();
  clearTimeout(saying);
  if (say) saying = setTimeout(announce, 250);
}
function announce() {
  const i = state.selected;
  const beside = state.mode === "reverse" && !isBackward() ? "" : ` ${titleOfColumn()} ${plainly(besideValue(i))}.`;
  const words = $("say").textContent.replace(/^Step \d+ of \d+/, "$&. ");
  $("live").textContent = `${words} Value ${plainly(E.value[i])}.${beside} ${placeOf(i)}`;
}

function jump(i) {
  if (!isComputed(i)) return show(i);
  openAround(i);
  select(i);
}
function stepOver(d, rowsOver = 1, options = {}) {
  // To another row: over a closed group at once.
  let step = state.step;
  for (let n = 0; n < rowsOver; n++) {
    const row = rowOf[entryAt(step)];
    do step += d;
    while (step > 0 && step < stepCount() - 1 && rowOf[entryAt(step)] === row);
    if (step <= 0 || step >= stepCount() - 1) break;
  }
  show(step, options);
}
function moveInList(d) {
  let r = rowOf[state.selected] + d;
  while (rows[r] && rows[r].id && rows[r].isOpen) r += Math.sign(d);
  const row = rows[Math.max(0, Math.min(rows.length - 1, r))];
  select(row.id ? (row.isOpen ? row.first : row.last) : row.i);
}
function nextTrouble() {
  if (troubles.length) jump(troubles.find((i) => i > state.selected) ?? troubles[0]);
}

// ----- playing ------------------------------------------------------------------------------------------------------
let playing = 0;
const ICONS = { play: $("play").innerHTML, pause: '<svg viewBox="0 0 18 18" aria-hidden="true"><path d="M4 3h4v12H4zM10 3h4v12h-4z"/></svg>' };
function play() {
  if (playing) clearInterval(playing), (playing = 0);
  else {
    if (state.step >= stepCount() - 1) show(0);
    const stride = Math.max(1, Math.floor((2 * rows.length) / 240)); // the whole of a long tape in under two minutes
    playing = setInterval(() => (state.step >= stepCount() - 1 ? play() : stepOver(1, stride, { say: false })), 420);
  }
  $("play").innerHTML = playing ? ICONS.pause : ICONS.play;
  $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
}

// ----- searching ----------------------------------------------------------------------------------------------------
function find(text) {
  const wanted = text.trim().toLowerCase();
  state.hits = wanted ? new Set() : null;
  $("found").hidden = !wanted;
  if (wanted) {
    for (let i = 0; i < N; i++) if (matches(i, wanted)) state.hits.add(i);
    $("found").textContent = state.hits.size ? `${state.hits.size} of ${N} entries; Enter goes to the next` : "No entry.";
  }
  paint();
}
function matches(i, wanted) {
  if (wanted[0] === "%") return `%${i}` === wanted;
  if (wanted === "nan" || wanted === "inf") return isBad(E.value[i]) || isBad(E.cotangent[i]);
  const pass = wanted.match(/^pass (\d+)$/);
  if (pass) return !isInput(i) && turnsOf(i) > 1 && loopOf(i)[1] + 1 === Number(pass[1]);
  if (operationOf(i)[0].toLowerCase().includes(wanted) || nameOf(i).toLowerCase().includes(wanted)) return true;
  const spot = spotOf(i);
  return spot !== null && (placeOf(i).toLowerCase().includes(wanted) || spot[1].toLowerCase().includes(wanted) || lineText(spot[0], spot[2]).toLowerCase().includes(wanted));
}
function nextHit() {
  if (!state.hits || !state.hits.size) return;
  const list = [...state.hits];
  jump(list.find((i) => i > state.selected) ?? list[0]);
}

// ----- modes --------------------------------------------------------------------------------------------------------
function setMode(mode) {
  const at = entryAt(Math.min(state.step, stepCount() - 1));
  state.mode = mode;
  document.querySelector(`#mode input[value=${mode}]`).checked = true;
  showDirections();
  version++;
  show(at);
}
function nextMode() {
  const open = [...document.querySelectorAll("#mode input:not(:disabled)")].map((input) => input.value);
  setMode(open[(open.indexOf(state.mode) + 1) % open.length]);
}
function setCost(on) {
  state.cost = on;
  $("cost").setAttribute("aria-pressed", on);
  rebuild();
  select(state.selected, { say: false });
}

// The direction in which inputs move, or the line along which a series is taken, and its coefficient.
function showDirections() {
  const box = $("along");
  box.hidden = state.mode === "reverse";
  box.textContent = "";
  if (state.mode === "tangent") {
    const preset = document.createElement("select");
    preset.id = "preset";
    preset.setAttribute("aria-label", "Direction");
    const given = D.directions.findIndex((d) => d.given);
    const add = (text, value) => preset.append(new Option(text, value));
    if (given >= 0) add("the given direction", given);
    add("all inputs, with speed 1", "all");
    D.directions.forEach((d, k) => d.given || D.directions.length === 1 || add(`${d.name} alone`, k));
    add("speeds of your own", "own");
    const start = given >= 0 ? String(given) : "all";
    preset.value = start;
    const speeds = D.directions.map((d, k) => {
      const input = Object.assign(document.createElement("input"), { type: "number", step: "any", value: state.speeds[k] });
      const label = document.createElement("label");
      label.append(d.name, input);
      input.addEventListener("input", () => {
        state.speeds[k] = Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : 0;
        preset.value = "own";
        moved();
      });
      return { input, label };
    });
    preset.addEventListener("change", () => {
      if (preset.value !== "own") {
        state.speeds = D.directions.map((d, k) => (preset.value === "all" ? Number(!d.given) : Number(k === Number(preset.value))));
        speeds.forEach(({ input }, k) => (input.value = state.speeds[k]));
        moved();
      } else speeds[0].input.focus();
    });
    box.append("Inputs move along ", preset, " speeds ", ...speeds.map(({ label }) => label));
  } else if (state.mode === "taylor") {
    const choose = (label, options, value, change) => {
      const element = document.createElement("select");
      element.setAttribute("aria-label", label);
      options.forEach((text, k) => element.append(new Option(text, k)));
      element.value = value;
      element.addEventListener("change", () => (change(Number(element.value)), redraw(), select(state.selected)));
      return element;
    };
    const orders = Array.from({ length: D.order + 1 }, (_, k) => `k = ${k}: t${superscript(k)}`);
    const k = choose("Coefficient", orders, state.k, (value) => (state.k = value));
    k.id = "coefficient";
    const line = choose("Line", D.lines, state.line, (value) => (state.line = value));
    line.id = "line";
    box.append("Coefficient ", k, " along ", line);
  }
}
function moved() {
  tangents = new Map();
  redraw();
  select(state.selected);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  palette = null;
  version++;
  if (rows.length) select(state.selected, { say: false, scroll: false });
}

// ----- events -------------------------------------------------------------------------------------------------------
$("tape").addEventListener("scroll", () => requestAnimationFrame(paint), { passive: true });
$("rows").addEventListener("click", (event) => {
  const element = event.target.closest(".row");
  if (!element) return;
  const row = rows[+element.dataset.row];
  if (row.id) toggleGroup(+element.dataset.row);
  else if (isBackward()) select(row.i, { scroll: false });
  else show(row.i, { scroll: false });
});
$("detail").addEventListener("click", (event) => {
  const button = event.target.closest("[data-go]");
  if (!button) return;
  jump(+button.dataset.go);
  $("tape").focus({ preventScroll: true });
});
$("program").addEventListener("click", (event) => {
  const line = event.target.closest(".line.has");
  if (!line) return;
  for (let k = 1; k <= stepCount(); k++) {
    const step = (state.step + k) % stepCount();
    const spot = spotOf(entryAt(step));
    if (spot && `${spot[0]}:${spot[2]}` === line.dataset.key) return show(step);
  }
});
$("tabs").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) setPane(button.dataset.pane);
});
function setPane(name) {
  document.body.dataset.pane = name;
  for (const button of $("tabs").children) button.setAttribute("aria-pressed", button.dataset.pane === name);
  select(state.selected, { say: false });
}
$("range").addEventListener("input", () => show(+$("range").value));
$("start").onclick = () => show(0);
$("end").onclick = () => show(stepCount() - 1);
$("back").onclick = () => show(state.step - 1);
$("on").onclick = () => show(state.step + 1);
$("play").onclick = play;
$("cost").onclick = () => setCost(!state.cost);
$("trouble").onclick = nextTrouble;
$("group").onchange = () => {
  opened.clear();
  closedByHand.clear();
  rebuild();
  select(state.selected);
};
$("find").addEventListener("input", () => find($("find").value));
$("find").addEventListener("keydown", (event) => {
  if (event.key === "Enter") nextHit();
  else if (event.key === "Escape") {
    $("find").value = "";
    find("");
    $("tape").focus();
  } else return;
  event.preventDefault();
});
for (const input of document.querySelectorAll("#mode input")) input.addEventListener("change", () => setMode(input.value));
const isDark = matchMedia("(prefers-color-scheme: dark)");
isDark.addEventListener("change", () => setTheme(isDark.matches ? "dark" : "light"));
$("theme").onclick = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
addEventListener("resize", () => {
  paint();
  drawHill();
});
addEventListener("beforeprint", () => ($("printed").textContent = printedTable()));
function printedTable() {
  // The tape as text: a list that shows only what is in sight cannot be printed.
  const lines = Array.from({ length: N }, (_, i) => [`%${i}`, nameOf(i), term(i), plainly(E.value[i]), plainly(E.cotangent[i]), placeOf(i)].join("  "));
  return [`Tape of ${D.title}: number, name, operation, value, cotangent, line`, ...lines].join("\n");
}

// ----- keys ---------------------------------------------------------------------------------------------------------
const KEYS = [
  ["→ or j", "one step on"], ["← or k", "one step back"], ["Shift → ←", "the same, over a closed group at once"],
  ["↓ ↑", "next, previous row of the tape, when it has the focus"], ["Enter", "open or close a group; go to the step of the row"],
  ["Home End", "start, end"], ["Space", "play, pause"], ["p", "to the first entry that this one reads"],
  ["c", "to the first entry that reads this one"], ["r", "to the entry whose rule made this one"], ["n", "to the next NaN or infinity"],
  ["m", "reverse, tangent, Taylor"], ["g", "next way to group"], ["$", "values or costs"], ["/", "find"], ["?", "this list"],
];
$("keys").querySelector("dl").innerHTML = KEYS.map(([key, text]) => `<dt><kbd>${escaped(key)}</kbd></dt><dd>${escaped(text)}</dd>`).join("");
$("help").onclick = () => $("keys").showModal();
$("closekeys").onclick = () => $("keys").close();

const LETTERS = {
  j: () => show(state.step + 1),
  k: () => show(state.step - 1),
  p: () => jump(E.parents[state.selected].find((p) => p >= 0) ?? state.selected),
  c: () => children[state.selected].length && jump(children[state.selected][0]),
  r: () => E.rule[state.selected] && jump(E.rule[state.selected][0]),
  n: nextTrouble,
  m: nextMode,
  g: () => {
    $("group").selectedIndex = ($("group").selectedIndex + 1) % $("group").options.length;
    $("group").onchange();
  },
  $: () => setCost(!state.cost),
  "/": () => $("find").focus(),
  "?": () => $("keys").showModal(),
};
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || $("keys").open) return;
  if (target.matches("input[type=search],input[type=number],select,input[type=radio]")) return;
  if (target.id === "range" && key.startsWith("Arrow")) return;
  const inTape = target.id === "tape";
  const onButton = target.matches("button,summary");
  const isAlong = key === "ArrowRight" || key === "ArrowLeft";
  if (isAlong && event.shiftKey) stepOver(key === "ArrowRight" ? 1 : -1);
  else if (isAlong) show(state.step + (key === "ArrowRight" ? 1 : -1));
  else if (inTape && (key === "ArrowDown" || key === "ArrowUp")) moveInList(key === "ArrowDown" ? 1 : -1);
  else if (inTape && (key === "PageDown" || key === "PageUp")) moveInList(Math.floor($("tape").clientHeight / ROW) * (key === "PageDown" ? 1 : -1));
  else if (inTape && key === "Enter") {
    const r = rowOf[state.selected];
    if (rows[r].id) toggleGroup(r);
    else show(isBackward() && turnOf[state.selected] >= 0 ? N + turnOf[state.selected] : state.selected);
  } else if (key === "Home" && !onButton) show(0);
  else if (key === "End" && !onButton) show(stepCount() - 1);
  else if (key === " " && !onButton) play();
  else if (key.length === 1 && $("letters").checked && LETTERS[key]) LETTERS[key]();
  else return;
  event.preventDefault();
});

// ----- the beginning ------------------------------------------------------------------------------------------------
$("title").textContent = D.title;
$("facts").textContent = `${N} entries, ${D.leaves} of them inputs`;
$("checked").textContent = `Checked when the page was made: the contributions add up to the cotangents of the backward sweep; the largest difference is ${short(D.difference)} of the largest entry.`;
const disable = (mode, why) => {
  const input = document.querySelector(`#mode input[value=${mode}]`);
  input.disabled = true;
  input.parentElement.title = why;
};
if (!D.tangents.length) disable("tangent", "there are no tangents of this tape");
if (!D.series.length) disable("taylor", "there are no Taylor series of this tape");
state.k = Math.min(1, D.order);
if (troubles.length) {
  $("trouble").hidden = false;
  $("trouble").textContent = `▲ ${troubles.length} NaN or ∞`;
  $("trouble").title = "to the entry where it begins";
}
if (D.failure || D.notes.length) {
  const failure = D.failure ? `<p class="trouble">▲ ${escaped(D.failure.message.split("\n")[0])}${D.failure.spot >= 0 ? ` <span>at ${escaped(`${D.sources[D.spots[D.failure.spot][0]].file}:${D.spots[D.failure.spot][2]}`)}</span>` : ""}</p>` : "";
  $("banner").innerHTML = failure + D.notes.map((note) => `<p>${escaped(note)}</p>`).join("");
  $("banner").hidden = false;
}
if (D.levels.some((level) => level.length)) $("group").value = "level";
else if (N > SMALL) $("group").value = "turn";
document.body.dataset.pane = "tapepane";
setTheme(isDark.matches ? "dark" : "light");
showProgram();
if (N) {
  rebuild();
  show(0, { say: false });
}
// For the tests of the page.
window.explorer = { state, show, select, find, setMode, stepCount, data: D, rows: () => rows, inSight, started: performance.now() - began };
