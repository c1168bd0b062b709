"""Print how the source is divided: files, lines, imports between files, circles, and the files that one call enters.

Usage: ``python scripts/measure_house.py [folder with src/mmembed]``. The files of one call are those whose functions
run, as ``sys.setprofile`` sees them: texts embedded by the test server, clusters without names and with names from the
vocabulary, which the local model embeds, a search by a vector, and a report of a small table with clusters and a map.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
PACKAGE = ROOT / "src" / "mmembed"

CALLS = """
import os, sys, tempfile, threading, warnings
warnings.simplefilter("ignore")
os.environ["MMEMBED_CACHE_DIR"] = tempfile.mkdtemp()
os.environ["DASHSCOPE_API_KEY"] = "sk-test"
import numpy as np, pandas as pd, mmembed
from dashscope_server import DashScopeServer
words = ["red dress", "blue jeans", "green apple", "yellow pear", "fast car", "slow train"]
df = pd.DataFrame({"text": [f"{word} {i}" for i in range(10) for word in words]})
entered = set()
def watch(frame, event, argument):
    name = frame.f_code.co_filename
    if event == "call" and "/mmembed/" in name and frame.f_code.co_name != "<module>":
        entered.add(name.rsplit("/mmembed/", 1)[1])
def run(verb, call):
    entered.clear()
    sys.setprofile(watch)
    threading.setprofile(watch)
    try:
        result = call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    print(f"  {verb:10} {len(entered):3} files")
    return result
with DashScopeServer() as server:
    os.environ["DASHSCOPE_HTTP_BASE_URL"] = server.base_url
    run("embed", lambda: df.mmembed.embed("text", "text", model="multimodal-embedding-v1", progress=False))
df = df.mmembed.embed("text", "text", model="local", progress=False)
vectors = df["text_vector"]
from mmembed.analysis.clusters.fit import fit_clusters
run("cluster", lambda: fit_clusters(vectors, random_state=0))
run("and names", lambda: mmembed.fit_clusters(vectors, random_state=0))
df = df.mmembed.cluster("text_vector", text="text", random_state=0).mmembed.project("text_vector", random_state=0)
run("search", lambda: df.mmembed.search(vectors.iloc[0], "text_vector", k=3))
run("report", lambda: df.mmembed.report("text_vector").html())
"""


def module_of(path: Path) -> str:
    """Return the dotted name of a source file."""
    return ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path, modules: set[str]) -> tuple[set[str], set[str]]:
    """Return the modules of the package that a file imports: all, and those it needs while it is being imported."""
    found: set[str] = set()
    at_import: set[str] = set()
    tree = ast.parse(path.read_text("utf-8"))
    for top in tree.body:
        for_types = isinstance(top, ast.If) and "TYPE_CHECKING" in ast.unparse(top.test)
        for node in ast.walk(top):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("mmembed"):
                continue
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                name = full if full in modules else str(node.module)
                found.add(name)
                if node is top and not for_types:
                    at_import.add(name)
    return found - {module_of(path)}, at_import - {module_of(path)}


def circles_of(edges: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other, by Tarjan's algorithm."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def main() -> None:
    """Print the figures."""
    files = sorted(PACKAGE.rglob("*.py"))
    modules = {module_of(path) for path in files}
    imports = {module_of(path): imports_of(path, modules) for path in files}
    print(f"files    {len(files)}")
    print(f"lines    {sum(len(path.read_text('utf-8').splitlines()) for path in files):,}")
    print(f"imports  {sum(len(found) for found, _ in imports.values()):,} between files")
    circles = circles_of({name: found for name, (found, _) in imports.items()})
    print(f"circles  {len(circles)}", *[" ↔ ".join(circle) for circle in circles], sep="\n  ")
    print("files that one call enters")
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}", "PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"}
    subprocess.run([sys.executable, "-c", CALLS], env=environment, check=True)  # noqa: S603  our own code


if __name__ == "__main__":
    main()
