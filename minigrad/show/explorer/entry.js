// ----- the selected entry: a sentence, its equation, value, what comes in and what its rule sends on ----------------
const link = (i) => `<button type="button" class="link" data-go="${i}">${escaped(reference(i))}</button>`;
const links = (list, most = 8) => list.slice(0, most).map(link).join(", ") + (list.length > most ? ` and ${list.length - most} more` : "");
const bold = (text) => `<b>${escaped(text)}</b>`;

function sentence() {
  const i = entryAt(state.step);
  if (!reverse()) {
    const companion = state.mode === "tangent" ? "its tangent" : "its Taylor series";
    return isInput(i) ? `Input ${bold(reference(i))} moves.` : `${bold(reference(i))} = ${escaped(term(i))}; with it goes ${companion}.`;
  }
  if (!isBackward()) {
    if (isInput(i)) return `Forward: input ${bold(reference(i))} goes on the tape.`;
    const source = E.rule[i] ? ` The rule of ${bold(reference(E.rule[i][0]))} asks for it.` : "";
    return `Forward: ${bold(reference(i))} = ${escaped(term(i))} is computed and written down.${source}`;
  }
  if (isInput(i)) return `Backward: the cotangent of input ${bold(reference(i))} is complete. It is the gradient.`;
  const has = isOutput.has(i) ? "its seed, 1" : incoming[i].length > 1 ? (incoming[i].length > 2 ? `all ${incoming[i].length} contributions` : "both contributions") : "its contribution";
  const to = [...new Set(E.parents[i].filter((p) => p >= 0))].map((p) => bold(reference(p)));
  const sends = to.length ? ` The rule of ${escaped(operationOf(i)[0])} sends ${to.length > 1 ? "parts" : "one"} on to ${to.join(" and ")}.` : "";
  return `Backward: ${bold(reference(i))} has ${has}.${sends}`;
}

function showEntry() {
  maps = [];
  const i = state.selected;
  const parts = [head(i), troubleText(i), valuePart(i)];
  if (state.mode === "reverse") parts.push(cotangentPart(i), deltaPart(i), rulePart(i));
  else if (state.mode === "tangent") parts.push(tangentPart(i));
  else parts.push(taylorPart(i));
  parts.push(costPart(i));
  $("detail").innerHTML = parts.join("");
  drawMaps($("detail"));
  for (const box of $("detail").querySelectorAll(".scroll")) {
    if (box.scrollWidth <= box.clientWidth) continue;
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "numbers, which scroll sideways");
  }
  const elsewhere = i === entryAt(state.step) ? "" : `<br><span class="small">You are looking at ${escaped(reference(i))}.</span>`;
  $("say").innerHTML = `<span class="small">Step ${state.step + 1} of ${stepCount()}</span><br>${sentence()}${elsewhere}`;
}

function head(i) {
  const [operation, kind] = operationOf(i);
  const chip = isInput(i) ? `input, ${shapeText(shapeOf(i))}` : `${operation}, ${kind}`;
  let out = `<h2><span class="mono">%${i}</span> ${nameOf(i) ? `<span class="mono">${escaped(nameOf(i))}</span> ` : ""}<span class="chip">${escaped(chip)}</span></h2>`;
  const facts = [escaped(placeOf(i)) || "an argument of your function"];
  if (levelOf(i).length) facts.push(escaped(levelText(levelOf(i))));
  out += `<p class="small">${facts.join(" · ")}${turnText(i)}</p>`;
  if (E.rule[i]) {
    const to = E.rule[i][1] >= 0 ? `, on the way to ${link(E.rule[i][1])}` : "";
    out += `<p class="small">The rule of ${link(E.rule[i][0])} at work${to}${E.adds[i] ? "; contributions are added up here" : ""}.</p>`;
  }
  if (madeBy[i].length) out += `<p class="small">Its rule made ${links(madeBy[i])}.</p>`;
  if (!isInput(i)) out += `<div class="equation"><span class="valued">${escaped(reference(i))}</span> = ${escaped(term(i))}</div>`;
  return out;
}

