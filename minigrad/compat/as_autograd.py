"""`import autograd` means minigrad: the modules of autograd, made of those of minigrad when they are imported.

>>> with standing_in():  # or, for the whole process, install_as_autograd()
...     import autograd.numpy as np
...     from autograd import elementwise_grad
>>> elementwise_grad(np.tanh)(0.0)
np.float64(1.0)

`MODULES` is the whole of it: each module of autograd 1.9, and the modules of minigrad in which its names are looked
for, the first one first. `INTERNALS` lists names that stand for parts of autograd's engine, which has no counterpart
here: they can be imported, and raise an error when they are used.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.machinery
import sys
import types
from collections.abc import Iterator
from typing import Any

from minigrad.core.lines import located

RULES = ("minigrad.compat.declaring", "minigrad.compat.tracing", "minigrad.compat.spaces", "minigrad.compat.extend")
ARRAYS = ("minigrad.compat.arrays", "minigrad.compat.builtins", *RULES)
OWN_NUMPY = "minigrad.compat.arrays:int8 int16 int32 int64 make_diagonal where"  # where autograd's differ from NumPy's
TRANSFORMATIONS = """minigrad:checkpoint deriv elementwise_grad grad grad_and_aux grad_named hessian
    hessian_tensor_product hessian_vector_product holomorphic_grad jacobian make_ggnvp make_hvp make_jvp make_vjp
    multigrad_dict tensor_jacobian_product value_and_grad vector_jacobian_product"""

# Module of autograd (below `autograd`) -> modules of minigrad, or some names of one.
MODULES: dict[str, tuple[str, ...]] = {
    "": (
        TRANSFORMATIONS,
        "minigrad.compat.builtins:dict isinstance list tuple type",
        "minigrad.compat.declaring:primitive",
    ),
    "builtins": ("minigrad.compat.builtins", *RULES),
    "core": (*RULES, "minigrad.compat.wrapping"),
    "differential_operators": (TRANSFORMATIONS, *RULES, "minigrad.compat.wrapping"),
    "extend": RULES,
    "misc": ("minigrad.misc", "minigrad.compat.tracing:const_graph"),
    "misc.fixed_points": ("minigrad.misc.fixed_points",),
    "misc.flatten": ("minigrad.misc.flatten",),
    "misc.optimizers": ("minigrad.misc.optimizers", "minigrad.misc.flatten"),
    "misc.tracers": ("minigrad.compat.tracing", "minigrad.compat.wrapping"),
    "numpy": (OWN_NUMPY, "minigrad.numpy:__version__", "minigrad.numpy", "minigrad.compat.arrays"),
    "numpy.fft": ("minigrad.numpy.fft",),
    "numpy.linalg": ("minigrad.numpy.linalg", "minigrad.compat.arrays:T _dot"),
    "numpy.numpy_boxes": ARRAYS,
    "numpy.numpy_jvps": ARRAYS,
    "numpy.numpy_vjps": ARRAYS,
    "numpy.numpy_vspaces": ("minigrad.compat.spaces",),
    "numpy.numpy_wrapper": (OWN_NUMPY, "minigrad.numpy", *ARRAYS),
    "numpy.random": ("minigrad.numpy.random",),
    "scipy": ("minigrad.scipy",),
    "scipy.integrate": ("minigrad.scipy.integrate",),
    "scipy.linalg": ("minigrad.scipy.linalg", "scipy.linalg"),
    "scipy.signal": ("minigrad.scipy.signal",),
    "scipy.special": ("minigrad.scipy.special",),
    "scipy.stats": ("minigrad.scipy.stats",),
    **{
        f"scipy.stats.{name}": (f"minigrad.scipy.stats.{name}",)
        for name in ("beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t")
    },
    "test_util": ("minigrad.compat.test_util", *RULES, "minigrad.compat.wrapping"),
    "tracer": (*RULES, "minigrad.compat.wrapping"),
    "util": ("minigrad.compat.wrapping",),
    "wrap_util": ("minigrad.compat.wrapping",),
}

# Parts of autograd's engine: its stack of traces, its tables of rules, its sparse cotangents, and single rules.
INTERNALS: dict[str, str] = {
    "builtins": """DictMeta ListMeta SparseObject TupleMeta container_take container_untake grad_container_take
        make_sequence sequence_extend_left sequence_extend_right grad_sequence_extend_left
        grad_sequence_extend_right fwd_grad_make_sequence""",
    "core": """SparseBox SparseObject add_outgrads deprecated_defgrad deprecated_defvjp deprecated_defvjp_is_zero
        identity_jvp identity_vjp sparse_add sparse_object_types sum_outgrads translate_jvp translate_vjp""",
    "extend": "SparseObject",
    "misc.fixed_points": "fixed_point_vjp",
    "misc.tracers": "ConstGraphNode const_graph_unary",
    "numpy": "c_class parse_einsum_input r_class wrap_if_boxes_inside wrap_intdtype",
    "numpy.fft": """check_even_shape check_no_repeated_axes fft_grad get_fft2_args get_fft_args get_fftn_args
        irfft_grad make_rfft_factors rfft_grad truncate_pad""",
    "numpy.linalg": "grad_cholesky grad_eig grad_eigh grad_inv grad_pinv grad_solve grad_svd norm_jvp norm_vjp",
    "numpy.numpy_boxes": "diff_methods nondiff_methods trace_primitives_map",
    "numpy.numpy_jvps": """atleast_jvpmaker broadcast forward_grad_np_std forward_grad_np_var fwd_grad_chooser
        fwd_grad_concatenate_args fwd_grad_partition fwd_grad_sort dot_adjoint_0 dot_adjoint_1 nograd_functions
        tensordot_adjoint_0 tensordot_adjoint_1 np_abs_jvp np_conj_jvp untake""",
    "numpy.numpy_vjps": """SparseObject array_from_args_gradmaker array_from_scalar_or_array_gradmaker
        dot_adjoint_0 dot_adjoint_1 dot_vjp_0 dot_vjp_1 grad_broadcast_to grad_chooser grad_concatenate_args
        grad_diff grad_einsum grad_gradient grad_inner grad_kron grad_np_cumsum grad_np_mean grad_np_prod
        grad_np_std grad_np_sum grad_np_var grad_partition grad_repeat grad_reshape_list grad_rollaxis grad_sort
        grad_tile grad_transpose matmul_adjoint_0 matmul_adjoint_1 matmul_vjp_0 matmul_vjp_1 nograd_functions
        np_abs_vjp np_conj_vjp pad_vjp reverse_axis tensordot_adjoint_0 tensordot_adjoint_1 tensordot_vjp_0
        tensordot_vjp_1 unbroadcast_einsum unpermuter untake wrapped_reshape""",
    "numpy.numpy_wrapper": "c_class parse_einsum_input r_class wrap_if_boxes_inside wrap_intdtype",
    "scipy.integrate": "argnums_unpack grad_odeint",
    "scipy.linalg": "grad_solve_banded grad_solve_triangular",
    "scipy.signal": "compute_conv_size einsum_tensordot flipped_idxs grad_convolve parse_axes",
    "scipy.special": "fwd_grad_logsumexp make_gammainc_vjp_arg1 make_grad_logsumexp",
    "scipy.stats.beta": "grad_beta_logpdf_arg0 grad_beta_logpdf_arg1 grad_beta_logpdf_arg2",
    "scipy.stats.chi2": "grad_chi2_logpdf",
    "scipy.stats.gamma": "grad_gamma_logpdf_arg0 grad_gamma_logpdf_arg1",
    "scipy.stats.multivariate_normal": "covgrad generalized_outer_product",
    "scipy.stats.poisson": "grad_poisson_logpmf",
    "scipy.stats.t": "grad_tlogpdf_df grad_tlogpdf_diff grad_tlogpdf_loc grad_tlogpdf_scale grad_tlogpdf_x",
    "tracer": """TraceStack trace_stack new_box box_types box_type_mappings find_top_boxed_args notrace_primitives
        trace_primitives_map""",
}

#: Modules whose functions a program may give a rule of its own: in autograd they are all primitives.
PRIMITIVES = ("minigrad.numpy", "minigrad.scipy", "scipy.linalg")


class Absent:
    """A name of autograd's engine that has no counterpart here: to import it is no error, to use it is one."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _refuse(self, *_args: Any, **_options: Any) -> Any:
        raise NotImplementedError(
            located(
                f"{self._name} is a part of autograd's engine that minigrad does not have: it records on a tape, which "
                f"minigrad.trace(f, x) shows"
            )
        )

    __call__ = __getitem__ = __setitem__ = __contains__ = __iter__ = __len__ = _refuse

    def __getattr__(self, name: str) -> Any:
        return self._refuse() if not name.startswith("__") else object.__getattribute__(self, name)

    def __repr__(self) -> str:
        return f"<{self._name}, which minigrad does not have>"


