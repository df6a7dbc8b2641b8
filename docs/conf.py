"""The site: `python -m sphinx -W -b html docs docs/_build`. It needs `pip install -e '.[docs]'`, and no network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for the extension below

project = "minigrad"
html_title = "minigrad"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "site_parts"]
exclude_patterns = ["_build"]

# Markdown as it is read on the repository's pages, too.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_url_schemes = {"http": None, "https": None, "repository": None}

# Docstrings are Google's, with code in single backticks.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Source", "Returns", "Yields"]  # sentences: no type stands before a colon
autodoc_typehints = "none"

# Everything is in the site: no fonts, scripts or addresses from outside.
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path = ["_templates"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_search_summary = False  # it would fetch pages, which a browser refuses where there is no server
html_show_sourcelink = False
