"""What cannot work is refused before a request is sent and before a cell is read."""

import pandas as pd
import pytest

from mmembed import Embedder
from mmembed.errors import ModalityError, UnknownModelError

QWEN, PLUS, FIRST = "qwen3-vl-embedding", "tongyi-embedding-vision-plus", "multimodal-embedding-v1"
DF = pd.DataFrame({"text": ["a", "b"], "image": ["https://example.com/a.png", None], "list": [[], None]})


@pytest.mark.parametrize(
    ("refused", "error", "message"),
    [
        (lambda: DF.mmembed.embed("text", "text", model="qwen3-vl-embeding"), UnknownModelError, "Did you mean 'qwen3"),
        (lambda: DF.mmembed.embed("text", "text", model=QWEN, dimension=100), ValueError, "256, 512"),
        (lambda: DF.mmembed.embed("list", "multi_images", model=FIRST), ModalityError, "tongyi-embedding-vision-plus"),
        (lambda: DF.mmembed.plan("list", "multi_images", model=FIRST), ModalityError, "does not embed 'multi_images'"),
        (lambda: DF.mmembed.fuse(text="text", image="image", model=PLUS), ModalityError, "models that do: 'qwen3"),
        (lambda: DF.mmembed.embed("text", "txt", model=QWEN), ModalityError, "Did you mean 'text'"),
        (lambda: DF.mmembed.embed("text", "text", model=QWEN, errors="ignore"), ValueError, "one of 'raise'"),
        (lambda: DF.mmembed.fuse(text="text", model=QWEN, errors="ignore"), ValueError, "one of 'raise'"),
        (lambda: DF.mmembed.embed("image", "image", model=QWEN, fps=2), ValueError, "from 0 to 1"),
        (lambda: DF.mmembed.embed("text", "text", model=QWEN, max_cost=-1), ValueError, "max_cost"),
        (
            lambda: DF.mmembed.embed("text", "text", embedder=Embedder(model=QWEN, region="singapore")),
            ValueError,
            "is not offered in 'singapore'",
        ),
    ],
)
def test_nothing_is_sent_that_cannot_work(server, refused, error, message):
    """Model, dimension, kind, region, and arguments that are no choice, each with what to do instead."""
    with pytest.raises(error, match=message):
        refused()
    assert server.requests == ()


def test_a_row_with_one_part_is_embedded_as_that_part(server):
    """A fused row whose other parts are missing costs no request of its own, and shares the part's cached vector."""
    fused = DF.mmembed.fuse(text="text", image="image", model=QWEN, dimension=256)
    plain = DF.mmembed.embed("text", "text", model=QWEN, dimension=256)
    assert fused["fused_vector"].iloc[1] == plain["text_vector"].iloc[1]
    assert fused["fused_vector"].iloc[0] != plain["text_vector"].iloc[0]
    assert not server.bill.paid_twice


def test_empty_lists_are_missing(server):
    """As empty texts are."""
    out = DF.mmembed.embed("list", "multi_images", model=PLUS)
    assert out["list_vector"].isna().all()
    assert server.requests == ()
