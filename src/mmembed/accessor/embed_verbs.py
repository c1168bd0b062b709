"""Embedding: the verbs that need a model for the cells of the frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mmembed.accessor.arguments import Columns, all_errors, modalities_of, names_of
from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder, embedder_of
from mmembed.embedding.run import Errors, check_errors, check_errors_choice
from mmembed.errors import ModalityError
from mmembed.frames import Written, assigned, column_of

if TYPE_CHECKING:
    from mmembed.embedding.plan import EmbedPlan


class EmbeddingVerbs:
    """Embedding: the verbs that need a model for the cells of the frame."""

    _df: pd.DataFrame

    def embed(
        self,
        column: Columns,
        modality: Modality = "auto",
        *,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        name: str | Mapping[str, str] | None = None,
        errors: Errors = "raise",
        max_cost: float | None = None,
        embedder: Embedder | None = None,
        progress: bool | None = None,
        root: Path | str | None = None,
    ) -> pd.DataFrame:
        """Add a vector column for each column of contents.

        Parameters
        ----------
        column : str, list of str or dict
            The column to embed; several as a list, or as ``{column: modality}``. They share one plan.
        modality : {"auto", "text", "image", "video", "multi_images"}
            How cells are read; a cell of text is never taken for a file.
        model, dimension, instruct, fps
            As in :class:`mmembed.Embedder`; ``model="local"`` needs no key and no network. A model of your own: its
            name (:func:`mmembed.register_model`), a :class:`mmembed.CustomModel`, or an encoder.
        name : str or dict, optional
            Name of the new column (``{column: name}`` for several); ``<column>_vector`` if not given.
        errors : {"raise", "coerce"}
            ``"raise"``: embed and keep every good row, then raise one error that lists the bad ones. ``"coerce"``:
            bad rows have no vector, with one warning.
        max_cost : float, optional
            The most that this may cost, in CNY: refused before the first request if the lowest price is over it, and
            stopped when the bill reaches it.
        embedder : Embedder, optional
            Shared settings instead of single ones.
        progress : bool, optional
            Show a bar; by default in notebooks and terminals.
        root : path, optional
            Folder that relative file names start from. It is no fence: names in cells may lead out of it, unless
            the embedder has ``strict_root=True``.

        Returns
        -------
        pandas.DataFrame
            The frame with one ``vector[d, space]`` column more for each column embedded.

        Raises
        ------
        EmbeddingError
            If cells failed and ``errors="raise"``.
        BudgetError
            If the price is over ``max_cost``.
        ColumnNotFoundError, ColumnExistsError, ModalityError, UnknownModelError, MissingCredentialsError
            Before anything is read or sent.
        """
        check_errors_choice(errors)
        wanted = modalities_of(self._df, column, modality)
        columns = {one: column_of(self._df, one) for one in wanted}
        names = names_of(name, list(wanted))
        for one in names.values():
            Written.by("embed", one).check(self._df)
        used = embedder_of(embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root)
        runs = used.embed_many(columns, wanted, max_cost=max_cost, progress=progress)
        check_errors(all_errors(runs), len(self._df) * len(columns), errors)
        return assigned(self._df, {names[one]: run.vectors for one, run in runs.items()})

    def plan(
        self,
        column: Columns,
        modality: Modality = "auto",
        *,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        embedder: Embedder | None = None,
        root: Path | str | None = None,
    ) -> EmbedPlan:
        """Return what :meth:`embed` with the same arguments would send and cost, without a request or a key.

        Parameters
        ----------
        column, modality, model, dimension, instruct, fps, embedder, root
            As in :meth:`embed`.

        Returns
        -------
        EmbedPlan
            Rows, distinct contents, cached, invalid, requests, tokens, cost in CNY, seconds.
        """
        wanted = modalities_of(self._df, column, modality)
        columns = {one: column_of(self._df, one) for one in wanted}
        used = embedder_of(embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root)
        return used.plan_many(columns, wanted)

    def fuse(
        self,
        *,
        text: str | None = None,
        image: str | None = None,
        video: str | None = None,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        name: str = "fused_vector",
        errors: Errors = "raise",
        max_cost: float | None = None,
        embedder: Embedder | None = None,
        progress: bool | None = None,
        root: Path | str | None = None,
    ) -> pd.DataFrame:
        """Add one vector a row made of several columns of different kinds; a missing part is left out.

        Parameters
        ----------
        text, image, video : str
            The columns that hold each kind; at least one. A cell of ``image`` may be a list of pictures, for models
            that fuse several (``qwen3-vl-embedding``, the local model).
        name : str
            Name of the new column.
        model, dimension, instruct, fps, errors, max_cost, embedder, progress, root
            As in :meth:`embed`.
        """
        check_errors_choice(errors)
        given: dict[Modality, str | None] = {"text": text, "image": image, "video": video}
        parts: dict[Modality, pd.Series] = {
            kind: column_of(self._df, one) for kind, one in given.items() if one is not None
        }
        if not parts:
            raise ModalityError("fuse needs at least one column: text=, image= or video=.")
        Written.by("fuse", name).check(self._df)
        used = embedder_of(embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root)
        return used.fuse(parts, name, max_cost=max_cost, progress=progress).checked(errors).add_to(self._df)
