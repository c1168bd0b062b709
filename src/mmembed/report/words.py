"""The words of the report's interface in Chinese and English, and which of the two a frame asks for."""

from __future__ import annotations

from mmembed.analysis.names.terms import Language

_WORDS: dict[str, tuple[str, str]] = {
    "lang": ("zh-CN", "en"),
    "separator": ("、", ", "),
    "default_title": ("聚类分析报告", "Cluster report"),
    "cluster_prefix": ("主题", "Topic"),
    "skip": ("跳到各主题详情", "Skip to the topics"),
    "generated": ("生成于 {when}", "Generated {when}"),
    "summary": ("概览", "Summary"),
    "rows": ("总行数", "Rows"),
    "with_vector": ("有向量", "With a vector"),
    "missing": ("缺失向量", "Without a vector"),
    "failed": ("其中失败 {count}", "{count} failed"),
    "cost": ("费用", "Cost"),
    "cost_note": ("{requests} 次请求 · {tokens} 词元", "{requests} requests · {tokens} tokens"),
    "clusters": ("主题数", "Topics"),
    "noise_share": ("未归类占比", "Unassigned"),
    "space": ("向量空间", "Vector space"),
    "dimension": ("{count} 维", "{count} dim."),
    "map": ("数据地图", "Map"),
    "map_hint": (
        "相似的内容彼此靠近。拖动平移，滚轮或双指缩放，点按一点查看内容，圈选可导出。",
        (
            "Similar items sit close together. Drag to move, scroll or pinch to zoom, pick a point to read it, "
            "lasso some to list them."
        ),
    ),
    "map_some": ("图上显示 {shown} 行，共 {total} 行。", "The map shows {shown} of {total} rows."),
    "sampled": (
        (
            "行数、占比、未归类、缺失、内部相似度、分布和随时间的变化均按全部 {rows} 行精确统计；地图、搜索、代表样本、"
            "拿不准的样本和关键词来自按主题抽取的 {sample} 行样本。"
        ),
        (
            "Rows, shares, unassigned rows, missing vectors, similarity within, breakdowns and trends are counted over "
            "all {rows} rows. The map, the search, typical and uncertain examples and keywords are those of a sample "
            "of {sample} rows, drawn by topic."
        ),
    ),
    "sampled_map": (
        "图上是样本中的 {shown} 行，全表共 {total} 行。",
        "The map shows {shown} rows, a sample of {total}.",
    ),
    "map_empty": ("没有带坐标的行，因此没有地图。", "No row has coordinates, so there is no map."),
    "no_script": (
        "地图和搜索需要启用 JavaScript；下面的各主题详情不需要。",
        "The map and the search need JavaScript; the topics below do not.",
    ),
    "details": ("各主题详情", "Topics"),
    "no_clusters": ("没有主题：所有行都未归类或缺失。", "There are no topics: every row is unassigned or missing."),
    "cohesion": ("内部相似度 {score}", "similarity within {score}"),
    "size": ("{count} 行", "{count} rows"),
    "size_one": ("{count} 行", "{count} row"),
    "show_on_map": ("在地图上查看", "Show on the map"),
    "exemplars": ("代表样本", "Typical examples"),
    "borderline": ("拿不准的样本", "Uncertain examples"),
    "keywords": ("关键词", "Keywords"),
    "trend": ("随时间变化", "Over time"),
    "trend_told": (
        "{first} 至 {last}；最多在 {most}，{count} 行",
        "{first} to {last}; most in {most}, {count} rows",
    ),
    "trend_most": ("最多 {count}（{most}）", "most {count} ({most})"),
    "changes": ("与上一份报告相比", "Since the last report"),
    "changes_hint": (
        "上一份报告生成于 {when}，共 {rows} 行。占比变化超出随机波动才算增减。",
        "The last report is from {when} and has {rows} rows. A share has changed if chance does not explain it.",
    ),
    "changes_steady": ("另有 {count} 个主题没有明显变化。", "{count} topics have not changed."),
    "changes_steady_one": ("另有 {count} 个主题没有明显变化。", "{count} topic has not changed."),
    "change": ("变化", "Change"),
    "rows_before": ("之前行数", "Rows before"),
    "rows_now": ("现在行数", "Rows now"),
    "share_before": ("之前占比", "Share before"),
    "share_now": ("现在占比", "Share now"),
    "formerly": ("原名 {name}", "was {name}"),
    "kind_grew": ("增长", "Grew"),
    "kind_shrank": ("缩小", "Shrank"),
    "kind_appeared": ("新出现", "Appeared"),
    "kind_vanished": ("消失", "Vanished"),
    "duplicates": ("近似重复", "Near duplicates"),
    "duplicates_hint": (
        "{groups} 组，共 {rows} 行；大组在前。",
        "Groups: {groups}, with {rows} rows in all; the largest first.",
    ),
    "duplicate_group": ("{count} 行相近", "{count} alike"),
    "outliers": ("离群的行", "Outliers"),
    "outliers_hint": (
        "与其余内容最不相似的 {count} 行，附离群分数。",
        "The {count} rows least like the rest, with their scores.",
    ),
    "outliers_hint_one": (
        "与其余内容最不相似的 {count} 行，附离群分数。",
        "The {count} row least like the rest, with its score.",
    ),
    "suspects": ("可疑标签", "Labels to check"),
    "suspects_hint": (
        "{count} 行的标签与其余数据不符：现有标签 → 建议标签。",
        "{count} rows whose label the rest contradicts: label given → label suggested.",
    ),
    "suspects_hint_one": (
        "{count} 行的标签与其余数据不符：现有标签 → 建议标签。",
        "{count} row whose label the rest contradicts: label given → label suggested.",
    ),
    "breakdown": ("按「{column}」分布", "By {column}"),
    "breakdown_other": ("其他 {count} 类", "{count} others"),
    "no_value": ("（空）", "(empty)"),
    "smaller_hint": ("另有 {count} 个较小的主题，仅列出名称和行数。", "{count} smaller topics, by name and size only."),
    "smaller_hint_one": (
        "另有 {count} 个较小的主题，仅列出名称和行数。",
        "{count} smaller topic, by name and size only.",
    ),
    "name": ("名称", "Name"),
    "appendix": ("附录", "Appendix"),
    "excluded": ("未展示的内容", "What is not shown"),
    "excluded_none": ("所有行都已展示。", "Every row is shown."),
    "why_missing": ("没有主题的行（没有向量）", "Rows without a topic (no vector)"),
    "why_noise": ("未归类：在地图上为灰色，不属于任何主题", "Unassigned: grey on the map, in no topic"),
    "why_not_drawn": (
        "未抽入样本：已计入统计，但不在地图、搜索和样本中",
        "Not in the sample: counted, but not on the map, in the search or among the rows shown",
    ),
    "why_off_map": ("有主题但没有坐标，不在地图上", "In a topic but without coordinates: not on the map"),
    "why_sampled": (
        "为控制文件大小，未画到地图上的行（按主题均匀抽样）",
        "Left off the map to keep the file small (even sample)",
    ),
    "why_cut": ("文本过长，截断到 {length} 字的单元格", "Texts cut to {length} characters"),
    "why_date": ("不是日期的单元格（未计入趋势）", "Cells that are no date (not in the trends)"),
    "why_thumbnail": ("没有缩略图：{reason}", "No thumbnail: {reason}"),
    "reason_Empty": ("单元格为空", "the cell is empty"),
    "reason_Remote": ("网络地址，报告不联网下载", "a web address; the report downloads nothing"),
    "reason_NotFound": ("文件不存在", "the file does not exist"),
    "reason_Unreadable": ("文件损坏或格式不支持", "the file is broken or of an unknown format"),
    "reason_TooLarge": ("像素过多，不安全", "too many pixels to open safely"),
    "reason_Unsupported": ("单元格不是图片", "the cell is no picture"),
    "reason_NoVideoExtra": ("未安装 mmembed[video]", "mmembed[video] is not installed"),
    "reason_OverBudget": ("超出文件大小预算", "over the size budget of the file"),
    "notes": ("说明", "Notes"),
    "parameters": ("参数", "Parameters"),
    "versions": ("版本", "Versions"),
    "made_with": (
        "由 mmembed 生成。单个文件，不联网。",
        "Made with mmembed. One file that loads nothing from the network.",
    ),
    "parameter_cluster": ("主题列", "Topic column"),
    "parameter_map": ("坐标列", "Map columns"),
    "parameter_text": ("文本列", "Text columns"),
    "parameter_image": ("图片列", "Image column"),
    "parameter_video": ("视频列", "Video column"),
    "parameter_vector": ("向量列", "Vector column"),
    "parameter_breakdown": ("分布列", "Breakdown column"),
    "parameter_date": ("日期列", "Date column"),
    "parameter_budget": ("大小预算", "Size budget"),
    "row": ("行 {label}", "Row {label}"),
    "picture": ("{text} 的图片", "Picture of {text}"),
}