function turnText(i) {
  // The pass of a loop, with ways to the pass before and after.
  if (turnsOf(i) < 2 || isInput(i)) return "";
  const to = (d) => {
    const there = sameSpot(i, d);
    return there < 0 ? "" : ` <button type="button" class="link" data-go="${there}">${d < 0 ? "‹ the one before" : "the next ›"}</button>`;
  };
  return ` · ${escaped(passText(i))}${to(-1)}${to(1)}`;
}
function sameSpot(i, d) {
  for (let j = i + d; j >= D.leaves && j < N; j += d) {
    if (E.spot[j] === E.spot[i] && E.op[j] === E.op[i] && passageOf[j] !== passageOf[i] && Boolean(E.rule[j]) === Boolean(E.rule[i])) return j;
  }
  return -1;
}

function troubleText(i) {
  let out = "";
  if (badFirst.has(i) && isComputed(i)) {
    const given = E.parents[i].map((p, k) => (p >= 0 ? `${escaped(reference(p))} = ${brief(E.value[p])}` : escaped(E.constants[i][k])));
    out += `<p class="trouble">▲ NaN or infinity begins here: ${escaped(operationOf(i)[0])} of ${given.join(", ") || "nothing"}</p>`;
    const [why, cure] = D.troubles[i] || [];
    if (why) out += `<p>${escaped(why)}.</p><p class="small">To cure it: ${escaped(cure)}.</p>`;
  }
  if (reverse() && badBackward.has(i) && isComplete(i)) {
    const to = D.edges.parent[badBackward.get(i)];
    out += `<p class="trouble">▲ Backward, it begins here: what comes in is finite, what goes to ${escaped(reference(to))} is not.</p>`;
  }
  return out;
}

function valuePart(i) {
  return `<h3>Value</h3>${isComputed(i) ? inFull(E.value[i]) : '<p class="small">not computed yet</p>'}`;
}

function costPart(i) {
  const facts = [];
  const readers = E.readers[i];
  if (readers.length) {
    const size = isInput(i) ? "The input" : E.bytes[i] ? `${bytes(E.bytes[i])}` : "Its memory is counted elsewhere; it";
    const last = readers[readers.length - 1];
    facts.push(`${size} is kept for the backward sweep: the rule${readers.length > 1 ? "s" : ""} of ${links(readers, 4)} read${readers.length > 1 ? "" : "s"} it. It may go after ${link(last)}.`);
  } else facts.push("No rule reads this value: the backward sweep does not keep it.");
  if (!isInput(i)) {
    const arithmetic = E.flops[i] === null ? "arithmetic not known" : E.flops[i] === 0 ? "no arithmetic" : `about ${count(E.flops[i])} addition${E.flops[i] === 1 ? "" : "s"} or multiplication${E.flops[i] === 1 ? "" : "s"}`;
    facts.push(`${micros(E.micros[i])} forward, ${micros(E.microsBack[i])} in its rules · ${arithmetic}.`);
  }
  return `<h3>Cost</h3>${facts.map((fact) => `<p class="small">${fact}</p>`).join("")}`;
}

// ----- reverse mode -------------------------------------------------------------------------------------------------
function scaledBars(amounts, total) {
  // Widths of signed amounts that are added one after another, around one zero.
  let low = Math.min(0, total);
  let high = Math.max(0, total);
  let sum = 0;
  for (const x of amounts) {
    sum += x;
    low = Math.min(low, sum);
    high = Math.max(high, sum);
  }
  const span = high - low || 1;
  const at = (x) => ((x - low) / span) * 100;
  return (from, to) => `<div class="bar"><i style="left:${at(Math.min(from, to))}%;width:${Math.max(1, (Math.abs(to - from) / span) * 100)}%"></i><u style="left:${at(0)}%"></u></div>`;
}
const asNumber = (v) => (typeof v === "number" ? v : isArray(v) && v.m && typeof v.m[1] === "number" ? v.m[1] : 0);

