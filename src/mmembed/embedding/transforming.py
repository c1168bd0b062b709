"""Embedding as a step of scikit-learn's Pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from mmembed.embedding.content import Modality, check_modality
from mmembed.embedding.embedder import Embedder
from mmembed.errors import listed
from mmembed.vectors.filling import Missing, check_missing_choice, fill_missing


class EmbeddingTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turn columns of texts, pictures or videos into a matrix ``(n, d)`` of float32.

    Nothing is learned from the rows, so that no fold of a cross-validation knows of another. Contents go through the
    cache: folds, candidates of a search and further fits do not buy a content twice. A search over this step's
    ``dimension`` asks the model for each of the lengths; put :class:`mmembed.VectorMatrix` behind it and search over
    that one's ``dimension``, and every length is cut from vectors that were bought once.

    Parameters
    ----------
    modality : {"auto", "text", "image", "video", "multi_images"} or {column: modality}
        How cells are read.
    model, dimension, instruct, fps
        As in :class:`mmembed.Embedder`.
    embedder : Embedder, optional
        Shared settings instead of the former four. Its ``api_key`` is left out where the pipeline is saved or goes to
        another process (``n_jobs``): set ``DASHSCOPE_API_KEY`` there.
    max_cost : float, optional
        The most that one call of :meth:`transform` may cost, in CNY.
    missing : {"error", "nan", "zero"}
        What becomes of empty cells.
    progress : bool, optional
        Show a bar; not by default, since searches call it many times.
    root : path, optional
        Folder that relative file names in cells start from.

    Attributes
    ----------
    n_dimensions_ : int
        Length d of a vector; with several columns the matrix has d numbers for each.
    space_ : str
        The model that makes the vectors.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : numpy.ndarray
        Their names, where they are texts.

    Examples
    --------
    >>> from sklearn.compose import make_column_transformer
    >>> df = pd.DataFrame({"title": ["a dog", "一只狗"], "price": [1, 2]})
    >>> step = EmbeddingTransformer("text", model="local")
    >>> make_column_transformer((step, "title"), ("passthrough", ["price"])).fit_transform(df).shape
    (2, 513)
    """

    def __init__(
        self,
        modality: Modality | Mapping[str, Modality] = "auto",
        *,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        embedder: Embedder | None = None,
        max_cost: float | None = None,
        missing: Missing = "error",
        progress: bool | None = False,
        root: Path | str | None = None,
    ) -> None:
        self.modality = modality
        self.model = model
        self.dimension = dimension
        self.instruct = instruct
        self.fps = fps
        self.embedder = embedder
        self.max_cost = max_cost
        self.missing = missing
        self.progress = progress
        self.root = root

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Check the settings; nothing is sent, and no key is needed.

        Parameters
        ----------
        X : Series, DataFrame, list or array of cells
            One column, or several; pictures may be paths, URLs, bytes or PIL images.
        y : ignored

        Raises
        ------
        ModalityError, UnknownModelError, ValueError
            If the settings do not fit each other or the columns.
        """
        check_missing_choice(self.missing)
        provider = self._embedder().provider(for_plan=True)
        self._modalities(self._cells(X, reset=True))
        self.n_dimensions_ = provider.dimension
        self.space_ = provider.space
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:  # noqa: N803
        """Return the vectors of the cells, those of several columns side by side.

        Raises
        ------
        EmbeddingError
            If cells could not be embedded; the others are in the cache.
        VectorError
            If cells are empty and ``missing="error"``.
        BudgetError, MissingCredentialsError
            As in ``df.mmembed.embed``.
        """
        check_is_fitted(self)
        columns = self._cells(X, reset=False)
        runs = self._embedder().embed_many(
            columns, self._modalities(columns), max_cost=self.max_cost, progress=self.progress
        )
        made = [run.checked("raise").vectors.array for run in runs.values()]
        return np.hstack([fill_missing(vectors.matrix, vectors.isna(), self.missing) for vectors in made])

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return a name for each number: the column's name and the dimension.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of the columns, which are checked.
        """
        check_is_fitted(self)
        stems = _check_feature_names_in(self, input_features)
        return np.array([f"{stem}_{number}" for stem in stems for number in range(self.n_dimensions_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = self.missing != "error"
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _embedder(self) -> Embedder:
        single = {"model": self.model, "dimension": self.dimension, "instruct": self.instruct, "fps": self.fps}
        given = {name: value for name, value in single.items() if value is not None}
        if self.embedder is None:
            return Embedder(**given, root=self.root)
        if given:
            raise ValueError(f"Give either embedder= or {listed(given)}, not both.")
        return self.embedder if self.root is None else replace(self.embedder, root=self.root)

    def _cells(self, X: Any, *, reset: bool) -> dict[str, pd.Series]:  # noqa: N803
        """Return each column under its name, and remember or check names and number."""
        if isinstance(X, pd.Series):
            frame = X.to_frame()
        elif isinstance(X, pd.DataFrame):
            frame = X
        else:
            if isinstance(X, list | tuple):
                X = self._table(X)  # noqa: N806
            cells = X if hasattr(X, "ndim") else np.asarray(X)
            if cells.ndim not in (1, 2):
                raise ValueError(f"Expected one column of cells or a table of them; got an array of {cells.ndim} axes.")
            frame = pd.DataFrame(cells)
        columns = {str(name): frame.iloc[:, place] for place, name in enumerate(frame.columns)}
        if len(columns) < frame.shape[1]:
            raise ValueError(f"Columns share a name: {listed(frame.columns)}. Rename all but one.")
        names_known = isinstance(X, pd.DataFrame | pd.Series)
        validate_data(self, frame if names_known else frame.to_numpy(), reset=reset, skip_check_array=True)
        if not len(frame):
            raise ValueError(f"Found array with 0 sample(s) (shape={frame.shape}) while a minimum of 1 is required.")
        if frame.shape[1] == 0:
            raise ValueError(
                f"Found array with 0 feature(s) (shape={frame.shape}) while a minimum of 1 is required. Give a column."
            )
        return columns

    def _table(self, cells: Sequence[Any]) -> npt.NDArray[np.object_]:
        """Return a list of cells as one column, and a list of rows as a table; numpy would take pictures apart."""
        rows = self.modality != "multi_images" and all(isinstance(cell, list | tuple) for cell in cells)
        if rows and cells and len({len(row) for row in cells}) == 1:
            table = np.empty((len(cells), len(cells[0])), dtype=object)
            for place, row in enumerate(cells):
                table[place, :] = row
            return table
        column = np.empty(len(cells), dtype=object)
        for place, cell in enumerate(cells):
            column[place] = cell
        return column

    def _modalities(self, columns: Mapping[str, pd.Series]) -> dict[str, Modality]:
        if isinstance(self.modality, str):
            return dict.fromkeys(columns, check_modality(self.modality))
        if set(self.modality) != set(columns):
            raise ValueError(
                f"modality= names the columns {listed(self.modality)}, and there are {listed(columns)}. "
                "Give one modality for all, or one for each column."
            )
        return {name: check_modality(self.modality[name]) for name in columns}
