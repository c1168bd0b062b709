"""The typical rows of each cluster: their positions, and the rows themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.frames import Written, assigned, rows_in_order


class Exemplars(dict[int, npt.NDArray[np.int64]]):
    """Positions of the rows that are typical of each cluster, the most typical first; ``add_to`` gives the rows.

    Parameters
    ----------
    positions : mapping of int to numpy.ndarray
        By cluster.
    names : mapping of int to str
        Names of the clusters.
    n_rows : int
        How many rows were clustered.
    index : pandas.Index, optional
        Their labels.
    """

    def __init__(
        self,
        positions: Mapping[int, npt.NDArray[np.int64]],
        names: Mapping[int, str],
        n_rows: int,
        index: pd.Index | None = None,
    ) -> None:
        super().__init__(positions)
        self.names, self.n_rows, self.index = names, n_rows, index

    def add_to(self, df: pd.DataFrame, *, name: str = "cluster") -> pd.DataFrame:
        """Return the typical rows of a frame, cluster by cluster, the most typical first.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose vectors were clustered; left alone.
        name : str
            First part of the columns' names.

        Returns
        -------
        pandas.DataFrame
            Rows of the frame with ``cluster``, ``cluster_name`` and ``cluster_rank`` (from 1), under their labels.

        Raises
        ------
        ColumnExistsError
            If one of these columns is there and no verb wrote it.
        """
        columns: dict[str, Any] = {
            name: pd.array(np.repeat(list(self), [len(rows) for rows in self.values()]), dtype="Int64"),
            f"{name}_name": [self.names.get(label, str(label)) for label, rows in self.items() for _ in rows],
            f"{name}_rank": [rank + 1 for rows in self.values() for rank in range(len(rows))],
        }
        Written.by("exemplars", name).check(df, columns)
        ordered = rows_in_order(df, self.n_rows, self.index)
        positions = np.concatenate([np.empty(0, dtype=np.int64), *self.values()])
        return assigned(ordered.iloc[positions], columns)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self), self.names, self.n_rows, self.index)
