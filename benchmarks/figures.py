"""How large figures are and how long they take: ``python benchmarks/figures.py``.

The JSON is what a notebook stores and a page embeds, without plotly's own script.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

import mmembed


def frame(n_rows: int) -> pd.DataFrame:
    """Return a map of 30 groups with a title of 60 characters and a price in each row."""
    random = np.random.default_rng(0)
    group = random.integers(0, 30, size=n_rows)
    angle = group * 2.4
    titles = [f"{row:>8} {'商品 red dress size M with long sleeves and pockets':<50}" for row in range(n_rows)]
    return pd.DataFrame({
        "map_x": np.sqrt(group) * np.cos(angle) + random.normal(scale=0.3, size=n_rows),
        "map_y": np.sqrt(group) * np.sin(angle) + random.normal(scale=0.3, size=n_rows),
        "map_z": random.normal(size=n_rows), "cluster": group, "title": titles,
        "price": random.lognormal(size=n_rows).round(2),
    })  # fmt: skip


def main() -> None:
    print(f"{'figure':<44}{'MB of JSON':>12}{'s':>8}")
    for n_rows in (10_000, 100_000):
        df = frame(n_rows)
        for name, options in {
            "map": {},
            "map, coloured by a number": {"color": "price"},
            "map in three dimensions": {"z": "map_z"},
            "map, hover of one column": {"hover": "title"},
            "map, hover of two columns": {"hover": ["title", "price"]},
        }.items():
            start = time.perf_counter()
            figure = mmembed.plot(df, **options)
            taken = time.perf_counter() - start
            print(f"{f'{n_rows:,} rows, {name}':<44}{len(figure.to_json().encode()) / 1e6:>12.2f}{taken:>8.2f}")


if __name__ == "__main__":
    main()
