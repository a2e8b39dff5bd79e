"""The browser that the tests of pages use: it is there, and tells on pages that err or reach outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_a_page_is_shown_and_its_script_runs(page: Page, tmp_path: Path) -> None:
    """From a file, as exported pages are."""
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><p id=here>no</p><script>here.textContent = `yes`</script>")
    page.goto(path.as_uri())
    assert page.inner_text("#here") == "yes"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<script>throw new Error(`oops`)</script>", "oops"),
        ("<img src=http://example.invalid/picture.png>", "example.invalid"),
    ],
    ids=["an error", "outside"],
)
def test_what_a_page_does_wrong_is_seen(page: Page, faults: list[str], body: str, said: str) -> None:
    """Each of these would fail the test, were it not taken back here."""
    page.set_content(body)
    found, faults[:] = list(faults), []
    assert said in "\n".join(found)
