"""Numbers on a command line: what `argparse` takes as the type of an option."""

import argparse


def positive(text: str) -> int:
    """An integer from 1 on.

    >>> positive("3")
    3
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def seed(text: str) -> int:
    """An integer from 0 on.

    >>> seed("0")
    0
    """
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, not {value}")
    return value


def share(text: str) -> float:
    """A number from 0 on and less than 1.

    >>> share("0.25")
    0.25
    """
    value = float(text)
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"must be at least 0 and less than 1, not {value:g}")
    return value


positive.__name__ = seed.__name__ = "integer"  # argparse names the type in its message: "invalid integer value"
share.__name__ = "number"
