"""Checking derivatives written by hand: a verdict that can be trusted, and a report that finds the mistake."""

from minigrad.checking.numerical import complex_step, finite_difference, richardson
from minigrad.checking.report import CurvePoint, Kink, LayerReport, LeafReport, Report, TaylorRow, Verdict
from minigrad.checking.verdict import check

__all__ = [
    "CurvePoint",
    "Kink",
    "LayerReport",
    "LeafReport",
    "Report",
    "TaylorRow",
    "Verdict",
    "check",
    "complex_step",
    "finite_difference",
    "richardson",
]
