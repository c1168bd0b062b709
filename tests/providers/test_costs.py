"""What contents will cost: the estimate of a column is the sum of its cells'."""

from hypothesis import given
from hypothesis import strategies as st

from mmembed.contents.content import read_contents, read_fused
from mmembed.providers.costs import TokenEstimate, estimate_cost, estimate_text, estimate_texts, estimate_tokens
from mmembed.providers.models import find_model

LETTERS = st.sampled_from("aZ é中文。한ｦ𠀀😀\u2e7f\u2e80\u9fff\ua000\ud7af\uffef\ufff0\n")


@given(st.lists(st.text(LETTERS | st.characters(), max_size=40), max_size=30))
def test_many_texts_are_estimated_as_one_after_the_other(texts):
    """Narrow and wide characters at the edges of their ranges, empty texts and lone surrogates included."""
    wanted = sum((estimate_text(text) for text in texts), TokenEstimate())
    assert estimate_texts(texts) == wanted


def test_a_column_of_millions_of_characters_is_estimated_in_parts():
    """Texts around the size of one part, and one that is larger than a part."""
    texts = ["中a" * 300_000, "b" * 999_999, "c", "文" * 2_000_001, "", "d"]
    assert estimate_texts(texts) == sum((estimate_text(text) for text in texts), TokenEstimate())


def test_each_kind_has_its_price():
    """Texts, pictures, lists and fused rows together cost the sum of what each is estimated at."""
    spec = find_model("qwen3-vl-embedding")
    picture = "https://example.com/a.png"
    contents = [
        *read_contents(["红色连衣裙", "a red dress"], "text"),
        *read_contents([picture, "https://example.com/a.mp4"], "auto"),
        *read_contents([[picture, picture]], "multi_images"),
        read_fused({"text": "红色", "image": picture}),
    ]
    estimate = estimate_cost(contents, spec)
    pairs = [estimate_tokens(content) for content in contents]
    text = sum((one for one, _ in pairs), TokenEstimate())
    media = sum((one for _, one in pairs), TokenEstimate())
    assert estimate.tokens == text + media
    for name in ("low", "likely", "high"):
        price = (getattr(text, name) * spec.text_price + getattr(media, name) * spec.media_price) / 1000
        assert abs(getattr(estimate, name) - price) < 1e-12
