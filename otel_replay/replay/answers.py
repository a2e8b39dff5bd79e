"""What a recorded call gave, made ready to be given again: values with their blobs, errors to be raised."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from otel_replay.answering import Answer
from otel_replay.attributes import (
    CHUNKS,
    ERROR_TYPE,
    EXCEPTION_STATE,
    GEN_AI_FINISH_REASONS,
    GEN_AI_OUTPUT_MESSAGES,
    GEN_AI_RESPONSE_PREFIX,
    GEN_AI_TOOL_RESULT,
    GEN_AI_USAGE_PREFIX,
)
from otel_replay.errors import FormatError
from otel_replay.replay.recorded import RecordedCall, Recording
from otel_replay.storage.whole_values import whole

__all__ = ["RecordedError", "answer_of", "value_of"]

_CANCELLED = frozenset({"asyncio.exceptions.CancelledError", "asyncio.CancelledError"})


class RecordedError(Exception):
    """Stands for an exception of the recording whose class this program does not have, or cannot make.

    Attributes
    ----------
    type:
        The full name of its class.
    state:
        Its `args` and `fields`, as far as they were recorded.
    """

    def __init__(self, message: str, *, type: str, state: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.type = type
        self.state = dict(state)


def answer_of(call: RecordedCall, recording: Recording, check: Callable[[Any], None] | None = None) -> Answer:
    """The answer of a recorded call. Each time a fresh one: the program may do with it what it likes.

    Raises
    ------
    FormatError
        If what the call gave was not kept whole.
    StoreError
        If a blob is not there, cannot be read, or is damaged.
    """
    attributes = call.attributes
    source = f"{recording.run_id}/{call.span_id}"
    if call.dropped_attributes:
        raise FormatError(
            f"step {call.step} ({call.kind} {call.name}) of run {recording.run_id} lost"
            f" {call.dropped_attributes} attributes to a limit of OpenTelemetry: its answer is not whole",
            hint="record it anew without OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        )
    total = attributes.get(CHUNKS)
    if isinstance(total, int) and total > len(call.chunks):
        raise FormatError(
            f"step {call.step} ({call.kind} {call.name}) of run {recording.run_id} gave {total:,} items,"
            f" of which {len(call.chunks):,} were recorded: it cannot be answered",
            hint="let this call be made instead of replayed",
        )
    error, cancelled_after_s = _raised(call)
    return Answer(
        source=source,
        value=whole(value_of(call), recording.read_blob),
        chunks=tuple(whole(chunk, recording.read_blob) for chunk in call.chunks),
        ended=isinstance(total, int) or not call.chunks,
        response=_response(attributes),
        error=error,
        cancelled_after_s=cancelled_after_s,
        check=check,
    )


def value_of(call: RecordedCall) -> Any:
    """What a recorded call gave: a tool's result, or a generation's output; large values as blobs."""
    return call.attributes.get(GEN_AI_OUTPUT_MESSAGES if call.kind == "generation" else GEN_AI_TOOL_RESULT)


def _response(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """By the names that `Generation.output` takes."""
    usage = {
        name[len(GEN_AI_USAGE_PREFIX) :]: value
        for name, value in attributes.items()
        if name.startswith(GEN_AI_USAGE_PREFIX)
    }
    found: dict[str, Any] = {"usage": usage} if usage else {}
    for name, value in attributes.items():
        if name.startswith(GEN_AI_RESPONSE_PREFIX):
            short = name[len(GEN_AI_RESPONSE_PREFIX) :]
            own = {"id": "response_id", "model": "response_model"}.get(short, short)
            found[own] = list(value) if name == GEN_AI_FINISH_REASONS else value
    return found


# -- what was raised -----------------------------------------------------------------------------------------


def _raised(call: RecordedCall) -> tuple[BaseException | None, float | None]:
    if call.outcome != "failed":
        return None, None
    told = call.exception or {}
    type_name = str(told.get("exception.type") or call.attributes.get(ERROR_TYPE) or "")
    if type_name in _CANCELLED:
        return None, max(0, call.ended_ns - call.started_ns) / 1e9
    if not type_name and not call.message:
        return None, None  # a status without an exception: the call gave what it gave
    message = str(told.get("exception.message") or call.message.removeprefix(f"{type_name}: "))
    state = told.get(EXCEPTION_STATE)
    return _exception(type_name, message, state if isinstance(state, Mapping) else {}), None


def _exception(type_name: str, message: str, state: Mapping[str, Any]) -> BaseException:
    kind = _class(type_name)
    if kind is not None:
        try:
            return _made(kind, message, state)
        except Exception:
            pass  # a class that cannot be made like this: told under another name
    told = f"{type_name}: {message}" if message else type_name
    return RecordedError(told, type=type_name, state=state)


def _class(type_name: str) -> type[BaseException] | None:
    """The class, where its module is loaded already: a recording must not make a program import anything."""
    module_name, _, name = type_name.rpartition(".")
    parts = [name]
    while True:
        module = sys.modules.get(module_name or "builtins")
        if module is not None:
            found: Any = module
            for part in parts:
                found = getattr(found, part, None)
            if isinstance(found, type) and issubclass(found, BaseException):
                return found
        if not module_name:
            return None
        module_name, _, outer = module_name.rpartition(".")
        parts.insert(0, outer)


def _made(kind: type[BaseException], message: str, state: Mapping[str, Any]) -> BaseException:
    args = tuple(state.get("args", (message,) if message else ()))
    fields = state.get("fields", {})
    if kind.__module__ == "builtins" and not fields:
        return kind(*args)
    # Not by calling it: what its __init__ asks for was not recorded, what it left behind was.
    error: BaseException = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error
