"""Importing analysis is cheap."""

import subprocess
import sys


def test_import_loads_no_heavy_package():
    """mmembed.analysis comes without scikit-learn, umap, numba, scipy or plotly."""
    heavy = {"sklearn", "umap", "numba", "scipy", "plotly"}
    code = f"import sys, mmembed.analysis; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.strip() == "[]"
