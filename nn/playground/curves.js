// ----- the curves of a training -------------------------------------------------------------------------------------
function drawCurves() {
  const canvas = $("curves"), width = canvas.clientWidth, height = canvas.clientHeight, g = prepared(canvas, width, height);
  const { ink, soft, line, link, css, positive } = colours(), base = recorded[state.depth], mine = own[state.depth];
  const shown = mine ? [base, mine] : [base], total = Math.max(...shown.map((of) => of.steps));
  const left = 34, right = width - 8, foot = height - 20, gap = 26;
  const split = Math.round(0.58 * foot);
  const highest = Math.max(...shown.flatMap((of) => [...of.losses.values].filter(Number.isFinite)), 0.1);
  const x = (step) => left + ((right - left) * step) / total;
  const lossAt = (loss) => 12 + (split - 12) * (1 - Math.min(loss / highest, 1.05));
  const shareAt = (share) => split + gap + (foot - split - gap) * (1 - share);
  g.font = "11px system-ui, sans-serif";
  g.lineWidth = 1;
  const rule = (y, text) => {
    g.strokeStyle = line;
    g.beginPath();
    g.moveTo(left, y);
    g.lineTo(right, y);
    g.stroke();
    g.fillStyle = soft;
    g.textAlign = "right";
    g.textBaseline = "middle";
    g.fillText(text, left - 5, y);
  };
  const spacing = highest > 2.2 ? 1 : 0.5;
  for (let loss = 0; loss <= highest; loss += spacing) rule(lossAt(loss), loss.toFixed(1));
  for (const share of [0, 0.5, 1]) rule(shareAt(share), `${100 * share}%`);
  g.textAlign = "left";
  g.textBaseline = "alphabetic";
  g.fillText("loss per sample", left + 4, 10);
  if (mine) {
    g.textAlign = "right";
    g.fillStyle = link;
    g.fillText("recorded", right - 72, 10);
    g.fillStyle = css(positive);
    g.fillText("trained here", right, 10);
    g.fillStyle = soft;
    g.textAlign = "left";
  }
  g.fillText("right: training ―, held out ┄", left + 4, split + gap - 5);
  g.fillText("0", left, height - 5);
  g.textAlign = "right";
  g.fillText(`${total} steps`, right, height - 5);
  g.setLineDash([2, 3]);
  g.strokeStyle = soft;
  path(g, [[left, lossAt(D.least)], [right, lossAt(D.least)]]);
  for (const of of shown) {
    const isNow = of === run();
    g.globalAlpha = isNow ? 1 : 0.45;
    g.strokeStyle = of === mine ? css(positive) : link;
    g.lineWidth = isNow ? 2 : 1.4;
    g.setLineDash([]);
    path(g, of.losses.at.map((step, i) => [x(step), lossAt(of.losses.values[i])]));
    const known = of.at.map((step, k) => [step, of.seen?.[k]]).filter(([, seen]) => seen);
    path(g, known.map(([step, { right }]) => [x(step), shareAt(right)]));
    g.setLineDash([3, 3]);
    path(g, known.map(([step, { rightHeldOut }]) => [x(step), shareAt(rightHeldOut)]));
  }
  g.globalAlpha = 1;
  g.setLineDash([]);
  g.strokeStyle = ink;
  g.lineWidth = 1;
  const now = x(run().at[state.frame]);
  path(g, [[now, 8], [now, foot]]);
}
function path(g, points) {
  g.beginPath();
  points.forEach(([x, y], k) => g[k ? "lineTo" : "moveTo"](x, y));
  g.stroke();
}
