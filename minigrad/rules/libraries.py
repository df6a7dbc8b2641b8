"""The libraries whose arrays can be differentiated, each with the module of its table, which is read when it is met."""

from __future__ import annotations

import functools
import sys

from minigrad.core.adopted import LIBRARIES, Adapter

#: What is promised of the arrays of every library, by the public names of the functions.
_BY_ALL = """
    numpy: abs absolute acos acosh add amax amin angle append apply_along_axis apply_over_axes arccos arccosh
    arcsin arcsinh arctan arctan2 arctanh array array_split asanyarray asarray ascontiguousarray asfortranarray
    asin asinh astype atan atan2 atanh atleast_1d atleast_2d atleast_3d average bincount block broadcast_arrays
    broadcast_to cbrt choose clip column_stack compress concat concatenate conj conjugate copy copysign corrcoef
    cos cosh cov cross cumprod cumsum cumulative_prod cumulative_sum deg2rad degrees delete diag diagflat
    diagonal diff divide divmod dot dsplit dstack ediff1d einsum exp exp2 expand_dims expm1 extract fabs flip
    fliplr flipud float_power fmax fmin fmod full full_like gradient heaviside hsplit hstack hypot imag inner
    insert interp kron ldexp linspace log log10 log1p log2 logaddexp logaddexp2 logspace matmul matrix_transpose
    matvec max maximum mean meshgrid min minimum mod modf moveaxis multiply nan_to_num nanmean nanstd nanvar
    negative nextafter outer pad permute_dims polyadd polyder polyint polysub polyval positive pow power prod
    ptp rad2deg radians ravel real reciprocal remainder repeat require reshape resize roll rollaxis rot90
    row_stack select sign sin sinc sinh split sqrt square squeeze stack std subtract sum swapaxes take
    take_along_axis tan tanh tensordot tile trace transpose trapezoid tril triu true_divide vander var vdot
    vecdot vecmat vsplit vstack where
    numpy.linalg: cholesky cond cross diagonal inv matmul matrix_norm matrix_power matrix_transpose multi_dot
    norm outer solve tensordot tensorinv tensorsolve trace vecdot vector_norm
    numpy.fft: fftshift ifftshift
"""

#: And what of those of one alone.
_BY_ONE = {
    "dask.array": "",
    "cupy": """
    numpy: quantile sort sort_complex
    numpy.linalg: det eigh eigvalsh qr slogdet svd svdvals
""",
}


def _names(text: str) -> frozenset[str]:
    """The full names in a text of modules, each with its functions: `numpy.linalg: inv solve`."""
    found, home = set(), ""
    for word in text.split():
        if word.endswith(":"):
            home = word[:-1]
        else:
            found.add(f"{home}.{word}")
    return frozenset(found)


@functools.cache
def promised() -> dict[str, frozenset[str]]:
    """For each library the functions whose values, first and second derivatives are those of NumPy."""
    return {library: _names(_BY_ALL + more) for library, more in _BY_ONE.items()}


def _dask() -> Adapter:
    from minigrad.rules.dask_arrays import ADAPTER  # here, for a fast start-up: it imports dask, which the user has

    return ADAPTER


def _cupy() -> Adapter:
    from minigrad.rules.cupy_arrays import adapter  # here, for a fast start-up: few programs need its table

    return adapter(sys.modules["cupy"])


LIBRARIES |= {"dask": _dask, "cupy": _cupy}
