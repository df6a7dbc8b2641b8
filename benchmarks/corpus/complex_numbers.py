"""Real functions of complex numbers."""

import numpy as np

from benchmarks.corpus.case import KINK, OK, WRONG, Group
from benchmarks.corpus.functions import normal

case = Group("complex numbers: the gradient of a real u(x + iy) is du/dx - i du/dy")


def complex_normal(*shape, seed=0):
    return normal(*shape, seed=seed) + 1j * normal(*shape, seed=seed + 1)


@case(OK)
def complex_modulus_squared():
    """|z|² has the gradient 2 conj(z)."""
    return lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * np.conj(z), (complex_normal(4),)


@case(WRONG)
def complex_conjugate_is_missing():
    """2z for |z|²: the imaginary part has the wrong sign."""
    return lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z, (complex_normal(4),)


@case(WRONG)
def complex_real_part_only():
    """The imaginary part of the gradient is dropped."""
    return lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z.real + 0j, (complex_normal(4),)


@case(OK)
def complex_power_spectrum():
    """A real signal, its Fourier transform, and the power in it."""
    w = np.arange(1.0, 9.0)
    f = lambda x: np.sum(w * np.abs(np.fft.fft(x)) ** 2)
    return f, lambda x: 2 * np.real(np.fft.fft(w * np.conj(np.fft.fft(x)))), (normal(8),)


@case(OK)
def complex_real_part_of_exp():
    """Re exp(z), holomorphic before the real part: the gradient is exp(z)."""
    return lambda z: np.sum(np.real(np.exp(z))), np.exp, (complex_normal(3),)


@case(KINK)
def complex_modulus_at_zero():
    """|z| at 0: the tip of a cone over the plane."""
    z = np.array([1.0 + 1.0j, 0.0j])
    return lambda z: np.sum(np.abs(z)), lambda z: np.conj(z) / np.maximum(np.abs(z), 1e-12), (z,)


@case(OK)
def complex_small_scale():
    """1e-10 |z|⁴."""
    return lambda z: 1e-10 * np.sum(np.abs(z) ** 4), lambda z: 4e-10 * np.abs(z) ** 2 * np.conj(z), (complex_normal(3),)
