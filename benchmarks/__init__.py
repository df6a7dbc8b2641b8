"""How fast is minigrad? Ratios to hand-written NumPy and to every peer that is installed, from one run on one core.

    pip install -e '.[bench]'
    python -m benchmarks                        # everything, about a quarter of an hour; --list names the items
    python -m benchmarks --only 'network*'      # some of it; 'adbench-*' are the problems of ADBench
    python -m benchmarks --html report.html --json run.json --history runs.jsonl
    python -m benchmarks table                  # the table of docs/benchmarks.md
    python -m benchmarks scaling                # time and memory against the number of operations, leaves, ...
    python -m benchmarks --against HEAD~10      # each time of minigrad against that of another version
    python -m benchmarks order --out order.png  # cost and error against the order of the derivative

Every contender of an item does the same work and is first checked to give the same numbers. Contenders take turns, so
a machine that slows down for a while slows all of them. The median and the quartiles of the time of one call are kept;
tables show the first contender's time and the others as multiples of it. A few items measure memory, or count steps or
sweeps. A peer that is not installed, or a function that this version of minigrad does not have, is left out and named.

Where things are: `environment` (threads, core, versions), `measuring` (turns, medians, agreement), `libraries` (how
each peer differentiates), `handwritten` (the best NumPy we could write), `networks`, `calculus`, `orders`, `sparse`,
`adbench`, `loops`, `footprint`, `growth` and `scaling` (what is measured), `items` (the list of it), `goals` (what
minigrad is to reach), `running` (measures a list of items), `against` (two versions), `tables`, `figures`, `page` and
`history` (what is shown and kept). `corpus` and `checkers` compare checkers of gradients instead:
`python -m benchmarks.checkers`. `fuzz` measures no time: it attacks the engine with random programs,
`python -m benchmarks.fuzz`.
"""
