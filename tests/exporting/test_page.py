"""The page of a run in a real browser: what a person sees, asks for and steps through."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_replay.analysis.conditions import condition
from otel_replay.analysis.grid import build_grid, find_axes
from otel_replay.exporting.facts import RunFacts
from otel_replay.exporting.page import write_page
from otel_replay.formats.session_replay import read
from otel_replay.records import Decision

if TYPE_CHECKING:
    from playwright.sync_api import Page

REAL = Path(__file__).parent.parent / "corpus" / "session_replay-1.0" / "real.json"
START_NS = 1_765_819_681_803_000_000
MS = 1_000_000


def written(decisions: list[Decision], **facts: Any) -> bytes:
    """The page of decisions."""
    axes = find_axes(decisions)
    given = {"run_id": "bench-7", "name": "tuning", "status": "finished", "started_ns": START_NS, **facts}
    stream = io.BytesIO()
    grid = None if axes is None else build_grid(decisions, axes)
    write_page(stream, RunFacts(**given), decisions, grid)
    return stream.getvalue()


def real() -> list[Decision]:
    """The tuner's own decisions."""
    return list(read(REAL.read_bytes()).decisions)


def opened(page: Page, tmp_path: Path, content: bytes) -> None:
    """Open a page from a file, as a person does who was sent it."""
    path = tmp_path / "run.html"
    path.write_bytes(content)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=yes]")


def decided(number: int = 0, **given: Any) -> Decision:
    """A decision so many milliseconds after the start."""
    fields = {"action": "A", "reason": "why", "time_ns": START_NS + number * MS, "span_id": ""}
    return Decision(**{**fields, **given})


# -- the file ------------------------------------------------------------------------------------------------


def test_the_page_is_one_file_that_loads_nothing() -> None:
    """No address in it, no style or script from elsewhere, and a policy that forbids both."""
    text = written(real()).decode()
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://", text)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "default-src &#x27;none&#x27;" in policy[1]
    assert "unsafe" not in policy[1]


def test_the_page_holds_every_value() -> None:
    """As JSON, in order; what is shown short is there whole."""
    text = written(real()).decode()
    data = json.loads(re.search(r'id="run">(.*?)</script>', text, re.DOTALL)[1])
    assert [data["actions"][one[1]] for one in data["decisions"]] == [one.action for one in real()]
    assert [one[4] for one in data["decisions"]] == [one.values for one in real()]
    assert [one[3] for one in data["decisions"]] == [one.cell for one in real()]


HOSTILE = (
    "</script><script>document.title=`stolen`</script>",
    "<img src=x onerror=\"document.title='stolen'\">",
    "<!--<script>",
    "]]>\u2028'\"`${document.title='stolen'}",
    "/* style */ {policy} &lt;b&gt;",
    "\ud800 \x00 \x1b[31m \u202e",
)


@pytest.mark.browser
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_was_recorded_is_shown_as_text_wherever_it_stands(page: Page, tmp_path: Path, text: str) -> None:
    """It neither runs nor becomes part of the page."""
    cell = {text: text, "column": text}
    decision = decided(action=text, reason=text, values={"after": 1, text: text}, cell=cell)
    opened(page, tmp_path, written([decision], run_id=text, name=text, message=text, status=text))
    page.keyboard.press("ArrowRight")
    assert page.title().endswith("otel-replay")
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    assert page.locator(".row").count() == 1
    if text.isprintable():
        assert page.inner_text("h1") == text
        assert page.inner_text("#detail .action") == text
        assert page.inner_text("#detail .reason") == text


# -- what is asked for ---------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(
    "where",
    [
        ["afr_error_pct>5"],
        ["afr_error_pct>5", "afr_error_pct<=8"],
        ["cell.rpm=2000", "cell.kpa=65"],
        ["cell.cylinder=f"],
        ["cell.cylinder!=f"],
        ["action~clamp"],
        ["reason~gradient", "cell.rpm_index=0"],
        ["values.weight>=100.0"],
        ["missing!=1"],
    ],
    ids=" ".join,
)
def test_the_page_finds_what_the_command_finds(page: Page, tmp_path: Path, where: list[str]) -> None:
    """Conditions mean the same in both."""
    opened(page, tmp_path, written(real()))
    page.fill("#search", " ".join(where))
    rules = [condition(text) for text in where]
    numbers = [
        str(number) for number, one in enumerate(real(), 1) if all(rule.matches(one) for rule in rules)
    ]
    assert page.inner_text("#count") == f"{len(numbers)} of 119 decisions"
    shown = page.locator(".row .number").all_inner_texts()
    assert shown == numbers[: len(shown)]
    assert bool(shown) is bool(numbers)


