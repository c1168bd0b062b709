"""Frames as the other verbs leave them: clusters, names, scores, a map, texts and pictures."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

KINDS = [
    ("红色连衣裙", "red dress", (200, 30, 40)),
    ("蓝牙耳机", "earphones", (20, 60, 190)),
    ("登山鞋", "boots", (30, 140, 60)),
]


@pytest.fixture
def goods():
    """Return 24 rows: three clusters of seven, two of noise, one without a vector; the index has duplicate labels."""
    rng = np.random.default_rng(7)
    rows = []
    for row in range(24):
        code = row % 3
        chinese, english, _ = KINDS[code]
        rows.append(
            {
                "标题": f"{chinese} {row}",
                "title": f"{english} {row}",
                "shop": ["north", "south"][row % 2],
                "cluster": code,
                "cluster_score": float(rng.uniform(0.5, 1)),
                "cluster_name": chinese,
                "map_x": code * 10 + rng.normal(),
                "map_y": (code % 2) * 8 + rng.normal(),
            }
        )
    df = pd.DataFrame(rows, index=[f"sku-{row // 2}" for row in range(24)])
    df["cluster"] = df["cluster"].astype("Int64")
    df.iloc[21:23, df.columns.get_loc("cluster")] = -1
    df.iloc[21:23, df.columns.get_loc("cluster_name")] = "noise"
    df.iloc[23, df.columns.get_loc("cluster")] = pd.NA
    df.iloc[23, df.columns.get_loc("map_x")] = np.nan
    return df


@pytest.fixture
def pictured(goods, tmp_path):
    """Return the goods with a column of picture paths, relative to ``tmp_path``."""
    for row in range(len(goods)):
        color = KINDS[row % 3][2]
        Image.new("RGB", (320, 240), color).save(tmp_path / f"{row}.png")
    return goods.assign(photo=[f"{row}.png" for row in range(len(goods))])


@pytest.fixture
def page_data():
    """Return a function that reads the JSON data of a page."""

    def read(page):
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
        assert found is not None
        return json.loads(found[1])

    return read
