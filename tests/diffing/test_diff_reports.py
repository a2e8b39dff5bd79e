"""A difference as JSON, as Markdown for a pull request, and as a page in a real browser."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from diffing.runs import Items, diff, step, tuned
from otel_replay.cli.diff_lines import difference_lines
from otel_replay.cli.terminal import Screen
from otel_replay.diffing import Difference
from otel_replay.diffing.compare import compare
from otel_replay.diffing.page import write_page
from otel_replay.diffing.rules import make_rules
from otel_replay.diffing.values import Change
from otel_replay.diffing.words import delta_text

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = (
    "</script><script>document.title=`stolen`</script>",
    "<img src=x onerror=\"document.title='stolen'\">",
    "| `a` | [x](javascript:alert(1)) <!-- @everyone #1",
    "</details>```\n# big",
    "\ud800 \x00 \x1b[31m \u202e",
)


def grid_run(*changed: tuple[int, int], by: float = 2.0) -> Items:
    """Corrections of all cells of a grid; some are larger."""
    return tuned(
        *(
            step(rpm=rpm, kpa=kpa, before=50.0, after=60.0 + (by if (rpm, kpa) in changed else 0))
            for rpm in range(1500, 4500, 500)
            for kpa in (35, 65, 95)
        ),
        step("CLAMP", rpm=3000, kpa=65, before=60.0, after=60.0),
    )


def compared() -> Difference:
    """Two runs that differ in two cells."""
    return diff(grid_run(), grid_run((2000, 65), (4000, 95)))


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (5.0, 5.05, "+0.05, +1.0%"),
        (1.0, 0.99996, "-4e-05, -0.004%"),
        (0.0, 2.0, "+2"),
        (1.0, math.nan, "+nan"),
    ],
)
def test_a_share_that_is_small_is_not_told_as_none(before: float, after: float, text: str) -> None:
    assert delta_text(Change(("values", "after"), before, after)) == text


def test_of_what_follows_the_reason_stands_before_the_place_for_a_line_is_cut_at_its_end() -> None:
    found = diff(
        tuned(step(after=1.0), step("CLAMP", before=1.0)), tuned(step(after=2.0), step("CLAMP", before=2.0))
    )
    assert found.following
    stream = io.StringIO()
    screen = Screen(stream, 80)
    screen.write_all(difference_lines(found, screen, 20))
    [line] = [line for line in stream.getvalue().splitlines() if "follows #1" in line]
    assert line.index("follows #1") < line.index(" in run")


# -- JSON and Markdown ---------------------------------------------------------------------------------------


def test_the_document_holds_everything() -> None:
    """As plain JSON types, whatever was recorded."""
    found = diff(tuned(step(after=math.nan, b=b"\x00")), tuned(step(after=math.inf, b=2**70)))
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert (document["schema"], document["version"]) == ("otel-replay.diff", 1)
    assert (document["equal"], document["first_divergence"]) == (False, 1)
    assert document["counts"]["changed"] == 1
    (finding,) = document["findings"]
    assert [change["path"] for change in finding["changes"]] == [["values", "after"], ["values", "b"]]
    assert finding["path"] == ["run tuning", "task correct"]
    assert finding["before"]["seq"] == finding["after"]["seq"] == 2


def test_what_is_only_in_one_run_has_no_other_side() -> None:
    """Null is a value; one that is not there has no key."""
    document = diff(tuned(step(x=None)), tuned(step(y=1), step("NEW"))).as_json()
    gone, new = document["findings"][0]["changes"]
    assert (gone["how"], gone["before"], "after" in gone) == ("removed", None, False)
    assert (new["how"], new["after"], "before" in new) == ("added", 1, False)
    assert document["findings"][1]["before"] is None


def test_the_grid_says_what_each_cell_holds_at_the_end() -> None:
    """In either run."""
    grid = compared().grid
    assert grid is not None
    assert (grid.row, grid.column, grid.changed, grid.largest) == ("rpm", "kpa", 2, 2.0)
    assert (grid.cells[2000, 65].a, grid.cells[2000, 65].b) == (60.0, 62.0)
    assert grid.cells[1500, 35].same
    near = diff(grid_run(), grid_run((2000, 65), by=0.01), tolerances={"after": 0.1}).grid
    assert near is not None
    assert near.changed == 0


def test_a_grid_of_what_changed_is_shown_where_no_decision_says_what_a_cell_holds() -> None:
    """The number that changed most often, unless another one is named."""
    a, b = (
        tuned(*(step(rpm=rpm, kpa=65, limit=5.0, clamped=10.0 - more * (rpm > 2)) for rpm in (1, 2, 3, 4)))
        for more in (0, 1)
    )
    grid = diff(a, b).grid
    assert grid is not None
    assert (grid.value, grid.changed, grid.largest) == ("clamped", 2, 1.0)
    assert diff(a, a).grid is None
    named = compare(a, b, make_rules(), value="limit").grid
    assert named is not None
    assert (named.value, named.changed) == ("limit", 0)


def test_the_tables_count_by_action() -> None:
    """What became of each, and the largest change."""
    (correct, clamp) = compared().actions
    assert (correct.action, correct.a, correct.b, correct.same, correct.changed) == ("CORRECT", 18, 18, 16, 2)
    assert correct.largest is not None
    assert (correct.largest.name, correct.largest.after) == ("values.after", 62.0)
    assert (clamp.same, clamp.changed) == (1, 0)


def test_markdown_begins_with_the_verdict() -> None:
    """And has the first divergence, what is independent, and the grid."""
    text = compared().markdown()
    assert text.startswith("### ❌ otel-replay diff: 2 changed; 19 items the same\n")
    assert "**First divergence** `run tuning > task correct > CORRECT rpm=2000 kpa=65`: changed" in text
    assert "| `values.after` | `60.0` | `62.0` | \\+2, \\+3.3% |" in text
    assert "| 2000 | · | **+2** | · |" in text
    assert diff(grid_run(), grid_run()).markdown().startswith("### ✅")


@pytest.mark.parametrize("most_bytes", [700, 1_500, 3_000])
def test_markdown_is_never_longer_than_asked_for(most_bytes: int) -> None:
    """What does not fit is said."""
    a, b = (
        tuned(*(step(rpm=rpm, kpa=kpa, after=rpm + more) for rpm in range(60) for kpa in range(9)))
        for more in (0, 1)
    )
    text = diff(a, b).markdown(most_bytes=most_bytes)
    assert len(text.encode()) <= most_bytes
    assert "did not fit here" in text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_recorded_text_is_no_markup_in_markdown(text: str) -> None:
    """Neither in a table nor in a heading."""
    a, b = (tuned((text, {text: text + more, "after": 1}, {text: text}), name=text) for more in ("", "!"))
    shown = diff(a, b).markdown()
    shown.encode("utf-8", "strict")
    read = MarkdownIt("commonmark").enable("table").parse(shown)
    tokens = [one for token in read for one in (token, *(token.children or ()))]
    tags = "".join(one.content for one in tokens if one.type in {"html_block", "html_inline"})
    left = re.sub(r"</?details>|<summary>[^<>]*</summary>|\s", "", tags)
    assert left == ""
    assert not {one.type for one in tokens} & {"link_open", "image"}
    assert [one.tag for one in tokens if one.type == "heading_open"] == ["h3"]


# -- the page ------------------------------------------------------------------------------------------------


def page_of(found: Difference) -> bytes:
    """The page."""
    stream = io.BytesIO()
    write_page(stream, found)
    return stream.getvalue()


def opened(page: Page, tmp_path: Path, found: Difference) -> None:
    """Open the page from a file, as a person does who was sent it."""
    path = tmp_path / "difference.html"
    path.write_bytes(page_of(found))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=yes]")


def test_the_page_is_one_file_that_loads_nothing() -> None:
    """No address in it, and a policy that forbids any."""
    text = page_of(compared()).decode()
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://", text)
    assert "default-src &#x27;none&#x27;" in text


@pytest.mark.browser
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_was_recorded_is_text_on_the_page(page: Page, tmp_path: Path, text: str) -> None:
    """It neither runs nor becomes part of the page."""
    a, b = (
        tuned((text, {text: text + more, "after": more == ""}, {text: text}), name=text) for more in ("", "!")
    )
    opened(page, tmp_path, diff(a, b))
    assert page.title().endswith("otel-replay")
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    assert page.locator(".row").count() == 1


@pytest.mark.browser
def test_the_page_is_gone_through_by_keys(page: Page, tmp_path: Path) -> None:
    """To the next difference, to its values, to what it follows from, and back."""
    a = tuned(step(before=5.5, after=7.5), step("CLAMP", before=7.5, after=7.0), step("LAST", after=1))
    b = tuned(step(before=5.5, after=8.5), step("CLAMP", before=8.5, after=7.1))
    opened(page, tmp_path, diff(a, b))
    assert page.inner_text("h1") == "2 changed, 1 removed; 2 items the same"
    assert page.inner_text("#detail .title") == "CORRECT rpm=2000 kpa=65"
    assert page.inner_text("#detail del") == "7.5"
    assert page.inner_text("#detail ins") == "8.5"
    page.keyboard.press("j")
    assert page.inner_text("#detail .title") == "CLAMP rpm=2000 kpa=65"
    assert "follows #1" in page.inner_text("#detail")
    page.keyboard.press("o")
    assert page.inner_text("#detail .title") == "CORRECT rpm=2000 kpa=65"
    page.keyboard.press("End")
    assert "removed" in page.inner_text("#detail")
    page.keyboard.press("f")
    assert page.inner_text(".row.here .number") == "1"


@pytest.mark.browser
def test_the_page_finds_what_is_asked_for(page: Page, tmp_path: Path) -> None:
    """By words, by kind, by cause, by a cell of the grid; Escape shows all again."""
    a = grid_run()
    b = grid_run((2000, 65), (4000, 95), (3000, 65))
    opened(page, tmp_path, diff(a, b))
    rows = page.locator(".row")
    assert rows.count() == 3
    page.keyboard.press("/")
    page.keyboard.type("rpm=4000 kpa=95")
    assert rows.count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert rows.count() == 3
    page.locator("#map td.differs", has_text="+2").first.click()
    assert rows.count() == 1
    page.locator("#all").click()
    page.locator("#hows button", has_text="changed").click()
    assert rows.count() == 0
    page.locator("#hows button", has_text="changed").click()
    page.select_option("#cause", "following")
    assert rows.count() == 0


@pytest.mark.browser
def test_the_page_is_light_or_dark(page: Page, tmp_path: Path) -> None:
    """As the system is, or as a person wants it."""
    opened(page, tmp_path, compared())

    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.keyboard.press("t")
    light = paper()
    page.keyboard.press("t")
    assert paper() != light
    page.keyboard.press("t")
    page.emulate_media(color_scheme="dark")
    dark = paper()
    page.emulate_media(color_scheme="light")
    assert (paper(), dark != light) == (light, True)


@pytest.mark.browser
def test_the_page_of_two_equal_runs_says_so(page: Page, tmp_path: Path) -> None:
    """And offers nothing to go through."""
    opened(page, tmp_path, diff(grid_run(), grid_run()))
    assert page.inner_text("h1") == "no difference: 21 items the same"
    page.keyboard.press("j")
    assert page.inner_text("#detail") == "Nothing differs."
