"""What the site adds to Sphinx: figures made by the code of a page, mathematics without a script, links to the
repository's files, and a page of the reference for each group of names.
"""

import doctest
import html
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cells
import make_reference
import matplotlib
import matplotlib.pyplot as plt
from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.osutil import relative_uri

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

# ----- figures ----------------------------------------------------------------------------------------------------

PLAIN_BLOCK = re.compile(r"^```python\n(?!>>>)(.*?)^```", re.DOTALL | re.MULTILINE)
OPTIONS = doctest.NORMALIZE_WHITESPACE
INK = "#010203"  #: stands for the colour of the text, until the picture is written
STYLE: dict[str, Any] = {
    "figure.figsize": (5.2, 2.8),
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.size": 11,
    "svg.fonttype": "none",  # words stay words
    "savefig.transparent": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    # Okabe and Ito's colours that show on white and on black, each with a line style of its own.
    "axes.prop_cycle": (
        matplotlib.cycler(color=["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"])
        + matplotlib.cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))])
    ),
    **dict.fromkeys(["text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"], INK),
}


class Session:
    """The code of one page, run as its doctests are: first the plain blocks, then the examples in their order."""

    def __init__(self, page: Path) -> None:
        text = page.read_text(encoding="utf-8")
        self.page = page
        self.namespace: dict[str, Any] = {}
        exec("".join(PLAIN_BLOCK.findall(text)), self.namespace)
        self.waiting = doctest.DocTestParser().get_examples(text)
        self.figures = 0

    def run_up_to(self, code: str) -> None:
        """Run the examples of the page up to the last one of `code`."""
        wanted = [example.source for example in doctest.DocTestParser().get_examples(code)]
        sources = [example.source for example in self.waiting]
        starts = [i for i in range(len(sources)) if sources[i : i + len(wanted)] == wanted]
        if not wanted or not starts:
            raise ExtensionError(f"{self.page.name}: a figure is made by examples with >>>, of the page itself")
        end = starts[0] + len(wanted)
        examples, self.waiting = self.waiting[:end], self.waiting[end:]
        test = doctest.DocTest(examples, self.namespace, self.page.name, str(self.page), 0, None)
        test.globs = self.namespace  # not a copy: the next figure goes on from here
        said = io.StringIO()
        failed, _ = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.write, clear_globs=False)
        if failed:
            raise ExtensionError(f"{self.page.name}: the examples fail\n{said.getvalue()}")


