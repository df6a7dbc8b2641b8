"""numpy.fft at any length."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minigrad import jvp, vjp

rng = np.random.default_rng(11)


@given(length=st.integers(1, 9), points=st.integers(1, 9), norm=st.sampled_from([None, "ortho", "forward"]))
def test_transforms_of_any_length(length: int, points: int, norm: Any) -> None:
    """fft, rfft, irfft and hfft of any length, cut or padded to any other: both modes are adjoint."""
    z = rng.normal(size=length) + 1j * rng.normal(size=length)
    for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
        x = z.real if name in ("rfft", "ihfft") else z
        t = x[::-1].copy()
        out, pullback = vjp(lambda x, f=name: getattr(np.fft, f)(x, points, norm=norm), x)
        c = rng.normal(size=out.shape) + (1j * rng.normal(size=out.shape) if np.iscomplexobj(out) else 0)
        tangent = jvp(lambda x, f=name: getattr(np.fft, f)(x, points, norm=norm), (x,), (t,))[1]
        assert abs(np.sum(np.real(c * tangent)) - np.sum(np.real(pullback(c)[0] * t))) <= 1e-10
