"""How far each verb on Dask agrees with its pandas twin on the same rows; run by ``on_dask.py --compare``."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable

import dask.dataframe as dd
import numpy as np
import pandas as pd
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_mutual_info_score

import mmembed.distributed
from mmembed import Embedder
from mmembed.vectors import Vector, VectorArray, VectorDtype

SHOWN = 2_000  # rows whose neighbourhoods on a map are judged, and whose texts are embedded


def both(call: Callable[[object], object], ddf: dd.DataFrame, df: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the answers on Dask and on pandas as frames of the same order."""
    mine, theirs = call(ddf), call(df)
    mine = mine.compute() if hasattr(mine, "compute") else mine
    return mine.reset_index(drop=True), theirs.reset_index(drop=True)


def difference(call: Callable[[object], object], ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    """Say whether rows, order and labels are equal, and how far numbers are apart at most."""
    mine, theirs = both(call, ddf, df)
    if list(mine.columns) != list(theirs.columns) or len(mine) != len(theirs):
        return f"unlike: {len(mine)} and {len(theirs)} rows, {list(mine.columns)} and {list(theirs.columns)}"
    farthest, unlike = 0.0, {}
    for name, column in theirs.items():
        other = mine[name]
        if isinstance(column.dtype, VectorDtype):
            apart = other.mmembed.to_matrix() - column.mmembed.to_matrix()
            farthest = max(farthest, float(np.nanmax(np.abs(apart))))
        elif pd.api.types.is_float_dtype(column.dtype):
            if not other.isna().equals(column.isna()):
                unlike[name] = "other cells are missing"
            apart = np.abs(np.asarray(other - column, dtype=float))
            farthest = max(farthest, float(apart[~np.isnan(apart)].max(initial=0.0)))
        else:
            share = (other.astype(str).to_numpy() == column.astype(str).to_numpy()).mean()
            if share < 1:
                unlike[name] = f"{share:.4%} equal"
    return f"{len(theirs)} rows; {unlike or 'all equal'}; numbers differ by {farthest:.1e} at most"


def query(number: int = 0) -> Vector:
    drawn = np.random.default_rng(7).normal(size=(5, 512)).astype(np.float32)
    return Vector(drawn[number], space="toy")


def join(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    right = df.iloc[::25][["row", "v"]]

    def pairs(left: object) -> object:
        found = left[["row", "v"]].mmembed.join(right, "v", "v", k=3)
        return found[[name for name in found.columns if "row" in name or name == "similarity"]]

    return difference(pairs, ddf, df)


def labelled(df: object) -> object:
    """Label one row in ten by the word that its cluster has in common."""
    return df.assign(word=df["text"].str.split(" ").str[0].where(df["row"] % 10 == 0))


def duplicates(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    found, true = mmembed.distributed.find_duplicates(ddf["v"], 0.95), mmembed.find_duplicates(df["v"], 0.95)
    dropped = np.isin(np.arange(len(df)), found.positions[found.among.is_duplicate], invert=True)
    alike = np.mean(np.logical_not(dropped) == np.asarray(true.is_duplicate))
    return f"{found!r} and {true!r}; {alike:.4%} of the rows are told alike; recall {found.recall:.4f}"


def deduplicate(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    mine, theirs = both(lambda df: df.mmembed.deduplicate("v", 0.95)[["row"]], ddf, df)
    common = len(np.intersect1d(mine["row"], theirs["row"]))
    return f"{len(mine)} and {len(theirs)} rows, {common} in both"


def levels(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    mine, theirs = both(lambda df: df.mmembed.duplicate_levels("v", [0.99, 0.95], show="row"), ddf, df)
    same = mine.astype(str).equals(theirs.astype(str))
    counts = [one.iloc[:, :3].drop_duplicates().to_dict("list") for one in (mine, theirs)]
    return f"equal: {same}; {counts}"


def outliers(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    mine, theirs = both(lambda df: df.mmembed.outliers("v")[["outlier_score"]], ddf, df)
    worst = [set(one["outlier_score"].nlargest(len(df) // 100).index) for one in (mine, theirs)]
    rank = mine["outlier_score"].corr(theirs["outlier_score"], method="spearman")
    return f"rank correlation {rank:.3f}; {len(worst[0] & worst[1]) / len(worst[0]):.2f} of the worst hundredth in both"


def clusters(method: str, **options: object) -> Callable[[dd.DataFrame, pd.DataFrame], str]:
    """Hold clusters of a sample, and k-means over partitions, against those of all rows in memory."""

    def compare(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
        said = []
        true = np.asarray(mmembed.fit_clusters(df["v"], method, **options).labels)
        again = np.asarray(mmembed.fit_clusters(df["v"], method, random_state=1, **options).labels)
        for size in (5_000, 20_000):
            found = mmembed.distributed.fit_clusters(ddf["v"], method, sample_rows=size, **options)
            labels = np.asarray(found.labels.compute())
            cosines = " and ".join(f"{mean_cosine(df['v'], one):.4f}" for one in (labels, true))
            said.append(
                f"on {size}: AMI with the fit of all {adjusted_mutual_info_score(true, labels):.3f}, "
                f"{labels.max() + 1} and {true.max() + 1} clusters, mean cosine {cosines}"
            )
        return "; ".join([*said, f"another seed on all: AMI {adjusted_mutual_info_score(true, again):.3f}"])

    return compare


def mean_cosine(vectors: pd.Series, labels: np.ndarray) -> float:
    """Return the mean cosine of the rows in a cluster with the mean direction of their cluster."""
    units = vectors.mmembed.normalize().mmembed.to_matrix()
    inside = labels >= 0
    lengths = [
        np.linalg.norm(units[labels == label].sum(axis=0, dtype=np.float64)) for label in np.unique(labels[inside])
    ]
    return float(np.sum(lengths) / inside.sum())


def classify(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    def learn(df: object, **options: object) -> object:
        return labelled(df).mmembed.classify("v", target="word", **options)[["word_predicted", "word_score"]]

    said = [difference(learn, ddf, df)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        part = learn(ddf, sample_rows=2_000).compute().reset_index(drop=True)
    whole, true = learn(df).reset_index(drop=True), df["text"].str.split(" ").str[0]
    alike = (part["word_predicted"].astype(str) == whole["word_predicted"].astype(str)).mean()
    right = [(one["word_predicted"].astype(str) == true.reset_index(drop=True)).mean() for one in (part, whole)]
    return f"{said[0]}; learned from 2,000: {alike:.4f} equal, right {right[0]:.4f} and {right[1]:.4f}"


def zero_shot(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    words = df.assign(word=df["text"].str.split(" ").str[0]).iloc[:400]
    means = words.groupby("word")["v"].agg(lambda one: one.mmembed.to_matrix().mean(axis=0))
    array = VectorArray.from_matrix(np.stack(means.tolist()).astype("f4"), space="toy")

    def label(df: object) -> object:
        ask = mmembed.distributed.labels if isinstance(df, dd.DataFrame) else mmembed.zero_shot
        return ask(df["v"], array, list(means.index)).add_to(df)[["label", "label_score"]]

    return difference(label, ddf, df)


def project(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    mine, theirs = both(lambda df: df.mmembed.project("v", random_state=0)[["map_x", "map_y"]], ddf, df)
    shown = np.random.default_rng(0).choice(len(df), SHOWN, replace=False)
    rows = df["v"].mmembed.to_matrix()[shown]
    kept = [trustworthiness(rows, one.to_numpy()[shown], n_neighbors=15, metric="cosine") for one in (mine, theirs)]
    return f"trustworthiness of {SHOWN} rows {kept[0]:.4f}, on pandas {kept[1]:.4f}"


def compared(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    ask = {"target": "word", "dimensions": [64]}
    return difference(lambda df: labelled(df).mmembed.compare("v", **ask).drop(columns="seconds"), ddf, df)


def report(ddf: dd.DataFrame, df: pd.DataFrame) -> str:
    table = df.mmembed.cluster("v", "kmeans", n_clusters=20, text="text").assign(map_x=0.0, map_y=0.0)
    table["map_x"], table["map_y"] = df["price"] / 1000, df["row"] / len(df)
    pages = [
        json.loads(one.mmembed.report("v", text="text").to_json())
        for one in (dd.from_pandas(table, npartitions=ddf.npartitions), table)
    ]
    counted = ("id", "name", "size", "share")
    same = [[{name: one[name] for name in counted} for one in page["clusters"]] for page in pages]
    totals = [[page[name] for name in ("rows", "noise", "without_vector")] for page in pages]
    apart = max(
        abs(one["cohesion"] - other["cohesion"])
        for one, other in zip(*(page["clusters"] for page in pages), strict=True)
    )
    return (
        f"names, sizes, shares and totals equal: {same[0] == same[1] and totals[0] == totals[1]}; cohesion {apart:.1e}"
    )


def embedded(verb: str) -> Callable[[dd.DataFrame, pd.DataFrame], str]:
    def compare(_: dd.DataFrame, df: pd.DataFrame) -> str:
        few = df.iloc[:SHOWN].reset_index(drop=True)[["row", "text"]]
        lazy = dd.from_pandas(few, npartitions=4)
        if verb == "plan":
            mine, theirs = (one.mmembed.plan("text", "text", model="qwen3-vl-embedding") for one in (lazy, few))
            same = (mine.rows, mine.unique, mine.tokens, mine.cost) == (
                theirs.rows,
                theirs.unique,
                theirs.tokens,
                theirs.cost,
            )
            return (
                f"rows, distinct contents, tokens and prices equal: {same}; requests {mine.requests}, {theirs.requests}"
            )
        with tempfile.TemporaryDirectory() as folder:

            def call(df: object) -> object:
                local = Embedder(model="local", cache=f"{folder}/{type(df).__name__}", root=folder)
                if verb == "embed":
                    return df.mmembed.embed("text", "text", embedder=local)
                fused = df.assign(picture=None).mmembed.fuse(text="text", image="picture", embedder=local)
                return fused.drop(columns="picture")

            return difference(call, lazy, few)

    return compare


COMPARISONS: dict[str, Callable[[dd.DataFrame, pd.DataFrame], str]] = {
    "search": lambda ddf, df: difference(lambda df: df.mmembed.search(query(), "v", k=20), ddf, df),
    "search with diverse": lambda ddf, df: difference(
        lambda df: df.mmembed.search(query(), "v", k=20, diverse=0.3), ddf, df
    ),
    "search with where": lambda ddf, df: difference(
        lambda df: df.mmembed.search(query(), "v", k=20, where=lambda df: df["price"] < 100), ddf, df
    ),
    "join with 2,000 rows": join,
    "duplicates": duplicates,
    "deduplicate": deduplicate,
    "duplicate_levels": levels,
    "outliers": outliers,
    "k-means": clusters("kmeans", n_clusters=50),
    "leiden": clusters("leiden"),
    "classify": classify,
    "zero-shot": zero_shot,
    "compare": compared,
    "project": project,
    "report": report,
    "plan": embedded("plan"),
    "embed": embedded("embed"),
    "fuse": embedded("fuse"),
}
