"""The words of the report's interface in Chinese and English, and which of the two a frame asks for."""

from __future__ import annotations

from collections.abc import Iterable

from mmembed.analysis.names.terms import Language

_WORDS: dict[str, tuple[str, str]] = {
    "lang": ("zh-CN", "en"),
    "separator": ("、", ", "),
    "named": ("{name}：{told}", "{name}: {told}"),
    "aside": ("{told}（{aside}）", "{told} ({aside})"),
    "change_told": (
        "{kind}：{name}，{before} → {now} 行（{share_before} → {share}）",
        "{kind}: {name}, {before} → {now} ({share_before} → {share})",
    ),
    "default_title": ("主题分析报告", "Topic report"),
    "cluster_prefix": ("主题", "Topic"),
    "skip": ("跳到各主题详情", "Skip to the topics"),
    "generated": ("生成于 {when}", "Generated {when}"),
    "summary": ("概览", "Summary"),
    "rows": ("总行数", "Rows"),
    "rows_each": ("行数", "Rows"),
    "missing": ("缺失向量", "Without a vector"),
    "failed": ("其中失败 {count}", "{count} failed"),
    "cost": ("费用", "Cost"),
    "cost_note": ("{requests} 次请求 · {tokens} 词元", "{requests} requests · {tokens} tokens"),
    "clusters": ("主题数", "Topics"),
    "noise_share": ("未归类占比", "Unassigned"),
    "space": ("向量空间", "Vector space"),
    "dimension": ("{count} 维", "{count} dim."),
    "findings": ("主要发现", "Findings"),
    "say_size": (
        "{rows} 行分成 {count} 个主题，最大的是「{name}」，{size} 行（{share}）。",
        "{rows} rows fall into {count} topics. The largest is “{name}”, with {size} rows ({share}).",
    ),
    "say_size_one": (
        "{rows} 行中有 {size} 行（{share}）在同一个主题「{name}」里。",
        "Of {rows} rows, {size} ({share}) are in one topic, “{name}”.",
    ),
    "say_size_rest": (
        "{rows} 行分成 {count} 个主题，另有 {rest} 行未归类；最大的是「{name}」，{size} 行（{share}）。",
        "{rows} rows fall into {count} topics, {rest} into none. The largest is “{name}”, with {size} rows ({share}).",
    ),
    "stands_out": ("与其他行都不相似", "unlike all others"),
    "high_score": ("分数远高于其他行", "score far above the others"),
    "nearest": ("最近一行 {near}", "nearest {near}"),
    "say_unassigned": (
        "{count} 行（{share}）未归类，不属于任何主题。",
        "{count} rows ({share}) are unassigned: they are in no topic.",
    ),
    "say_follows": ("主题与「{column}」大体一致：{parts}。", "The topics follow “{column}”: {parts}."),
    "say_follows_nearly_each": (
        "每个主题几乎只有一个「{column}」：{parts}。",
        "Each topic has nearly one “{column}” only: {parts}.",
    ),
    "say_follows_each": ("每个主题只有一个「{column}」：{parts}。", "Each topic has one “{column}” only: {parts}."),
    "say_follows_nearly_one": (
        "主题与「{column}」几乎一一对应：{parts}。",
        "The topics match “{column}” almost one to one: {parts}.",
    ),
    "say_follows_one": ("主题与「{column}」一一对应：{parts}。", "The topics match “{column}” one to one: {parts}."),
    "follows_parts": (
        "{share} 的行取所在主题的多数值（全表最常见的值占 {whole}）",
        "{share} of the rows have the commonest value of their topic (the commonest value of all has {whole})",
    ),
    "follows_parts_only": (
        "{share} 的行取所在主题的多数值（全表最常见的值只占 {whole}）",
        "{share} of the rows have the commonest value of their topic (the commonest value of all has only {whole})",
    ),
    "say_more": (
        "「{name}」（{size} 行）中，「{column}」为「{value}」的占 {share}，全部行中占 {whole}。",
        "“{name}” ({size} rows): “{column}” is “{value}” in {share}, against {whole} of all rows.",
    ),
    "say_grew": (
        "「{name}」越来越多：{when} 起占 {since}，之前占 {before}。",
        "“{name}” has become more frequent: {since} of the rows from {when} on, {before} before.",
    ),
    "say_shrank": (
        "「{name}」越来越少：{when} 起占 {since}，之前占 {before}。",
        "“{name}” has become less frequent: {since} of the rows from {when} on, {before} before.",
    ),
    "say_copies": (
        "{count} 行（{share}）与另一行近似重复，共 {groups} 组。",
        "{count} rows ({share}) are near copies of another row. Groups of such rows: {groups}.",
    ),
    "say_copies_one": (
        "{count} 行（{share}）与另一行近似重复，共 {groups} 组。",
        "{count} row ({share}) is a near copy of another row. Groups of such rows: {groups}.",
    ),
    "say_labels": (
        "{count} 行的「{column}」可疑：与它们相似的行大多是另一个值。",
        "{count} rows have a doubtful “{column}”: most rows like them have another value.",
    ),
    "say_labels_one": (
        "{count} 行的「{column}」可疑：与它相似的行大多是另一个值。",
        "{count} row has a doubtful “{column}”: most rows like it have another value.",
    ),
    "say_outliers": (
        "{count} 行与其他行都不相似：与最近一行的余弦至多 {most}，全表中位数为 {median}。最突出的是{names}。",
        (
            "{count} rows are unlike all others: the cosine with the nearest row is {most} at most, where the median "
            "of the table is {median}. The most unlike are {names}."
        ),
    ),
    "say_few_outliers": (
        "{count} 行与其他行都不相似：与最近一行的余弦至多 {most}，全表中位数为 {median}。它们是{names}。",
        (
            "{count} rows are unlike all others: the cosine with the nearest row is {most} at most, where the median "
            "of the table is {median}. They are {names}."
        ),
    ),
    "say_few_outliers_one": (
        "{count} 行与其他行都不相似：{names}，与最近一行的余弦为 {most}，全表中位数为 {median}。",
        (
            "{count} row is unlike all others: {names}. Its cosine with the nearest row is {most}, where the median of "
            "the table is {median}."
        ),
    ),
    "say_high_scores": (
        "{count} 行的离群分数远高于其他行，最高的是{names}。",
        "{count} rows have an outlier score far above the others. The highest are of {names}.",
    ),
    "say_high_scores_one": (
        "{count} 行的离群分数远高于其他行：{names}。",
        "{count} row has an outlier score far above all others: {names}.",
    ),
    "say_unstable": (
        "{count} 个主题不稳定，换一批行会分得不同：{names}。",
        "{count} topics are unstable, and would be different ones in other rows: {names}.",
    ),
    "say_unstable_one": (
        "{count} 个主题不稳定，换一批行会分得不同：{names}。",
        "{count} topic is unstable, and would be a different one in other rows: {names}.",
    ),
    "and_more": ("，另有 {count} 个", " and {count} more"),
    "say_changes": (
        "与 {when} 的报告相比：{parts}。",
        "Since the report of {when}: {parts}.",
    ),
    "semicolon": ("；", "; "),
    "say_kind_grew": ("「{name}」由 {before} 升至 {now}", "“{name}” rose from {before} to {now}"),
    "say_kind_shrank": ("「{name}」由 {before} 降至 {now}", "“{name}” fell from {before} to {now}"),
    "say_kind_appeared": ("新出现「{name}」（{count} 行，{now}）", "“{name}” is new ({count} rows, {now})"),
    "say_kind_appeared_one": ("新出现「{name}」（{count} 行，{now}）", "“{name}” is new ({count} row, {now})"),
    "say_kind_vanished": (
        "「{name}」消失（之前 {count} 行，{before}）",
        "“{name}” is gone ({count} rows, {before} before)",
    ),
    "say_kind_vanished_one": (
        "「{name}」消失（之前 {count} 行，{before}）",
        "“{name}” is gone ({count} row, {before} before)",
    ),
    "more_changes": ("另有 {count} 个主题有变化", "and {count} more topics changed"),
    "more_changes_one": ("另有 {count} 个主题有变化", "and {count} more topic changed"),
    "quoted": ("「{name}」", "“{name}”"),
    "label_column": ("标签", "label"),
    "topics": ("主题一览", "Topics at a glance"),
    "topics_hint": (
        "点列名排序；点主题名跳到它的详情。",
        "Pick a column to sort by it, and a name to read about the topic.",
    ),
    "show_parts": ("显示各主题里较小的组", "Show the smaller groups of each topic"),
    "topic": ("主题", "Topic"),
    "share": ("占比", "Share"),
    "within": ("内部相似度", "Similarity within"),
    "stability": ("稳定性", "Stability"),
    "stability_hint": (
        "换一批行重新分组时，主题与原来重合的程度：1 为完全一样，0.5 以下为不稳定",
        "How like itself the topic is when other rows are grouped: 1 is the same, below 0.5 is unstable",
    ),
    "deviation": ("按「{column}」偏离整体", "By {column}, against the whole"),
    "deviation_told": ("{value} {share}（整体 {whole}）", "{value} {share} (all {whole})"),
    "deviation_none": ("无明显偏离", "as the whole"),
    "unassigned": ("未归类", "Unassigned"),
    "shift_told": ("{before} → {since}（{when} 起）", "{before} → {since} (from {when})"),
    "about": ("数据与方法", "Data and method"),
    "lead_rows": ("{count} 行", "{count} rows"),
    "lead_rows_one": ("{count} 行", "{count} row"),
    "lead": ("{rows}数据。", "{rows}."),
    "lead_with": ("{rows}数据，含{parts}。", "{rows} with {parts}."),
    "lead_text": ("文本{names}", "texts ({names})"),
    "lead_image": ("图片{names}", "pictures ({names})"),
    "lead_video": ("视频{names}", "clips ({names})"),
    "lead_breakdown": ("类别{names}", "categories ({names})"),
    "lead_date": ("日期{names}", "dates ({names})"),
    "lead_model": ("向量由模型 {space} 生成。", "The vectors are by the model {space}."),
    "about_typical": (
        "内部相似度是主题中各行与主题中心的平均余弦：1 为完全一样，0 为毫不相干。",
        "Similarity within is the mean cosine of a topic's rows with its centre: 1 is the same, 0 is unrelated.",
    ),
    "noted_duplicates": (
        "近似重复由本报告找出（相似度阈值 {threshold}）。",
        "Near duplicates were found for this report (threshold of similarity: {threshold}).",
    ),
    "noted_copies": (
        "近似重复由本报告直接比对内容得出；单凭向量相似度区分不了。",
        (
            "Near duplicates were found for this report: contents were compared as such; similarity of vectors alone "
            "does not tell them apart."
        ),
    ),
    "noted_outliers": (
        "离群的行由本报告找出。",
        "Outliers were found for this report.",
    ),
    "noted_labels": (
        "可疑标签由本报告找出：用向量预测「{column}」，留出的行中 {share} 预测正确。",
        "Labels to check were found for this report: “{column}” was predicted right for {share} of held-out rows.",
    ),
    "about_dates": ("日期从 {first} 到 {last}。", "The dates run from {first} to {last}."),
    "about_missing": ("{count} 行没有向量。", "{count} rows have no vector."),
    "about_missing_one": ("{count} 行没有向量。", "{count} row has no vector."),
    "about_failed": (
        "其中 {count} 行有内容但向量化失败。",
        "For {count} of them there is content, but embedding failed.",
    ),
    "about_method": (
        "主题用 {method} 方法按向量分出{settings}。",
        "Rows with similar vectors were grouped into topics by the method {method}{settings}.",
    ),
    "about_gone_on": (
        "主题沿用上一份报告的分组；不属于其中任何一组的新内容自成新主题。",
        "The topics go on from those of the earlier report; new rows that belong to none form topics of their own.",
    ),
    "about_compared": ("它是 {count} 种分法中最好的一种。", "It is the best of {count} groupings that were compared."),
    "about_given": ("主题取自列「{column}」。", "The topics are those of the column “{column}”."),
    "about_settings": ("（{settings}）", " ({settings})"),
    "column": ("列", "Column"),
    "what_it_is": ("内容", "What it is"),
    "missing_cells": ("空单元格", "Empty cells"),
    "in_it": ("范围", "What is in it"),
    "role_text": ("文本", "texts"),
    "role_image": ("图片", "pictures"),
    "role_video": ("视频", "clips"),
    "role_breakdown": ("类别", "categories"),
    "role_date": ("日期", "dates"),
    "role_choice": ("着色与筛选", "colours or filters the map"),
    "role_vector": ("向量", "vectors"),
    "in_text": ("多为 {count} 字左右", "some {count} characters each"),
    "in_values": ("{count} 个不同的值", "{count} different values"),
    "in_values_one": ("{count} 个值", "{count} value"),
    "in_dates": ("{first} 至 {last}", "{first} to {last}"),
    "in_vectors": ("{count} 维，{space}", "{count} numbers, {space}"),
    "other_columns": ("另有 {count} 列不在本页上。", "{count} other columns are not on this page."),
    "other_columns_one": ("另有 {count} 列不在本页上。", "{count} other column is not on this page."),
    "of_sample": (
        "空单元格和范围按样本中的 {count} 行统计。",
        "Missing cells and contents are those of the {count} rows of the sample.",
    ),
    "code": ("重新生成本页的代码", "Code that makes this page again"),
    "code_root": ("图片和视频的文件名从哪个文件夹开始", "the folder that names of files start from"),
    "code_compare": ("上一份报告的 JSON 文件", "the JSON file of the earlier report"),
    "code_duplicates": ("近似重复的分组", "the groups of near duplicates"),
    "code_outliers": ("每一行的离群分数", "the score of each row as an outlier"),
    "code_label_issues": ("可疑标签，或训练好的分类器", "the doubtful labels, or the fitted classifier"),
    "code_run": ("向量化的记录（EmbeddingRun）", "the record of the embedding (EmbeddingRun)"),
    "code_table": ("含向量列 {column} 的表", "the table with its vector column {column}"),
    "map": ("数据地图", "Map"),
    "map_hint": (
        "相似的内容彼此靠近。拖动平移，滚轮或双指缩放，点一个点看内容，圈选的行可以导出。",
        (
            "Similar items sit close together. Drag to move, scroll or pinch to zoom, pick a point to read it, "
            "lasso some to list them."
        ),
    ),
    "map_some": ("图上显示 {shown} 行，共 {total} 行。", "The map shows {shown} of {total} rows."),
    "sampled": (
        (
            "行数、占比、未归类、缺失、内部相似度、分布和随时间的变化均按全部 {rows} 行精确统计；地图、搜索、代表样本、"
            "拿不准的样本、离群的行、可疑标签和关键词来自按主题抽取的 {sample} 行样本。"
        ),
        (
            "Rows, shares, unassigned rows, missing vectors, similarity within, breakdowns and trends are counted over "
            "all {rows} rows. The map, the search, typical and uncertain examples, outliers, labels to check and "
            "keywords are those of a sample of {sample} rows, drawn by topic."
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
    "trend_D": ("随时间变化（按日）", "Over time, by day"),
    "trend_W": ("随时间变化（按周，周一起）", "Over time, by week from Monday"),
    "trend_M": ("随时间变化（按月）", "Over time, by month"),
    "trend_Y": ("随时间变化（按年）", "Over time, by year"),
    "trend_told": ("{first} 至 {last}，依次 {counts} 行", "{first} to {last}, {counts} rows"),
    "trend_told_range": (
        "{first} 至 {last}，每期 {low} 至 {high} 行",
        "{first} to {last}, {low} to {high} rows each",
    ),
    "trend_told_peak": ("{told}；最多在 {most}，{count} 行", "{told}; most in {most}, {count} rows"),
    "trend_most": ("最多 {count}（{most}）", "most {count} ({most})"),
    "changes": ("与上一份报告相比", "Since the last report"),
    "changes_hint": (
        "上一份报告生成于 {when}，共 {rows} 行。占比变化超出随机波动才算增减。",
        "The last report is from {when} and has {rows} rows. A share has changed if chance does not explain it.",
    ),
    "changes_anew": (
        "两份报告的主题是分别分出来的，界线可能不同：新出现和消失也可能只是分法变了，占比要变化很大才算增减。",
        (
            "The topics of the two reports were found separately, and their borders may differ: one that appeared or "
            "vanished may be drawn otherwise only, and a share must change by much before it counts."
        ),
    ),
    "changes_steady": (
        "另有 {count} 个主题的变化未超出随机波动",
        "{count} more topics show no change beyond chance",
    ),
    "changes_steady_one": (
        "另有 {count} 个主题的变化未超出随机波动",
        "{count} more topic shows no change beyond chance",
    ),
    "changes_none": ("{count} 个主题的变化都未超出随机波动", "{count} topics show no change beyond chance"),
    "changes_none_one": ("{count} 个主题的变化未超出随机波动", "{count} topic shows no change beyond chance"),
    "change": ("变化", "Change"),
    "rows_before": ("之前行数", "Rows before"),
    "rows_now": ("现在行数", "Rows now"),
    "share_before": ("之前占比", "Share before"),
    "share_now": ("现在占比", "Share now"),
    "formerly": ("原名 {name}", "was {name}"),
    "kind_grew": ("占比上升", "Share rose"),
    "kind_shrank": ("占比下降", "Share fell"),
    "kind_appeared": ("新出现", "Appeared"),
    "kind_vanished": ("消失", "Vanished"),
    "duplicates": ("近似重复", "Near duplicates"),
    "duplicates_hint": (
        "{groups} 组，共 {rows} 行，除每组第一行外有 {copies} 行；大组在前。",
        "Groups: {groups}, with {rows} rows in all, {copies} beside the first of each; the largest first.",
    ),
    "duplicates_none": ("没有找到近似重复的行。", "No row is a near duplicate of another."),
    "duplicates_nearest": (
        "这张表里没有与其他行明显更接近的副本，这里只是最相似的几对。",
        "Nothing sets copies apart in this table: these are only the pairs that are most alike.",
    ),
    "duplicate_group": ("{count} 行相近", "{count} rows alike"),
    "outliers": ("离群的行", "Outliers"),
    "outliers_hint": (
        "离群分数最高的 {count} 行；内容相同的只列一次。",
        "The {count} rows with the highest scores; equal ones are listed once.",
    ),
    "outliers_hint_one": ("离群分数最高的 {count} 行。", "The {count} row with the highest score."),
    "outliers_hint_near": (
        (
            "{count} 行：先列连最近一行也远的，再按离群分数。附分数和与最近一行的余弦（全表中位数为 {median}）；"
            "内容相同的只列一次。"
        ),
        (
            "{count} rows: first those that even the nearest row is far from, then by score. Each has its score and "
            "the cosine with its nearest row (median of the table: {median}); equal ones are listed once."
        ),
    ),
    "outliers_hint_near_one": (
        "{count} 行，附离群分数和与最近一行的余弦（全表中位数为 {median}）。",
        "{count} row, with its score and the cosine with its nearest row (median of the table: {median}).",
    ),
    "outliers_none": ("没有一行有离群分数。", "No row has a score."),
    "suspects": ("可疑标签", "Labels to check"),
    "suspects_none": ("没有发现可疑标签。", "No label looks doubtful."),
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
    "reason_Remote": ("RemoteContent", "UnknownScheme", "StoreUnavailable"),
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

    def sentences(self, told: Iterable[str]) -> str:
        """Return sentences as one paragraph."""
        return ("" if self.language == "zh" else " ").join(told)

    def reason(self, code: str) -> str:
        """Return why a cell has no picture, in words; several codes may have the same."""
        return self(_REASON_KEYS[code]) if code in _REASON_KEYS else code

    def counted(self, what: str, count: int) -> str:
        """Return what a section lists, and how many there are; or that there are none."""
        return self(f"{what}_hint", count=f"{count:,}") if count else self(f"{what}_none")

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
