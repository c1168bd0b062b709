"""Build the report of a frame and keep it as one page that can be saved, sent and shown in a notebook."""

from __future__ import annotations

import os
import platform
import tempfile
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.reporting.cards import make_cards
from mmembed.reporting.cells import coordinates, is_missing, one_line, require_column
from mmembed.reporting.grouping import Grouping, group_rows
from mmembed.reporting.page import PageContents, Tile, percent, render_page
from mmembed.reporting.payload import cut_texts, map_data, point_labels
from mmembed.reporting.selecting import Positions, choose_exemplars, choose_points, rank_in_groups, thumbnail_order
from mmembed.reporting.thumbnails import base64_length, data_uri, make_thumbnails
from mmembed.reporting.wording import Language, Words, choose_language
