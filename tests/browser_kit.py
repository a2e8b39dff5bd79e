"""A real browser without a window, for tests of pages; `python tests/browser_kit.py` installs one.

The browser is the machine's Chromium, driven by Playwright. It reaches loopback addresses and files only, and
a test that uses `page` fails where the page logs an error or asks for anything from outside.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DEBIAN = ("chromium-headless-shell", "fonts-dejavu-core")
HOW = (
    "no Chromium was found: `make browser` installs one, "
    f"which on Debian is `apt-get install {' '.join(DEBIAN)}`"
)
FLAGS = (
    "--no-sandbox",  # containers run as root, where Chromium's sandbox refuses to start
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE [::1]",
)
NEAR = ("file:", "data:", "blob:", "about:", "http://127.0.0.1", "http://localhost", "http://[::1]")


def installed() -> str | None:
    """Where a browser is: the machine's, else the one that Playwright has downloaded; None without any."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. It lives as long as the module's tests: Playwright keeps an event loop in the thread."""
    from playwright.sync_api import sync_playwright

    place = installed()
    if place is None:
        pytest.fail(HOW, pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What the test's page did wrong; anything in it at the end fails the test."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def page(browser: Browser, faults: list[str]) -> Iterator[Page]:
    """An empty page, 1280 by 800. Errors that it logs, and what it asks for from outside, fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))
    page.on("console", lambda said: faults.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("request", lambda asked: None if asked.url.startswith(NEAR) else faults.append(asked.url[:200]))
    yield page
    context.close()


def install() -> int:
    """Install a browser where there is none; returns the exit code."""
    if installed():
        return 0
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("installing a browser for the tests of pages (a minute) …")
        quiet = {"stdin": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *DEBIAN]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, **quiet)
    else:
        subprocess.run(
            [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], check=False
        )
    if installed():
        return 0
    print(f"error: {HOW}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(install())
