"""What has a derivative: a table of every public callable of NumPy and of `scipy.special`.

The table is read off the rules themselves. A callable either has a rule (then it works backward, forward and in Taylor
mode, and to any order), or has no derivative by nature, with the reason, or has none yet, with the reason. The tests
exercise every rule that is claimed here on its own domain, and call everything else with traced values to see that
nothing drops a derivative in silence.

The column `Taylor` says where the series of a rule comes from (see `minigrad.modes.taylor.push`): a `recurrence` of its
own or the `kind` of the operation, both at a cost of order^2, or `derived` from the jvp at order^3; `composed`
functions are made of several operations.

Public callables are the functions and ufuncs in `__all__` of `numpy`, `numpy.linalg`, `numpy.fft` and `scipy.special`;
classes are left out.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.numpy.dispatch import FUNCTIONS, UFUNCS
from minigrad.rules.libraries import promised
from minigrad.show import page as pages
from minigrad.show.notebook import view
from minigrad.show.page import element, paragraph, stacked

MODULES = ("numpy", "numpy.linalg", "numpy.fft", "scipy.special")

RULE, BY_NATURE, NOT_YET = "rule", "none by nature", "not yet"


@dataclass(frozen=True)
class Entry:
    """One callable: its public name, which of the three it is, and why."""

    name: str
    status: str
    note: str = ""
    taylor: str = ""  #: where its Taylor series comes from, if it has a rule


# ----- no derivative by nature: the reason, and the names -------------------------------------------------------------

_NATURE: dict[str, str] = {
    "bits and whole numbers": """
        numpy: bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
        bitwise_xor invert left_shift right_shift gcd lcm packbits unpackbits
        scipy.special: comb factorial factorial2 factorialk perm stirling2 bernoulli euler""",
    "makes an array from sizes or whole numbers": """
        numpy: arange empty ones zeros eye identity tri indices tril_indices triu_indices diag_indices mask_indices
        hamming hanning blackman bartlett fromfunction
        numpy.fft: fftfreq rfftfreq""",
    "positions in an array": "numpy: ix_ ravel_multi_index unravel_index nested_iters",
    "reads or writes text, files or memory": """
        numpy:    base_repr binary_repr format_float_positional format_float_scientific
        from_dlpack frombuffer fromfile fromiter fromregex fromstring genfromtxt load loadtxt save savetxt savez
        savez_compressed info show_config show_runtime get_include test typename""",
    "settings": """
        numpy: get_printoptions set_printoptions printoptions getbufsize setbufsize geterr seterr geterrcall seterrcall
        scipy.special: geterr seterr""",
    "dates": "numpy: busday_count busday_offset is_busday datetime_as_string datetime_data isnat",
    "about dtypes, not values": """
        numpy: isdtype issubdtype mintypecode promote_types isfortran iterable""",
    "plans a computation": "numpy: einsum_path",
    "makes a function": "numpy: frompyfunc",
    "makes a matrix object, which is refused": "numpy: asmatrix bmat",
    "writes into an array; use set_at or add_at": "numpy: copyto fill_diagonal place put put_along_axis putmask",
    "sets of values": "numpy: intersect1d setdiff1d setxor1d union1d",
    "a table of constants: zeros, nodes or coefficients for a whole order": """
        scipy.special: ai_zeros bi_zeros bei_zeros beip_zeros ber_zeros berp_zeros kei_zeros keip_zeros ker_zeros
        kerp_zeros kelvin_zeros erf_zeros fresnel_zeros fresnelc_zeros fresnels_zeros jn_zeros jnjnp_zeros jnp_zeros
        jnyn_zeros y0_zeros y1_zeros y1p_zeros yn_zeros ynp_zeros roots_chebyc roots_chebys roots_chebyt roots_chebyu
        roots_gegenbauer roots_genlaguerre roots_hermite roots_hermitenorm roots_jacobi roots_laguerre roots_legendre
        roots_sh_chebyt roots_sh_chebyu roots_sh_jacobi roots_sh_legendre c_roots cg_roots h_roots he_roots j_roots
        js_roots l_roots la_roots p_roots ps_roots s_roots t_roots ts_roots u_roots us_roots mathieu_even_coef
        mathieu_odd_coef obl_cv pro_cv obl_cv_seq pro_cv_seq""",
    "makes a polynomial of a whole order": """
        scipy.special: chebyc chebys chebyt chebyu gegenbauer genlaguerre hermite hermitenorm jacobi laguerre legendre
        sh_chebyt sh_chebyu sh_jacobi sh_legendre""",
}

# ----- not yet: the reason, and the names -----------------------------------------------------------------------------

_NOT_YET: dict[str, str] = {
    "derivative in the weights only; use np.histogram or np.bincount": "numpy: histogram2d histogramdd",
    "no closed form for the derivative": """
        scipy.special: mathieu_a mathieu_b obl_ang1 obl_ang1_cv obl_rad1 obl_rad1_cv obl_rad2 obl_rad2_cv pro_ang1
        pro_ang1_cv pro_rad1 pro_rad1_cv pro_rad2 pro_rad2_cv smirnov smirnovi ellip_harm ellip_harm_2 ellip_normal""",
    "symmetric elliptic integrals": "scipy.special: elliprc elliprd elliprf elliprg elliprj",
    "scaled Airy functions: use airy": "scipy.special: airye",
    "noncentral distributions": "scipy.special: ncfdtr nctdtr",
    "a quantile in its parameters": """
        scipy.special: bdtrik bdtrin btdtria btdtrib chdtriv chndtridf chndtrinc fdtridfd gdtrib nbdtrik nbdtrin
        ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc nctdtridf nctdtrinc nctdtrit pdtrik stdtridf""",
    "an old name that later versions lack: use isin, trapezoid, legendre_p, assoc_legendre_p, sph_harm_y": """
        numpy: in1d trapz
        scipy.special: clpmn lpmn lpn sph_harm""",
    "returns its own derivatives beside the values; use those": """
        scipy.special: assoc_legendre_p_all legendre_p_all sph_legendre_p_all sph_harm_y_all lmbda lqmn lqn pbdn_seq
        pbdv_seq pbvv_seq riccati_jn riccati_yn modfresnelm modfresnelp""",
}


def _named(table: dict[str, str]) -> dict[str, str]:
    """A table of reasons as {public name: reason}."""
    found: dict[str, str] = {}
    for reason, text in table.items():
        module = ""
        for word in text.split():
            if word.endswith(":"):
                module = word[:-1]
                continue
            name = f"{module}.{word}"
            if name in found:
                raise ValueError(f"{name} is listed twice")
            found[name] = reason
    return found


BY_NATURE_REASONS, NOT_YET_REASONS = _named(_NATURE), _named(_NOT_YET)


# ----- the table ------------------------------------------------------------------------------------------------------


def public_callables(module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The names and objects of the public functions and ufuncs of a module."""
    own = importlib.import_module(module)
    for name in sorted(own.__all__):
        value = getattr(own, name, None)
        if callable(value) and not isinstance(value, type) and not name.startswith("_"):
            yield name, value