class _Module(types.ModuleType):
    """A module of autograd. Those below it are made when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        here = self.__name__.partition(".")[2]
        below = f"{here}.{name}".strip(".")
        if below in MODULES:
            return _module(f"autograd.{below}")
        for source in (*MODULES[here], *RULES, "minigrad.compat.arrays"):  # all modules of rules import these
            if ":" not in source and not name.startswith("_"):
                found = getattr(importlib.import_module(source), name, self)
                if found is not self:
                    return found
        raise AttributeError(f"{self.__name__}, for which minigrad stands in, has no {name!r}")


_MADE: dict[str, _Module] = {}  # they are the same for the whole process, also after `standing_in`


def _module(name: str) -> Any:
    """The module of this name: imported, if autograd means minigrad now."""
    if _FINDER in sys.meta_path:
        return importlib.import_module(name)
    if name not in _MADE:
        _FINDER.exec_module(_FINDER.create_module(_FINDER.find_spec(name)))
    return _MADE[name]


class _Finder:
    """Finds the modules of the table, makes and fills them; it is the first entry of `sys.meta_path`."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The specification of a module of autograd; `None` for all others."""
        top, _, below = name.partition(".")
        if top != "autograd" or below not in MODULES:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]  # any loader

    def create_module(self, spec: Any) -> types.ModuleType:
        """The module, empty if it is asked for the first time."""
        return _MADE.setdefault(spec.name, _Module(spec.name))

    def exec_module(self, module: types.ModuleType) -> None:
        """Fill the module with its names."""
        if "__all__" in vars(module):
            return
        below = module.__name__.partition(".")[2]
        names: dict[str, Any] = {name: Absent(f"{module.__name__}.{name}") for name in INTERNALS.get(below, "").split()}
        for source in reversed(MODULES[below]):
            names.update(_names_of(source))
        for name in [name for name, value in names.items() if isinstance(value, types.ModuleType)]:
            del names[name]  # found by `__getattr__`
        for name in names:
            if f"{below}.{name}" in MODULES:
                _module(f"{module.__name__}.{name}")  # first: it would take the name of the function
        module.__doc__ = f"The names of {module.__name__}, which are those of minigrad."
        module.__dict__.update(names)
        module.__dict__["__all__"] = [name for name in names if not name.startswith("_")]


