"""Every block of code in the documentation runs, and shows what it really gives."""

from __future__ import annotations

import re

import click
import pytest

import mmembed
from pages import ROOT
from pages.reading import read_blocks
from pages.running import check_page, rewrite_page
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


def test_the_local_models_figures_are_the_same_wherever_they_stand():
    """Both READMEs have the table of the model's page, whose figures that page computes."""
    tables = {
        name: re.findall(r"\| (\.\d\d) \| (\.\d\d) \|$", (ROOT / name).read_text("utf-8"), re.MULTILINE)
        for name in ("docs/models/local.md", "README.md", "README.zh-CN.md")
    }
    first, *others = tables.values()
    assert len(first) == 3
    assert others == [first, first], tables


PAGE = """
```python
rows = 3
```

```python
rows * 2
```

```text
6
```

<!-- not run: it cannot -->

```python
1 / 0
```
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE, "utf-8")
    return path


def test_blocks_share_a_namespace_and_some_are_only_shown(page):
    """Two of three blocks run; the one that says why it does not is left alone."""
    assert check_page(page) == 2


def test_a_page_that_shows_another_output_fails(page):
    """The message has the line, what the page says, and what is so."""
    page.write_text(PAGE.replace("\n6\n", "\n7\n"), "utf-8")
    with pytest.raises(AssertionError, match=r"page.md, line 10: the page says[\s\S]*7[\s\S]*output is[\s\S]*6"):
        check_page(page)


def test_a_page_whose_code_fails_fails_at_its_line(page):
    """A traceback points into the page."""
    page.write_text(PAGE.replace("rows * 2", "row * 2"), "utf-8")
    with pytest.raises(NameError) as caught:
        check_page(page)
    assert (caught.traceback[-1].path.name, caught.traceback[-1].lineno + 1) == ("page.md", 7)


def test_an_example_is_held_to_its_columns(page):
    """Figures may be others; another column is an error."""
    code = "import pandas as pd\npd.DataFrame({'score': [0.5]})"
    text = f"```python\n{code}\n```\n\n<!-- for example -->\n\n|   | score |\n|---|---|\n| 0 | 0.7 |\n"
    page.write_text(text, "utf-8")
    assert check_page(page) == 1
    page.write_text(text.replace("| score", "| value"), "utf-8")
    with pytest.raises(AssertionError, match="score"):
        check_page(page)


def test_the_real_output_is_written_into_a_page(page):
    """Only what is not so changes, and the page then holds."""
    page.write_text(PAGE.replace("\n6\n", "\n7\n"), "utf-8")
    rewrite_page(page)
    assert page.read_text("utf-8") == PAGE


def test_a_command_that_does_not_exist_fails(page):
    """Lines of shell that call mmembed are run; others are the reader's."""
    page.write_text("```bash\npip install something\nmmembed models\n```\n", "utf-8")
    assert check_page(page) == 1
    page.write_text("```bash\nmmembed embedd table.csv\n```\n", "utf-8")
    with pytest.raises((AssertionError, click.UsageError), match="embedd"):
        check_page(page)


def test_what_the_prose_claims_is_checked_out_of_sight(page):
    """A comment of checks runs where it stands, and fails at its line of the page."""
    check = "\n<!-- check\nassert rows == {}, rows\n-->\n"
    page.write_text(PAGE + check.format(3), "utf-8")
    assert check_page(page) == 3
    page.write_text(PAGE + check.format(4), "utf-8")
    with pytest.raises(AssertionError, match="3") as caught:
        check_page(page)
    assert (caught.traceback[-1].path.name, caught.traceback[-1].lineno + 1) == ("page.md", 21)
