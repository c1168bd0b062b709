"""The main road of an installed mmembed, run in a clean environment by scripts/check_packages.py.

Texts and pictures of its own, the local model, every verb that a newcomer meets first. Prints the versions that it
ran on as JSON.
"""

from __future__ import annotations

import importlib
import json
import pickle
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

import mmembed

SHOWN = ("pandas", "numpy", "scikit-learn", "scipy", "pyarrow", "numba", "plotly", "dashscope")
ANIMALS = ["a dog", "小狗", "a cat", "一只猫", "a horse", "马", "a cow", "奶牛", "a sheep", "一只羊"]
VEHICLES = ["a train", "火车", "a lorry", "卡车", "a bus", "公共汽车", "a ship", "轮船", "a bicycle", "自行车"]


def check(holds: object, what: str) -> None:
    """Stop with a word on what is wrong; an assertion would vanish under ``python -O``."""
    if not holds:
        raise SystemExit(f"smoke test: {what}")


def table(folder: Path) -> pd.DataFrame:
    """Return twenty captions, a drawn picture for some, and a label for half."""
    df = pd.DataFrame({"title": [*ANIMALS, *VEHICLES], "kind": ["animal"] * 10 + ["vehicle"] * 10})
    photos: list[str | None] = []
    for number in range(len(df)):
        picture = Image.new("RGB", (96, 96), (40 + 10 * number, 120, 200))
        ImageDraw.Draw(picture).ellipse((10, 10, 40 + 2 * number, 80), fill=(220, 30 + 9 * number, 60))
        picture.save(folder / f"{number}.png")
        photos.append(f"{number}.png" if number % 3 else None)
    df["photo"] = photos
    df["known"] = df["kind"].where(df.index % 2 == 0)
    return df


def main() -> None:
    """Walk the road from a table to a page, and back through files, pickles and the command line."""
    folder = Path.cwd()
    package = Path(mmembed.__file__).parent
    check("site-packages" in package.parts, f"mmembed was imported from {package}, not from the wheel")
    check((package / "py.typed").is_file(), "py.typed is missing")

    df = table(folder)
    df = df.mmembed.embed({"title": "text", "photo": "image"}, model="local", root=folder)
    check(df["title_vector"].notna().all(), "a text has no vector")
    check(df["photo_vector"].isna().equals(df["photo"].isna()), "vectors are on other rows than pictures")

    found = df.mmembed.search("puppy", "title_vector", k=2)
    check(set(found["title"]) == {"a dog", "小狗"}, f"search for puppy found {found['title'].tolist()}")
    twins = df.mmembed.duplicates("title_vector", threshold=0.5)
    check(len(twins), "no translation is near its original")
    df = df.mmembed.cluster("title_vector", "kmeans", n_clusters=2, text="title", random_state=0)
    commonest = df.groupby("kind")["cluster"].agg(lambda found: found.mode().iloc[0])
    check((df["cluster"] == df["kind"].map(commonest)).mean() >= 0.8, "clusters are not the two kinds")
    check(df["cluster_name"].nunique() == 2, "clusters have no names")
    df = df.mmembed.cluster("photo_vector", name="photo_cluster")
    df = df.mmembed.classify("title_vector", labels={"animal": "animal", "vehicle": ["vehicle", "交通工具"]})
    check((df["label"] == df["kind"]).mean() >= 0.9, "zero-shot labels are wrong")
    df = df.mmembed.classify("title_vector", target="known", random_state=0)
    check((df["known_predicted"] == df["kind"]).mean() >= 0.9, "learned labels are wrong")
    df = df.mmembed.project("title_vector", random_state=0).mmembed.outliers("title_vector", k=5)
    check(np.isfinite(df[["map_x", "map_y"]].to_numpy()).all(), "the map has a hole")
    df.mmembed.plot(color="cluster", hover="title")
    df.mmembed.explore(text="title")
    page = df.mmembed.report("title_vector", text="title", image="photo", root=folder).save("report.html")
    check("小狗" in Path(page).read_text("utf-8"), "the report does not show the texts")
    index = mmembed.build_index(df["title_vector"])
    check(
        df.mmembed.search("puppy", "title_vector", k=1, index=index)["title"].item() in {"a dog", "小狗"}, "the index"
    )

    df.to_parquet("table.parquet")
    again = pd.read_parquet("table.parquet")
    check(again["title_vector"].dtype == df["title_vector"].dtype, "Parquet lost the vectors' type")
    check(pickle.loads(pickle.dumps(df["title_vector"])).equals(df["title_vector"]), "a pickle is not equal")  # noqa: S301  our own
    model = mmembed.EmbeddingTransformer("text", model="local").fit(df["title"])
    check(model.transform(df["title"]).shape == (20, 512), "EmbeddingTransformer")
    scikit_learn = mmembed.VectorMatrix("title_vector", dimension=64).fit(df)
    check(scikit_learn.transform(df).shape == (20, 64), "VectorMatrix")

    if find_spec("dask") is not None:
        on_dask(df)
    command_line()
    print(json.dumps({name: version(name) for name in SHOWN}))


def on_dask(df: pd.DataFrame) -> None:
    """Embed in two partitions, and bring the vectors through Parquet."""
    importlib.import_module("mmembed.distributed")  # registers ddf.mmembed
    import dask.dataframe as dd

    parts = dd.from_pandas(df[["title"]], npartitions=2).mmembed.embed("title", "text", model="local")
    check(parts.compute()["title_vector"].equals(df["title_vector"]), "Dask embeds otherwise")
    dd.from_pandas(df[["title", "photo_vector"]], npartitions=2).to_parquet("parts")
    check(dd.read_parquet("parts").compute()["photo_vector"].isna().sum() == df["photo"].isna().sum(), "Dask's Parquet")


def command_line() -> None:
    """Call the program that the wheel installs: a search in a file, and the demo, which has no sample data."""
    program = str(Path(sys.executable).with_name("mmembed"))
    call = [program, "search", "table.parquet", "--column", "title_vector", "puppy", "-k", "1", "-f", "jsonl"]
    done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False)  # noqa: S603  our own program
    check(done.returncode == 0 and json.loads(done.stdout)["kind"] == "animal", f"mmembed search: {done.stderr}")
    done = subprocess.run([program, "demo"], capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    check(done.returncode == 1 and "clone of the repository" in done.stderr, f"mmembed demo: {done.stderr}")


if __name__ == "__main__":
    main()
