"""Two steps of scikit-learn's pipelines: contents to a matrix, and a vector column to a matrix.

Rows without a vector are an error, NaN or zeros where a matrix of numbers is asked for, as the caller says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from mmembed.contents.content import Modality, check_modality
from mmembed.embedding.embedder import Embedder, embedder_of
from mmembed.errors import ColumnNotFoundError, SpaceMismatchError, VectorError, listed, one_of
from mmembed.frames import column_of
from mmembed.providers.models import OWN_MODEL, registered_elsewhere
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array


class EmbeddingTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turn columns of texts, pictures or videos into a matrix ``(n, d)`` of float32.

    Nothing is learned from the rows, so that no fold of a cross-validation knows of another. Contents go through the
    cache: folds, candidates of a search and further fits do not pay for a content twice. A search over this step's
    ``dimension`` asks the model for each of the lengths; put :class:`mmembed.VectorMatrix` behind it and search over
    that one's ``dimension``, and every length is cut from vectors that were paid for once.

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

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), **registered_elsewhere(self.model)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: value for name, value in state.items() if name != OWN_MODEL})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = self.missing != "error"
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _embedder(self) -> Embedder:
        single = {"model": self.model, "dimension": self.dimension, "instruct": self.instruct, "fps": self.fps}
        return embedder_of(self.embedder, root=self.root, **single)

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


class VectorMatrix(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turn a vector column into a matrix ``(n, d)`` of float32, for Pipelines, ColumnTransformers and searches.

    It takes a Series of vectors, a frame that holds one, or a plain matrix, so that it also cuts what another step
    made: ``GridSearchCV`` over ``dimension`` compares lengths of vectors that were paid for once, as Matryoshka models
    allow.

    Parameters
    ----------
    column : str, optional
        The vector column of a frame; not needed where the frame has only one.
    dimension : int, optional
        Keep that many of the first dimensions and normalise.
    normalize : bool
        Scale every row to length 1, also without cutting; zero vectors stay zero.
    missing : {"error", "nan", "zero"}
        What becomes of rows without a vector. ``"nan"`` is for estimators and imputers that take NaN.

    Attributes
    ----------
    n_dimensions_ : int
        Length d of the rows that :meth:`transform` returns.
    space_ : str or None
        The model that made the vectors; other vectors are refused.
    n_features_in_ : int
        Columns of what was fitted: of the frame, or of the matrix.
    feature_names_in_ : numpy.ndarray
        Their names, where they are texts.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> df = pd.DataFrame({"v": pd.Series([[1.0, 0.0], [0.0, 1.0]]).mmembed.as_vectors(), "price": [1, 2]})
    >>> model = make_pipeline(VectorMatrix("v"), LogisticRegression()).fit(df, ["a", "b"])
    >>> model.predict(df).tolist()
    ['a', 'b']
    """

    def __init__(
        self,
        column: str | None = None,
        *,
        dimension: int | None = None,
        normalize: bool = False,
        missing: Missing = "error",
    ) -> None:
        self.column = column
        self.dimension = dimension
        self.normalize = normalize
        self.missing = missing

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Learn the vectors' dimension and space.

        Parameters
        ----------
        X : Series, DataFrame, VectorArray or matrix (n, d)
        y : ignored

        Raises
        ------
        ValueError
            If ``dimension`` is greater than the vectors', or an option is none.
        """
        check_missing_choice(self.missing)
        rows = self._rows(X, reset=True)
        if self.dimension is not None and not 1 <= self.dimension <= rows.dimension:
            raise ValueError(f"dimension={self.dimension!r} is not between 1 and the vectors' {rows.dimension}.")
        self.space_ = rows.space
        self._width = rows.dimension
        self.n_dimensions_ = self.dimension or rows.dimension
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:  # noqa: N803
        """Return the rows as a new matrix ``(n, d)`` of float32.

        Raises
        ------
        VectorError
            If rows have no vector and ``missing="error"``.
        SpaceMismatchError
            If the vectors are of another model than those of :meth:`fit`.
        ValueError
            If they have another dimension.
        """
        check_is_fitted(self)
        rows = self._rows(X, reset=False)
        if None not in (rows.space, self.space_) and rows.space != self.space_:
            raise SpaceMismatchError(
                f"Fitted on vectors of {self.space_!r}, and these are of {rows.space!r}. Embed both with one model."
            )
        if rows.dimension != self._width:
            raise ValueError(f"Fitted on vectors of dimension {self._width}, and these have {rows.dimension}.")
        matrix = fill_missing(rows.matrix[:, : self.n_dimensions_], rows.isna(), self.missing)
        if self.normalize or self.n_dimensions_ < self._width:
            lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
            np.divide(matrix, lengths, out=matrix, where=lengths > 0)
        return matrix

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return a name for each dimension: the column's name and a number.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of what was fitted, which are checked; a single one is taken for the column's name.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features, generate_names=False)
        stem = self._chosen if self._chosen is not None else type(self).__name__.lower()
        if self._chosen is None and names is not None and len(names) == 1:
            stem = names[0]
        return np.array([f"{stem}_{number}" for number in range(self.n_dimensions_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing != "error"
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _rows(self, X: Any, *, reset: bool) -> VectorArray:  # noqa: N803
        """Return the vectors of whatever holds them, and remember or check its names and width."""
        chosen, vectors = self._column_of(X)
        if vectors is None:
            # Missing rows of a matrix are checked later, with their positions.
            allowed = "allow-nan" if self.missing != "error" else True
            matrix = validate_data(self, X, reset=reset, dtype=np.float32, ensure_all_finite=allowed)
            rows = VectorArray.from_matrix(matrix, mask=np.isnan(matrix).any(axis=1))
        else:
            frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame({chosen or 0: vectors})
            validate_data(self, frame, reset=reset, skip_check_array=True)
            rows = as_vector_array(vectors)
        if reset:
            self._chosen = chosen
        return rows

    def _column_of(self, X: Any) -> tuple[str | None, Any]:  # noqa: N803
        """Return name and vectors of the vector column, or None and None for a matrix of numbers."""
        if isinstance(X, pd.DataFrame):
            return self._column_of_frame(X)
        if isinstance(X, pd.Series | pd.Index):
            return (None if X.name is None else str(X.name)), X
        if isinstance(X, VectorArray):
            return None, X
        if isinstance(X, list | tuple) and any(row is None or row is pd.NA for row in X):
            return None, list(X)
        if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
            return None, X
        return None, None

    def _column_of_frame(self, df: pd.DataFrame) -> tuple[str | None, Any]:
        if self.column is not None:
            return self.column, column_of(df, self.column)
        found = [name for name, dtype in df.dtypes.items() if isinstance(dtype, VectorDtype)]
        if not found and df.shape[1] == 1 and df.dtypes.iloc[0].kind == "O":
            found = [df.columns[0]]
        if len(found) > 1 or (found and df.shape[1] > 1):
            raise ColumnNotFoundError(
                f"The frame has the columns {listed(df.columns)}, and VectorMatrix turns one vector column into a "
                f"matrix. Name it: VectorMatrix({str(found[0])!r}); a ColumnTransformer takes several."
            )
        return (str(found[0]), df[found[0]]) if found else (None, None)


Missing = Literal["error", "nan", "zero"]

MISSING: tuple[Missing, ...] = ("error", "nan", "zero")


def check_missing_choice(missing: str) -> None:
    """Refuse a word for ``missing=`` that is none.

    Raises
    ------
    ValueError
        If it is not one of ``MISSING``.
    """
    one_of("missing", missing, MISSING)


def fill_missing(
    matrix: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], missing: Missing
) -> npt.NDArray[np.float32]:
    """Return a matrix ``(n, d)`` of one's own in which rows without a vector are what the caller asked for.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, d)
    mask : numpy.ndarray, shape (n,)
        True where there is no vector.
    missing : {"error", "nan", "zero"}

    Raises
    ------
    VectorError
        If rows are missing and ``missing="error"``; names the first positions.

    Examples
    --------
    >>> import numpy as np
    >>> fill_missing(np.ones((2, 2), np.float32), np.array([False, True]), "zero")
    array([[1., 1.],
           [0., 0.]], dtype=float32)
    """
    check_missing_choice(missing)
    if missing == "error" and mask.any():
        raise VectorError(
            f"{int(mask.sum())} of {len(mask)} rows have no vector (NaN), the first at positions "
            f"{listed(np.flatnonzero(mask)[:3].tolist())}. Drop them first, or give missing='zero' or missing='nan'."
        )
    filled = matrix.astype(np.float32, copy=True)
    filled[mask] = 0.0 if missing == "zero" else np.nan
    return filled
