"""What SECURITY.md says is held is held by tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
PROMISES = PAGE.split("## What is promised")[1].split("## What is not promised")[0]
LINES = [" ".join(line.split()) for line in re.split(r"\n(?=- )", PROMISES)[1:]]


@pytest.mark.parametrize("promise", LINES, ids=lambda line: line[2:60])
def test_each_promise_is_held_by_tests(promise):
    """Each promise names at least one file, and each of them is there and has tests."""
    named = re.findall(r"`(tests/[\w/.]+)`", promise)
    assert named
    for name in named:
        assert re.search(r"^def test_", (ROOT / name).read_text("utf-8"), re.MULTILINE), name


def test_every_test_on_the_page_is_there():
    """No path of a test is named outside the promises that does not exist."""
    named = set(re.findall(r"tests/[\w/.]+\.py", PAGE))
    assert named
    assert not {name for name in named if not (ROOT / name).is_file()}
