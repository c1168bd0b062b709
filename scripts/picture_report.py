"""Draw the pictures of the demo's report that the READMEs and the documentation show, one in each language.

    python scripts/picture_report.py

Needs the sample data, the local model and Chromium on the PATH. The page is opened offline with a photograph under the
pointer; the map is kept as WebP in ``docs/images``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image
from playwright.sync_api import sync_playwright

import mmembed  # noqa: F401  registers the accessor

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
PICTURES = ROOT / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
POINTED_AT = ("卷尺", "一支玫瑰", "芙蓉花", "扳手")  # the first that no name of a group lies on
LANGUAGES = {"en": ("text_en", "What is in these photographs?"), "zh": ("text_zh", "这些照片里有什么？")}


def make_report(df: pd.DataFrame, language: str, folder: Path) -> Path:
    """Cluster, name, map and report in one language."""
    text, title = LANGUAGES[language]
    df = df.mmembed.cluster("fused_vector", text=text).mmembed.project("fused_vector")
    report = df.mmembed.report(
        "fused_vector", text=[text], image="image", title=title, language=language, breakdown="category", root=DATA
    )
    return report.save(folder / f"{language}.html")


def picture_map(page: Page, points: list[int]) -> Image.Image:
    """Return the map as a reader sees it, with the card of the first point open that the pointer reaches."""
    page.locator("#board").evaluate("(board) => board.scrollIntoView({block: 'center', behavior: 'instant'})")
    page.wait_for_timeout(800)
    box = page.locator("#canvas").bounding_box()
    for point in points:
        x, y = page.evaluate("(i) => [mmembedReport.map.screenX(i), mmembedReport.map.screenY(i)]", point)
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.wait_for_timeout(500)
        if page.locator("#tip").is_visible() and page.locator("#tip").get_attribute("data-point") == str(point):
            break
    else:
        sys.exit("The pointer reached none of the rows: name others in POINTED_AT.")
    return Image.open(BytesIO(page.locator("#board").screenshot()))


def main() -> None:
    """Draw both pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not on the PATH. On Debian or Ubuntu: apt install chromium fonts-noto-cjk")
    PICTURES.mkdir(parents=True, exist_ok=True)
    df = pd.read_csv(DATA / "demo.csv")
    df = df.assign(caption=df["text_en"] + " " + df["text_zh"])
    df = df.mmembed.fuse(text="caption", image="image", model="local", root=DATA)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        points = [df["text_zh"].tolist().index(caption) for caption in POINTED_AT]
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for language in LANGUAGES:
            page = browser.new_page(viewport={"width": 1280, "height": 1060}, device_scale_factor=1.5)
            page.goto(make_report(df, language, Path(folder)).as_uri())
            kept = PICTURES / f"report-{language}.webp"
            picture_map(page, points).save(kept, quality=80, method=6)
            print(f"{kept.relative_to(ROOT)}: {kept.stat().st_size / 1000:.0f} kB")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
