"""How things show themselves in a notebook: as a part of its page, in its colours, light or dark.

Text and lines take the colour of what is around them, so they can be read on every ground. The colours of states follow
the theme of the notebook where it tells (Jupyter, VS Code), and else the reader's choice of a light or dark display.
"""

from __future__ import annotations

import functools
import io
from typing import Any

from minigrad.show import page as pages
from minigrad.show.page import Html, element, joined

_LIGHT = "--ok: #00694a; --wrong: #a33d00; --kink: #8a3b6c; --unclear: #7a5600;"
_DARK = "--ok: #4fcaa0; --wrong: #ff9a6b; --kink: #e3a5c8; --unclear: #f0c455;"
STYLE = f"""
.minigrad-view {{ {_LIGHT} container-type: inline-size; font-size: 13px; line-height: 1.45; color: inherit;
  --line: color-mix(in srgb, currentColor 22%, transparent); --soft: color-mix(in srgb, currentColor 76%, transparent);
  --back: transparent; }}
@media (prefers-color-scheme: dark) {{ .minigrad-view {{ {_DARK} }} }}
[data-jp-theme-light="true"] .minigrad-view, .vscode-light .minigrad-view {{ {_LIGHT} }}
[data-jp-theme-light="false"] .minigrad-view, .vscode-dark .minigrad-view {{ {_DARK} }}
.minigrad-view h1 {{ font-size: 15px; margin: 0 0 4px; }} .minigrad-view h2, .minigrad-view h3 {{ font-size: 13px;
  margin: 10px 0 2px; }}
.minigrad-view p {{ margin: 3px 0; overflow-wrap: anywhere; }}
.minigrad-view ul {{ margin: 3px 0; padding-left: 18px; }}
.minigrad-view .ok {{ --tone: var(--ok); }} .minigrad-view .wrong {{ --tone: var(--wrong); }}
.minigrad-view .kink {{ --tone: var(--kink); }} .minigrad-view .unclear {{ --tone: var(--unclear); }}
.minigrad-view .state {{ color: var(--tone); font-weight: 600; }}
.minigrad-view header {{ border-left: 6px solid var(--tone); padding: 2px 0 2px 10px; }}
.minigrad-view .looks {{ font-weight: 600; }} .minigrad-view .looks span {{ font-weight: 400; color: var(--soft); }}
.minigrad-view dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 0 12px; margin: 6px 0; }}
.minigrad-view dt {{ color: var(--soft); font-weight: 400; }}
.minigrad-view dd {{ margin: 0; overflow-wrap: anywhere; }}
.minigrad-view .soft {{ color: var(--soft); }} .minigrad-view .scroll {{ overflow-x: auto; }}
.minigrad-view table {{ border-collapse: collapse; border: 0; margin: 4px 0; font-variant-numeric: tabular-nums; }}
.minigrad-view thead, .minigrad-view tbody tr, .minigrad-view td, .minigrad-view th {{ background: none; }}
.minigrad-view th, .minigrad-view td {{ border: 0; border-bottom: 1px solid var(--line); padding: 2px 12px 2px 0;
  text-align: right; vertical-align: top; white-space: nowrap; font-weight: 400; max-width: none; color: inherit; }}
.minigrad-view thead th {{ color: var(--soft); font-weight: 600; }}
.minigrad-view th.text, .minigrad-view td.text {{ text-align: left; }}
.minigrad-view code, .minigrad-view pre {{ font: 12px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  background: none; color: inherit; padding: 0; }}
.minigrad-view pre {{ margin: 4px 0; white-space: pre; overflow-x: auto; }}
.minigrad-view .unseen {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }}
{pages.stacked_style(".minigrad-view ", "@container (max-width: 40rem)")}
"""


def view(*parts: object) -> str:
    """A part of the page of a notebook: what a `_repr_html_` returns.

    >>> view(element("p", "a < b"))[-27:]
    '<p>a &lt; b</p></div></div>'
    """
    inner = element("div", joined(parts, "\n"))
    return str(element("div", element("style", Html(STYLE)), inner, class_="minigrad-view"))


def figure_class() -> Any:
    """The class `Figure` of matplotlib, whose objects show themselves in a notebook.

    Those of matplotlib do so only after `%matplotlib inline` or an import of pyplot.

    Raises:
        ImportError: if matplotlib is missing.
    """
    from matplotlib.figure import Figure  # here since few programs draw, and it takes its time

    return _shown(Figure)


@functools.cache
def _shown(figure: Any) -> Any:
    def as_png(self: Any) -> bytes:
        drawn = io.BytesIO()
        self.savefig(drawn, format="png")
        return drawn.getvalue()

    return type("ShownFigure", (figure,), {"_repr_png_": as_png, "__doc__": "A figure that a notebook shows."})
