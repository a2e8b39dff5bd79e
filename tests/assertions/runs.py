"""Runs for rules: a line of decisions by their letters, and an agent's tool calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from analysis.story import Story

from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.storage.run_files import RunStatus


def line(letters: str, *, status: RunStatus = "finished") -> Items:
    """A run with one decision for each letter, a millisecond apart; `.` waits for a second."""
    story = Story("line-1")
    run = story.run("line")
    for number, letter in enumerate(letters):
        if letter == ".":
            story.wait(1000)
        else:
            story.decide(run, letter, values={"after": float(number), "n": number})
    story.end(run)
    items = build_items(story, status=status)
    items.run_id = items.source = "line-1"
    items.status = status
    return items


def calls(*steps: Any) -> Items:
    """A run with tool calls: a name, or a name and arguments; a list of them overlaps in time."""
    story = Story("calls-1")
    run = story.run("calls")
    for step in steps:
        parallel: Sequence[Any] = step if isinstance(step, list) else [step]
        begun = [_begin(story, run, one) for one in parallel]
        for span_id in begun:
            story.end(span_id)
    story.end(run)
    items = build_items(story)
    items.run_id = items.source = "calls-1"
    return items


def _begin(story: Story, run: str, one: Any) -> str:
    name, arguments = one if isinstance(one, tuple) else (one, None)
    given = {} if arguments is None else {"gen_ai.tool.call.arguments": json.dumps(arguments)}
    return story.start(
        f"execute_tool {name}",
        run,
        **{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, **given},
    )
