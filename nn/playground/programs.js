// ----- the two programs, in both languages --------------------------------------------------------------------------
// What stands here in JavaScript is the text of the functions that run, as the browser has it.
let which = "gradient";
function showPrograms() {
  const { network, program } = recorded[state.depth], python = network.python[which];
  const lines = String(program[which]).split("\n");
  let isBackward = false;
  $("programs").replaceChildren(
    ...python.flatMap((text, k) => {
      if (/^\s*# /.test(text)) isBackward = text.trim().startsWith("# pullback");
      return [text, lines[k] ?? ""].map((code, side) => {
        const cell = document.createElement("code");
        cell.className = side ? "to" : "from";
        cell.classList.toggle("backward", isBackward && code.trim() !== "");
        cell.dataset.row = k;
        const comment = code.search(/(^|\s)(#|\/\/) /);
        cell.append(comment < 0 ? code : code.slice(0, comment));
        if (comment >= 0) cell.append(Object.assign(document.createElement("i"), { textContent: code.slice(comment) }));
        return cell;
      });
    }),
  );
  $("lines").textContent = `${python.filter((text) => text.trim() && !/^\s*#/.test(text)).length} lines of NumPy, ${network.widths.length - 1} layers`;
}
// Loss and gradient by the program on this page, against those of NumPy. The difference of the losses is in units of the
// loss. That of a gradient is in units of what is summed to it: near the end of a training, contributions of the samples
// cancel, and what remains of them has fewer digits in either language.
function compared(of) {
  let loss = 0, gradient = 0;
  for (const check of of.network.checks) {
    const [A, b] = unpacked(of.network.widths, of.frames[check.frame]);
    const [value, [gA, gb]] = of.program.gradient(A, b, samples.x, oneHot(samples.y));
    loss = Math.max(loss, Math.abs(value - check.loss) / Math.abs(check.loss));
    const [wantedA, wantedb] = unpacked(of.network.widths, doubles(check.gradient));
    const pairs = [...gA.map((g, r) => [g, wantedA[r]]), ...gb.map((g, r) => [g, wantedb[r]])];
    pairs.forEach(([found, wanted], k) => {
      const apart = found.data.reduce((most, g, i) => Math.max(most, Math.abs(g - wanted.data[i])), 0);
      gradient = Math.max(gradient, apart / check.summed[k]);
    });
  }
  return { loss, gradient };
}
function showComparison() {
  const { loss, gradient } = compared(recorded[state.depth]), agrees = loss < 1e-12 && gradient < 1e-12;
  $("verdict").className = agrees ? "ok" : "wrong";
  $("verdict").textContent =
    `${agrees ? "✓ Computed again in this browser: " : "✗ Not what NumPy computes: "}` +
    `the loss is within ${loss.toExponential(1)} of NumPy’s, every entry of the gradient within ${gradient.toExponential(1)} of what it sums up.`;
}
