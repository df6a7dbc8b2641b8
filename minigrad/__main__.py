"""`python -m minigrad`: see `minigrad.shell.cli`."""

import sys

from minigrad.shell.cli import main

if __name__ == "__main__":
    sys.exit(main())
