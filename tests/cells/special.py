"""Cells of `scipy.special`: a row names the function and, per argument, a domain (traced) or a number (a constant)."""

from collections.abc import Callable
from typing import Any

import numpy

from cells import above_one, cell, draw, inside, positive

# fmt: off

try:
    import scipy.special as scipy_special
except ImportError:  # an extra: without it there are no cells
    scipy_special = None

ONE: Any = ((), (0,), (3,))
TWO: Any = (((3,), (3,)), ((2, 1), (3,)), ((), (2,)))
THREE: Any = (((3,), (3,), (3,)), ((2, 1), (2,), ()))


def unit(*shape: int) -> Any:
    """Numbers in (0.15, 0.85)."""
    return draw(*shape, low=0.15, high=0.85)


def far(*shape: int) -> Any:
    """Numbers in (3, 6)."""
    return draw(*shape, low=3.0, high=6.0)


def special(name: str, *arguments: Any, **options: Any) -> None:
    """One cell. Several results are added up, each with a weight of its own."""
    if scipy_special is None:
        return
    domains = [a for a in arguments if isinstance(a, Callable)]  # type: ignore[arg-type]
    keywords = options.pop("keywords", {})

    def fun(np: Any, *args: Any) -> Any:
        import minigrad.scipy.special

        module = scipy_special if np is numpy else minigrad.scipy.special
        values = iter(args)
        filled = [next(values) if isinstance(a, Callable) else a for a in arguments]  # type: ignore[arg-type]
        ans = getattr(module, name)(*filled, **keywords)
        return sum((k + 1) * part for k, part in enumerate(ans)) if isinstance(ans, tuple) else ans

    options.setdefault("plain", isinstance(getattr(scipy_special, name), numpy.ufunc))
    options.setdefault("shapes", {1: ONE, 2: TWO}.get(len(domains), THREE))
    notes = [str(a) for a in arguments if not isinstance(a, Callable)]  # type: ignore[arg-type]
    options.setdefault("note", ",".join([*notes, *(f"{key}={value}" for key, value in keywords.items())]))
    cell(f"scipy.special.{name}", fun, *domains, **options)


for _name in "erf erfc erfcx erfi dawsn log_ndtr ndtr exp1 expi spence wrightomega loggamma gamma rgamma psi".split():  # noqa: SIM905
    special(_name, positive, dtypes="fdD")
for _name in "erf erfc erfcx erfi dawsn log_ndtr ndtr expit log_expit exprel cosm1 sindg cosdg exp10".split():  # noqa: SIM905
    special(_name, draw, note="both signs")
special("erfcx", far, note="tail")
special("dawsn", far, note="tail")
special("wofz", positive, dtypes="D")
special("wofz", positive, dtypes="d", note="of a real argument")
for _name in "exp2 expm1 i0 i1 i0e i1e j0 j1 itj0y0 itairy softplus".split():  # noqa: SIM905
    special(_name, positive, tolerance=1e-6 if _name[:2] == "it" else 1e-8)
special("zetac", above_one, dtypes="d")
for _name in "gammaln digamma log1p cbrt entr y0 y1 k0 k1 k0e k1e gammasgn kolmogorov".split():  # noqa: SIM905
    special(_name, positive)
for _name in "ber bei berp beip itstruve0 itmodstruve0".split():  # noqa: SIM905
    special(_name, positive, tolerance=1e-5 if _name[:2] == "it" else 1e-8)
for _name in "ker kei kerp keip iti0k0 it2j0y0 it2i0k0 it2struve0".split():  # noqa: SIM905
    special(_name, above_one, tolerance=1e-5 if _name[:2] == "it" else 1e-8)
special("kelvin", above_one, dtypes="d")
for _name in "logit ndtri erfcinv kolmogi".split():  # noqa: SIM905
    special(_name, unit, dtypes="d" if _name == "kolmogi" else "fd")
special("erfinv", inside)
special("ndtri_exp", lambda *shape: -positive(*shape))
special("tandg", inside)
special("cotdg", lambda *shape: 40.0 * positive(*shape))
special("radian", draw, draw, draw)
special("round", lambda *shape: 0.3 * inside(*shape))
special("expit", far, note="tail")
for _name in "xlogy xlog1py".split():  # noqa: SIM905
    special(_name, positive, positive, dtypes="fdD")