def _rule(module: str, name: str, function: Any) -> Any:
    """The rule of a public callable, or None."""
    ours = importlib.import_module("minigrad." + module)  # which fills the tables
    try:
        rule = UFUNCS.get(function) or FUNCTIONS.get(function)
    except TypeError:  # objects that cannot be hashed, such as np.r_
        rule = None
    if rule is not None:
        return rule
    rule = getattr(ours, name, None)
    return rule if str(getattr(rule, "__module__", "")).startswith("minigrad") else None


def series_of(primitive: Any) -> str:
    """Where the Taylor series of a primitive comes from; empty if it has none."""
    if primitive.taylor is not None:
        return "recurrence"
    if primitive.kind in ("linear", "bilinear"):
        return "kind"
    return "derived" if primitive.jvps or primitive.push else ""


def entry(module: str, name: str, function: Any) -> Entry:
    """The row of one callable. A rule that is declared constant counts as no derivative by nature."""
    full = f"{module}.{name}"
    rule = _rule(module, name, function)
    nature, missing = BY_NATURE_REASONS, NOT_YET_REASONS
    if rule is not None:
        primitive = getattr(rule, "primitive", None)
        if getattr(primitive, "kind", "") == "constant":
            return Entry(full, BY_NATURE, "constant wherever it has a derivative, or a question with a plain answer")
        return Entry(full, RULE, taylor="composed" if primitive is None else series_of(primitive))
    if full in nature:
        return Entry(full, BY_NATURE, nature[full])
    return Entry(full, NOT_YET, missing.get(full, "no reason given"))


