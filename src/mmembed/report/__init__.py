"""One page about a frame, as HTML, Markdown and JSON.

Works on any frame that already has map and cluster columns; it fits nothing and calls no model.
"""

from mmembed.report.build import build_report
from mmembed.report.report import Report

__all__ = ["Report", "build_report"]
