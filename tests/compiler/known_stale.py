"""Cases and ordinary programs that fail today. The tables are to stay empty; a name that passes must leave them.

A name stands for all modes in which a case is tried; `name-mode` is one of them.
"""

#: the compiled function gives another answer than the plain one
STALE: set[str] = set()

#: the compiled function raises an error where the plain one answers
REFUSED: set[str] = set()

#: the results are right, but the engine computes them: something that is not read is watched
NO_REPLAYS: set[str] = set()
