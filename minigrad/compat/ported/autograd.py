"""What processes find that are started under `python -m minigrad as-autograd`, such as those of pytest-xdist.

This folder is on their search path, before autograd itself.
"""

import importlib
import sys
from pathlib import Path

if __name__ == "autograd":
    del sys.modules[__name__]
    try:
        from minigrad.compat.as_autograd import install_as_autograd
    except ImportError:  # minigrad was on the search path of the first process only
        sys.path.append(str(Path(__file__).parents[3]))
        from minigrad.compat.as_autograd import install_as_autograd

    install_as_autograd()
    sys.modules[__name__] = importlib.import_module(__name__)
