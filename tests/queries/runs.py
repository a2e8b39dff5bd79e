"""Runs that queries and rules are asked of: a tuning run and an agent run, told record by record."""

from __future__ import annotations

from analysis.story import Story

from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.records import LogEntry


def tuning() -> Items:
    """Two tasks; decisions clamp and smooth, and one is out of bounds."""
    story = Story("tuning-1")
    run = story.run()
    clamp = story.task("clamp", run)
    for number, after in enumerate((6.5, 7.0, -9.5)):
        story.decide(
            clamp,
            "CLAMPING_APPLIED",
            "over the limit",
            values={"before": 10.0 + number, "after": after, "afr_error_pct": 2.0 * number, "note": "a, b"},
            cell={"rpm": 1000 * (number + 1), "kpa": 65},
        )
    story.happen(clamp, "checkpoint", **{"otel_replay.checkpoint.name": "post-clamp"})
    story.end(clamp)
    smooth = story.task("smooth", run)
    story.decide(smooth, "SMOOTHING_START", "noise", values={"gradient": 0.30000000000000004})
    story.wait(2000)
    story.decide(smooth, "APPLY", "done", values={"after": 98.25, "ok": True, "nothing": None})
    story.end(smooth)
    story.end(run)
    return build_items(story)


def agent() -> Items:
    """An agent that asks a model, calls tools, one of which fails, and asks again."""
    story = Story("agent-1")
    run = story.run("helper")
    helper = story.start("invoke_agent helper", run, **{"gen_ai.operation.name": "invoke_agent"})
    asked = story.generation("gpt-x", helper)
    story.wait(500)
    story.end(asked, **{"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 40})
    for tool, arguments in (("search", '{"q":"weather","top":3}'), ("delete_file", '{"path":"/tmp/x"}')):
        called = story.tool_call(tool, helper)
        story.end(
            called,
            "error" if tool == "delete_file" else "unset",
            "not allowed" if tool == "delete_file" else "",
            **{"gen_ai.tool.call.arguments": arguments},
        )
    again = story.generation("gpt-y", helper)
    story.end(again, **{"gen_ai.usage.input_tokens": 300, "gen_ai.usage.output_tokens": 60})
    story.add(LogEntry(time_ns=story.now_ns, span_id=helper, severity=9, body="half way"))
    story.end(helper)
    story.end(run)
    return build_items(story)
