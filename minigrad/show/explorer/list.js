// ----- the list of entries: groups, the rows that are in sight, arcs ------------------------------------------------
const ROW = 30; // pixels
const SMALL = 60; // a tape of so many entries is not folded unless the reader asks
let rows = []; // {i} an entry; or {id, first, last, isOpen, title} a group
const rowOf = new Int32Array(N); // the row in which an entry is seen: its own, or its closed group
const opened = new Set();
const closedByHand = new Set();

// Calls of functions and the passes of loops in them. A passage is [call, pass, passage of the caller].
const functionOf = (i) => (spotOf(i) ? spotOf(i)[1] : "");
const functionOfCall = new Map();
const lastTurn = new Map(); // of every call
for (const [call, turn] of D.passages) lastTurn.set(call, Math.max(turn, lastTurn.get(call) || 0));
for (let i = 0; i < N; i++) {
  for (let p = E.passage[i], s = E.spot[i]; p >= 0 && s >= 0; p = D.passages[p][2], s = D.spots[s][7]) {
    if (functionOfCall.has(D.passages[p][0])) break;
    functionOfCall.set(D.passages[p][0], D.spots[s][1]);
  }
}
const callsOf = new Map(); // of every function: the calls, in their order
for (const [call, function_] of [...functionOfCall].sort((a, b) => a[0] - b[0])) {
  if (!callsOf.has(function_)) callsOf.set(function_, new Map());
  callsOf.get(function_).set(call, callsOf.get(function_).size + 1);
}
// The outermost loop in which an entry was made, as a passage; of an entry in no loop that of its function.
const passageOf = E.passage.map((inner) => {
  let found = inner;
  for (let p = inner; p >= 0; p = D.passages[p][2]) if (lastTurn.get(D.passages[p][0]) > 0) found = p;
  return found;
});
const callOf = (i) => (E.passage[i] < 0 ? 0 : D.passages[E.passage[i]][0]);
const loopOf = (i) => (passageOf[i] < 0 ? [0, 0] : D.passages[passageOf[i]]); // [call, pass]
const turnsOf = (i) => (lastTurn.get(loopOf(i)[0]) || 0) + 1;
const isPulled = (i) => (E.rule[i] ? "<" : "");
const GROUP_KEYS = {
  line: (i) => (spotOf(i) ? `${spotOf(i)[0]}:${spotOf(i)[2]}${isPulled(i)}` : "inputs"),
  turn: (i) => (spotOf(i) ? `${passageOf[i]}${isPulled(i)}` : "inputs"),
  function: (i) => (spotOf(i) ? `${callOf(i)}${isPulled(i)}` : "inputs"),
  level: (i) => (isInput(i) ? "inputs" : String(E.level[i])),
};
const loopsAreOne = [...lastTurn.values()].filter((last) => last > 0).length < 2; // there is no need to say which
function callText(call) {
  const function_ = functionOfCall.get(call) || "";
  const calls = callsOf.get(function_);
  const which = calls && calls.size > 1 ? ` (call ${calls.get(call)} of ${calls.size})` : "";
  return function_.split(".").pop() + which;
}
const passText = (i) => `pass ${loopOf(i)[1] + 1} of ${turnsOf(i)}${loopsAreOne ? "" : ` in ${callText(loopOf(i)[0])}`}`;

function groupTitle(how, first, last) {
  if (isInput(first)) return `inputs ${reference(first)}${last > first ? ` … ${reference(last)}` : ""}`;
  const spot = spotOf(first);
  const prefix = E.rule[first] ? "rules for " : "";
  if (how === "level") return levelText(levelOf(first));
  if (how === "name" || !spot) return nameOf(last) || reference(last);
  if (how === "line") return `${prefix}${placeOf(first)}  ${lineText(spot[0], spot[2]).trim()}`;
  if (how === "turn" && turnsOf(first) > 1) return prefix + passText(first);
  return prefix + callText(how === "turn" ? loopOf(first)[0] : callOf(first));
}

