"""How Sphinx builds this site: offline, strictly (warnings are errors), from Markdown and from docstrings."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from sphinx.search.en import SearchEnglish

import mmembed

project = "mmembed"
author = "mmembed developers"
copyright = author  # noqa: A001  Sphinx's own name
version = release = mmembed.__version__
language = "en"

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
suppress_warnings = [
    # Markdown that GitHub shows, too, has its own levels of headings.
    "myst.header",
]
nitpicky = True

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # types stand in the sections Parameters and Returns
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
add_module_names = True  # an entry begins with the path that it is imported by
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
# Scikit-learn and pandas document the members that are theirs.
numpydoc_show_inherited_class_members = False
copybutton_selector = ", ".join(f"div.highlight-{one} pre" for one in ("python", "bash", "default", "pycon"))
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = "mmembed"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_language = "bilingual"
html_show_sourcelink = False
html_copy_source = False
_ALONE = ("index", "tutorial", "decisions", "compared", "benchmarks", "large-tables", "distributed")
html_sidebars = {page: [] for page in _ALONE}  # an empty list of sections would stand beside them
html_theme_options: dict[str, Any] = {
    "logo": {"text": "mmembed"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "collapse_navigation": True,
    "show_nav_level": 1,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}


class BilingualSearch(SearchEnglish):
    """English words by their stems, Chinese by pairs of characters, which needs no segmenter in the browser."""

    lang = "bilingual"
    js_splitter_code = r"""
var splitQuery = (query) =>
  (query.match(/[\u4e00-\u9fff]+|(?:(?![\u4e00-\u9fff])[\p{Letter}\p{Number}_])+/gu) || []).flatMap((word) =>
    /^[\u4e00-\u9fff]{2}/.test(word)
      ? Array.from({ length: word.length - 1 }, (_, at) => word.slice(at, at + 2))
      : [word]);
"""

    def split(self, input: str) -> list[str]:  # noqa: A002  Sphinx's own name
        """Return words, and each two neighbouring Chinese characters."""
        words = re.findall(r"[\u4e00-\u9fff]+|[^\W\u4e00-\u9fff]+", input)
        return [part for word in words for part in self._parts(word)]

    @staticmethod
    def _parts(word: str) -> list[str]:
        is_chinese = "\u4e00" <= word[0] <= "\u9fff" and len(word) > 1
        return [word[at : at + 2] for at in range(len(word) - 1)] if is_chinese else [word]


def _tell_language(_app: Any, page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """Mark the pages under ``zh/`` as Chinese, so that browsers choose the right glyphs and voices."""
    if page.startswith("zh/"):
        context["language"] = "zh-CN"


def _hide_fields(_app: Any, what: str, name: str, obj: Any, _options: Any, _signature: str, _answer: str) -> Any:
    """Show no constructor for results, which functions make: their fields are described as attributes."""
    made_by_hand = "Parameters\n" in (obj.__doc__ or "") or name.endswith("ModelSpec")
    return ("", None) if what == "class" and dataclasses.is_dataclass(obj) and not made_by_hand else None


def setup(app: Any) -> None:
    """Connect what this site adds to Sphinx."""
    app.add_search_language(BilingualSearch)
    app.connect("autodoc-process-signature", _hide_fields)
    app.connect("html-page-context", _tell_language)