@pytest.mark.browser
def test_words_are_looked_for_in_everything_that_a_decision_says(page: Page, tmp_path: Path) -> None:
    """Its action, its reason, names and values; all of them must be there."""
    opened(page, tmp_path, written(real()))
    for words, count in (("", 119), ("gradient", 19), ("GRADIENT blending", 18), ("cylinder=r 73.3", 0)):
        page.fill("#search", words)
        assert page.inner_text("#count") == ("119 decisions" if count == 119 else f"{count} of 119 decisions")


@pytest.mark.browser
def test_a_condition_that_is_none_is_told_and_changes_nothing(page: Page, tmp_path: Path) -> None:
    """Until it is mended."""
    opened(page, tmp_path, written(real()))
    page.fill("#search", "afr_error_pct>x")
    assert "takes a number" in page.inner_text("#wrong")
    assert page.inner_text("#count") == "119 decisions"
    page.fill("#search", "afr_error_pct>14")
    assert page.inner_text("#wrong") == ""
    assert "of 119" in page.inner_text("#count")


@pytest.mark.browser
def test_an_action_and_a_stretch_of_time_are_chosen(page: Page, tmp_path: Path) -> None:
    """From the list, and by dragging over the timeline; one button takes it back."""
    opened(page, tmp_path, written(real()))
    page.select_option("#action", label="GRADIENT_LIMITING (18)")
    assert page.inner_text("#count") == "18 of 119 decisions"
    page.click("#all")
    assert page.inner_text("#count") == "119 decisions"
    box = page.locator("#lanes").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20, steps=3)
    page.mouse.up()
    assert page.inner_text("#count") == "1 of 119 decisions"
    assert page.inner_text(".row .number") == "119"


# -- stepping ------------------------------------------------------------------------------------------------


def grid_of(page: Page) -> list[list[str]]:
    """What the cells of the grid show."""
    return page.eval_on_selector_all(
        "#map tbody tr",
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))",
    )


STEPS = [
    decided(0, action="START"),
    decided(1, values={"before": 0.5, "after": 1}, cell={"rpm": 2000, "kpa": 50}),
    decided(2, values={"after": -2.5}, cell={"rpm": 1000, "kpa": 50}),
    decided(3, values={"before": 1, "after": 3}, cell={"rpm": 2000, "kpa": 50}, action="SMOOTHING"),
    decided(4, values={"after": 4}, cell={"rpm": 2000, "kpa": 95}),
]


@pytest.mark.browser
def test_keys_step_through_the_decisions_and_the_grid_goes_along(page: Page, tmp_path: Path) -> None:
    """Forth and back, to both ends; before, after and change are a button away. It begins as it came out."""
    opened(page, tmp_path, written(STEPS))
    assert grid_of(page) == [["-2.5", "·"], ["3", "4"]]
    seen = []
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        seen.append(grid_of(page))
    assert seen[1] == [["·", "·"], ["1", "·"]]
    assert seen[2] == [["-2.5", "·"], ["1", "·"]]
    assert seen[4] == [["-2.5", "·"], ["3", "4"]]
    page.keyboard.press("ArrowLeft")
    assert grid_of(page) == seen[3]
    assert "1 → 3" in page.inner_text("#detail")
    page.keyboard.press("Home")
    assert grid_of(page) == [["·", "·"], ["·", "·"]]
    page.keyboard.press("End")
    assert grid_of(page) == seen[4]
    page.click("[data-mode=before]")
    assert grid_of(page) == [["·", "·"], ["0.5", "·"]]
    page.click("[data-mode=change]")
    assert grid_of(page) == [["·", "·"], ["2.5", "·"]]


