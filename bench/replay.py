"""Replaying an agent loop of 1,000 calls offline: what answering costs, over the loop's own time.

Seconds of the processor: nothing in it waits, and what else the machine does is left out.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from time import process_time_ns
from typing import Any

import otel_replay
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Measured, difference, spread

__all__ = ["measure"]

WINDOW = 20
Message = dict[str, Any]


def measure(scale: Scale) -> list[Row]:
    """A loop that keeps its last 20 messages, and one that keeps them all; half the calls are tools."""
    rows = []
    for what, window in (("last 20 messages", WINDOW), ("whole history", None)):
        rows += _measured(scale, what, window)
    return rows


def _measured(scale: Scale, what: str, window: int | None) -> list[Row]:
    rounds = scale.replayed_loops
    with tempfile.TemporaryDirectory() as store:
        with otel_replay.start_run("loop", run_id="loop", store=store):
            _loop(_ask, _look_up, scale.replayed_calls, window)
        own, replayed, opened = [], [], []
        for _ in range(rounds):
            own.append(_seconds(lambda: _loop(_answer, _found, scale.replayed_calls, window)))
            began = process_time_ns()
            replay = otel_replay.replay_run("loop", store=store)
            opened.append((process_time_ns() - began) / 1e9)
            with replay:
                replayed.append(_seconds(lambda: _loop(_ask, _look_up, scale.replayed_calls, window)))
            assert replay.report.ok
    over = [ours + opening - theirs for ours, opening, theirs in zip(replayed, opened, own, strict=True)]
    calls = scale.replayed_calls
    each = difference([(ours - theirs) / calls * 1e3 for ours, theirs in zip(replayed, own, strict=True)])
    note = f"{calls:,} calls, CPU time; of it {_median(opened):.3f} s to open the recording"
    bar = {"bar": 1.0} if window else {}
    return [
        row("replay", f"a loop over its own time, {what}", difference(over), unit="s", note=note, **bar),
        row("replay", f"one call, {what}", each, unit="ms", bar=1.0),
    ]


def _median(values: list[float]) -> float:
    measured: Measured = spread(values)
    return measured.median


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    began = process_time_ns()
    work()
    return (process_time_ns() - began) / 1e9


def _loop(
    ask: Callable[[list[Message]], Message],
    look_up: Callable[[str, int], Message],
    calls: int,
    window: int | None,
) -> None:
    """An agent that asks and looks up in turn."""
    history: list[Message] = [
        {"role": "system", "parts": [{"type": "text", "content": "You tune engines. " * 20}]},
        {"role": "user", "parts": [{"type": "text", "content": "Which cell is worst?"}]},
    ]
    for number in range(calls // 2):
        sent = history if window is None else [*history[:2], *history[2:][-window:]]
        history.append(ask(sent))
        found = look_up("cell", number)
        part = {"type": "tool_call_response", "id": f"call_{number}", "response": found}
        history.append({"role": "tool", "parts": [part]})


def _answer(messages: list[Message]) -> Message:
    number = len(messages)
    arguments = {"name": "cell", "number": number, "why": "the correction is the largest of its row " * 3}
    return {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": f"call_{number}", "name": "look_up", "arguments": arguments}],
    }


def _found(name: str, number: int) -> Message:
    return {"name": name, "rpm": 1500 + number, "kpa": 95, "afr": 12.5 + number / 7}


_ask = otel_replay.generation("gpt-x", provider="openai")(_answer)
_look_up = otel_replay.tool("look_up")(_found)
