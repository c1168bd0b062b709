"""The code of the documentation, run as a reader would run it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
