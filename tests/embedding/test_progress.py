"""The progress bar: what it says of work that has steps and no number of units."""

import re

import pytest

from mmembed.embedding.progress import progress_bar


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
