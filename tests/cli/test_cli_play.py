"""`play` on a real screen without a terminal: keys go in, and what a person sees comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Input, Static

from otel_replay.analysis.conditions import condition
from otel_replay.analysis.grid import find_grid
from otel_replay.analysis.playback import Playback
from otel_replay.cli.play_screen import PlayScreen
from otel_replay.cli.play_text import grid_text, near_text
from otel_replay.clock import SteppingClock
from otel_replay.formats.session_replay import read
from otel_replay.records import Decision

REAL = Path(__file__).parent.parent / "corpus" / "session_replay-1.0" / "real.json"
START_NS = SteppingClock()()


def playback_of(decisions: list[Decision], **names: Any) -> Playback:
    """A playback with its grid."""
    return Playback(decisions, find_grid(decisions, **names))


def real(first: int = 0) -> Playback:
    """The tuner's own file, from one of its decisions on."""
    return playback_of(list(read(REAL.read_bytes()).decisions)[first:])


def seen(screen: PlayScreen, part: str) -> str:
    """What a part of the screen shows."""
    shown = screen.query_one(part, Static).content
    return shown.plain if isinstance(shown, Text) else str(shown)


Story = Callable[[PlayScreen, Pilot[None]], Awaitable[None]]


def played(playback: Playback, story: Story, size: tuple[int, int] = (120, 40)) -> None:
    """Run a story on the screen of a playback."""

    async def run() -> None:
        screen = PlayScreen(playback, run_id="bench-7", started_ns=START_NS)
        async with screen.run_test(size=size) as pilot:
            await pilot.pause()
            await story(screen, pilot)

    asyncio.run(run())


async def answer(screen: PlayScreen, pilot: Pilot[None], key: str, text: str) -> None:
    """Press a key that asks for something, and answer."""
    await pilot.press(key)
    screen.query_one("#ask", Input).value = text
    await pilot.press("enter")


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    """Wait for something that the screen does by itself."""
    for _ in range(1000):
        if is_so():
            return
        await pilot.pause(0.01)
    pytest.fail("it did not come to pass")


def test_arrows_step_and_the_screen_tells_each_decision() -> None:
    """The decision, where it is, and the decisions around it."""

    async def story(screen: PlayScreen, pilot: Pilot[None]) -> None:
        assert "0 of 119 decisions" in seen(screen, "#head")
        assert "space plays" in seen(screen, "#decision")
        await pilot.press("right", "right", "left")
        assert "1 of 119 decisions" in seen(screen, "#head")
        told = seen(screen, "#decision")
        for part in (
            "AFR_CORRECTION",
            "Accepted AFR error sample for f cylinder",
            "rpm=2000",
            "afr_error_pct  0.73",
        ):
            assert part in told
        assert "▶     1 AFR_CORRECTION" in seen(screen, "#near")
        await pilot.press("pagedown")
        assert "11 of 119" in seen(screen, "#head")

    played(real(), story)


def test_home_and_end_jump_and_the_grid_is_that_of_the_position() -> None:
    """Empty at the beginning, all changes at the end."""

    async def story(screen: PlayScreen, pilot: Pilot[None]) -> None:
        assert "after, result, new by rpm_index ↓ and kpa_index →" in seen(screen, "#grid")
        assert "·" in seen(screen, "#grid")
        await pilot.press("end")
        assert "119 of 119" in seen(screen, "#head")
        assert "1.49" in seen(screen, "#grid")
        await pilot.press("home")
        assert "0 of 119" in seen(screen, "#head")
        assert "1.49" not in seen(screen, "#grid")

    played(real(), story)


def test_space_plays_to_the_end_by_itself() -> None:
    """As fast as it was told."""

    async def story(screen: PlayScreen, pilot: Pilot[None]) -> None:
        # So slow at first that it cannot have come to its end before it is looked at.
        await pilot.press("minus", "minus", "minus", "space")
        assert "playing · 0.5/s" in seen(screen, "#head")
        await pilot.press(*["plus"] * 5)
        await until(pilot, lambda: not screen.playback.playing)
        assert "20 of 20" in seen(screen, "#head")
        await pilot.press("minus")
        assert "standing · 10/s" in seen(screen, "#head")

    played(real(99), story)


