"""A headless Chromium without a network, and pages that fail a test when they complain or ask for anything."""

from __future__ import annotations

import contextlib
import shutil

import pytest

from goods import goods  # noqa: F401  a fixture

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONG = 180_000  # milliseconds
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser():
    """Return a running Chromium; a machine without one fails the tests instead of passing them by."""
    from playwright.sync_api import sync_playwright

    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.fail(
            f"The browser tests need Chromium on PATH (one of {', '.join(NAMES)}). Install it: apt install chromium."
        )
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=FLAGS, timeout=LONG)
        yield Patient(chromium)
        chromium.close()


class Patient:
    """A browser whose pages wait long for what is awaited: no verdict hangs on how busy the machine is."""

    def __init__(self, chromium):
        self._chromium = chromium

    def new_context(self, **options):
        context = self._chromium.new_context(**options)
        context.set_default_timeout(LONG)
        return context


@pytest.fixture
def open_report(browser, tmp_path):
    """Return a function that opens a report from its file, offline; complaints of the page fail the test at its end."""
    complaints = []
    with contextlib.ExitStack() as stack:

        def visit(report, *, width=1280, height=900, **options):
            context = browser.new_context(
                viewport={"width": width, "height": height}, offline=True, reduced_motion="reduce", **options
            )
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
            page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("request", lambda request: _note_request(complaints, request.url))
            page.goto(report.save(tmp_path / "report.html").as_uri())
            return page

        yield visit
    assert complaints == []


def _note_request(complaints, url):
    if not url.startswith(("file:", "data:")):
        complaints.append(f"request: {url}")
