"""The spans of a run on its page: the tree on a time scale, and what was said in each call."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from analysis.story import START_NS, Story

from exporting.test_page import opened
from otel_replay.exporting import steps
from otel_replay.exporting.facts import RunFacts
from otel_replay.exporting.page import write_page
from otel_replay.exporting.steps import find_steps

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page


CHAT = {"gen_ai.operation.name": "chat"}


def asked(text: str) -> list[dict[str, Any]]:
    """A message of one part."""
    return [{"role": "user", "parts": [{"type": "text", "content": text}]}]


def agent_story() -> Story:
    """A run whose agent asks a model, and calls a tool that fails."""
    story = Story("agent-1")
    run = story.run()
    chat = story.start("chat scripted", run, **CHAT, **{"gen_ai.input.messages": asked("how rich?")})
    call = {"type": "tool_call", "name": "read", "arguments": {"rpm": 1}}
    story.end(chat, **{"gen_ai.output.messages": [{"role": "assistant", "parts": [call]}]})
    tool = story.tool_call("read", run)
    story.end(tool, "error", "no such cell", **{"gen_ai.tool.call.arguments": {"rpm": 1}})
    story.end(run)
    return story


def test_a_generation_tells_what_was_asked_and_what_came_back() -> None:
    found = find_steps(agent_story().__iter__)
    assert found.total == 3
    run, chat, tool = found.shown
    assert run.said == []
    assert chat.said == [("user", "how rich?"), ("answer", '→ read {"rpm": 1}')]
    assert tool.said == [("arguments", '{"rpm": 1}')]
    assert (tool.node.status, tool.node.message) == ("error", "no such cell")


def test_a_long_text_is_told_by_its_beginning() -> None:
    story = Story("agent-1")
    run = story.run()
    words = "x" * (steps.LONGEST_TEXT + 7)
    story.end(story.start("chat", run, **CHAT, **{"gen_ai.input.messages": asked(words)}))
    (_, text) = find_steps(story.__iter__).shown[1].said[0]
    assert text.endswith("x … 7 characters more")


def test_text_that_a_page_has_no_room_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a call with less to say, which comes after it, is shown."""
    monkeypatch.setattr(steps, "MOST_TEXT", 10)
    story = Story("agent-1")
    run = story.run()
    for words in ("x" * 20, "short"):
        story.end(story.start("chat", run, **CHAT, **{"gen_ai.input.messages": asked(words)}))
    _, long, short = find_steps(story.__iter__).shown
    assert long.said == [("left out", "20 characters: this page holds as much text as it may")]
    assert short.said == [("user", "short")]


def test_of_many_answers_is_told_how_many_are_left_out() -> None:
    story = Story("agent-1")
    run = story.run()
    answers = [
        {"role": "assistant", "parts": [{"type": "text", "content": str(number)}]} for number in range(43)
    ]
    story.end(story.start("chat", run, **CHAT), **{"gen_ai.output.messages": answers})
    said = find_steps(story.__iter__).shown[1].said
    assert said[-2:] == [("answer", "39"), ("after", "… 3 more answers")]


def test_of_many_spans_the_outline_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST_STEPS", 20)
    story = Story("many")
    run = story.run()
    for _ in range(50):
        story.end(story.start("cell", run))
    story.end(run)
    found = find_steps(story.__iter__)
    assert (len(found.shown), found.total) == (20, 51)
    assert found.shown[0].node.fold.spans == 31


@pytest.mark.browser
def test_the_page_shows_first_what_failed_and_goes_on_by_keys(page: Page, tmp_path: Path) -> None:
    stream = io.BytesIO()
    facts = RunFacts(run_id="agent-1", name="agent", status="failed", started_ns=START_NS)
    write_page(stream, facts, [], None, find_steps(agent_story().__iter__))
    opened(page, tmp_path, stream.getvalue())
    assert page.locator(".steprow .name").all_inner_texts()[1:] == [
        "generation chat scripted",
        "tool call read",
    ]
    assert "failed: no such cell" in page.inner_text("#step")
    page.focus("#steps")
    page.keyboard.press("ArrowUp")
    assert "how rich?" in page.inner_text("#step")
    assert page.inner_text("#step .said.answer .words") == '→ read {"rpm": 1}'
    page.keyboard.press("Home")
    assert page.get_attribute(".steprow.here", "data-index") == "0"


@pytest.mark.browser
def test_the_page_says_which_generation_asked_for_a_call_and_leads_there(page: Page, tmp_path: Path) -> None:
    stream = io.BytesIO()
    facts = RunFacts(run_id="agent-1", name="agent", status="failed", started_ns=START_NS)
    write_page(stream, facts, [], None, find_steps(agent_story().__iter__))
    opened(page, tmp_path, stream.getvalue())
    assert "by name and arguments: chat scripted" in page.inner_text("#step")
    page.get_by_role("button", name="chat scripted").click()
    assert "how rich?" in page.inner_text("#step")
