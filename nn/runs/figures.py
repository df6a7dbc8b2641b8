"""The pictures of the report, each a function that returns a matplotlib `Figure`; numbers are handed in."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from nn import plots
from nn.arrays import Array
from nn.fit import State
from nn.runs.measuring import BINS, Quality

COUNTED = 20  # more classes leave no room for numbers in the matrix
TICKS = 40  # more classes leave no room for their names


def curves(state: State, best: int | None) -> Figure:
    """Loss and accuracy after each epoch, of the samples to learn from and of those held out.

    Args:
        state: the training at its end.
        best: the epoch from which the parameters are, if samples were held out; epochs count from 1.
    """
    with mpl.rc_context(plots.STYLE):
        fig = plots.figure(5.6, 4.8)
        above, below = fig.subplots(2, 1, sharex=True)
        for ax, learned, held in (
            (above, state.losses, state.validation_losses),
            (below, state.accuracies, state.validation_accuracies),
        ):
            marker = "o" if learned.size < 3 else None  # a curve of one point would not be seen
            epochs = np.arange(1, learned.size + 1)
            ax.plot(epochs, learned, color=plots.COLOURS[0], marker=marker, label="samples to learn from")
            if held.size:
                ax.plot(epochs, held, color=plots.COLOURS[4], ls=plots.DASHES[1], marker=marker, label="held out")
            if best is not None:
                ax.axvline(best, color="#555555", lw=1.0, ls=":", label=f"lowest held-out loss: epoch {best}")
        if min(np.min(s, initial=np.inf) for s in (state.losses, state.validation_losses)) > 0.0:
            above.set_yscale("log")
        above.set(ylabel="loss per sample", title="Training")
        below.set(xlabel="epoch", ylabel="accuracy", ylim=(-0.02, 1.03))
        below.legend(loc="lower right")
    return fig


def confusion(quality: Quality, classes: Sequence[str]) -> Figure:
    """The confusion matrix: colours are shares of the row, numbers are counts."""
    with mpl.rc_context(plots.STYLE):
        k = len(classes)
        side = min(6.5, 3.4 + 0.32 * k)
        fig = plots.figure(side + 0.6, side)
        ax = fig.subplots()
        shares = quality.confusion / np.maximum(quality.confusion.sum(axis=1, keepdims=True), 1)
        image = ax.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
        ax.grid(visible=False)
        if k <= COUNTED:
            for i, j in np.ndindex(k, k):
                if quality.confusion[i, j]:
                    colour = "white" if shares[i, j] > 0.55 else "black"
                    ax.text(j, i, str(quality.confusion[i, j]), ha="center", va="center", color=colour, fontsize=8.5)
        ticks = range(0, k, -(-k // TICKS))
        names = [plots.short(classes[j]) for j in ticks]
        upright = max(map(len, names)) > 3 and k > 3
        ax.set_xticks(ticks, names, rotation=90 if upright else 0)
        ax.set_yticks(ticks, names)
        ax.set(xlabel="answer of the network", ylabel="class", title=f"{quality.n} {quality.of}")
        fig.colorbar(image, ax=ax, label="share of the class", shrink=0.8)
    return fig


def calibration(quality: Quality) -> Figure:
    """How often answers are right, against the probability that the network gave them."""
    with mpl.rc_context(plots.STYLE):
        fig = plots.figure(5.2, 4.8)
        above, below = fig.subplots(2, 1, sharex=True, height_ratios=(2.4, 1.0))
        some = quality.counts > 0
        above.plot([0, 1], [0, 1], color="#555555", lw=1.1, ls=plots.DASHES[1], label="as often as it says")
        above.plot(quality.confidence[some], quality.right[some], color=plots.COLOURS[0], marker="o", label="network")
        above.set(ylabel="share of right answers", ylim=(-0.02, 1.03), title="Calibration")
        above.legend(loc="upper left")
        below.bar((np.arange(BINS) + 0.5) / BINS, quality.counts, width=0.9 / BINS, color=plots.COLOURS[5])
        below.set(xlabel="probability of the answer", ylabel="answers", xlim=(0.0, 1.0))
        for bar, count in enumerate(quality.counts):
            if count:
                below.annotate(
                    str(count), ((bar + 0.5) / BINS, count), (0, 1), textcoords="offset points", ha="center", fontsize=8
                )
        below.margins(y=0.25)
    return fig


def table(state: State) -> list[tuple[str, Array]]:
    """The columns of `curves.csv` that this training has."""
    named = [
        ("loss", state.losses),
        ("validation_loss", state.validation_losses),
        ("accuracy", state.accuracies),
        ("validation_accuracy", state.validation_accuracies),
    ]
    return [(name, values) for name, values in named if values.size]
