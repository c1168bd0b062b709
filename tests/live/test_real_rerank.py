"""What only the real service can tell of reranking: the shape of queries and answers, mixed kinds, what is counted."""

import os

import pandas as pd
import pytest

from mmembed.contents.content import content_of_text
from mmembed.embedding.reranker import Reranker

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not os.environ.get("DASHSCOPE_API_KEY"), reason="needs DASHSCOPE_API_KEY, and costs a little"),
]
PICTURE = "https://dashscope.oss-cn-beijing.aliyuncs.com/images/256_1.png"
TEXTS = ["一只狗和一个女孩在海滩上", "a spreadsheet of taxes", "a dog on a beach"]


def test_texts_are_scored_by_relevance(tmp_path):
    """A text query as a plain string, texts as objects, and a score for each by its index."""
    [scores], failures = Reranker(cache=tmp_path).score(
        [content_of_text("a dog by the sea")], [[content_of_text(one) for one in TEXTS]]
    )
    assert failures == []
    assert scores[2] > scores[1]
    assert scores[0] > scores[1]


def test_texts_and_pictures_share_a_request(tmp_path):
    """No page says how kinds share a request; one of each is accepted."""
    from mmembed.contents.content import read_content

    documents = [content_of_text(TEXTS[1]), read_content(PICTURE, "image")]
    [scores], failures = Reranker(cache=tmp_path).score([content_of_text("a dog and a girl on a beach")], [documents])
    assert failures == []
    assert scores[1] > scores[0]


def test_a_picture_may_be_the_query(tmp_path):
    """An object like those of the documents, as the page's second example has it."""
    from mmembed.contents.content import read_content

    [scores], _ = Reranker(cache=tmp_path).score(
        [read_content(PICTURE, "image")], [[content_of_text(one) for one in TEXTS]]
    )
    assert scores[0] > scores[1]


def test_a_search_is_reranked(tmp_path):
    """The whole road."""
    df = pd.DataFrame({"t": TEXTS}).mmembed.embed("t", "text", model="local")
    found = df.mmembed.search("a dog by the sea", "t_vector", k=1, rerank=Reranker(cache=tmp_path))
    assert found["t"].item() in {TEXTS[0], TEXTS[2]}
