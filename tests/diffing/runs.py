"""Two runs to compare: told record by record, the second a little otherwise than the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analysis.story import Story

from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.attributes import GEN_AI_OUTPUT_MESSAGES, GEN_AI_TOOL_ARGUMENTS, GEN_AI_TOOL_RESULT
from otel_replay.diffing import Difference, diff

Step = tuple[str, dict[str, Any], dict[str, Any]]
"""A decision: action, values, cell."""


def step(action: str = "CORRECT", rpm: int = 2000, kpa: int = 65, **values: Any) -> Step:
    """A decision about a cell."""
    return action, values, {"rpm": rpm, "kpa": kpa}


def tuned(*steps: Step, cut: bool = False, name: str = "tuning", **attributes: Any) -> Items:
    """A run whose one task makes these decisions; with `cut`, its process died then."""
    story = Story()
    run = story.run(name, **attributes)
    task = story.task("correct", run)
    for action, values, cell in steps:
        story.decide(task, action, "because", values=values, cell=cell)
    if not cut:
        story.end(task)
        story.end(run, "ok")
    return build_items(story, status="interrupted" if cut else "finished")


def told(script: Callable[[Story, str], None], *, status: Any = "finished", **attributes: Any) -> Items:
    """A run in which happens what the script tells, below its own span."""
    story = Story()
    run = story.run(**attributes)
    script(story, run)
    if status == "finished":
        story.end(run, "ok")
    return build_items(story, status=status)


def tool(story: Story, parent: str, name: str, arguments: Any, result: Any = "done", **more: Any) -> None:
    """A tool is called and answers."""
    span = story.tool_call(name, parent)
    attributes = {GEN_AI_TOOL_ARGUMENTS: arguments, GEN_AI_TOOL_RESULT: result, **more}
    story.end(span, "ok", **attributes)


def answer(story: Story, parent: str, text: str, **more: Any) -> None:
    """A model answers."""
    span = story.generation("m-1", parent)
    message = [{"role": "assistant", "parts": [{"type": "text", "content": text}]}]
    story.end(span, "ok", **{GEN_AI_OUTPUT_MESSAGES: message, **more})


def findings(found: Difference) -> list[tuple[str, str]]:
    """How and what, in order."""
    return [(one.how, one.title) for one in found.findings]


def changes(found: Difference) -> list[tuple[str, Any, Any]]:
    """Every value that changed, in order."""
    return [(one.name, one.before, one.after) for finding in found.findings for one in finding.changes]


__all__ = ["Items", "answer", "changes", "diff", "findings", "step", "told", "tool", "tuned"]