@pytest.mark.browser
def test_a_click_goes_to_a_decision_and_a_cell_asks_for_its_own(page: Page, tmp_path: Path) -> None:
    """From the list to the detail, from the grid to the list."""
    opened(page, tmp_path, written(STEPS))
    page.click(".row[data-number='4']")
    assert page.inner_text("#detail .action") == "SMOOTHING"
    assert page.inner_text("#where") == "4 / 5"
    page.click("#map tbody tr:nth-child(2) td:nth-of-type(1)")
    assert page.inner_text("#count") == "2 of 5 decisions"


@pytest.mark.browser
def test_it_plays_by_itself_to_the_end(page: Page, tmp_path: Path) -> None:
    """And stands still there."""
    opened(page, tmp_path, written(STEPS))
    page.select_option("#speed", "100")
    page.click("#play")
    page.wait_for_selector("#where:text-is('5 / 5')")
    page.wait_for_selector("#play[aria-pressed=false]")


@pytest.mark.browser
def test_a_run_without_decisions_has_a_page_too(page: Page, tmp_path: Path) -> None:
    """That says so."""
    opened(page, tmp_path, written([]))
    assert "This run made no decision." in page.inner_text("body")
    assert not page.is_visible("#list, #lanes, #map")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    page.keyboard.press(" ")


@pytest.mark.browser
@pytest.mark.parametrize("width", [375, 800, 1400])
def test_nothing_is_wider_than_the_window(page: Page, tmp_path: Path, width: int) -> None:
    """Whatever long names there are: what has no room is cut, or moved through in its own box."""
    long = "ACTION_" + "X" * 200
    cell = {"rpm" + "y" * 90: 1000, "kpa" * 30: 20}
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, tmp_path, written([decided(action=long, values={"after": 1}, cell=cell)], name=long))
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.browser
def test_on_paper_all_decisions_are_there(page: Page, tmp_path: Path) -> None:
    """And not only those that fit in the list on the screen; colours are those of the day."""
    opened(page, tmp_path, written(real()))
    page.emulate_media(color_scheme="dark")
    assert page.locator("#rows .row").count() < 119
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#rows .row").count() == 119
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#rows .row").count() < 119


@pytest.mark.browser
def test_what_hides_or_turns_text_is_seen(page: Page, tmp_path: Path) -> None:
    """As on the terminal: a name cannot pass for another one."""
    text = "a\u202eb\x1b[31m\U000e0041🚗"
    opened(page, tmp_path, written([decided(action=text, reason=text)], name=text))
    page.keyboard.press("ArrowRight")
    seen = "a\\u202eb\\e[31m\\U000e0041🚗"
    assert [page.inner_text(where) for where in ("h1", "#detail .action", "#detail .reason")] == [seen] * 3


@pytest.mark.browser
def test_ten_thousand_decisions_are_as_quick_to_search_as_a_hundred(page: Page, tmp_path: Path) -> None:
    """Only the rows that can be seen are on the page."""
    decisions = [
        decided(
            number,
            action=f"ACTION_{number % 7}",
            values={"before": number / 3, "after": number / 7, "weight": number % 100},
            cell={"rpm": 500 * (number % 20), "kpa": 5 * (number % 25)},
        )
        for number in range(10_000)
    ]
    opened(page, tmp_path, written(decisions))
    assert page.inner_text("#count") == "10,000 decisions"
    assert page.locator(".row").count() < 60
    page.evaluate("document.getElementById('list').scrollTop = 1e9")
    page.wait_for_selector(".row[data-number='10000']")
    took_ms = page.evaluate(
        """() => {
            const search = document.getElementById("search"), start = performance.now();
            search.value = "action_3 weight>=50";
            search.dispatchEvent(new Event("input"));
            return performance.now() - start;
        }"""
    )
    fitting = sum(number % 7 == 3 and number % 100 >= 50 for number in range(10_000))
    assert page.inner_text("#count") == f"{fitting} of 10,000 decisions"
    assert took_ms < 2_000
    page.keyboard.press("End")
    assert page.inner_text("#where") == "10,000 / 10,000"
