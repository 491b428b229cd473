"""Settings of the book: ``python -m sphinx -W --keep-going -n docs build/docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from traindiag import __version__

project = "traindiag"
author = "the traindiag authors"
copyright = author
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "bookmaking"]
exclude_patterns = ["bookmaking", "pictures", "static", "changelog"]
suppress_warnings = ["config.cache"]

myst_heading_anchors = 3
# Quotes and dashes stand as they are written: most of them are code.
smartquotes = False
highlight_language = "none"

# The API page: types are told by the docstrings, in words.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
default_role = "literal"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Types of other projects, and words of ours ("zero or one of them"), are no links.
nitpick_ignore_regex = [(r"py:.*", r".*")]

html_theme = "furo"
html_title = "traindiag"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_copy_source = False
html_use_index = False
html_domain_indices = False
html_show_copyright = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c8a", "color-brand-content": "#0b5c8a"},
    "dark_css_variables": {"color-brand-primary": "#7cc4ee", "color-brand-content": "#7cc4ee"},
}