def drawn(figure: Any, label: str, salt: str) -> str:
    """The picture as SVG that takes its ink from the text around it."""
    written = io.StringIO()
    with plt.rc_context({"svg.hashsalt": salt}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    picture = re.sub(r"<metadata>.*?</metadata>", "", written.getvalue(), flags=re.DOTALL)
    picture = picture[picture.index("<svg") :].replace(INK, "currentColor")
    return picture.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


class Code(Directive):
    """Code that is shown and run. Where it draws, `:alt:` says what is to be seen and `:caption:` what it means."""

    has_content = True
    option_spec = {"alt": directives.unchanged_required, "caption": directives.unchanged_required}  # noqa: RUF012 - Sphinx's

    @property
    def session(self) -> Session:
        """That of the page."""
        env = self.state.document.settings.env
        if "session" not in env.current_document:
            env.current_document["session"] = Session(Path(env.doc2path(env.docname)))
        return env.current_document["session"]

    def figure(self) -> nodes.figure:
        """What was drawn last."""
        if not self.options.get("alt") or not self.options.get("caption"):
            raise self.error("a figure needs :alt:, the words for those who do not see it, and :caption:")
        self.session.figures += 1
        name = f"{self.session.page.stem}-{self.session.figures}"
        figure = nodes.figure(classes=["made-by-code"])
        caption = nodes.caption()
        caption += self.state.inline_text(self.options["caption"], self.lineno)[0]
        figure += [nodes.raw("", drawn(plt.gcf(), self.options["alt"], name), format="html"), caption]
        return figure


class Plot(Code):
    """A figure made by the examples in it, in a page of examples."""

    def run(self) -> list[nodes.Node]:
        """The code, and what it draws."""
        code = "\n".join(self.content)
        with plt.rc_context(STYLE):
            plt.close("all")
            self.session.run_up_to(code)
            figure = self.figure()
            plt.close("all")
        return [nodes.literal_block(code, code, language="pycon"), figure]


class Cell(Code):
    """A cell of a page that is a notebook."""

    optional_arguments = 1  # the language

    def run(self) -> list[nodes.Node]:
        """The code, what it says, and what it draws if it draws."""
        code = "\n".join(self.content)
        shown = [nodes.literal_block(code, code, language="python")]
        with plt.rc_context(STYLE):
            plt.close("all")
            said = cells.run(code, f"<line {self.lineno} of {self.session.page.name}>", self.session.namespace).rstrip()
            if said:
                shown.append(nodes.literal_block(said, said, language="none", classes=["said"]))
            if plt.get_fignums():
                shown.append(self.figure())
            plt.close("all")
        return shown


# ----- mathematics ------------------------------------------------------------------------------------------------


def write_math(self: Any, node: nodes.math | nodes.math_block) -> None:
    """A formula as MathML, which browsers show by themselves."""
    try:
        self.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    except MathError as error:
        raise ExtensionError(f"{self.docnames[0]}: {error} in {node.astext()}") from error
    raise nodes.SkipNode


# ----- links to the repository ------------------------------------------------------------------------------------

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")
INCLUDE = re.compile(r"```\{include\} (\S+)\n```\n")
SHOWN = "files"  #: the folder of the site with the repository's files
SCHEME = "repository:"


def included() -> dict[Path, str]:
    """The Markdown files outside of `docs` that are pages of the site, each with its page, which includes it."""
    pages = {}
    for page in [DOCS / "index.md", *sorted((DOCS / "project").glob("*.md"))]:
        file = INCLUDE.match(page.read_text(encoding="utf-8"))
        if file is None:
            raise ExtensionError(f"{page.name} begins with the file that it includes")
        pages[(page.parent / file[1]).resolve()] = page.relative_to(DOCS).with_suffix("").as_posix()
    return pages


def with_links(text: str, origin: Path, page: Path, pages: dict[Path, str]) -> str:
    """The Markdown of `origin` as it has to stand on `page`: what lies outside of the site is linked as a file."""

    def link(match: re.Match[str]) -> str:
        image, words, target, anchor = match.groups(default="")
        path = (origin.parent / target).resolve()
        words = LINK.sub(link, words)  # a picture may be a link
        if not path.exists() or not path.is_relative_to(ROOT):
            return match[0]
        if image or (path.is_relative_to(DOCS) and path.suffix == ".md"):
            target = os.path.relpath(path, page.parent)
        elif path in pages:
            target = f"/{pages[path]}.md"
        else:
            target, anchor = SCHEME + path.relative_to(ROOT).as_posix(), ""
        return f"{image}[{words}]({target}{anchor})"

    return LINK.sub(link, text)


def read_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put in what a page includes, and turn its links; names of the reference lead to their docstrings."""
    page, pages = Path(app.env.doc2path(docname)), included()
    origin = {name: file for file, name in pages.items()}.get(docname)
    if origin is None:
        source[0] = with_links(source[0], page, page, pages)
    else:
        app.env.note_dependency(str(origin), docname=docname)
        text = with_links(origin.read_text(encoding="utf-8"), origin, page, pages)
        source[0] = INCLUDE.sub(lambda _: text, source[0])
    if docname == "reference":
        app.env.note_dependency(str(DOCS / "make_reference.py"), docname=docname)
        source[0] = reference_with_links(source[0])


def turn_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let links to the repository's files lead to their pages in the site, and note that these are wanted."""
    for node in doctree.findall(nodes.reference):
        uri = node.get("refuri", "")
        if uri.startswith(SCHEME):
            path = uri.removeprefix(SCHEME)
            wanted(app).add(path)
            node["refuri"] = relative_uri(app.builder.get_target_uri(docname), f"{SHOWN}/{path}.html")
            node["internal"] = True


def trim_examples(_app: Sphinx, doctree: nodes.document) -> None:
    """Doctests end with an empty line, which need not be seen."""
    for node in doctree.findall(nodes.literal_block):
        node.rawsource = node.rawsource.rstrip()
        node[:] = [nodes.Text(node.astext().rstrip())]


def wanted(app: Sphinx) -> set[str]:
    """The files that pages link to, remembered between builds."""
    if not hasattr(app.env, "repository_files"):
        app.env.repository_files = set()
    return app.env.repository_files


def pages_of_files(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each file and folder that is linked to."""
    names = wanted(app)
    for name in sorted(names):
        path = ROOT / name
        if path.is_dir():
            inside = sorted(p.name for p in path.iterdir() if p.suffix in ("", ".py", ".md") and p.name[:2] != "__")
            links = [f'<a href="{path.name}/{p}.html">{p}</a>' if f"{name}/{p}" in names else p for p in inside]
            body = f"<ul>{''.join(f'<li>{link}</li>' for link in links)}</ul>"
        else:
            language = {".py": "python", ".md": "markdown"}.get(path.suffix, "text")
            text = path.read_text(encoding="utf-8", errors="replace")
            body = app.builder.highlighter.highlight_block(text, language)  # type: ignore[attr-defined]  # of HTML
        title = html.escape(name)
        yield f"{SHOWN}/{name}", {"title": title, "body": f"<h1><code>{title}</code></h1>{body}"}, "page.html"


# ----- the reference ----------------------------------------------------------------------------------------------


def write_reference(_app: Sphinx) -> None:
    """One page of docstrings for each group of names: `docs/api`, which git ignores."""
    make_reference.write_docstring_pages(DOCS / "api")


def reference_with_links(text: str) -> str:
    """The page of tables: a name leads to its docstring, a group to the pages of docstrings."""
    homes = make_reference.homes()
    for group in make_reference.GROUPS:
        for name in group.names.split():
            row = rf"(## {re.escape(group.title)}\n(?:(?!\n## ).)*?\n\| )`({name}\b[^`]*)`"
            role = rf"\1{{py:obj}}`\2 <{homes[group.module, name].module}.{name}>`"
            text = re.sub(row, role, text, count=1, flags=re.DOTALL)
    pages = "\n".join(f"api/{make_reference.slug(group)}" for group in make_reference.GROUPS)
    return f"{text}\n```{{toctree}}\n:hidden:\n{pages}\n```\n"


def escape_docstring(_app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Docstrings are read as text: outside of code, bars and stars are themselves."""
    ours = next((n for n, line in enumerate(lines) if line.startswith("minigrad: ")), None)
    if ours is not None:  # a function of NumPy or SciPy, whose docstring refers to pages of theirs
        lines[:] = [*lines[: ours + 1], ""]
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            parts = re.split(r"(`[^`]*`|\*\*[A-Z][^*]*\*\*|^\s*\*+\w+(?=:))", line)  # code, bold, names of arguments
            lines[i] = "".join(part if k % 2 else re.sub(r"([|*])", r"\\\1", part) for k, part in enumerate(parts))


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx."""
    plt.switch_backend("agg")
    app.add_directive("plot", Plot)
    app.add_directive("code-cell", Cell)
    app.add_html_math_renderer("mathml", (write_math, None), (write_math, None))
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-process-docstring", escape_docstring, priority=400)  # before the sections are read
    app.connect("source-read", read_page)
    app.connect("doctree-read", trim_examples)
    app.connect("doctree-resolved", turn_links)
    app.connect("html-collect-pages", pages_of_files)
    return {"parallel_read_safe": False, "parallel_write_safe": False}
