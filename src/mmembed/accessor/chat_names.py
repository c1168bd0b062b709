"""Names of clusters by a language model that sees: what it is shown, and answers that keep the rules of names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mmembed.accessor.arguments import reader_language, source_of
from mmembed.analysis.names.names import check_names
from mmembed.contents.clips import middle_frame
from mmembed.contents.content import Content, read_contents
from mmembed.contents.pictures import open_picture, shrink
from mmembed.errors import ContentError
from mmembed.providers.chat import ChatModel

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmembed.analysis.clusters.result import Clusters

_MOST_PICTURES = 60
_MOST_OF_A_CLUSTER = 3
_SIDE = 256

Write = Callable[[Mapping[int, Any]], Mapping[int, str]]


def name_writer(
    chat: ChatModel,
    *,
    language: str,
    pictures: Mapping[int, list[Image]] | None = None,
    within: Mapping[int, str] | None = None,
    max_cost: float | None = None,
) -> Write:
    """Return what writes names for drafts; names that break the rules are asked for once more, with what was wrong.

    ``within`` has the name of the cluster that each one is a part of.
    """

    def write(drafts: Mapping[int, Any]) -> Mapping[int, str]:
        spoken = _language_of(drafts) if language == "auto" else language
        settings: dict[str, Any] = {"language": spoken, "within": within, "max_cost": max_cost}
        written = chat.name(drafts, pictures, **settings)
        complaint = _complaint(written, drafts)
        return chat.name(drafts, pictures, complaint=complaint, **settings) if complaint else written

    return write


def _complaint(written: Mapping[int, str], drafts: Mapping[int, Any]) -> str:
    if set(written) != set(drafts):
        return f"it has names for the groups {sorted(written)}, and the groups are {sorted(drafts)}."
    try:
        check_names(written, given=written, by="The answer")
    except ValueError as error:
        return str(error)
    return ""


def _language_of(drafts: Mapping[int, Any]) -> str:
    said = "".join(text for draft in drafts.values() for text in draft.texts)
    if not said:
        return reader_language()
    return "zh" if sum("\u4e00" <= one <= "\u9fff" for one in said) > len(said) / 4 else "en"


def pictures_of_clusters(
    clusters: Clusters, df: pd.DataFrame, column: str, root: Path | str | None = None
) -> dict[int, list[Image]]:
    """Return small pictures of typical rows of each cluster, where the cells of ``x`` for ``x_vector`` are some."""
    source = source_of(df.columns, column)
    if source is None or pd.api.types.is_string_dtype(df[source]):
        return {}
    count = max(1, min(_MOST_OF_A_CLUSTER, _MOST_PICTURES // max(1, len(clusters.numbers))))
    folder = None if root is None else Path(root)
    found: dict[int, list[Image]] = {}
    for label, positions in clusters.exemplars(count).items():
        for content in read_contents(df[source].iloc[positions].tolist(), "auto", root=folder):
            try:
                picture = _picture_of(content)
            except ContentError:
                continue
            if picture is not None:
                found.setdefault(label, []).append(shrink(picture, _SIDE))
    return found


def _picture_of(content: Any) -> Image | None:
    if not isinstance(content, Content) or content.media is None:
        return None
    return open_picture(content.media) if content.kind == "image" else middle_frame(content.media)