def test_a_breakpoint_stops_it_where_its_condition_holds() -> None:
    """Asked for with b; n runs there."""

    async def story(screen: PlayScreen, pilot: Pilot[None]) -> None:
        await answer(screen, pilot, "b", "gradient>1.5")
        await pilot.press("n")
        current = screen.playback.current
        assert current is not None
        assert (current.action, current.values["gradient"]) == ("GRADIENT_LIMITING", 1.78)
        assert "stopped: gradient>1.5" in seen(screen, "#head")
        assert "[1.49]" in seen(screen, "#grid")
        assert "? → 1.49" in seen(screen, "#decision") or "1.55 → 1.49" in seen(screen, "#decision")
        await pilot.press("home", "space")
        await until(pilot, lambda: not screen.playback.playing)
        assert screen.playback.stopped_by == condition("gradient>1.5")

    played(real(96), story)


def test_a_filter_is_asked_for_and_what_is_none_is_told() -> None:
    """The question stays until it is answered or given up."""

    async def story(screen: PlayScreen, pilot: Pilot[None]) -> None:
        await answer(screen, pilot, "slash", "cell.rpm>x")
        assert "compares by size" in seen(screen, "#said")
        assert screen.query_one("#ask").display
        await pilot.press("escape")
        assert not screen.query_one("#ask").display
        await answer(screen, pilot, "slash", "GRADIENT")
        await pilot.press("right")
        assert "filtered" in seen(screen, "#head")
        assert screen.playback.current is not None
        assert screen.playback.current.action == "GRADIENT_LIMITING"
        await pilot.press("slash", "enter")
        assert "filtered" not in seen(screen, "#head")
        await answer(screen, pilot, "b", '"')
        assert "quotation" in seen(screen, "#said").lower()

    played(real(), story)


def test_what_was_recorded_does_nothing_to_the_screen() -> None:
    """Control characters and markup are shown as what they are."""
    hostile = Decision(
        time_ns=START_NS,
        span_id="",
        action="[bold]A\x1b[31m",
        reason="[link=http://x]r\x07",
        values={"after": 1.0, "[red]k": "\x1b]0;t\x07"},
        cell={"[x]": "a\nb", "y": "\x9b"},
    )

    async def story(screen: PlayScreen, pilot: Pilot[None]) -> None:
        await pilot.press("right")
        for part in ("#head", "#decision", "#near", "#grid"):
            assert not {"\x1b", "\x07", "\x9b"} & set(seen(screen, part))
        assert "[bold]A\\e[31m" in seen(screen, "#decision")
        assert "[link=http://x]r" in seen(screen, "#decision")

    played(playback_of([hostile]), story)


def test_a_run_without_decisions_and_one_without_a_grid_are_played() -> None:
    """And say so."""

    async def empty(screen: PlayScreen, pilot: Pilot[None]) -> None:
        await pilot.press("right", "end", "space", "n")
        assert "0 of 0 decisions" in seen(screen, "#head")
        assert "no decision changes a cell" in seen(screen, "#grid")

    played(Playback([]), empty)


def test_a_small_screen_shows_the_part_around_the_last_change() -> None:
    """And how much more there is."""
    decisions = [
        Decision(
            time_ns=START_NS,
            span_id="",
            action="A",
            reason="",
            values={"after": row + column / 100},
            cell={"row": row, "column": column},
        )
        for row in range(50)
        for column in range(50)
    ]
    playback = playback_of(decisions)
    playback.go(25 * 50 + 26)
    text = grid_text(playback, 50, 12).plain
    assert "[25.25]" in text
    assert all(len(line) <= 50 for line in text.splitlines())
    assert len(text.splitlines()) <= 12
    assert "more cells" in text
    assert "▶  1276" in near_text(playback, 60, 8).plain


def test_the_command_needs_a_terminal(call, keep, tuning) -> None:
    """And names what does without one."""
    keep(tuning)
    done = call("play", "latest")
    assert (done.code, done.out) == (2, "")
    assert "`play` needs a terminal" in done.err
    assert "otel-replay view latest" in done.err


def test_without_the_package_it_says_what_to_install(monkeypatch) -> None:
    """An extra, by name."""
    import sys

    from otel_replay.cli.extras import extra
    from otel_replay.errors import UsageError

    monkeypatch.setitem(sys.modules, "textual", None)
    monkeypatch.setitem(sys.modules, "textual.app", None)
    monkeypatch.delitem(sys.modules, "otel_replay.cli.play_screen", raising=False)
    missing = pytest.raises(UsageError, match="`textual`, which is not installed")
    with missing as refused, extra("play", "`otel-replay play`"):
        import otel_replay.cli.play_screen  # noqa: F401 - whether it can be
    assert refused.value.hint == "pip install 'otel-replay[play]'"
