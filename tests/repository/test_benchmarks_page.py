"""The page of benchmarks is of one run: its table and the README say what its own blocks say."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/benchmarks.md").read_text("utf-8")
spec = importlib.util.spec_from_file_location("write_benchmarks", ROOT / "scripts/write_benchmarks.py")
writing = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = writing  # dataclasses look themselves up there
spec.loader.exec_module(writing)


SHOWN = [one for one in writing.BENCHMARKS if f"\n## {one.title}\n" in PAGE]


def test_the_page_says_what_it_leaves_out():
    """A run of some benchmarks alone is told as such."""
    for benchmark in writing.BENCHMARKS:
        assert (benchmark in SHOWN) != (f"`{benchmark.name}`" in PAGE.split("Not in this run:")[-1].split("\n")[0])


def printed(benchmark) -> str:
    """Return the block under the heading of a benchmark."""
    section = PAGE.split(f"\n## {benchmark.title}\n")[1]
    return re.search(r"```text\n(.*?)\n```", section, re.DOTALL)[1]


@pytest.mark.parametrize("benchmark", SHOWN, ids=lambda one: one.name)
def test_the_table_says_what_the_scripts_printed(benchmark):
    """Script, settings and figures are those of the blocks."""
    assert f"`python benchmarks/{' '.join(benchmark.command)}`" in PAGE
    for what, pattern, unit in benchmark.figures:
        figure = f"{writing.figure(printed(benchmark), pattern)} {unit}".strip()
        assert f"| {what} | {figure} | `{benchmark.command[0]}` |" in PAGE


def test_ratios_of_search_are_those_of_their_column():
    """Of the times before it none is taken."""
    search = next(one for one in writing.BENCHMARKS if one.name == "search")
    line = " {} 57.3 ms 47.4 ms {} 653.1 ms ≤ 1.2 ×"
    output = "\n".join(["queries", line.format(1, 1.21), line.format(10, 1.06), line.format(1000, 1.42)])
    assert [writing.figure(output, pattern) for _, pattern, _ in search.figures] == ["1.21", "1.42"]


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_s_figures_of_the_local_model_are_those_of_the_page(readme):
    """Captions that find their photograph within the first ten, rounded to two digits."""
    benchmark = next(one for one in writing.BENCHMARKS if one.name == "local_model")
    row = next(line for line in (ROOT / readme).read_text("utf-8").splitlines() if re.search(r"138.*10.*\.07", line))
    found = [f"{float(writing.figure(printed(benchmark), pattern)):.2f}" for _, pattern, _ in benchmark.figures[:2]]
    assert re.findall(r"(?<!\d)\.\d\d(?=\D)", row)[-2:] == [one.removeprefix("0") for one in found]