for _name in "beta betaln poch powm1 rel_entr kl_div pseudo_huber owens_t agm".split():  # noqa: SIM905
    special(_name, positive, above_one)
special("huber", positive, far)
special("huber", far, inside, note="inside")
special("binom", far, positive)
special("binom", unit, 0.5)
special("binom", 6.5, unit)
special("poch", unit, 1.5)
special("hyperu", 1.5, 2.2, far, note="far")
for _name in "boxcox boxcox1p inv_boxcox inv_boxcox1p".split():  # noqa: SIM905
    special(_name, positive, lambda *shape: 0.5 * inside(*shape))
special("inv_boxcox", positive, positive, note="far")
for _name in "inv_boxcox inv_boxcox1p".split():  # noqa: SIM905
    special(_name, positive, 0.4)
special("voigt_profile", draw, positive, positive, dtypes="d")

# gamma, beta and the distributions that they make
for _name in "gammainc gammaincc".split():  # noqa: SIM905
    special(_name, 2.5, positive)
    special(_name, 30.0, lambda *shape: 10 * far(*shape), tolerance=1e-6)
special("gammaincinv", 2.5, unit)
special("gammainccinv", 2.5, unit)
for _name in "betainc betaincc betaincinv betainccinv".split():  # noqa: SIM905
    special(_name, 2.5, 1.5, unit)
special("betainc", 25.0, 1.5, unit)
for _name in "chdtr chdtrc stdtr pdtr pdtrc".split():  # noqa: SIM905
    special(_name, 3.0, positive)
special("chdtri", 3.0, unit)
special("stdtrit", 3.0, unit)
special("pdtri", 3, unit)
for _name in "gdtr gdtrc".split():  # noqa: SIM905
    special(_name, positive, 2.5, positive)
special("gdtrix", positive, 2.5, unit)
special("gdtria", unit, 2.5, positive)
for _name in "bdtr bdtrc".split():  # noqa: SIM905
    special(_name, 2.0, 5, unit, dtypes="d")
special("bdtri", 2.0, 5, unit, dtypes="d")
for _name in "nbdtr nbdtrc nbdtri".split():  # noqa: SIM905
    special(_name, 2, 5, unit)
for _name in "fdtr fdtrc".split():  # noqa: SIM905
    special(_name, 3.0, 4.0, positive)
special("fdtri", 3.0, 4.0, unit)
special("chndtr", positive, 3.0, positive)
special("chndtrix", unit, 3.0, positive, dtypes="d", tolerance=1e-6)
special("nrdtrimn", unit, positive, draw, dtypes="d")
special("nrdtrisd", draw, lambda *shape: 0.5 + 0.4 * unit(*shape), far, dtypes="d")
special("tklmbda", lambda *shape: 0.3 * inside(*shape), 0.7, dtypes="d", tolerance=1e-6)

# Bessel functions and relatives
for _name in "jv jn yv iv kv".split():  # noqa: SIM905
    special(_name, 1.5, positive, dtypes="fdD")
    special(_name, 2, positive)
for _name in "jve yve ive".split():  # noqa: SIM905
    special(_name, 1.5, positive)
special("kve", 1.5, positive, dtypes="fdD")
special("yn", 2, positive)
special("kn", 2, positive)
for _name in "hankel1 hankel2 hankel1e hankel2e".split():  # noqa: SIM905
    special(_name, 1.5, positive, dtypes="dD")
for _name in "jvp yvp ivp kvp h1vp h2vp".split():  # noqa: SIM905
    special(_name, 2, positive, keywords={"n": 2}, dtypes="d")
for _name in "spherical_jn spherical_yn spherical_in spherical_kn".split():  # noqa: SIM905
    special(_name, 2, positive, dtypes="dD")
    special(_name, 0, positive, dtypes="d", keywords={"derivative": True})
