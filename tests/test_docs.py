"""The pages: what they print, quote, count and link to is so. (Their examples run as doctests by themselves.)"""

import ast
import contextlib
import importlib.util
import io
import re
import runpy
import tokenize
import tomllib
from pathlib import Path

import pytest

import minigrad
from benchmarks.items import ITEMS

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").exists())
PAGES = sorted(
    path for pattern in ("*.md", "docs/*.md", "docs/course/*.md", "tests/*.md", "minigrad/**/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)  # fmt: skip


def text_of(path: str | Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def plain_blocks(text: str) -> list[str]:
    """The blocks of Python that are no doctests."""
    return re.findall(r"^ *```python\n(?! *>>>)(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", without_code(text), flags=re.MULTILINE):
        words = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower().strip()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return set(found)


# ----- links ----------------------------------------------------------------------------------------------------------


def test_all_pages_are_looked_at() -> None:
    names = {str(path.relative_to(ROOT)) for path in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/tutorial.md", "minigrad/COVERAGE.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    text = without_code(page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{page.name}: {target} is not there"
        assert linked.is_relative_to(ROOT), f"{page.name}: {target} is outside of the repository"
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), f"{page.name}: {target}: no such heading"


def test_anchors_are_those_of_github() -> None:
    page = "# A `b` c\n## Where is ...?\n### Own operations, and (more)\n## A `b` c\n```sh\n# a comment\n```\n"
    assert anchors(page) == {"a-b-c", "where-is-", "own-operations-and-more", "a-b-c-1"}


# ----- what is printed and quoted -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "heading"),
    [("README.md", "## The backpropagation that it writes"), ("docs/how-to.md", "## See the backpropagation as NumPy")],
)
def test_the_generated_source_is_as_printed(page: str, heading: str, tmp_path: Path) -> None:
    """It cannot be a doctest: the comments of the generated source quote the lines of a file."""
    program, printed = plain_blocks(text_of(page).partition(heading)[2])[:2]
    (tmp_path / "example.py").write_text(program, encoding="utf-8")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(str(tmp_path / "example.py"))
    assert out.getvalue().strip() == printed.strip()


@pytest.mark.parametrize("page", ["docs/explanation.md", "CONTRIBUTING.md"])
def test_rows_that_are_quoted_stand_in_the_table_of_rules(page: str) -> None:
    table = "".join(
        "".join(path.read_text(encoding="utf-8").split()) for path in ROOT.glob("minigrad/**/elementwise.py")
    )
    rows = [row for block in plain_blocks(text_of(page)) for row in re.split(r"\n(?=\s*\w+ *= )", block)]
    quoted = [row for row in rows if "= elementwise(" in row]
    assert quoted
    for row in quoted:
        assert "".join(row.split()).replace(",)", ")") in table, row


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    command = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest"
    assert command in text_of("README.md")
    assert command in text_of(".ci/run")


def test_advice_names_libraries_and_no_extra_of_a_name_that_is_another_project() -> None:
    """`pip install minigrad` would install something else, so neither a message nor a page may say it."""
    advice = re.compile(r"pip install[^`\n]*[ '\"]minigrad\b")
    paths = [path for path in ROOT.rglob("*.*") if path.suffix in (".py", ".md", ".js", ".html", ".ipynb")]
    paths = [path for path in paths if not any(part[0] in "._" for part in path.relative_to(ROOT).parent.parts)]
    own = Path(__file__).name
    found = [path for path in paths if path.name != own and advice.search(path.read_text(encoding="utf-8"))]
    assert len(paths) > 300
    assert not found


def test_the_table_of_extras_names_the_libraries_of_each() -> None:
    extras = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]
    table = text_of("docs/reference.md").partition("## Extras")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| `([^`]*)` \|$", table, flags=re.MULTILINE))
    assert set(rows) == {"scipy", "plot", "fast", "report", "testing", "tour", "docs"}
    for name, libraries in rows.items():
        assert set(libraries.split()) == {one.partition(">")[0] for one in extras[name]}, name


def test_the_table_of_benchmarks_has_the_rows_that_its_command_measures() -> None:
    table = text_of("docs/benchmarks.md").partition("| work |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| (.*?) \|", table, flags=re.MULTILINE) == [item.title for item in ITEMS if item.in_table]


# ----- what is counted ------------------------------------------------------------------------------------------------


def test_the_readme_is_a_first_screen() -> None:
    words = re.findall(r"\S*[A-Za-z]\S*", re.sub(r"\]\(.*?\)", "]", without_code(text_of("README.md"))))
    assert len(words) <= 650


def test_the_four_answers_take_forty_lines() -> None:
    answers = text_of("docs/explanation.md").partition("## Four answers in forty lines\n")[2].partition("\n## ")[0]
    assert len(answers.strip().splitlines()) <= 40


def test_the_engine_of_the_course_has_as_many_lines_as_the_pages_say() -> None:
    engine = plain_blocks(text_of("docs/course/04_engine.md"))
    lines = [line for block in engine for line in block.splitlines() if line.strip()]
    assert len(lines) <= 100
    assert f"has {len(lines)} lines of Python" in " ".join(text_of("docs/course/04_engine.md").split())
    assert f"does it in {len(lines)} lines" in " ".join(text_of("docs/explanation.md").split())


def modules_of_table(header: str) -> list[str]:
    """The modules that the first column of one table of `docs/explanation.md` links to."""
    table = text_of("docs/explanation.md").partition(header)[2].partition("\n\n")[0]
    return re.findall(r"^\| \[`([\w/]+)`\]", table, flags=re.MULTILINE)


def lines_of(modules: list[str]) -> int:
    return sum(len(text_of(f"minigrad/{module}.py").splitlines()) for module in modules)


def code_lines(path: Path) -> int:
    """The lines of a module without docstrings, comments and blank lines."""
    text = path.read_text(encoding="utf-8")
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type not in silent]
    code = {line for t in tokens for line in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            code -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(code)


def test_the_sizes_that_the_pages_give_are_true() -> None:
    """To a tenth: if this fails, write the new sizes into the README and the explanation."""
    explanation = " ".join(text_of("docs/explanation.md").split())
    kernel, supporting = modules_of_table("| file | its one job |"), modules_of_table("| file | its promise |")
    package = sum(code_lines(path) for path in (ROOT / "minigrad").rglob("*.py"))
    for text, about, lines in [
        (text_of("README.md"), r"eleven files, about ([\d,]+) lines", lines_of(kernel)),
        (text_of("README.md"), r"some ([\d,]+) lines of code", package),
        (explanation, r"eleven files with about ([\d,]+) lines", lines_of(kernel)),
        (explanation, r"supporting files, about ([\d,]+) lines", lines_of(supporting)),
        (explanation, r"some ([\d,]+) lines of code", package),
    ]:
        found = re.search(about, text)
        assert found, about
        assert int(found[1].replace(",", "")) == pytest.approx(lines, rel=0.1), about
    assert len(kernel) == 11
    minutes = re.findall(r"\.py\) \| .* \| (\d+) \|$", text_of("docs/explanation.md"), flags=re.MULTILINE)
    assert sum(map(int, minutes)) == 150  # "two and a half hours"


def test_the_kernel_imports_nothing_but_itself_and_the_supporting_files() -> None:
    known = {*modules_of_table("| file | its one job |"), *modules_of_table("| file | its promise |")}
    for module in known:
        for node in ast.walk(ast.parse(text_of(f"minigrad/{module}.py"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minigrad"):
                path = (node.module or "").removeprefix("minigrad").removeprefix(".").replace(".", "/")
                names = [path] if (ROOT / f"minigrad/{path}.py").exists() else [f"{path}/{a.name}" for a in node.names]
                assert set(names) <= known, f"{module} imports {names}"


def test_the_glossary_has_twenty_terms() -> None:
    assert len(re.findall(r"^\| \*\*", text_of("docs/glossary.md"), flags=re.MULTILINE)) == 20


# ----- the reference --------------------------------------------------------------------------------------------------


def test_the_reference_is_complete_and_in_step_with_the_docstrings() -> None:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    grouped = [name for group in reference.GROUPS if group.module == "minigrad" for name in group.names.split()]
    assert len(grouped) == len(set(grouped))
    assert set(minigrad.__all__) <= set(grouped), "give every public name one place in GROUPS"
    assert text_of("docs/reference.md") == reference.page(), "run: python docs/make_reference.py"


# ----- the course -----------------------------------------------------------------------------------------------------


def test_the_list_of_the_course_is_complete() -> None:
    """The side bar of the site lists what is there; the table lists it for those who read the files."""
    chapters = sorted((ROOT / "docs/course").glob("[0-9]*.md"))
    rows = re.findall(r"^\| (\d+) \| \[(.*?)\]\((.*?)\) \|", text_of("docs/course/index.md"), flags=re.MULTILINE)
    titles = [re.findall(r"^# (.*)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[0] for path in chapters]
    assert rows == [(str(int(p.name[:2])), title, p.name) for p, title in zip(chapters, titles, strict=True)]


def test_solutions_of_exercises_are_folded() -> None:
    for path in (ROOT / "docs/course").glob("[0-9]*.md"):
        text = path.read_text(encoding="utf-8")
        is_notebook = text.startswith("---\njupytext:")  # its exercises stand where they come up
        part = text if is_notebook else text.partition("\n## Exercises\n")[2]
        exercises = re.findall(r"^\*\*(?:Exercise )?\d\.\*\*", part, flags=re.MULTILINE)
        assert 2 <= len(exercises) <= 4, path.name
        assert text.count("\n<details><summary>Solution</summary>\n") == len(exercises) == text.count("\n</details>\n")
        assert is_notebook or 1 <= text.count("\n```{plot}\n") <= 2, path.name
