"""A vector column as the matrix of features that scikit-learn's estimators take."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from mmembed.errors import ColumnNotFoundError, SpaceMismatchError, did_you_mean, listed
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array
from mmembed.vectors.filling import Missing, check_missing_choice, fill_missing


class VectorMatrix(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turn a vector column into a matrix ``(n, d)`` of float32, for Pipelines, ColumnTransformers and searches.

    It takes a Series of vectors, a frame that holds one, or a plain matrix, so that it also cuts what another step
    made: ``GridSearchCV`` over ``dimension`` compares lengths of vectors that were bought once, as Matryoshka models
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
            # Missing rows of a matrix are judged later, with their positions.
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
            if self.column not in df.columns:
                hint = did_you_mean(self.column, df.columns)
                raise ColumnNotFoundError(
                    f"Column {self.column!r} is not in the frame. Available: {listed(df.columns)}.{hint}"
                )
            return self.column, df[self.column]
        found = [name for name, dtype in df.dtypes.items() if isinstance(dtype, VectorDtype)]
        if not found and df.shape[1] == 1 and df.dtypes.iloc[0].kind == "O":
            found = [df.columns[0]]
        if len(found) > 1 or (found and df.shape[1] > 1):
            raise ColumnNotFoundError(
                f"The frame has the columns {listed(df.columns)}, and VectorMatrix turns one vector column into a "
                f"matrix. Name it: VectorMatrix({str(found[0])!r}); a ColumnTransformer takes several."
            )
        return (str(found[0]), df[found[0]]) if found else (None, None)
