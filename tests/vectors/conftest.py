"""The fixtures that pandas' extension suite asks for, taken from pandas itself."""

import pandas as pd
from pandas.tests.extension.conftest import *  # noqa: F403  the suite's own fixtures, whatever this pandas has

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
