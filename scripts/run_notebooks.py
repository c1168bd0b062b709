"""Run the notebooks and store them with small outputs, or check that what is stored is what the code gives.

    python scripts/run_notebooks.py                 # run all and store them
    python scripts/run_notebooks.py 05_report       # one of them
    python scripts/run_notebooks.py --check         # run all, and compare

Storing needs Chromium on the PATH: figures, reports and explorers are kept as pictures, so that a viewer on the web
shows them and no notebook holds a whole page. The check compares what was printed and shown as text, but for numbers,
which may differ from machine to machine.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import re
import shutil
import sys
from html import unescape
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
MOST_HTML = 30_000
TIMEOUT_SECONDS = 3600
# What changes from run to run: numbers with their signs and units, addresses of the test server, rules of a table.
CHANGING = re.compile(r"[-+]?\d[\d,.:_]*(?:e[-+]?\d+)?|-{3,}|…|\.\.\.")


def digest_of_sources(notebook: dict[str, Any]) -> str:
    """Return a digest of the code of a notebook, which its outputs belong to."""
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()[:16]


# What the kernel writes to a file at the end: of each explorer its data, and the pictures that its page would ask for.
TELL_EXPLORERS = """
def tell_explorers(path):
    import base64, json
    from mmembed.figures import Explorer

    def pictures_of(widget):
        found = {}
        widget.send = lambda content, buffers=None: found.update(zip(content["points"], buffers, strict=True))
        count = widget.data["count"]
        for first in range(0, count if "pictured" in widget.data else 0, 200):
            widget._handle_custom_msg({"kind": "pictures", "points": list(range(first, min(first + 200, count)))}, [])
        return {point: data for point, data in found.items()}

    explorers = {one.widget.model_id: one.widget for one in globals().values() if isinstance(one, Explorer)}
    told = {
        key: {"state": {"data": one.data, "height": one.height, "chosen": None}, "pictures": pictures_of(one)}
        for key, one in explorers.items()
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(told, file, default=lambda one: {"bytes64": base64.b64encode(bytes(one)).decode()})
tell_explorers(PATH)
"""

# A page that runs the explorer as a notebook does, with a model that has all answers already.
EXPLORER_PAGE = """<!doctype html><meta charset="utf-8"><body style="background:#fff;margin:8px"><div id="cell"></div>
<script type="module">
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
const read = (key, value) => (value && value.bytes64 !== undefined ? bytes(value.bytes64) : value);
const { state, pictures } = JSON.parse(TOLD, read), listeners = new Map();
const model = {
  get: (name) => state[name], set: () => {}, save_changes: () => {},
  on: (name, listener) => listeners.set(name, listener), off: () => {},
  send: ({ points }) => setTimeout(() => {
    const there = points.filter((one) => pictures[one]);
    listeners.get("msg:custom")?.({ kind: "pictures", points: there }, there.map((one) => pictures[one]));
  }),
};
const { default: widget } = await import(URL.createObjectURL(new Blob([SOURCE], { type: "text/javascript" })));
await widget.render({ model, el: document.getElementById("cell") });
</script>"""


def run(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return a notebook after a run in a fresh kernel, and what its explorers show by the id of their widget."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=TIMEOUT_SECONDS, resources={"metadata": {"path": str(path.parent)}})
    with TemporaryDirectory() as folder, client.setup_kernel():
        for number, cell in enumerate(notebook["cells"]):
            client.execute_cell(cell, number)
        told = Path(folder) / "explorers.json"
        last = nbformat.v4.new_code_cell(TELL_EXPLORERS.replace("PATH)", f"{str(told)!r})"))
        # A cell of its own, which the stored notebook does not have.
        client.nb = nbformat.v4.new_notebook(cells=[last])
        client.execute_cell(last, 0)
        return notebook, json.loads(told.read_text(encoding="utf-8"))


def said(notebook: Any) -> list[str]:
    """Return what each code cell printed and showed as text, without numbers."""
    told = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        texts = []
        for output in cell["outputs"]:
            if output["output_type"] == "stream" and output["name"] == "stdout":
                texts.append("".join(output["text"]))
            elif "data" in output and not {PLOTLY, WIDGET, "image/png"} & set(output["data"]):
                texts.append("".join(output["data"].get("text/plain", "")))
        lines = [" ".join(CHANGING.sub("#", line).split()) for line in "\n".join(texts).splitlines()]
        # A bar that has gone leaves an empty line.
        told.append("\n".join(line for line in lines if line))
    return told


def tidy(notebook: Any, explorers: dict[str, Any], browser: Browser) -> None:
    """Leave small outputs that do not change from run to run; figures and pages become pictures."""
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            for output in cell["outputs"]:
                if (shown := output.get("data", {}).get(WIDGET, {}).get("model_id")) in explorers:
                    page = _page_of_explorer(explorers[shown])
                    output["data"] = {"image/jpeg": _picture(page, browser, 1100, 600, "JPEG")}
            kept = [one for one in cell["outputs"] if not _is_empty(one)]
            for output in kept:
                if "data" in output:
                    output["data"] = _small(output["data"], browser)
            cell["outputs"] = [output for output in kept if not _is_empty(output)]
    notebook["metadata"] = {
        "kernelspec": notebook["metadata"]["kernelspec"],
        "language_info": {"name": "python"},
        "mmembed": {"sources": digest_of_sources(notebook)},
    }


def _page_of_explorer(told: dict[str, Any]) -> str:
    """Return a page that shows an explorer; nothing in its texts ends the script."""
    from mmembed.figures.explorer import widget_source

    head, _, rest = EXPLORER_PAGE.partition("TOLD")
    middle, _, tail = rest.partition("SOURCE")
    data, source = (json.dumps(one).replace("<", "\\u003c") for one in (json.dumps(told), widget_source()))
    return f"{head}{data}{middle}{source}{tail}"


def _is_empty(output: Any) -> bool:
    if output["output_type"] == "stream":
        return output["name"] == "stderr" or not "".join(output["text"]).strip()
    data = output.get("data", {})
    texts = ["".join(text).strip() for text in data.values() if isinstance(text, (str, list))]
    return WIDGET in data or (PLOTLY not in data and not any(texts))


def _small(data: dict[str, Any], browser: Browser) -> dict[str, Any]:
    html = "".join(data.get("text/html", ""))
    if PLOTLY in data:
        from plotly.graph_objects import Figure

        figure = Figure(data[PLOTLY])
        page = figure.to_html(include_plotlyjs=True, config={"displayModeBar": False})
        width, height = (
            int(given or usual) + 16 for given, usual in ((figure.layout.width, 820), (figure.layout.height, 460))
        )
        return {"image/png": _picture(page, browser, width, height)}
    if "srcdoc=" in html:
        page = unescape(html.split('srcdoc="', 1)[1].split('"', 1)[0])
        return {"image/jpeg": _picture(page, browser, 1180, 900, "JPEG"), "text/plain": data["text/plain"]}
    if len(html) > MOST_HTML:
        return {"text/plain": data["text/plain"]}
    return data


def _picture(html: str, browser: Browser, width: int, height: int, form: str = "PNG") -> str:
    """Return a picture of a page as base64: of photographs as JPEG, of figures as PNG of few colours."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_content(html)
    page.wait_for_timeout(1500)
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    page.close()
    kept = BytesIO()
    if form == "JPEG":
        shot.save(kept, form, quality=72, optimize=True)
    else:
        shot.quantize(96).save(kept, form, optimize=True)
    return base64.b64encode(kept.getvalue()).decode("ascii")


def _compare(stored: Any, fresh: Any) -> list[str]:
    lines = []
    for number, (before, now) in enumerate(zip(said(stored), said(fresh), strict=True), 1):
        if before != now:
            lines.append(f"code cell {number}:")
            lines += difflib.unified_diff(before.splitlines(), now.splitlines(), "stored", "now", lineterm="", n=1)
    return lines


def main(arguments: list[str]) -> int:
    """Run the notebooks that are named, or all."""
    check = "--check" in arguments
    wanted = [one for one in arguments if one != "--check"]
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if not wanted or path.stem in wanted]
    if check:
        changed = {path: _compare(nbformat.read(path, as_version=4), run(path)[0]) for path in paths}
        for path, lines in changed.items():
            print(f"{path.name}: {'as stored' if not lines else 'changed'}", *lines, sep="\n")
        return int(any(changed.values()))
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not on the PATH. On Debian or Ubuntu: apt install chromium fonts-noto-cjk")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for path in paths:
            notebook, explorers = run(path)
            tidy(notebook, explorers, browser)
            text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
            path.write_text(text.replace(str(ROOT), "…"), encoding="utf-8")
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
