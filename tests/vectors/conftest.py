"""The fixtures that pandas' extension suite asks for, taken from pandas itself."""

from pandas.tests.extension.conftest import *  # noqa: F403  the suite's own fixtures, whatever this pandas has
