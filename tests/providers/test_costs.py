"""What contents will cost: the truth lies between low and high, and a column's estimate is the sum of its cells'."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmembed.contents.content import read_contents, read_fused
from mmembed.providers.costs import (
    TokenEstimate,
    estimate_cost,
    estimate_each,
    estimate_text,
    estimate_texts,
    estimate_tokens,
    longest_beginning,
)
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
    pairs = [estimate_tokens(content, spec) for content in contents]
    text = sum((one for one, _ in pairs), TokenEstimate())
    media = sum((one for _, one in pairs), TokenEstimate())
    assert estimate.tokens == text + media
    for name in ("low", "likely", "high"):
        price = (getattr(text, name) * spec.text_price + getattr(media, name) * spec.media_price) / 1000
        assert abs(getattr(estimate, name) - price) < 1e-12


# Counted with the vocabulary that the SDK ships (dashscope/resources/qwen.tiktoken) and tiktoken. The rules were fitted
# to other texts; of these, Korean and Thai were outside at first, and their weights were widened.
COUNTED = {
    "chinese": (28, "这款羊毛大衣采用双面呢面料，剪裁利落，适合秋冬通勤穿着，建议干洗并悬挂存放。"),
    "english": (
        25,
        (
            "The kettle boils quickly and pours without dripping, but its lid is stiff and th"
            "e handle gets rather warm after a few minutes."
        ),
    ),
    "digits": (40, "3141592653589793238462643383279502884197"),
    "urls": (
        35,
        "https://cdn.example-shop.net/images/products/2026/11/red-dress_front-large.jpg?width=640&quality=85#zoom",
    ),
    "json": (
        49,
        '{"order_id": 88231, "items": [{"sku": "KT-204", "quantity": 2, "price": 59.9}], "paid": true, "note": null}',
    ),
    "hindi": (
        90,
        "यह केतली बहुत जल्दी पानी गरम करती है, लेकिन इसका ढक्कन थोड़ा सख़्त है और हत्था गरम हो जाता है।",
    ),
    "emoji": (19, "😍🔥👍🏽🎉❤️👨\u200d👩\u200d👧🚀🥳🇨🇳✨"),
    "table": (
        57,
        (
            "| size | stock | price |\n|------|------:|-------|\n| S | 12 | 19.90 |\n| M | 0 | 1"
            "9.90 |\n| XL | 147 | 24.50 |\n"
        ),
    ),
    "blanks": (11, "first" + " " * 90 + "second\n\n\n\n\n\t\t\t\tthird" + "\n" * 40 + "end"),
    "code": (
        49,
        (
            "for (int i = 0; i < rows.size(); ++i) {\n    if (rows[i].price > maxPrice) contin"
            "ue;\n    total += rows[i].price * rows[i].count;  // in cents\n}\n"
        ),
    ),
    "japanese": (26, "このやかんはすぐにお湯が沸きますが、ふたが少し固くて、持ち手が熱くなります。"),
    "korean": (38, "이 주전자는 물이 빨리 끓지만 뚜껑이 조금 뻑뻑하고 손잡이가 뜨거워집니다."),
    "russian": (29, "Чайник быстро закипает и не капает, но крышка тугая, а ручка заметно нагревается."),
    "arabic": (32, "تغلي الغلاية بسرعة ولا تسكب الماء، لكن غطاءها قاس ومقبضها يسخن كثيرا."),
    "german": (
        30,
        (
            "Der Wasserkocher ist schnell und tropft nicht, doch der Deckel sitzt fest und de"
            "r Griff wird nach einigen Minuten recht warm."
        ),
    ),
    "base64": (
        58,
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
    ),
    "thai": (38, "กาต้มน้ำนี้เดือดเร็วและไม่หก แต่ฝาค่อนข้างแข็งและด้ามจับร้อน"),
    "short": (2, "kettle"),
}


@pytest.mark.parametrize("kind", COUNTED)
def test_the_tokens_that_are_counted_lie_between_low_and_high(kind):
    """For prose of nine languages, digits, URLs, JSON, emoji, tables, blanks, code, base64 and a single word."""
    counted, text = COUNTED[kind]
    estimate = estimate_text(text)
    assert estimate.low <= counted <= estimate.high
    assert estimate.high <= max(3, 3.5 * counted)
    assert estimate.low >= counted // 4


def test_a_column_of_all_kinds_is_estimated_within_a_tenth():
    """What is too much for one kind and too little for another evens out in the likely figure."""
    likely = estimate_texts([text for _, text in COUNTED.values()]).likely
    assert likely == pytest.approx(sum(counted for counted, _ in COUNTED.values()), rel=0.1)


def test_the_sdks_own_vocabulary_counts_as_the_table_says():
    """The counts above are those of the vocabulary, where tiktoken is there to count."""
    tiktoken = pytest.importorskip("tiktoken")
    qwen = pytest.importorskip("dashscope.tokenizers.qwen_tokenizer")
    import dashscope

    vocabulary = Path(dashscope.__file__).parent / "resources" / "qwen.tiktoken"
    ranks = qwen.QwenTokenizer._load_tiktoken_bpe(str(vocabulary))
    encoding = tiktoken.Encoding("qwen", pat_str=qwen.PAT_STR, mergeable_ranks=ranks, special_tokens={})
    assert {kind: len(encoding.encode_ordinary(text)) for kind, (_, text) in COUNTED.items()} == {
        kind: counted for kind, (counted, _) in COUNTED.items()
    }


QWEN = find_model("qwen3-vl-embedding")


@pytest.mark.parametrize(
    ("size", "counted"),
    [
        ((224, 224), 51),
        ((64, 64), 6),
        ((640, 480), 302),
        ((1000, 700), 684),
        ((1920, 1080), 1_800),
        ((2400, 1600), 1_800),
    ],
)
@pytest.mark.parametrize("form", ["file", "bytes", "array"])
def test_a_local_picture_counts_by_its_size(tmp_path, size, counted, form):
    """Height times width by 1,024 and two, at most 1,800; it is the same for a file, its bytes and an array."""
    array = np.zeros((size[1], size[0], 3), np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(array).save(path, compress_level=1)
    cell = {"file": path, "bytes": path.read_bytes(), "array": array}[form]
    _, media = estimate_tokens(*read_contents([cell], "image"), QWEN)
    assert media.low <= counted <= media.high
    assert media.likely == pytest.approx(counted, rel=0.02)
    assert media.high - media.low <= max(60, counted * 0.15)


def test_a_picture_that_nobody_has_seen_may_have_any_size():
    """Behind a URL, of a model whose page says nothing, or damaged: from the smallest to the largest."""
    unseen = read_contents(["https://example.com/a.png", b"\x89PNG\r\n\x1a\nbroken"], "image")
    for content in unseen:
        _, media = estimate_tokens(content, QWEN)
        assert (media.low, media.high) == (6, 1_802)
    (seen,) = read_contents([np.zeros((224, 224, 3), np.uint8)], "image")
    _, media = estimate_tokens(seen, find_model("tongyi-embedding-vision-plus"))
    assert media.low <= 51 <= media.likely <= media.high


@given(st.text(LETTERS | st.characters(), min_size=1, max_size=200), st.integers(1, 60))
def test_the_longest_beginning_surely_fits(text, most):
    """Its high estimate is at most what was asked for, unless one character is more; and it is a beginning."""
    beginning = longest_beginning(text, most)
    assert text.startswith(beginning)
    assert len(beginning) == 1 or estimate_text(beginning).high <= most


def test_nothing_is_estimated_of_nothing():
    """No texts, no rows."""
    assert estimate_each([]).shape == (0, 3)


def test_a_picture_that_was_away_is_measured_when_it_is_back(tmp_path):
    """A size that could not be read is not remembered for the bytes."""
    path, spec = tmp_path / "a.png", find_model("qwen3-vl-embedding")
    Image.new("RGB", (224, 231)).save(path)
    [content] = read_contents([str(path)], "image")
    path.rename(tmp_path / "b.png")
    unknown = estimate_tokens(content, spec)[1]
    (tmp_path / "b.png").rename(path)
    assert estimate_tokens(content, spec)[1].likely == 53 != unknown.likely
