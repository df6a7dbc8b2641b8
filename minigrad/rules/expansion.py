"""Cotangents and tangents in full: expanded to the shape of their node, and real where it is real.

A cotangent may be anything that broadcasts to the shape of its node, such as the seed 1.0: elementwise rules take it as
it is, so that nothing is multiplied by an array of ones. Where a rule needs the full array, it is expanded here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core.adopted import Adopted
from minigrad.core.tape import NUMBERS, peel
from minigrad.rules.elementwise import real
from minigrad.rules.shapes import broadcast_to


def expanded(g: Any, like: Any) -> Any:
    """A cotangent or tangent in the full shape of its node."""
    if type(g) in NUMBERS:
        g = (np.result_type(like.dtype, np.complex64) if type(g) is complex else like.dtype).type(g)
    if g.shape == like.shape:
        return g
    plain = peel(like)
    return plain.spread_from(g) if type(plain) is Adopted else broadcast_to(g, shape=like.shape)


def real_part(ct: Any) -> Any:
    """The real part of a plain number, an array or a box."""
    return real(ct) if hasattr(ct, "dtype") and ct.dtype.kind == "c" else ct.real if type(ct) is complex else ct
