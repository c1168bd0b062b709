"""A word that is none is refused in one form everywhere, with what may be given and the nearest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed.errors import ColumnNotFoundError, ModalityError, one_of
from mmembed.frames import column_of

VECTORS = np.eye(4, dtype="float32")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mmembed.fit_clusters(VECTORS, "kmean"), r"method='kmean' .*Did you mean 'kmeans'"),
        (lambda: mmembed.fit_projection(VECTORS, "umpa"), r"method='umpa' .*Did you mean 'umap'"),
        (lambda: mmembed.VectorDtype(3, storage="float8"), r"storage='float8' .*'float16'"),
        (lambda: pd.DataFrame({"a": ["x"]}).mmembed.embed("a", "txt", model="local"), r"modality='txt' .*mean 'text'"),
        (lambda: pd.DataFrame({"a": ["x"]}).mmembed.embed("a", errors="rise"), r"errors='rise' .*mean 'raise'"),
        (lambda: mmembed.analysis.name_clusters([0], language="cn"), r"language='cn' .*'auto', 'zh', 'en'"),
    ],
)
def test_words_that_are_none_are_refused(call, said):
    """The argument, the word, what may be given, and the nearest."""
    with pytest.raises(ValueError, match=said):
        call()


def test_the_kind_of_the_error_can_be_chosen():
    """A modality that is none is a ModalityError; a word that is one comes back."""
    assert one_of("errors", "raise", ("raise", "coerce")) == "raise"
    with pytest.raises(ModalityError, match=r"modality=3 is not known"):
        one_of("modality", 3, ("text",), error=ModalityError)


def test_a_column_is_looked_up_in_one_way():
    """Missing and twice, with and without the argument and the call that makes it; VectorMatrix says the same."""
    df = pd.DataFrame([[1, 2, 3]], columns=["map_x", "b", "b"])
    with pytest.raises(ColumnNotFoundError, match=r"Column 'map_y' \(y=\).*mean 'map_x'\? Make it with df\.project"):
        column_of(df, "map_y", argument="y", remedy="df.project()")
    with pytest.raises(ColumnNotFoundError, match=r"2 columns named 'b'; one was expected"):
        column_of(df, "b")
    with pytest.raises(ColumnNotFoundError, match=r"Column 'c' is not in the frame"):
        mmembed.VectorMatrix("c").fit(df)
    with pytest.raises(ColumnNotFoundError, match=r"2 columns named 'b'"):
        mmembed.VectorMatrix("b").fit(df)
