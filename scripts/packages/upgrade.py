"""What a user of version 0.1 has on disk, and what the new version makes of it; run by scripts/check_packages.py.

``write`` runs on version 0.1, ``read`` on the new wheel in the same environment. The service is a server of this
machine. tests/version_0_1 holds what is inside the files; this walks the road of a user.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

import mmembed

TEXTS = [f"{word} {number}" for word in ("红色连衣裙", "a green apple", "a fast car") for number in range(12)]
SERVICE = {"model": "qwen3-vl-embedding", "dimension": 512}


def check(holds: object, what: str) -> None:
    """Stop with a word on what is wrong; an assertion would vanish under ``python -O``."""
    if not holds:
        raise SystemExit(f"upgrade: {what}")


def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the program of the installed version."""
    program = str(Path(sys.executable).with_name("mmembed"))
    return subprocess.run([program, *arguments], capture_output=True, encoding="utf-8", check=False)  # noqa: S603


def write() -> None:
    """Buy vectors into the cache, and keep a table, clusters, a report and what the shell wrote."""
    df = pd.DataFrame({"title": TEXTS, "kind": ["clothes"] * 12 + ["food"] * 12 + ["cars"] * 12})
    df = df.mmembed.embed({"title": "text"}, **SERVICE)
    df = df.mmembed.cluster("title_vector", "kmeans", n_clusters=3, text="title", random_state=0)
    df = df.mmembed.project("title_vector", random_state=0)
    df.to_parquet("bought.parquet")
    clusters = mmembed.fit_clusters(df["title_vector"], "kmeans", n_clusters=3, text=df["title"], random_state=0)
    clusters.save("clusters")
    Path("report.json").write_text(df.mmembed.report("title_vector", text="title").to_json(), encoding="utf-8")
    df[["title", "kind"]].to_csv("table.csv", index=False)
    done = shell("embed", "table.csv", "-c", "title", "--model", "local", "-o", "local.parquet")
    check(done.returncode == 0, done.stderr)
    print(json.dumps({"version": mmembed.__version__, "cluster": df["cluster"].tolist()}))


def read() -> None:
    """Use all of it with the new version, and buy nothing again."""
    df = pd.read_parquet("bought.parquet")
    check(str(df["title_vector"].dtype) == "vector[512, qwen3-vl-embedding]", f"the type is {df['title_vector'].dtype}")
    plan = pd.DataFrame({"title": TEXTS}).mmembed.plan({"title": "text"}, **SERVICE)
    check((plan.cached, plan.requests, plan.cost) == (len(TEXTS), 0, 0), f"the cache has forgotten: {plan}")
    again = pd.DataFrame({"title": TEXTS}).mmembed.embed({"title": "text"}, **SERVICE, max_cost=0)
    check(again["title_vector"].equals(df["title_vector"]), "vectors from the cache are others")

    clusters = mmembed.load_clusters("clusters.npz")
    check(clusters.predict(df["title_vector"]).tolist() == clusters.labels.tolist(), "saved clusters predict otherwise")
    next_week = df.mmembed.cluster("title_vector", like="clusters.npz", random_state=0)
    check(next_week["cluster"].tolist() == clusters.labels.tolist(), "clusters do not go on from the saved ones")
    moved = df.mmembed.project("title_vector", like="map", random_state=0)
    check(moved["map_x"].notna().all(), "the map does not go on from the earlier one")
    told = json.loads(df.mmembed.report("title_vector", text="title", compare="report.json").to_json())
    changes = [(one["kind"], one["rows"] == one["rows_before"]) for one in told["changes"]["topics"]]
    check(changes == [("steady", True)] * 3, f"the report does not go on from the earlier one: {changes}")

    local = pd.read_parquet("local.parquet")
    check(
        str(local["title_vector"].dtype) == "vector[512, local-conse-1]", f"the type is {local['title_vector'].dtype}"
    )
    check(len(local.mmembed.search(local["title_vector"].iloc[0], "title_vector", k=3)) == 3, "no hits by a vector")
    done = shell("search", "local.parquet", "--column", "title_vector", "apple")
    check(done.returncode != 0 and "local-conse-2" in done.stderr, f"words against an older model: {done.stderr}")
    done = shell("duplicates", "local.parquet", "--column", "title_vector", "-f", "jsonl")
    check(done.returncode == 0, done.stderr)
    print(json.dumps({"version": mmembed.__version__}))


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]]()