function cotangentPart(i) {
  if (turnOf[i] < 0) return '<h3>Cotangent</h3><p class="small">The result does not depend on this entry: zero.</p>';
  const list = incoming[i];
  const total = E.cotangent[i];
  const parts = (isOutput.has(i) ? [ones(total)] : []).concat(list.map((e) => D.edges.value[e]));
  const inMaps = isArray(total) && total.s.length > 0;
  const scale = inMaps ? Math.max(...[total, ...parts].filter(isArray).map(largest)) : 0;
  const bar = scaledBars(parts.map(asNumber), asNumber(total));
  const picture = (v, from, to) => (inMaps ? (isArray(v) ? later(v, { top: scale, cell: 7 }) : "") : Array.isArray(total) ? "" : bar(from, to));
  const line = (cls, label, v, from, to, shows) =>
    `<tr class="${cls}"><td>${label}</td><td>${shows ? picture(v, from, to) : ""}</td><td class="number">${shows ? brief(v) : "…"}</td></tr>`;
  let table = "";
  let sum = 0;
  if (isOutput.has(i)) {
    table += line(isBackward() ? "" : "waiting", "seed: it is the result", ones(total), 0, 1, isBackward());
    sum = 1;
  }
  for (const e of list.slice(0, 30)) {
    const child = D.edges.node[e];
    const which = E.parents[child].length > 1 ? `, argument ${D.edges.argument[e] + 1}` : "";
    const label = `${parts.length > 1 ? "+ " : ""}from ${link(child)} <span class="small">${escaped(operationOf(child)[0])}${which}${hasArrived(e) ? "" : ", to come"}</span>`;
    const amount = asNumber(D.edges.value[e]);
    table += line(hasArrived(e) ? "" : "waiting", label, D.edges.value[e], sum, sum + amount, hasArrived(e));
    sum += amount;
  }
  if (list.length > 30) table += `<tr><td colspan="3" class="small">and ${list.length - 30} more</td></tr>`;
  if (parts.length > 1) table += line("total", "= sum", total, 0, asNumber(total), isComplete(i));
  const entrywise = shapeOf(i).length ? ", entry by entry" : "";
  let out = `<h3>Cotangent: ∂result/∂${escaped(reference(i))}${entrywise}</h3><table class="sum">${table}</table>`;
  if (!isComplete(i)) out += `<p class="small">${isBackward() ? "Not complete yet." : "The backward sweep has not begun."}</p>`;
  else if (typeof total === "object" && total !== null) out += inFull(total);
  return out;
}

function deltaPart(i) {
  const delta = deltaOf.get(i);
  if (!delta) return "";
  const size = delta.difference === "inf" ? "it has another shape, or entries that are not finite" : `off by ${short(100 * delta.difference, 3)} % of its size`;
  const verdict = delta.agrees ? "It agrees with the tape." : `${delta.first ? "This is the first that differs, going backward: " : "It differs: "}${size}.`;
  return `<h3>By hand: ${escaped(delta.name)}</h3><p class="${delta.agrees ? "agrees" : "trouble"}">${delta.agrees ? "✓" : "✗"} ${verdict}</p>${inFull(delta.value)}`;
}

function rulePart(i) {
  if (!outgoing[i].length) return "";
  const rules = operationOf(i)[2];
  const isOne = rules.length === 1 && E.parents[i].length > 1; // one rule for all arguments
  let out = "<h3>What its rule sends on</h3>";
  for (const e of outgoing[i].slice(0, 20)) {
    const [k, p, local] = [D.edges.argument[e], D.edges.parent[e], D.edges.local[e]];
    const text = (isOne ? rules[0] : rules[k]) || (factorOf(i, k) >= 0 ? `g times ${operands(i)[factorOf(i, k)]}` : `the rule of ${operationOf(i)[0]}`);
    const sent = `<span class="number graded">${isComplete(i) ? brief(D.edges.value[e]) : "…"}</span>`;
    const partial = `∂${escaped(reference(i))}/∂${escaped(reference(p))}`;
    out += `<div class="equation">to ${link(p)}: <span class="graded">g</span> ↦ ${escaped(text)}</div>`;
    if (operationOf(i)[1] === "elementwise" && local !== null) {
      out += `<p class="small">local derivative ${partial} = <span class="number">${brief(local)}</span>, times g = ${sent}</p>`;
      if (isArray(local) && local.s.length) out += `<details><summary class="small">entry by entry</summary>${inFull(local)}</details>`;
    } else if (factorOf(i, k) >= 0) {
      const other = factorOf(i, k);
      const q = E.parents[i][other];
      out += `<p class="small">a product: ${k ? "its second" : "its first"} factor is ${link(p)}, the other one ${q >= 0 ? link(q) : escaped(E.constants[i][other])}; sent: ${sent}</p>`;
      if (q >= 0) out += `<details open><summary class="small">the other factor</summary>${inFull(E.value[q])}</details>`;
      if (local !== null) out += `<details><summary class="small">local Jacobian ${partial}</summary>${inFull(local)}</details>`;
    } else if (local !== null) out += `<details><summary class="small">local Jacobian ${partial}, a row for each entry of the result</summary>${inFull(local)}</details><p class="small">sent: ${sent}</p>`;
    else out += `<p class="small">sent: ${sent}</p>`;
  }
  return out;
}
const factorOf = (i, k) => (operationOf(i)[1] === "bilinear" && E.parents[i].length === 2 ? 1 - k : -1);

