"""Pictures of a frame for people: an interactive Plotly map, and one self-contained HTML report.

Works on any frame that already has map and cluster columns; it fits nothing and calls no model.
"""

from mmembed.reporting.building import build_report
from mmembed.reporting.plotting import plot
from mmembed.reporting.report import Report

__all__ = ["Report", "build_report", "plot"]
