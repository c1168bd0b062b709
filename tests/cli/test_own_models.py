"""Models of one's own in the shell: loaded from a module of the current folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from mmembed.cli import main
from own_models import own_models_forgotten

MODULE = """
import mmembed
def text(texts):
    return [[t.count("a"), t.count("o"), 1] for t in texts]
vowels = mmembed.register_model("vowels", dimension=3, version="1", text=text)
number = 3
"""


@pytest.fixture(autouse=True)
def module():
    """Write the module where the shell is, and forget it afterwards."""
    Path("shellmodels.py").write_text(MODULE, "utf-8")
    path = list(sys.path)
    with own_models_forgotten():
        yield
    sys.path[:] = path
    sys.modules.pop("shellmodels", None)


def test_a_model_of_a_module_embeds_plans_and_searches(table, capsys):
    """``--model module:object`` embeds; a search by words names it once more, since another process forgot it."""
    chosen = ["--column", "title", "--modality", "text", "--model", "shellmodels:vowels"]
    assert main(["plan", str(table), *chosen]) == 0
    assert "vowels: 9 rows" in capsys.readouterr().out
    assert main(["embed", str(table), *chosen, "-o", "out.parquet"]) == 0
    assert str(pd.read_parquet("out.parquet")["title_vector"].dtype) == "vector[3, vowels]"
    with own_models_forgotten():
        capsys.readouterr()
        search = ["search", "out.parquet", "banana", "--column", "title_vector", "-k", "1", "-f", "csv"]
        assert main([*search, "--model", "shellmodels:vowels"]) == 0
        assert "a cat" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nothing:there", "cannot be loaded: No module named 'nothing'"),
        ("shellmodels:there", "has no attribute 'there'"),
        ("shellmodels:number", "is no model: model is of type int"),
        ("shellmodels:text", "is no model: model=text is a function"),
    ],
)
def test_what_is_no_model_is_a_usage_error(table, capsys, model, message):
    """The shell says what was wrong with which value, without a traceback."""
    code = main(["embed", str(table), "--column", "title", "-m", "text", "--model", model, "-o", "out.parquet"])
    assert code == 2
    assert message in " ".join(capsys.readouterr().err.split())
