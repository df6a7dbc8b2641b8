"""Random programs that attack the engine: every mode against every other one, and against references without it.

    python -m benchmarks.fuzz --programs 1000 --seed 7
    python -m benchmarks.fuzz --minutes 60

A program is a text: a point with its layout and dtype, a direction, and the body of a function, line by line. What is
run is what is printed. Each line was run by NumPy alone while it was drawn, so a program is one that NumPy can do.

Where things are: `operations` (the lines that a program is drawn from), `programs` (the strategies of hypothesis),
`comparisons` (what must be equal: two expressions and a tolerance each), `series` (functions of one variable against
mpmath), `running` (a run: counts, shrunken programs). Tests use the same strategies: `tests/benchmarks/test_fuzz.py`.
It needs `pip install -e '.[test]'`; references without the engine come from `tests/references.py`.
"""

import os
import pathlib
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the matrices are small
_tests = str(pathlib.Path(__file__).parents[2] / "tests")
if _tests not in sys.path:  # at the end, so that no folder of tests hides a package
    sys.path.append(_tests)
