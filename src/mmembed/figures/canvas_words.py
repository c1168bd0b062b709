"""The words of the map and its lists in Chinese and English, and which of the two texts ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mmembed.analysis.names.terms import Language

_HAN = re.compile("[一-鿿㐀-䶿]")

_OTHER_WORDS = re.compile(r"[぀-ヿ가-힣]|[^\W\d_一-鿿㐀-䶿぀-ヿ가-힣]+")

_WORDS: dict[str, tuple[str, str]] = {
    "map": ("数据地图", "Map"),
    "map_label": (
        (
            "{points} 个点的地图。方向键平移，加减号缩放，0 复位；回车选中最近的点，之后方向键移到相邻的点，"
            "再按回车查找相似内容，Esc 退出。点的列表在搜索框下方。"
        ),
        (
            "Map of {points} points. Arrow keys move it, plus and minus zoom, 0 resets. Enter picks the nearest point; "
            "then arrows go to the next one, Enter finds more like it, Escape leaves it. The search lists the points."
        ),
    ),
    "search": ("搜索", "Search"),
    "search_hint": ("搜索文本或主题…", "Search texts and topics…"),
    "zoom_in": ("放大", "Zoom in"),
    "zoom_out": ("缩小", "Zoom out"),
    "zoom_reset": ("显示全部", "Show everything"),
    "lasso": ("圈选（或按住 Shift 拖动）", "Select with a lasso (or Shift and drag)"),
    "download": ("下载 CSV", "Download CSV"),
    "pictures": ("显示图片", "Show pictures"),
    "color": ("颜色", "Colour"),
    "topics": ("主题", "Topics"),
    "any": ("全部", "All"),
    "all_rows": ("全部行", "All rows"),
    "from": ("从", "from"),
    "to": ("到", "to"),
    "other": ("其他 {count} 个", "{count} others"),
    "like_this": ("查找相似内容", "More like this"),
    "alike_to": ("最相似的 {count} 行", "The {count} rows most like this"),
    "alike_to_one": ("最相似的 {count} 行", "The {count} row most like this"),
    "alike": ("不含这些词但内容相近：{count} 行", "Alike, without the words: {count} rows"),
    "alike_one": ("不含这些词但内容相近：{count} 行", "Alike, without the words: {count} row"),
    "left": ("筛选后 {count} 行", "{count} rows pass the filter"),
    "left_one": ("筛选后 {count} 行", "{count} row passes the filter"),
    "noise": ("未归类", "Unassigned"),
    "row": ("行 {label}", "Row {label}"),
    "all": ("全部 {count} 个点", "All {count} points"),
    "all_one": ("全部 {count} 个点", "{count} point"),
    "found": ("找到 {count} 行", "{count} rows found"),
    "found_one": ("找到 {count} 行", "{count} row found"),
    "in_cluster": ("本主题 {count} 行", "{count} rows in this topic"),
    "in_cluster_one": ("本主题 {count} 行", "{count} row in this topic"),
    "in_noise": ("未归类 {count} 行", "{count} rows are unassigned"),
    "in_noise_one": ("未归类 {count} 行", "{count} row is unassigned"),
    "in_lasso": ("圈选了 {count} 行", "{count} rows selected"),
    "in_lasso_one": ("圈选了 {count} 行", "{count} row selected"),
    "file": ("选中的行", "rows"),
    "column_row": ("行号", "row"),
    "column_label": ("索引", "index"),
    "column_cluster": ("主题编号", "cluster"),
    "column_name": ("主题", "cluster_name"),
    "column_file": ("文件", "file"),
    "none": ("没有匹配的行。", "No row matches."),
    "more": ("再显示 {count} 行", "Show {count} more"),
    "more_one": ("再显示 {count} 行", "Show {count} more"),
    "clear": ("清除", "Clear"),
    "close": ("关闭", "Close"),
    "picture": ("{text} 的图片", "Picture of {text}"),
}


class CanvasWords:
    """The words of one language, with their blanks left open for the script.

    Parameters
    ----------
    language : {"zh", "en"}
    """

    def __init__(self, language: Language) -> None:
        self._column = 0 if language == "zh" else 1

    @property
    def tag(self) -> str:
        """The language as HTML and JavaScript name it."""
        return ("zh-CN", "en")[self._column]

    def __getitem__(self, key: str) -> str:
        return _WORDS[key][self._column]

    def as_dict(self) -> dict[str, str]:
        """Return all words by key."""
        return {key: both[self._column] for key, both in _WORDS.items()}


def choose_language(texts: Iterable[str]) -> Language:
    """Return ``"zh"`` if most of the non-empty texts are Chinese, else ``"en"``.

    A text is Chinese if it has at least as many Chinese characters as words of other scripts; each character of
    Japanese kana and Korean hangul counts as a word. Texts without letters have no vote.

    Examples
    --------
    >>> choose_language(["红色连衣裙 Nike", "蓝色衬衫"])
    'zh'
    >>> choose_language(["a red dress"])
    'en'
    """
    chinese = total = 0
    for text in texts:
        han, others = len(_HAN.findall(text)), len(_OTHER_WORDS.findall(text))
        total += han + others > 0
        chinese += han >= max(others, 1)
    return "zh" if 2 * chinese > total else "en"
