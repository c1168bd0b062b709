"""The explorer in a notebook: what it sends, and the messages of its script that become rows of the frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmembed.errors import ColumnNotFoundError
from mmembed.figures import explore, plot_select


def chosen(explorer, points):
    """Hand the explorer what its script sends: the points that are listed."""
    explorer.widget.set_state({"chosen": points})


def sent(explorer, message):
    """Return the message and the pictures with which the explorer answers one of its script."""
    answers = []
    explorer.widget.send = lambda content, buffers=None: answers.append((content, buffers))
    explorer.widget._handle_custom_msg(message, [])
    return answers


def test_the_listed_points_are_rows_of_the_frame(goods):
    """The rows come in the order of the frame, with index and columns; a row without a place is skipped over."""
    explorer = explore(goods.iloc[::-1], text="title")
    assert explorer.selected.empty
    chosen(explorer, [4, 0, 22])
    pd.testing.assert_frame_equal(explorer.selected, goods.iloc[::-1].iloc[[1, 5, 23]])
    assert "listed=3" in repr(explorer)
    chosen(explorer, None)
    assert explorer.selected.empty


def test_points_that_are_none_are_passed_by(goods):
    """A notebook's page may send anything: numbers that are no points choose nothing."""
    explorer = explore(goods)
    chosen(explorer, [-1, 2, 10_000])
    assert explorer.positions.tolist() == [2]


def test_a_function_hears_of_every_change_until_it_is_taken_away(goods):
    """Each change brings the listed rows; the returned function ends that."""
    heard = []
    explorer = explore(goods)
    end = explorer.on_change(lambda rows: heard.append(rows["title"].tolist()))
    chosen(explorer, [1, 2])
    chosen(explorer, None)
    end()
    chosen(explorer, [3])
    assert heard == [["earphones 1", "boots 2"], []]


def test_pictures_are_sent_when_they_are_asked_for(pictured, tmp_path):
    """A thumbnail comes for each point that has one; missing files and points that are none are left out."""
    df = pictured.assign(photo=[*pictured["photo"][:3], "gone.png", None, *pictured["photo"][5:]])
    explorer = explore(df, image="photo", root=tmp_path)
    assert list(explorer.widget.data["pictured"]) == [1, 1, 1, 1, 0, *[1] * 18]
    ((content, buffers),) = sent(explorer, {"kind": "pictures", "points": [0, 3, 2, 99, -1, "0", 1.5, True]})
    assert content == {"kind": "pictures", "points": [0, 2]}
    assert all(one[8:12] == b"WEBP" and len(one) <= 10_000 for one in buffers)


@pytest.mark.parametrize("message", [{}, [], "pictures", {"kind": "pictures"}, {"kind": "files", "points": [0]}])
def test_other_messages_are_not_answered(pictured, message, tmp_path):
    """Nothing but a request for pictures gets an answer."""
    assert sent(explore(pictured, image="photo", root=tmp_path), message) == []


def test_no_file_is_read_that_is_not_in_the_picture_column(pictured, tmp_path):
    """Without image=, a request for pictures finds none, whatever the texts say."""
    ((content, _),) = sent(explore(pictured, text="photo", root=tmp_path), {"kind": "pictures", "points": [0, 1]})
    assert content["points"] == []


def test_columns_that_suit_colour_and_filter_by_themselves(goods):
    """Numbers and few values do; names and scores of clusters, texts of their own, vectors and the map do not."""
    df = goods.assign(price=np.arange(24.0), when=pd.Timestamp("2024-01-01"), v=list(np.eye(24, dtype=np.float32)))
    df["v"] = df["v"].mmembed.as_vectors()
    offered = [one["name"] for one in explore(df, "v", text="title").widget.data["choices"]]
    assert offered == ["shop", "price", "when"]
    assert explore(df, color="shop", filter=[]).widget.data["choices"][0]["filter"] is False


def test_a_frame_without_clusters_is_one_group(goods):
    """Only the map columns are needed, and the error names the verb that makes them."""
    data = explore(goods[["map_x", "map_y"]]).widget.data
    assert [one["name"] for one in data["groups"]] == ["All rows"]
    with pytest.raises(ColumnNotFoundError, match="project"):
        explore(goods[["title"]])


def test_more_rows_than_points_are_thinned_evenly(goods):
    """What is listed are rows of the frame, also where not all of them are drawn."""
    explorer = explore(goods, max_points=12)
    assert explorer.widget.data["count"] == 12
    chosen(explorer, [11])
    assert explorer.positions.tolist() == [22]


@pytest.mark.parametrize("options", [{"language": "fr"}, {"height": 10}, {"max_points": 0}])
def test_what_cannot_be_is_refused(goods, options):
    """The error names the value and what was expected."""
    with pytest.raises(ValueError, match=str(next(iter(options.values())))):
        explore(goods, **options)


def test_a_notebook_can_show_it(goods):
    """The object offers the widget's own representation, to marimo too."""
    explorer = plot_select(goods)
    assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()[0]
    assert explorer._display_() is explorer.widget


def test_the_verb_finds_vectors_and_their_texts(goods):
    """The only vector column is taken, and the column that it was made from."""
    df = goods.assign(title_vector=pd.Series(list(np.eye(24, dtype=np.float32)), index=goods.index))
    df["title_vector"] = df["title_vector"].mmembed.as_vectors()
    data = df.mmembed.plot_select().widget.data
    assert data["columns"] == ["title"]
    assert data["neighbors"]["k"] == 15


def test_a_map_that_turns_has_no_lasso(goods):
    """Three dimensions are refused with what to do."""
    with pytest.raises(ValueError, match="no lasso"):
        goods.mmembed.plot_select(z="map_z")
