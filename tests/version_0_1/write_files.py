"""Write the small files of ``data/``; it was run with the source of version 0.1, whose modules it imports.

Usage: ``PYTHONPATH=<version 0.1>/src python tests/version_0_1/write_files.py tests/version_0_1/data``
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import mmembed


def main(folder: Path) -> None:
    """Write one file of each kind that version 0.1 could write."""
    # Where these things were in version 0.1.
    from mmembed.embedding.cache import VectorCache
    from mmembed.embedding.cache_key import content_keys
    from mmembed.embedding.content import read_contents
    from mmembed.embedding.shared_cache import SharedCache

    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    centres = np.eye(3, 8) * 4
    rows = np.concatenate([centre + rng.normal(size=(12, 8)) * 0.3 for centre in centres]).astype("float32")
    words = ("red dress", "green apple", "fast car")
    df = pd.DataFrame({"text": [f"{word} {i}" for word in words for i in range(12)]})
    df["label"] = np.repeat(["clothes", "food", "vehicles"], 12)
    df["v"] = pd.Series(list(rows)).mmembed.as_vectors(space="my-model")
    df.loc[35, "v"] = None
    df.to_parquet(folder / "frame.parquet")
    clusters = mmembed.fit_clusters(df["v"], n_clusters=3, text=df["text"], random_state=0)
    clusters.save(folder / "clusters")
    classifier = mmembed.fit_classifier(df["v"], df["label"], random_state=0)
    projection = mmembed.fit_projection(df["v"], random_state=0, method="pca")
    mmembed.build_index(df["v"]).save(folder / "index")
    pickled = {
        "frame": df,
        "clusters": clusters,
        "classifier": classifier,
        "projection": projection,
        "embedder": mmembed.Embedder(model="qwen3-vl-embedding", dimension=512, workers=3),
        "vector_matrix": mmembed.VectorMatrix(column="v"),
        "transformer": mmembed.EmbeddingTransformer(model="local"),
    }
    for name, value in pickled.items():
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(value))
    digests = [content.digest for content in read_contents(pd.Series(["红色连衣裙", "red dress"]), "text")]
    keys = content_keys(digests, space="qwen3-vl-embedding", options={"dimension": 1024})
    matrix = np.arange(16, dtype="float32").reshape(2, 8)
    with VectorCache(folder / "cache") as cache:
        cache.store(keys, matrix)
    SharedCache(str(folder / "shared")).store(keys, matrix)
    facts = {
        "digests": [digest.hex() for digest in digests],
        "keys": [key.hex() for key in keys],
        "labels": [None if pd.isna(label) else int(label) for label in clusters.labels],
        "names": {str(number): name for number, name in dict(clusters.names).items()},
        "predicted": list(map(str, classifier.predict(df["v"].iloc[[0, 12, 24]]))),
        "coordinates": np.asarray(projection.coordinates)[:3].tolist(),
    }
    (folder / "facts.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