_FINDER: Any = _Finder()


@functools.cache  # a function is the same in all modules of autograd
def _names_of(source: str) -> dict[str, Any]:
    """The public names of a module, or those that stand after a colon."""
    path, _, chosen = source.partition(":")
    module = importlib.import_module(path)
    names = chosen.split() or getattr(module, "__all__", None) or _defined_in(module)
    found = {name: getattr(module, name) for name in names}
    if not path.startswith(PRIMITIVES):
        return found
    from minigrad.compat.declaring import overridable, primitive  # here for start-up: the table alone needs nothing

    wrapped = overridable if path.startswith("minigrad") else primitive
    made: dict[int, Any] = {}  # several names of one function stay so
    for name, value in found.items():
        if callable(value) and not isinstance(value, type):
            found[name] = made[id(value)] = made.get(id(value)) or wrapped(value)
    return found


def _defined_in(module: types.ModuleType) -> list[str]:
    """The public names of a module without `__all__`: of what it defines itself, and not of what it imports."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and getattr(value, "__module__", module.__name__) == module.__name__
    ]


def install_as_autograd() -> None:
    """From now on `import autograd`, with every module below it, means minigrad, for the whole process.

    A program or library that was written for autograd runs as it is, whether autograd is installed or not.

    Raises:
        RuntimeError: if autograd itself was imported before: what was imported from it would still be autograd's.

    `python -m minigrad as-autograd SCRIPT.py` and `python -m minigrad as-autograd -m pytest` do so before they run a
    program; see the porting table in docs/how-to.md.
    """
    if _FINDER in sys.meta_path:
        return
    before = [name for name in sys.modules if name.partition(".")[0] == "autograd"]
    if before:
        raise RuntimeError(
            located(
                f"install_as_autograd: {before[0]} has been imported already, and what was taken from it stays "
                f"autograd's. Call install_as_autograd() before the first import of autograd, and of libraries that "
                f"import it"
            )
        )
    sys.meta_path.insert(0, _FINDER)


@contextlib.contextmanager
def standing_in() -> Iterator[None]:
    """Within it `import autograd` means minigrad; afterwards autograd is what it was before."""
    before = _taken_out()
    sys.meta_path.insert(0, _FINDER)
    try:
        yield
    finally:
        sys.meta_path.remove(_FINDER)
        _taken_out()
        sys.modules.update(before)


def _taken_out() -> dict[str, types.ModuleType]:
    """The modules of autograd that have been imported, which are forgotten."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "autograd"}