function layOut() {
  const how = $("group").value;
  rows = [];
  const add = (row) => rows.push(row) - 1;
  for (let i = 0; i < N; ) {
    let last = i;
    if (how === "name") {
      while (last < N - 1 && last !== D.leaves - 1 && !(nameOf(last) && last >= D.leaves)) last++;
    } else if (how !== "none") {
      const key = GROUP_KEYS[how](i);
      while (last < N - 1 && GROUP_KEYS[how](last + 1) === key) last++;
    }
    if (last > i || how === "level") {
      const id = how + i;
      const isOpen = !closedByHand.has(id) && (opened.has(id) || N <= SMALL);
      const group = add({ id, first: i, last, isOpen, title: groupTitle(how, i, last) });
      for (let j = i; j <= last; j++) rowOf[j] = isOpen ? add({ i: j, inGroup: true }) : group;
    } else rowOf[i] = add({ i });
    i = last + 1;
  }
  $("rows").style.height = `${rows.length * ROW}px`;
  $("rows").textContent = "";
  $("tape").setAttribute("aria-rowcount", rows.length);
  inSight.clear();
}

// ----- rows ---------------------------------------------------------------------------------------------------------
const inSight = new Map(); // row number -> {element, cells, drawn}
const related = new Set(); // entries that the selected one reads, or that read it
const ofRule = new Set(); // entries that its rule made, or the entry whose rule made it

function rowElement(r) {
  const row = rows[r];
  const element = document.createElement("div");
  element.className = "row";
  element.id = `row${r}`;
  element.dataset.row = r;
  element.style.top = `${r * ROW}px`;
  element.setAttribute("role", "row");
  element.setAttribute("aria-rowindex", r + 1);
  const cells = ["what", "cell value", "cell beside", ...(D.deltas.length || state.cost ? ["cell third"] : [])].map((name) => {
    const cell = document.createElement("div");
    cell.className = name;
    cell.setAttribute("role", "gridcell");
    return cell;
  });
  element.append(...cells);
  if (row.id) {
    element.classList.add("group");
    element.setAttribute("aria-expanded", row.isOpen);
    element.setAttribute("aria-level", 1);
    const many = row.last - row.first + 1;
    cells[0].innerHTML = `${row.isOpen ? "▾" : "▸"} ${escaped(row.title)} <span class="term">· ${many}${row.isOpen ? (many > 1 ? " entries" : " entry") : ""}</span><span class="here"></span>`;
  } else {
    element.setAttribute("aria-level", row.inGroup ? 2 : 1);
    cells[0].innerHTML = entryText(row.i);
    levelOf(row.i).forEach(([phase], depth) => {
      const bar = document.createElement("span");
      bar.className = `level ${phase}`;
      bar.style.left = `${4 + 5 * depth}px`;
      bar.title = levelText(levelOf(row.i));
      element.append(bar);
    });
  }
  return { element, cells, row, drawn: "" };
}

function entryText(i) {
  const name = nameOf(i) ? `<span class="name">${escaped(nameOf(i))}</span>${isInput(i) ? " " : " = "}` : "";
  const text = isInput(i) ? shapeText(shapeOf(i)) : escaped(term(i));
  const marks = [];
  if (E.adds[i]) marks.push('<span class="term" title="contributions are added up"> Σ</span>');
  if (isOutput.has(i)) marks.push('<span class="term"> ⟶ result</span>');
  if (E.rule[i]) marks.push(`<span class="origin" title="made by the rule of %${E.rule[i][0]}"> ↩ %${E.rule[i][0]}</span>`);
  if (badFirst.has(i) || badBackward.has(i)) marks.push('<span class="trouble" title="NaN or infinity begins here"> ▲<span class="wide"> begins here</span></span>');
  return `<span class="number">%${i}</span>${name}<span class="term">${text}</span>${marks.join("")}`;
}

const groupHasHit = (row) => {
  for (let i = row.first; i <= row.last; i++) if (state.hits.has(i)) return true;
  return false;
};

function dress(shown) {
  const { row, element, cells } = shown;
  const i = row.id ? row.last : row.i;
  const isShut = row.id && !row.isOpen;
  const isActive = isShut ? state.selected >= row.first && state.selected <= row.last : !row.id && state.selected === i;
  const arrived = reverse() ? cotangentSoFar(i).count : 0;
  const isHit = state.hits === null ? 2 : Number(row.id ? groupHasHit(row) : state.hits.has(i));
  const drawn = [state.mode, state.cost, state.line, state.k, isComputed(i), isComplete(i), isBackward(), arrived, isActive && state.selected, isHit, related.has(i), ofRule.has(i), version].join();
  if (drawn === shown.drawn) return;
  shown.drawn = drawn;
  const is = (name, on) => element.classList.toggle(name, on);
  is("selected", isActive);
  is("later", !isComputed(i));
  is("related", !isActive && !row.id && related.has(i));
  is("ofrule", !isActive && !row.id && ofRule.has(i));
  is("dim", isHit === 0);
  is("shut", Boolean(isShut));
  element.setAttribute("aria-selected", isActive);
  if (row.id) cells[0].lastChild.textContent = isShut && isActive ? ` ← ${reference(state.selected)}` : "";
  if (row.id && row.isOpen) {
    for (const cell of cells.slice(1)) cell.textContent = "";
  } else if (state.cost) fillCosts(cells, row.id ? row.first : i, i);
  else fillValues(cells, i, arrived);
}

