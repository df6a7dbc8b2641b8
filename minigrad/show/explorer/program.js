// ----- the user's program: the line that runs is lit, the expression underlined -------------------------------------
const lineElements = new Map(); // "source:line" -> element
const entriesOnLine = new Map(); // "source:line" -> how many
const TOKENS =
  /(#.*$)|("""|'''|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\b(def|return|for|in|if|else|elif|while|lambda|with|as|and|or|not|None|True|False|import|from|raise|yield|class|try|except)\b/g;

function painted(text) {
  let out = "";
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    const kind = match[1] ? "comment" : match[2] ? "string" : "keyword";
    out += escaped(text.slice(at, match.index)) + `<span class="${kind}">${escaped(match[0])}</span>`;
    at = match.index + match[0].length;
  }
  return out + escaped(text.slice(at));
}

function docstringOf(lines) {
  // The first and last line of a docstring, which is folded to its first line.
  for (let k = 1; k < Math.min(6, lines.length); k++) {
    const text = lines[k].trim();
    const quotes = text.slice(0, 3);
    if (quotes !== '"""' && quotes !== "'''") continue;
    if (text.length > 5 && text.endsWith(quotes)) return [k, k];
    let last = k + 1;
    while (last < lines.length && !lines[last].includes(quotes)) last++;
    return [k, last];
  }
  return [-1, -1];
}

function showProgram() {
  for (let i = 0; i < N; i++) {
    const spot = spotOf(i);
    if (!spot) continue;
    const key = `${spot[0]}:${spot[2]}`;
    entriesOnLine.set(key, (entriesOnLine.get(key) || 0) + 1);
  }
  const hasText = D.sources.some((source) => source.lines.length);
  D.sources.forEach((source, s) => {
    if (hasText && !source.lines.length) return; // such as a function that was made by exec
    const box = document.createElement("div");
    box.className = "function";
    const heading = document.createElement("h2");
    heading.textContent = `${source.function} · ${source.file}`;
    const list = document.createElement("ol");
    box.append(heading, list);
    if (!source.lines.length) heading.append(" · its text is not to be had");
    const [first, last] = docstringOf(source.lines);
    const indents = source.lines.filter((text) => text.trim()).map((text) => text.match(/^\s*/)[0].length);
    const indent = indents.length ? Math.min(...indents) : 0;
    source.lines.forEach((text, k) => {
      if (first >= 0 && k > first && k <= last) return;
      const folded = k === first && last > first;
      const element = lineElement(s, source.first + k, text, indent, k === first, folded);
      const item = document.createElement("li");
      item.append(element);
      list.append(item);
    });
    $("program").append(box);
  });
  if (!D.sources.length) $("program").textContent = "No line of your program made an entry.";
}

function lineElement(source, number, text, indent, isDocstring, isFolded) {
  const key = `${source}:${number}`;
  const has = entriesOnLine.get(key) || 0;
  const element = document.createElement(has ? "button" : "div");
  const start = text.match(/^\s*/)[0].length;
  element.className = "line";
  element.dataset.key = key;
  element.style.setProperty("--indent", `${start - indent}ch`);
  const shown = text.slice(start) + (isFolded ? " …" : "");
  element.innerHTML = `<i>${number}</i><b></b><span>${isDocstring ? `<span class="string">${escaped(shown)}</span>` : painted(shown)}</span>`;
  element.plain = element.lastChild.innerHTML;
  if (has) {
    element.type = "button";
    element.classList.add("has");
    element.title = `${has} ${has === 1 ? "entry" : "entries"}; go to the next one`;
  }
  lineElements.set(key, element);
  return element;
}

let litLines = [];
function lightProgram() {
  for (const element of litLines) {
    element.classList.remove("lit", "caller", "pulled", "failed");
    element.lastChild.innerHTML = element.plain;
    element.removeAttribute("aria-current");
  }
  litLines = [];
  if (D.failure) lightLine(D.failure.spot, "failed");
  let number = E.spot[state.selected];
  for (let isFirst = true; number >= 0; isFirst = false) {
    lightLine(number, isFirst ? "lit" : "caller");
    number = D.spots[number][7];
  }
}
function lightLine(number, kind) {
  if (number < 0) return;
  const [source, , line, first, last, start, stop] = D.spots[number];
  const element = lineElements.get(`${source}:${line}`);
  if (!element) return;
  element.classList.add(kind);
  litLines.push(element);
  if (kind !== "lit") return;
  if (E.rule[state.selected]) element.classList.add("pulled");
  element.setAttribute("aria-current", "step");
  const text = lineText(source, line);
  const cut = text.match(/^\s*/)[0].length;
  const from = start < 0 ? -1 : line === first ? start : cut; // an expression of several lines: the part on this one
  const to = line === last ? stop : text.length;
  if (from >= cut && line >= first && line <= last) {
    element.lastChild.innerHTML = `${painted(text.slice(cut, from))}<mark>${painted(text.slice(from, to))}</mark>${painted(text.slice(to))}`;
  }
  const pane = $("programpane");
  const box = pane.getBoundingClientRect();
  const at = element.getBoundingClientRect();
  if (at.top < box.top + 8 || at.bottom > box.bottom - 8) pane.scrollTop += at.top - box.top - box.height / 3;
}
