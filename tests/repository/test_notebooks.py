"""Notebooks are stored with small outputs that belong to their code, and tell nothing of the machine that made them."""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 500_000
MOST_OUTPUT_BYTES = 200_000
# Folders of the machine that ran a notebook, and addresses but those of the service and of the test server.
PATHS = r"(?<![\w.…/])/(?:work|home|root|tmp|Users|var|opt)/|[A-Z]:\\\\Users"
HOSTS = r"https?://(?!127\.0\.0\.1|localhost|[\w.-]*\.aliyun(?:cs)?\.com)[\w.-]+"
PLACES = re.compile(f"{PATHS}|{HOSTS}")


@pytest.fixture(scope="module")
def script():
    """Return the module that runs the notebooks."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import run_notebooks
    finally:
        sys.path.pop(0)
    return run_notebooks


def code_cells(path):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_those_of_one_run_of_this_code(path, script):
    """The digest is that of the code that is stored, and the cells ran once from first to last."""
    notebook = json.loads(path.read_text("utf-8"))
    assert notebook["metadata"]["mmembed"]["sources"] == script.digest_of_sources(notebook), (
        "The code changed since the notebook ran. Run: python scripts/run_notebooks.py " + path.stem
    )
    code = code_cells(path)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert sum(bool(cell["outputs"]) for cell in code) >= len(code) / 2
    assert not [output for cell in code for output in cell["outputs"] if output["output_type"] == "error"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_small_and_name_no_place(path):
    """No notebook holds a whole page or a script of plotly's, nor a path or a registry of the machine that ran it."""
    assert path.stat().st_size <= MOST_BYTES
    for cell in code_cells(path):
        for output in cell["outputs"]:
            assert len(json.dumps(output)) <= MOST_OUTPUT_BYTES
            assert "<script" not in json.dumps(output)
            told = {kind: data for kind, data in output.get("data", {}).items() if not kind.startswith("image/")}
            assert PLACES.findall(json.dumps([told, output.get("text", "")], ensure_ascii=False)) == []


def test_the_comparison_sees_words_and_not_numbers(script):
    """Other numbers are the same output; another name or a line more is not."""
    stored = json.loads((ROOT / "notebooks" / "05_report.ipynb").read_text("utf-8"))
    fresh = copy.deepcopy(stored)
    (first, *_) = [
        output
        for cell in fresh["cells"]
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
        if output["output_type"] == "stream"
    ]
    text = "".join(first["text"])
    first["text"] = re.sub(r"\d", "7", text)
    assert script.said(fresh) == script.said(stored)
    first["text"] = text + "one line more\n"
    assert script.said(fresh) != script.said(stored)
