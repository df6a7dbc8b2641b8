"""What programs written for autograd import; `install_as_autograd()` runs them as they are."""

from typing import Any

__all__ = ["install_as_autograd"]


def __getattr__(name: str) -> Any:
    if name != "install_as_autograd":
        raise AttributeError(f"module 'minigrad.compat' has no attribute {name!r}")
    from minigrad.compat.as_autograd import install_as_autograd  # here for the start-up of `import minigrad`

    return install_as_autograd