// ----- tangents and Taylor coefficients -----------------------------------------------------------------------------
function tangentPart(i) {
  const moving = D.directions.map((d, k) => (state.speeds[k] ? `${short(state.speeds[k])} · ${escaped(d.name)}` : "")).filter(Boolean);
  const isAll = moving.length > 1 && D.directions.every((d, k) => state.speeds[k] === Number(!d.given));
  const along = isAll ? "all inputs, with speed 1" : moving.join(" + ") || "nothing: all inputs stand still";
  let out = `<h3>Tangent along ${along}</h3>`;
  if (!isComplete(i)) return `${out}<p class="small">not computed yet</p>`;
  const isElementwise = operationOf(i)[1] === "elementwise";
  let table = "";
  for (const e of outgoing[i]) {
    const p = D.edges.parent[e];
    const t = tangentOf(p);
    if (t === null) continue;
    const local = D.edges.local[e];
    const factor = isElementwise && local !== null ? `local derivative <span class="number">${brief(local)}</span> · ` : "from ";
    const product = isElementwise && typeof local === "number" && typeof t === "number" ? short(local * t) : "";
    table += `<tr><td>${factor}tangent of ${link(p)} <span class="number">${brief(t)}</span></td><td class="number">${product}</td></tr>`;
  }
  if (table) out += `<table class="sum">${table}</table>`;
  const total = tangentOf(i);
  return out + (total === null ? '<p class="small">0: it does not move</p>' : inFull(total));
}

function taylorPart(i) {
  const where = shapeOf(i).length ? ", the first entry" : "";
  let out = `<h3>Taylor coefficients of ${escaped(reference(i))} along ${escaped(D.lines[state.line])}${where}</h3>`;
  if (!isComplete(i)) return `${out}<p class="small">not computed yet</p>`;
  if (Array.isArray(E.value[i])) return `${out}<p class="small">coefficient of t${superscript(state.k)}</p>${inFull(coefficientOf(i, state.k))}`;
  const firstOf = (v) => (v === null ? 0 : isArray(v) ? v.v[0] ?? 0 : v);
  const list = Array.from({ length: D.order + 1 }, (_, k) => firstOf(coefficientOf(i, k)));
  const top = Math.max(...list.map((x) => Math.abs(x) || 0)) || 1;
  out += '<table class="sum">';
  let factorial = 1;
  list.forEach((x, k) => {
    factorial *= k || 1;
    const width = typeof x === "number" ? Math.max(0.7, (50 * Math.abs(x)) / top) : 0;
    const derivative = typeof x === "number" ? short(x * factorial) : escaped(x);
    out += `<tr${k === state.k ? ' class="total"' : ""}><td>t${superscript(k)}</td><td class="half"><div class="bar"><i style="left:${x < 0 ? 50 - width : 50}%;width:${width}%"></i><u style="left:50%"></u></div></td><td class="number">${number(x)}</td><td class="number small">× ${k}! = ${derivative}</td></tr>`;
  });
  out += "</table>";
  const chosen = coefficientOf(i, state.k);
  return isArray(chosen) ? `${out}<h3>Coefficient of t${superscript(state.k)}, all entries</h3>${inFull(chosen)}` : out;
}
