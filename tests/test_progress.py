"""The progress bar: what it says of work that has steps and no number of units."""

import re

import numpy as np
import pytest
from tqdm import tqdm

from mmembed import fit_classifier, fit_clusters, fit_projection
from mmembed._progress import CellLine, progress_bar


@pytest.mark.parametrize("total", [0, 8])
def test_steps_are_told_by_name_and_time(total, capsys):
    """Work in steps shows the step and the time, without a count or a speed; work in units shows its share."""
    with progress_bar(total, show=True, unit="step", description="cluster") as bar:
        bar.delay = 0
        bar.set_description_str("cluster: structure")
    said = capsys.readouterr().err
    assert "cluster: structure" in said
    if total:
        assert "0/8" in said
    else:
        assert re.search(r"cluster: structure \[\d\d:\d\d\]", said)
        assert "step" not in said


class Cell:
    """Keeps what is displayed below a cell, as a saved notebook does: the last state of each display."""

    def __init__(self):
        self.outputs = []

    def display(self, bundle, *, raw, display_id):
        assert raw
        assert display_id
        self.outputs.append(bundle)
        return self

    def update(self, bundle, *, raw):
        assert raw
        self.outputs[-1] = bundle


def test_a_bar_leaves_nothing_in_a_notebook():
    """While the work lasts, one line changes; when it is done, the line is empty."""
    cell = Cell()
    with tqdm(total=3, file=CellLine(cell.display), ncols=60, leave=False, desc="embed", mininterval=0) as bar:
        bar.update(2)
        assert len(cell.outputs) == 1
        assert "2/3" in cell.outputs[0]["text/plain"]
    assert cell.outputs == [{"text/plain": ""}]


def test_work_of_a_moment_shows_no_bar():
    """Where nothing is written, nothing is displayed."""
    cell = Cell()
    line = CellLine(cell.display)
    line.write("\r     \r")
    line.flush()
    assert cell.outputs == []


def test_each_fit_shows_its_step(capsys):
    """Clusters, maps and classifiers tell what is in work where somebody looks, and nothing where nobody does."""
    rows = np.eye(4, 8, dtype=np.float32)[np.arange(40) % 4] + np.random.default_rng(0).normal(0, 0.3, (40, 8))
    for show in (True, False):
        fit_clusters(rows, "kmeans", n_clusters=4, progress=show)
        fit_projection(rows, "pca", progress=show)
        fit_classifier(rows, np.arange(40) % 4, progress=show)
        said = capsys.readouterr().err
        for word in ("cluster: ", "map: ", "classify: "):
            assert (word in said) == show
        # The last thing written is an empty line over the last bar.
        assert not said.split("\r")[-1].strip()
        assert not show or not said.split("\r")[-2].strip()
