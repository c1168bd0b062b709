"""Copies told by contents: texts by their letters, pictures by their pixels."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from mmembed.contents.copied_pictures import PictureComparison
from mmembed.contents.copied_texts import compare_texts

ARTICLE = (
    "The carrier is liable for loss of or damage to the goods that happens while they are in its charge, unless it "
    "proves that it took every measure that could be asked for to avoid what happened and what followed from it."
)
LAW = "船长负责管理和指挥船舶。船长在其职权范围内发布的命令，船员、旅客和其他在船人员应当执行。"


def is_copy(one, other):
    """Return whether two texts among some others are copies, whichever comes first."""
    asked = np.array([0, 1]), np.array([1, 0])
    [found, again] = compare_texts([one, other, "Quite another thing.", "一本书", None])(*asked).tolist()
    assert found == again
    return found


@pytest.mark.parametrize(
    "copy",
    [
        ARTICLE,
        ARTICLE.upper(),
        ARTICLE.replace(",", ""),
        f"UPDATED: {ARTICLE}",
        f"{ARTICLE[:170]}...",
        ARTICLE.replace("carrier", "carreir").replace("loss of", "losso f"),
        ARTICLE.replace("every ", "").replace("the ", "", 1),
        ARTICLE.replace("damage", "damages"),
    ],
)
def test_what_a_site_does_to_a_text_leaves_a_copy(copy):
    """Case, marks, a source, an end cut short, misspellings, dropped words."""
    assert is_copy(ARTICLE, copy)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("XP 系统装不上驱动", "xp系统装不上驱动。"),
        ("手机屏幕碎了想换屏", "手机屏幕碎了，想换屏"),
        ("iPhone 15 黑色 128G", "iPhone15黑色128G"),
        ("红色 连衣裙", "红色连衣裙"),
    ],
)
def test_a_blank_or_a_mark_beside_an_ideograph_leaves_a_copy(one, other):
    """Chinese is written with and without them."""
    assert compare_texts([one, other])(np.array([0]), np.array([1]))[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Red dress, size M, cotton", "Red dress, size L, cotton"),
        ("Order 17 was sent on Monday", "Order 18 was sent on Monday"),
        ("Fracture of the left forearm", "Fracture of the right forearm"),
        ("Male patients over sixty", "Female patients over sixty"),
        ("iPhone 13 case, silicone", "iPhone 14 case, silicone"),
        ("左前臂骨折需要手术治疗", "右前臂骨折需要手术治疗"),
        ("第十二条规定的船舶登记", "第十三条规定的船舶登记"),
        ("退款一直没到账，客服说三天", "退款一直没到账,客服说五天"),
        ("iPhone 15 黑色 128G", "iPhone15白色128G"),
        (ARTICLE, ARTICLE[:60]),
        (ARTICLE, "The ship arrives on Monday."),
        ("", ""),
        (None, "a"),
    ],
)
def test_another_word_or_number_in_its_place_is_no_copy(one, other):
    """What says something else is kept, however alike the letters are; so is half of a text, and nothing at all."""
    assert not is_copy(one, other)


def test_chinese_needs_no_blanks():
    """Letters that are left out, that changed places, marks of the other width, and what a site adds."""
    for copy in (
        LAW.replace("管理", "理"),
        LAW.replace("指挥", "挥指"),
        LAW.translate({ord("，"): ",", ord("。"): "."}),
        f"（转载） {LAW}",
        LAW[: int(0.85 * len(LAW))] + "……",
    ):
        assert is_copy(LAW, copy)


def test_what_all_texts_say_makes_no_copies():
    """Texts that share a notice at their end are told apart by the rest."""
    notice = " All prices include taxes. Delivery within ten days. No liability for errors and omissions."
    heads = ["Walnut table", "Garden hose", "Winter boots", "Coffee beans", "Desk lamp", "Bath towel"] * 10
    texts = [f"{head} {'abcdefghij'[at // 6] * 5}.{notice}" for at, head in enumerate(heads)]
    texts.append(texts[0].replace("table", "tabel"))
    left, right = np.triu_indices(len(texts), 1)
    found = compare_texts(texts)(left, right)
    assert list(zip(left[found], right[found], strict=True)) == [(0, 60)]


def drawing(seed, *, colour=None):
    """Return a picture of some shapes on a ground that is not even."""
    random = np.random.default_rng(seed)
    ground = np.linspace(120, 250, 160)[None, :, None] + np.zeros((120, 160, 3))
    picture = Image.fromarray(ground.astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(5):
        x, y = random.integers(0, 110), random.integers(0, 80)
        fill = tuple(random.integers(0, 255, 3).tolist()) if colour is None else colour
        pen.ellipse((x, y, x + random.integers(20, 50), y + random.integers(15, 40)), fill=fill)
    return picture


def compared(*pictures):
    """Return whether the first picture and each of the others are copies, whichever comes first."""
    others = np.arange(1, len(pictures))
    first = np.zeros_like(others)
    found = PictureComparison(lambda row: pictures[row])(first, others).tolist()
    assert PictureComparison(lambda row: pictures[row])(others, first).tolist() == found
    return found


def test_size_quality_brightness_and_edges_leave_a_copy():
    """A picture that is smaller, darker, cut at its edges or grey by a little is the same picture."""
    one = drawing(0)
    copies = (
        one.resize((70, 50)),
        one.crop((10, 6, 152, 112)),
        ImageEnhance.Brightness(one).enhance(0.8),
        one.crop((4, 8, 158, 114)).resize((90, 64)),
        ImageEnhance.Contrast(one).enhance(0.7),
    )
    assert compared(one, *copies) == [True] * 5


def test_thin_lines_and_fine_patterns_leave_a_copy():
    """Where a pixel more or less that is cut off puts black on white."""
    lines = Image.new("RGB", (500, 500), "white")
    pen = ImageDraw.Draw(lines)
    random = np.random.default_rng(3)
    for _ in range(14):
        pen.line(tuple(random.integers(40, 460, 4).tolist()), fill="black", width=3)
    tiles = Image.new("RGB", (120, 240), "white")
    pen = ImageDraw.Draw(tiles)
    for x, y in np.ndindex(4, 8):
        pen.polygon([(30 * x, 30 * y), (30 * x + 15, 30 * y + 30), (30 * x + 30, 30 * y)], fill="black")
    for one in (lines, tiles):
        width, height = one.size
        cut = one.crop((round(0.031 * width), round(0.062 * height), round(0.955 * width), round(0.97 * height)))
        assert compared(one, cut, cut.resize((cut.width * 2 // 3, cut.height * 2 // 3))) == [True] * 2
    assert compared(tiles, ImageEnhance.Contrast(tiles).enhance(0.5)) == [False]


def test_other_pictures_are_no_copies():
    """Other shapes, the same shapes in other colours, one colour alone, and no picture."""
    one = drawing(0, colour=(200, 30, 30))
    others = drawing(1, colour=(200, 30, 30)), drawing(0, colour=(30, 160, 60)), Image.new("RGB", (60, 60), "red"), None
    assert compared(one, *others) == [False] * 4
    white = Image.new("RGB", (60, 60), "white")
    assert compared(white, white.copy()) == [False]


def test_each_picture_is_opened_once():
    """However often it is compared."""
    opened = []

    def open_picture(row):
        opened.append(row)
        return drawing(row)

    comparison = PictureComparison(open_picture)
    comparison(np.array([0, 0, 1]), np.array([1, 2, 2]))
    comparison(np.array([0]), np.array([3]))
    assert sorted(opened) == [0, 1, 2, 3]
