"""What the README prints and cannot be a doctest: the generated source, whose comments quote the lines of a file."""

import contextlib
import io
import runpy
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_generated_source_is_as_printed(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8").partition("## The backpropagation that it writes")[2]
    program, printed = [part.partition("\n```")[0] for part in text.split("```python\n")[1:3]]
    (tmp_path / "example.py").write_text(program, encoding="utf-8")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(str(tmp_path / "example.py"))
    assert out.getvalue().strip() == printed.strip()