function fillValues(cells, i, arrived) {
  fillCell(cells[1], isComputed(i) ? E.value[i] : null, isComputed(i) ? "" : "·");
  const value = besideValue(i);
  let note = "";
  if (reverse()) {
    if (turnOf[i] < 0) note = isBackward() ? "0" : "";
    else if (isBackward() && !isComplete(i) && value !== null && arrived < incoming[i].length) note = `${arrived}/${incoming[i].length}`;
  } else if (value === null && isComplete(i)) note = "0";
  fillCell(cells[2], value, note);
  if (!D.deltas.length) return;
  const delta = deltaOf.get(i);
  cells[3].className = `cell third${delta ? (delta.agrees ? " agrees" : delta.first ? " first" : " differs") : ""}`;
  fillCell(cells[3], delta ? delta.value : null, "");
  if (delta) cells[3].append(delta.agrees ? "✓" : "✗");
}

// The lane of costs: of an entry, or of all entries of a group.
const mostTime = Math.max(1, ...Array.from({ length: N }, (_, i) => E.micros[i] + E.microsBack[i]));
const mostBytes = Math.max(1, ...E.bytes);
function fillCosts(cells, first, last) {
  let time = 0;
  let back = 0;
  let kept = 0;
  let flops = 0;
  for (let i = first; i <= last; i++) {
    time += E.micros[i];
    back += E.microsBack[i];
    kept += E.bytes[i];
    flops += E.flops[i] || 0;
  }
  const unknown = first === last && E.flops[first] === null;
  const bar = (part, whole) => `<span class="meter"><i style="width:${Math.min(100, (100 * part) / whole).toFixed(1)}%"></i></span>`;
  const readers = first === last && E.readers[first].length ? ` <span class="wide">for %${E.readers[first][0]}${E.readers[first].length > 1 ? ", …" : ""}</span>` : "";
  cells[1].innerHTML = isInput(first) ? "" : `${bar(time + back, mostTime)}${short(time, 2)} + ${short(back, 2)}`;
  cells[2].innerHTML = kept ? bar(kept, mostBytes) + bytes(kept) + readers : readers;
  cells[3].textContent = unknown ? "?" : flops ? count(flops) : "";
}

const hasRules = E.rule.some(Boolean);
function headings() {
  const third = state.cost ? "arithmetic" : D.deltas.length ? "by hand" : "";
  const titles = state.cost ? ["µs: forward + backward", "kept for the backward sweep"] : ["value", titleOfColumn()];
  $("heads").innerHTML = `<span>entry</span><span>${titles[0]}</span><span>${titles[1]}</span>${third ? `<span>${third}</span>` : ""}`;
  document.body.classList.toggle("third", third !== "");
  const heat = '<span><i class="minus"></i>negative <i class="plus"></i>positive, scaled to the largest entry</span>';
  const arcs = isBackward() ? "thick arcs: where its cotangent goes; thin: where it came from" : "thick arcs: what it reads; thin: what reads it";
  $("legend").innerHTML = state.cost
    ? "<span>time of one run: since the entry before (the operation and Python around it), and of its rules · arithmetic: estimated from shapes</span>"
    : `${heat}<span>${arcs}</span>${hasRules ? '<span><i class="made"></i>at the right edge: made by its rule, or the entry whose rule made it</span>' : ""}`;
}

let version = 0; // grows when everything has to be drawn again
function redraw() {
  version++;
  headings();
  paint();
}
function rebuild() {
  layOut();
  redraw();
}

function paint() {
  const box = $("tape");
  const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 6);
  const last = Math.min(rows.length - 1, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + 6);
  const active = rowOf[state.selected]; // stays in the page, since the list points to it for screen readers
  for (const [r, shown] of inSight) {
    if ((r < first || r > last) && r !== active) {
      shown.element.remove();
      inSight.delete(r);
    }
  }
  const fresh = document.createDocumentFragment();
  const show = (r) => {
    if (!inSight.has(r)) {
      const made = rowElement(r);
      inSight.set(r, made);
      fresh.append(made.element);
    }
    dress(inSight.get(r));
  };
  for (let r = first; r <= last; r++) show(r);
  if (active < rows.length) show(active);
  $("rows").append(fresh);
  drawArcs(first, last);
  box.setAttribute("aria-activedescendant", `row${active}`);
}

