// ----- the hill: the memory of both sweeps, over which the step moves -----------------------------------------------
let curve = null;
function drawHill() {
  const canvas = $("hill");
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!width) return;
  curve = curve || memoryCurve();
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const steps = stepCount();
  let top = 1;
  for (let s = 0; s < curve.values.length; s++) top = Math.max(top, curve.values[s] + curve.waiting[s]);
  const x = (s) => (steps > 1 ? (s / (steps - 1)) * width : 0);
  const area = (from, to, colour, heightAt) => {
    if (to <= from) return;
    const stride = Math.max(1, Math.floor((to - from) / width / 2));
    pen.beginPath();
    pen.moveTo(x(from), height);
    for (let s = from; s <= to; s += stride) pen.lineTo(x(s), height - 2 - (heightAt(s) / top) * (height - 5));
    pen.lineTo(x(to), height - 2 - (heightAt(to) / top) * (height - 5));
    pen.lineTo(x(to), height);
    pen.closePath();
    pen.fillStyle = colour;
    pen.fill();
  };
  const p = colours();
  const kept = (s) => curve.values[s];
  const both = (s) => curve.values[s] + curve.waiting[s];
  const forwardEnd = Math.min(N, steps - 1);
  area(0, forwardEnd, rgb(p.valueback), kept);
  if (reverse()) {
    area(N, steps - 1, rgb(p.waiting), both);
    area(N, steps - 1, rgb(p.cotangentback), kept);
  }
  pen.globalAlpha = 0.55;
  area(0, Math.min(state.step, forwardEnd), rgb(p.value), kept);
  if (isBackward()) area(N, state.step, rgb(p.cotangent), kept);
  pen.globalAlpha = 1;
  const now = bytes(kept(Math.min(state.step, steps - 1)));
  const wait = isBackward() ? ` + ${bytes(curve.waiting[state.step])} of cotangents` : "";
  $("scale").innerHTML = reverse()
    ? `<span>forward, ${N} entries</span><span>${now} kept${wait}, at most ${bytes(top)}</span><span>backward, ${backward.length}</span>`
    : `<span>one pass, forward</span><span>${N} entries</span>`;
}
