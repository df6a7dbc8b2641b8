"""The layers: imports run one way between folders, files import in no circle, private names stay where they are.

Every finding must stand in EXCEPTIONS with its reason, and every exception must still be a finding.
"""

import importlib.util
from pathlib import Path

SCRIPT = next(folder for folder in Path(__file__).parents if (folder / "docs").is_dir()) / "docs" / "draw_layers.py"
spec = importlib.util.spec_from_file_location("draw_layers", SCRIPT)
assert spec is not None
assert spec.loader is not None
layers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(layers)

EXCEPTIONS = {
    "upwards: numpy.box imports scipy.special": "a box that meets a ufunc of SciPy has its rule looked up there",
    "long: numpy.functions": "a table: one function of NumPy after another",
    "long: numpy.linalg": "a table: one function of numpy.linalg after another",
    "long: scipy.special": "a table: one function of scipy.special after another",
    "long: scipy.linalg": "a table: one function of scipy.linalg after another",
}


def findings() -> set[str]:
    found, below = set(), {module: set() for module in layers.MODULES}
    for source, target, name, inside, lines in layers.imports():
        a, b = layers.folder_of(source), layers.folder_of(target)
        below[source].add(target)
        if a != b and a != layers.FACES and layers.LEVEL.get(b, 99) >= layers.LEVEL[a]:
            if (a, target) != ("shell", "minigrad"):  # the commands run programs as their users do
                found.add(f"upwards: {source} imports {target}")
        elif inside and "start-up" not in lines:  # say so in a comment, if an import there makes the start faster
            found.add(f"in a function: {source} imports {target}")
        if name.startswith("_") and not name.startswith("__"):
            found.add(f"private: {source} imports {target}.{name}")
    for _ in range(len(below).bit_length()):  # all that is reached: each round doubles the number of steps
        below = {module: near.union(*(below[n] for n in near)) for module, near in below.items()}
    for module, reached in below.items():
        if module in reached:
            found.add("circle: " + ", ".join(sorted(m for m in reached if module in below[m])))
    found |= {f"long: {m}" for m, path in layers.MODULES.items() if len(path.read_text("utf-8").splitlines()) > 600}
    return {finding.replace("minigrad.", "") for finding in found}


def test_imports_run_one_way() -> None:
    assert sorted(findings() - EXCEPTIONS.keys()) == []


def test_every_exception_is_still_needed() -> None:
    assert sorted(EXCEPTIONS.keys() - findings()) == [], "take these off the list"


def test_the_picture_is_what_the_code_gives() -> None:
    assert layers.PICTURE.read_text("utf-8") == layers.picture(), "run: python docs/draw_layers.py"
