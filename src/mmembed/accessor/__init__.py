"""The doors on pandas objects: ``df.mmembed`` and ``series.mmembed``; each method a few lines on the layers below."""

from mmembed.accessor.frame import FrameAccessor
from mmembed.accessor.series import SeriesAccessor
from mmembed.accessor.table import TableAccessor

__all__ = ["FrameAccessor", "SeriesAccessor", "TableAccessor"]
