"""A small frame with vectors, and the fixtures of pandas' own extension suite, taken from pandas itself."""

import numpy as np
import pandas as pd
import pytest
from pandas.tests.extension.conftest import *  # noqa: F403  the suite's own fixtures, whatever this pandas has

from mmembed.vectors import VectorArray

if int(pd.__version__.split(".")[0]) < 3:
    # pandas 2 keeps these with the fixtures of all its tests.
    from pandas.conftest import (  # noqa: F401  fixtures are found by name
        all_arithmetic_operators,
        all_boolean_reductions,
        all_numeric_accumulations,
        all_numeric_reductions,
        comparison_op,
        nullable_string_dtype,
        sort_by_key,
    )


@pytest.fixture(params=["float32", "float16"])
def df(request):
    """Return six rows with a vector column: the third is missing, the last equals the first."""
    matrix = np.array([[0.5, -1, 2], [1, 0.25, 3], [np.nan] * 3, [-2, 0, 1], [4, 8, -16], [0.5, -1, 2]])
    vectors = VectorArray.from_matrix(matrix, space="toy").astype(request.param)
    tags = [[1, 2], [3], [], [4], [5], [6]]
    return pd.DataFrame({"group": list("aabbca"), "vector": vectors, "tags": tags}, index=[10, 11, 12, 13, 14, 15])