special("struve", 1.5, positive)
special("modstruve", 1.5, positive)
special("besselpoly", positive, 1.0, 2.0)
special("wright_bessel", 1.5, 2.0, positive, dtypes="d")
special("log_wright_bessel", 1.5, 2.0, positive, dtypes="d")
special("airy", draw, dtypes="fdD")
special("airy", far, note="tail")
for _name in "pbdv pbvv pbwa".split():  # noqa: SIM905
    special(_name, 1.5, positive, tolerance=1e-6, dtypes="d")
for _name in "cem sem".split():  # noqa: SIM905
    special(f"mathieu_{_name}", 2, 0.7, positive, dtypes="d")
for _name in "modcem1 modcem2 modsem1 modsem2".split():  # noqa: SIM905
    special(f"mathieu_{_name}", 2, 0.7, positive, dtypes="d", tolerance=1e-6)

# integrals, elliptic and hypergeometric functions
special("fresnel", draw, dtypes="fdD")
special("sici", positive, dtypes="fdD")
special("shichi", positive, dtypes="fdD")
special("expn", 3, positive)
special("expn", 0, positive)
special("ellipk", inside)
special("ellipe", inside)
special("ellipkm1", unit)
special("ellipkinc", draw, inside)
special("ellipeinc", draw, inside)
special("ellipkinc", draw, lambda *shape: 0.1 * inside(*shape), note="small m")
for _name in "ellipkinc ellipeinc".split():  # noqa: SIM905
    special(_name, 0.7, inside)
special("ellipj", draw, unit)
special("hyp0f1", 1.5, positive, dtypes="fdD")
special("hyp1f1", 1.5, 2.5, draw, dtypes="fdD")
special("hyp2f1", 0.5, 1.5, 2.2, inside, dtypes="fdD")
special("hyperu", 1.5, 2.2, positive)
special("lambertw", positive, dtypes="dD")
special("lambertw", positive, 1, dtypes="D", note="branch 1")
special("zeta", above_one, dtypes="dD", note="of Riemann")
special("zeta", above_one, positive, dtypes="d", note="of Hurwitz")
special("polygamma", 2, positive, dtypes="d")
special("multigammaln", far, 3, dtypes="d")
special("diric", draw, 5, dtypes="d")
special("sinc", draw)

# orthogonal polynomials
for _n in (0, 1, 3, 2.5):
    for _name in "legendre chebyt chebyu chebyc chebys sh_legendre sh_chebyt sh_chebyu laguerre".split():  # noqa: SIM905
        special(f"eval_{_name}", _n, unit, dtypes="dD" if _n == 3 else "fd" if _n == 2.5 else "d")
    special("eval_jacobi", _n, 0.5, 1.5, unit)
    special("eval_sh_jacobi", _n, 3.5, 1.5, unit)
    special("eval_gegenbauer", _n, 0.7, unit)
    special("eval_genlaguerre", _n, 0.7, unit)
    if _n != 2.5:
        special("eval_hermite", _n, draw, dtypes="d")
        special("eval_hermitenorm", _n, draw, dtypes="d")
special("assoc_laguerre", positive, 3, 0.5, dtypes="d")
special("lpmv", 1, 2.5, inside, dtypes="d")
special("sph_harm_y", 3, 1, positive, draw, dtypes="d")
special("sph_harm_y", 3, -3, positive, draw, dtypes="d")
special("sph_legendre_p", 3, 2, positive, dtypes="d")
special("assoc_legendre_p", 3, 2, inside, dtypes="d")
special("legendre_p", 3, draw, dtypes="d")

# reductions
for _name in "logsumexp softmax log_softmax".split():  # noqa: SIM905
    special(_name, draw, shapes=((3,), (2, 3)))
    special(_name, draw, shapes=((3,), (2, 3)), keywords={"axis": -1})
special("logsumexp", draw, shapes=((2, 3),), keywords={"axis": 0, "keepdims": True})
if scipy_special is not None:

    def _weighted(np: Any, a: Any, b: Any) -> Any:
        import minigrad.scipy.special

        return (scipy_special if np is numpy else minigrad.scipy.special).logsumexp(a, axis=-1, b=b)

    cell("scipy.special.logsumexp", _weighted, draw, positive, shapes=(((2, 3), (2, 3)), ((2, 3), (3,))), plain=False, note="b")