class Coverage(list[Entry]):
    """Rows of the table. It prints as text, and shows itself in a notebook."""

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        counts = {status: sum(e.status == status for e in self) for status in (RULE, BY_NATURE, NOT_YET)}
        return f"<coverage of {len(self)} functions: {', '.join(f'{n} {status}' for status, n in counts.items())}>"

    def _repr_html_(self) -> str:
        summary = pages.table(_TOTALS, totals(self), "Functions of each module")
        rows = [[element("code", name), *rest] for name, *rest in map(_cells, self[:SHOWN])]
        more = len(self) - len(rows)
        hidden = paragraph(f"... and {more} more: print(coverage) has them all", class_="soft") if more > 0 else ""
        return view(
            paragraph(repr(self)[1:-1], class_="soft"), summary, stacked(_HEAD, rows, "What has a rule"), hidden
        )


SHOWN = 60  #: rows that a notebook shows


def coverage(containing: str = "", *, missing: bool = False) -> Coverage:
    """What has a derivative: every public function of NumPy and of `scipy.special`, or some of them.

    Args:
        containing: only those whose names contain this text.
        missing: only those that have no derivative yet.

    Returns:
        A list of entries with `name`, `status` ("rule", "none by nature" or "not yet"), `note` and `taylor`, which
        prints as a table and shows itself in a notebook.

    >>> [entry.status for entry in coverage("numpy.arctanh")]
    ['rule']
    """
    found = [e for e in entries() if containing in e.name and (not missing or e.status == NOT_YET)]
    return Coverage(found)


def entries(modules: tuple[str, ...] = MODULES) -> list[Entry]:
    """The whole table. Modules of SciPy are left out where SciPy is not installed.

    >>> {e.name: e.status for e in entries(("numpy",))}["numpy.tanh"]
    'rule'
    """
    entries = []
    for module in modules:
        if module.startswith("scipy") and importlib.util.find_spec("scipy") is None:
            continue
        entries += [entry(module, name, function) for name, function in public_callables(module)]
    return entries


def _cells(e: Entry) -> list[str]:
    marks = ["yes", "yes", e.taylor] if e.status == RULE else ["-"] * 3 if e.status == BY_NATURE else ["not yet"] * 3
    return [e.name, *marks, ", ".join(library for library, names in promised().items() if e.name in names), e.note]


def totals(entries: list[Entry]) -> list[list[str]]:
    """For each module how many callables there are of each status."""
    rows = []
    for module in MODULES:
        here = [e for e in entries if e.name.rpartition(".")[0] == module]
        if here:
            counts = [sum(e.status == status for e in here) for status in (RULE, BY_NATURE, NOT_YET)]
            rows.append([module, *map(str, counts), str(len(here))])
    return rows


_HEAD = ["name", "backward", "forward", "Taylor", "arrays of", "why not"]
_TOTALS = ["module", RULE, BY_NATURE, NOT_YET, "all"]


def as_text(entries: list[Entry]) -> str:
    """The table in aligned columns, with the totals below."""
    return _in_columns([_HEAD, *map(_cells, entries)]) + "\n\n" + _in_columns([_TOTALS, *totals(entries)])


def _in_columns(rows: list[list[str]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def as_markdown(entries: list[Entry]) -> str:
    """The table as a page."""
    versions = f"NumPy {np.__version__}"
    if any(e.name.startswith("scipy") for e in entries):
        versions += f" and SciPy {importlib.import_module('scipy').__version__}"

    def rows(lines: list[list[str]]) -> str:
        head = f"| {' | '.join(lines[0])} |\n|{'---|' * len(lines[0])}\n"
        return head + "".join(f"| {' | '.join(line)} |\n" for line in lines[1:])

    return (
        "# What has a derivative\n\n"
        f"Made by `python -m minigrad coverage --markdown` with {versions}. Every `yes` is exercised by the tests, in "
        "all modes and at second order, and in Taylor mode at order 3. The column `Taylor` says where the series comes "
        "from: a `recurrence` of its own or the `kind` of the operation (linear, bilinear), both at a cost of order^2, "
        "or `derived` from the jvp, at order^3; `composed` functions are made of several operations. `arrays of` names "
        "the libraries whose arrays the function takes, with first and second derivatives.\n\n"
        f"{rows([_TOTALS, *totals(entries)])}\n"
        f"{rows([_HEAD, *[['`' + c[0] + '`', *c[1:]] for c in map(_cells, entries)]])}"
    )
