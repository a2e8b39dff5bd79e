"""Runs for rules: a line of decisions by their letters, an agent's calls, a table, a run that was killed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from analysis.story import Story

from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.attributes import CHECKPOINT_EVENT, CHECKPOINT_NAME, CHECKPOINT_SHA256
from otel_replay.records import Event, Loss, Scope, SpanStart
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


def spent(*, cost: bool = True, generations: int = 2) -> Items:
    """An agent that asks a model, each time for a hundred tokens more than before, and calls a tool."""
    story = Story("agent-1")
    run = story.run("agent")
    for number in range(1, generations + 1):
        usage = {"gen_ai.usage.input_tokens": 100 * number, "gen_ai.usage.output_tokens": 10}
        story.end(story.generation("gpt-x", run), **usage, **({"operation.cost": 0.25} if cost else {}))
    story.end(story.tool_call("search", run))
    story.end(run)
    return build_items(story)


def told_twice(outer: dict[str, Any], inner: dict[str, Any], *, scopes: tuple[str, str]) -> Items:
    """A call of a model of which a framework and the SDK below it tell, each with attributes of its own."""
    story = Story("twice-1")
    run = story.run("twice")
    framework = story.generation("gpt-x", run)
    by(story, 1, scopes[0])
    sdk = story.generation("gpt-x", framework)
    by(story, 2, scopes[1])
    story.end(sdk, **inner)
    story.end(framework, **outer)
    story.end(run)
    return build_items(story)


def by(story: Story, number: int, library: str) -> None:
    """The span that began last is told by this library."""
    last = story.located.pop()
    assert isinstance(last.record, SpanStart)
    story.add(Scope(id=number, name=library))
    story.add(replace(last.record, scope=number))


def table() -> Items:
    """Two cells that are changed, one of them twice, and a checkpoint between."""
    story = Story("table-1")
    run = story.run("table")
    blobs = {"1": {"steps": 3, "done": True, "name": None, "ve": [1.0, 2.5]}, "2": [1, 2]}
    for number, (rpm, after) in enumerate([(2000, 90.0), (3000, 50.0), (2000, 98.25)], 1):
        story.decide(run, "SET", values={"after": after, "trim": number}, cell={"rpm": rpm, "kpa": 65})
        if str(number) in blobs:
            named = {CHECKPOINT_NAME: f"step {number}", CHECKPOINT_SHA256: str(number)}
            story.happen(run, CHECKPOINT_EVENT, **named)
    story.end(run)
    items = build_items(story)
    items.read_blob = lambda sha256: json.dumps(blobs[sha256]).encode()
    return items


def broken() -> Items:
    """A run that was killed while a task went on; a tool failed, and something was lost."""
    story = Story("broken-1")
    run = story.run("broken")
    story.end(story.tool_call("search", run), "error", "no such file")
    story.end(story.tool_call("fetch", run), "error")
    story.add(Loss(time_ns=story.now_ns, records=3, reason="no room"))
    story.add(Event(time_ns=story.now_ns, span_id=run, name="big", dropped_attributes=2))
    story.task("smooth", run)
    return build_items(story, status="interrupted")
