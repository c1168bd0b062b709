"""Files appear whole or not at all."""

import stat

import pytest

from mmembed._files import whole_file


def test_the_file_appears_when_the_block_ends(tmp_path):
    """Until then the old contents stand, and afterwards others may read the new ones; nothing is left beside it."""
    target = tmp_path / "table.csv"
    target.write_text("old")
    with whole_file(target) as part:
        part.write_text("new")
        assert part.suffix == ".csv"
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_file(tmp_path):
    """What was written in part is gone, and the error goes on."""
    target = tmp_path / "table.csv"
    target.write_text("old")

    def interrupted():
        with whole_file(target) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
