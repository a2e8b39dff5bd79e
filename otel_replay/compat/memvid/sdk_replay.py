"""How the actions of a recorded session are done again with a memory of the real `memvid-sdk`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.compat.memvid.cleaning import Cleaning
from otel_replay.compat.memvid.lasting import lasting
from otel_replay.compat.memvid.replay import Operations, Outcome
from otel_replay.compat.memvid.sdk import frames_of, state_of
from otel_replay.compat.memvid.types import ActionType, ReplayAction
from otel_replay.settings import Settings, read_settings
from otel_replay.values_json import AnyValue

__all__ = ["operations_of"]


def operations_of(memory: Any, *, settings: Settings | None = None) -> Operations:
    """Operations on a memory of the SDK, with the arguments that were recorded.

    A put gets the time that it had, so that searches tell the same of it. Arguments from which a secret was
    taken out, or that were objects of the program (an embedder), are passed on as they were kept: the result
    will tell.

    Parameters
    ----------
    memory:
        What `memvid_sdk.create` or `memvid_sdk.use` returned.
    settings:
        For redaction: results are compared as they would be kept.
    """
    cleaning = Cleaning(settings or read_settings())

    def done(name: str, arguments: Mapping[str, AnyValue]) -> Outcome:
        output = cleaning.value(getattr(memory, name)(**arguments))
        return Outcome(frames=frames_of(output), output=lasting(output))

    def put(action: ReplayAction) -> Outcome:
        arguments = _arguments(action)
        recorded = action.output if isinstance(action.output, Mapping) else {}
        timestamp = recorded.get("timestamp")
        frame_id = int(memory.put(**{"timestamp": timestamp, **arguments}))
        return Outcome(frames=(frame_id,))

    def call(action: ReplayAction) -> Outcome:
        assert isinstance(action.action_type, ActionType.Call)
        return done(action.action_type.name, _arguments(action))

    return Operations(
        put=put,
        find=lambda action: done("find", _arguments(action)),
        ask=lambda action: done("ask", _arguments(action)),
        call=call,
        state=lambda: state_of(memory),
        lasting=lasting,
    )


def _arguments(action: ReplayAction) -> dict[str, Any]:
    if isinstance(action.input, Mapping):
        return dict(action.input)
    # A session that was recorded by hand holds what was put or asked, and no names.
    names = {"put": "text", "find": "query", "ask": "question"}
    return {names[action.kind]: action.input}