// ----- arcs: who reads whom -----------------------------------------------------------------------------------------
const FAR = 40; // rows; a longer arc is a stub at both ends
function drawArcs(first, last) {
  const x = parseFloat(getComputedStyle($("heads")).paddingLeft) - 8; // arcs end beside the text of the rows
  const room = Math.min(58, x - 16);
  const parts = [];
  const y = (r) => r * ROW + ROW / 2;
  const arc = (from, to, colour, width) => {
    const distance = Math.abs(to - from);
    if (distance > FAR) {
      for (const [r, other] of [[from, to], [to, from]]) {
        if (r < first || r > last) continue;
        const reach = 26 * Math.sign(other - r);
        parts.push(`<path d="M${x} ${y(r)}q-${room * 0.75} 0 -${room * 0.75} ${reach}" stroke="${colour}" stroke-width="${width}" stroke-dasharray="10 2 4 2 2 2 1 40"/>`);
      }
      return;
    }
    const bend = x - Math.min(room, 9 + 10.4 * Math.sqrt(distance));
    parts.push(`<path d="M${x} ${y(from)}C${bend} ${y(from)} ${bend} ${y(to)} ${x} ${y(to)}" stroke="${colour}" stroke-width="${width}"/>`);
  };
  const faint = new Set();
  const note = (a, b) => rowOf[a] !== rowOf[b] && faint.add(`${rowOf[a]},${rowOf[b]}`);
  for (let r = first; r <= last && faint.size < 400; r++) {
    const row = rows[r];
    if (row.id && row.isOpen) continue;
    const from = row.id ? row.first : row.i;
    const to = row.id ? Math.min(row.last, row.first + 40) : row.i;
    for (let i = from; i <= to; i++) {
      for (const p of E.parents[i]) if (p >= 0) note(p, i);
      for (const c of children[i].slice(0, 12)) note(i, c);
    }
  }
  for (const pair of faint) arc(...pair.split(",").map(Number), "var(--line)", 1.2);
  const here = rowOf[state.selected];
  const lit = new Set([here]);
  for (const p of new Set(E.parents[state.selected])) {
    if (p < 0 || rowOf[p] === here) continue;
    arc(rowOf[p], here, isBackward() ? "var(--cotangent)" : "var(--value)", 2.4);
    lit.add(rowOf[p]);
  }
  for (const c of children[state.selected].slice(0, 24)) {
    if (rowOf[c] === here) continue;
    arc(here, rowOf[c], reverse() ? "var(--cotangent)" : "var(--value)", isBackward() ? 1.6 : 1.2);
    lit.add(rowOf[c]);
  }
  for (const r of lit) parts.push(`<circle cx="${x}" cy="${y(r)}" r="${r === here ? 4.5 : 3.2}" fill="${r === here ? "var(--now)" : "var(--card)"}" stroke="var(--now)" stroke-width="1.6"/>`);
  const box = $("tape");
  const above = [...lit].filter((r) => (r + 1) * ROW < box.scrollTop).length;
  const below = [...lit].filter((r) => r * ROW > box.scrollTop + box.clientHeight).length;
  const sign = (text, at) => parts.push(`<text x="6" y="${at}" font-size="10" fill="var(--now)" stroke="none">${text}</text>`);
  if (above) sign(`↑ ${above}`, box.scrollTop + 12);
  if (below) sign(`↓ ${below}`, box.scrollTop + box.clientHeight - 5);
  $("arcs").setAttribute("width", x + 8);
  $("arcs").setAttribute("height", rows.length * ROW);
  $("arcs").innerHTML = parts.join("");
}

// ----- opening and closing ------------------------------------------------------------------------------------------
function toggleGroup(r) {
  const row = rows[r];
  if (!row.id) return;
  if (row.isOpen) (opened.delete(row.id), closedByHand.add(row.id));
  else (opened.add(row.id), closedByHand.delete(row.id));
  rebuild();
}
function openAround(i) {
  const row = rows[rowOf[i]];
  if (row.id && !row.isOpen) toggleGroup(rowOf[i]);
}
