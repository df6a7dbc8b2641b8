"""scipy.signal: convolutions."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.stats
from references import assert_close

from minigrad.scipy import signal
from minigrad.test_util import check_grads

rng = np.random.default_rng(3)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("shapes", [((5,), (3,)), ((3,), (5,)), ((4, 3), (2, 2))])
def test_signal(mode: str, shapes: Any) -> None:
    x, y = (rng.normal(size=s) for s in shapes)
    for name in ("convolve", "fftconvolve", "correlate"):
        if name == "correlate" and (mode == "valid" or shapes[0] == (3,)):
            continue  # there SciPy turns the result round
        ours, theirs = getattr(signal, name), getattr(scipy.signal, name)
        assert_close(ours(x, y, mode), theirs(x, y, mode), 1e-12)
        check_grads(lambda x, y, f=ours: f(x, y, mode))(x, y)
    z = x + 1j * x[::-1]
    check_grads(lambda z, y: signal.convolve(z, y, mode))(z, y)
