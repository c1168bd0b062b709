"""Every block of code in the documentation runs, and shows what it really gives."""

from __future__ import annotations

import re

import pytest

import mmembed
from pages import ROOT
from pages.reading import read_blocks
from pages.running import check_page
from pages.sitting import seated

PAGES = [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
WITH_CODE = [page for page in PAGES if any(block.is_run for block in read_blocks(page))]

pytestmark = pytest.mark.xdist_group("pages")  # one worker, so that the sample data is embedded once


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs_and_shows_what_is_so(page, tmp_path, warm_cache):
    """All blocks of a page run in one namespace, and the output below a block is its output."""
    with seated(tmp_path, warm_cache):
        assert check_page(page)


def test_the_pages_are_found():
    """The test above looks at the README, at pages in folders, and at the Chinese ones."""
    found = {str(page.relative_to(ROOT)) for page in WITH_CODE}
    assert {"README.md", "docs/tutorial.md", "docs/zh/tutorial.md"} <= found


def test_every_public_name_has_its_place_in_the_reference():
    """What ``mmembed.__all__`` lists is described on exactly one page of the reference."""
    text = "\n".join(page.read_text("utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))
    described = re.findall(r"auto(?:function|class|module):: mmembed\.(\w+)$", text, re.MULTILINE)
    for name in mmembed.__all__:
        assert described.count(name) == 1, name
