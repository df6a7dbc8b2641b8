"""Points and functions in single precision."""

import numpy as np

from benchmarks.corpus.case import OK, WRONG, Group
from benchmarks.corpus.functions import POINT, black_box, network, normal

case = Group("float32")


@case(OK)
def float32_square():
    """Seven digits, so differences keep three or four."""
    return lambda x: np.sum(x * x), lambda x: 2 * x, (POINT.astype(np.float32),)


@case(OK)
def float32_network():
    """The network in single precision."""
    return network(dtype=np.float32)


@case(OK)
def float32_network_of_small_scale():
    """The same times 1e-8."""
    return network(dtype=np.float32, scale=1e-8)


@case(OK)
def float32_in_ten_thousand_coordinates():
    """Long sums in single precision."""
    return lambda x: np.mean(np.tanh(x)), lambda x: (1 - np.tanh(x) ** 2) / x.size, (normal(10_000).astype(np.float32),)


@case(WRONG)
def float32_factor_two():
    """x instead of 2x."""
    return lambda x: np.sum(x * x), lambda x: 1 * x, (POINT.astype(np.float32),)


@case(WRONG)
def float32_activation_derivative_is_missing():
    """The network with its mistake in single precision."""
    return network("activation", dtype=np.float32)


@case(WRONG)
def float32_small_scale_wrong():
    """The bias of the second layer negated, at scale 1e-8."""
    return network("bias sign", dtype=np.float32, scale=1e-8)


@case(WRONG)
def float32_error_of_a_hundredth():
    """1e-2 of the gradient is more than single precision loses."""
    return lambda x: np.sum(np.exp(x)), lambda x: np.exp(x) * np.float32(1.01), (normal(4).astype(np.float32),)


@case(OK)
def float32_inside_of_float64():
    """The function computes in single precision and returns double: its noise is 1e-7, whatever the dtype says."""
    f = black_box(lambda x: float(np.sum(np.exp(x.astype(np.float32)), dtype=np.float32)))
    return f, np.exp, (normal(5),)


@case(WRONG)
def float32_inside_of_float64_wrong():
    """The same, wrong by a third."""
    f = black_box(lambda x: float(np.sum(np.exp(x.astype(np.float32)), dtype=np.float32)))
    return f, lambda x: np.exp(x) * 4 / 3, (normal(5),)
