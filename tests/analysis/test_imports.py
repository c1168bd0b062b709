"""Importing analysis is cheap."""

import subprocess
import sys


def test_import_loads_no_heavy_package():
    """mmembed.analysis comes without scikit-learn, umap, numba, scipy or plotly."""
    code = "import sys, mmembed.analysis; print([m for m in ('sklearn', 'umap', 'numba', 'scipy', 'plotly') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.strip() == "[]"