# Codes of the reasons why a cell has no picture, by the words for them.
_REASONS = {
    "reason_Empty": ("Empty",),
    "reason_Remote": ("RemoteContent", "UnknownScheme"),
    "reason_NotFound": ("FileNotFound", "NotAFile", "NotAPath", "FileUnreadable", "BrokenURL"),
    "reason_Unreadable": ("EmptyFile", "BrokenFile", "UnknownFormat", "UnreadablePicture", "BrokenDataUri"),
    "reason_TooLarge": ("TooManyPixels",),
    "reason_Unsupported": ("WrongType", "WrongShape", "UnreadableCell"),
    "reason_NoVideoExtra": ("NoVideoExtra",),
    "reason_OverBudget": ("OverBudget",),
}

_REASON_KEYS = {code: key for key, codes in _REASONS.items() for code in codes}


class Words:
    """The interface words of one language: ``words("size", count="12")``.

    Parameters
    ----------
    language : {"zh", "en"}
        Which column of the dictionary.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._column = 0 if language == "zh" else 1

    def __call__(self, key: str, /, **values: str) -> str:
        """Return the wording of a key, with its blanks filled; one of a thing may have a wording of its own."""
        single = f"{key}_one"
        found = single if values.get("count") == "1" and single in _WORDS else key
        return _WORDS[found][self._column].format(**values)

    def reason(self, code: str) -> str:
        """Return why a cell has no picture, in words; several codes may have the same."""
        return self(_REASON_KEYS[code]) if code in _REASON_KEYS else code

    def rows(self, count: int) -> str:
        """Return a number of rows in words."""
        return self("size", count=f"{count:,}")


def percent(share: float) -> str:
    """Return a share as a percentage with one digit.

    Examples
    --------
    >>> percent(0.125)
    '12.5%'
    """
    return f"{100 * share:.1f}%"
