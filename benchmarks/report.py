"""Measure reports: size of the page and seconds to build it, and frames a second while a large map is dragged.

``python benchmarks/report.py``. Vectors, clusters and maps are made up, so that only the report is timed; the demo's
come from the cache after the first run. Without Chromium the frames are left out.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from mmembed.report import Report, build_report

RUNS = 3
WORDS = [
    "红色",
    "连衣裙",
    "蓝牙",
    "耳机",
    "登山",
    "防水",
    "dress",
    "shoes",
    "wireless",
    "leather",
    "summer",
    "cotton",
    "lamp",
    "garden",
    "kitchen",
    "steel",
]
# Moves the map for two seconds through real frames.
PAN = """() => new Promise((done) => {
  const { map } = mmembedReport;
  map.camera.set({ k: 3, x: -600, y: -400 });
  let frames = 0, began = 0, dx = -9;
  const step = (now) => {
    if (!began) began = now;
    if (now - began > 2000) { done(frames / (now - began) * 1000); return; }
    if (++frames % 90 === 0) dx = -dx;
    map.camera.shift(dx, dx / 3);
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""
ZOOM = PAN.replace("map.camera.shift(dx, dx / 3)", "map.camera.zoomAt(500, 300, dx < 0 ? 1.01 : 1 / 1.01)")


def made_up(rows: int, clusters: int, words: int) -> pd.DataFrame:
    """Return a frame as the other verbs leave it, with texts of a number of words."""
    rng = np.random.default_rng(0)
    code = rng.integers(0, clusters, rows)
    xy = (rng.normal(size=(clusters, 2)) * 8)[code] + rng.normal(size=(rows, 2))
    texts = [" ".join(WORDS[one] for one in line) for line in rng.integers(0, len(WORDS), (rows, words))]
    return pd.DataFrame(
        {
            "map_x": xy[:, 0],
            "map_y": xy[:, 1],
            "cluster": code,
            "cluster_name": [f"主题 {one}" for one in code],
            "cluster_score": rng.uniform(0.4, 1, rows),
            "outlier_score": rng.uniform(size=rows),
            "shop": np.array(["north", "south", "east"])[rng.integers(0, 3, rows)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), unit="D"),
            "text": texts,
        }
    )


def photographs(count: int, folder: Path) -> list[str]:
    """Write 250 pictures of 1280 × 960 that compress about as photographs do, and return names in turn."""
    rng = np.random.default_rng(1)
    for number in range(250):
        coarse = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
        picture = coarse.resize((1280, 960), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))
        fine = rng.integers(-14, 14, (240, 320, 3), dtype=np.int16).repeat(4, 0).repeat(4, 1)
        grained = np.clip(np.asarray(picture, dtype=np.int16) + fine, 0, 255).astype(np.uint8)
        Image.fromarray(grained).save(folder / f"{number}.jpg", quality=85)
    return [f"{number % 250}.jpg" for number in range(count)]


def demo() -> tuple[pd.DataFrame, Path]:
    """Return the sample data with vectors, clusters and map, and its folder."""
    folder = Path(__file__).parents[1] / "data"
    df = pd.read_csv(folder / "demo.csv").mmembed.embed({"image": "image"}, model="local", root=folder)
    return df.mmembed.cluster("image_vector", text="text_zh").mmembed.project("image_vector"), folder


def measure(name: str, runs: int, build: Callable[[], Report], target: str = "") -> Report:
    """Print the size of a report and the median time that it takes."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        report = build()
        times.append(time.perf_counter() - start)
    size = len(report.html().encode()) / 1e6
    print(f"{name:<44}{size:>8.2f} MB{median(times):>9.2f} s   {target}")
    return report


def frames(report: Report, folder: Path) -> None:
    """Print frames a second while the map of a report is dragged and zoomed in headless Chromium."""
    found = next((path for path in map(shutil.which, ("chromium", "google-chrome")) if path), None)
    if found is None:
        print("frames: no Chromium on the PATH")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        for label, scale, width in (("1280 px", 1, 1280), ("390 px at twice the density", 2, 390)):
            page = browser.new_context(
                viewport={"width": width, "height": 900}, device_scale_factor=scale, offline=True
            ).new_page()
            page.goto(report.save(folder / "points.html").as_uri())
            pan, zoom = page.evaluate(PAN), page.evaluate(ZOOM)
            print(f"  {label}: {pan:.0f} frames/s dragging, {zoom:.0f} zooming, drawn in software   target ≥ 20")
        browser.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        df, root = demo()
        texts = {"text": ["text_zh", "text_en"], "breakdown": "category"}
        measure(
            "demo, 138 photographs", RUNS, lambda: build_report(df, image="image", video="video", root=root, **texts)
        )

        long = made_up(20_000, 40, 40)
        rest = {"breakdown": "shop", "date": "day"}
        measure("20,000 texts of 40 words", RUNS, lambda: build_report(long, text="text", **rest))

        pictures = made_up(2_000, 25, 6).assign(photo=photographs(2_000, folder))
        rest |= {"text": "text"}
        photo = {"image": "photo", "root": folder}
        measure("2,000 pictures of 1280 × 960", 1, lambda: build_report(pictures, **photo, **rest), "≤ 8 MB, ≤ 60 s")

        many = made_up(100_000, 60, 6)
        large = measure("100,000 points, 8 MB", RUNS, lambda: build_report(many, **rest), "≤ 15 MB")
        measure("100,000 points, 15 MB", 1, lambda: build_report(many, budget_bytes=15_000_000, **rest))
        frames(large, folder)


if __name__ == "__main__":
    main()
