"""Actions of a memory session as spans of a run, and the session read back from the run's journals.

An action is a tool call (`execute_tool memory.find`): its input the arguments, its output the result. What is
done with a memory while a span is open stands in the journal at once; an action whose call has returned is
there whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry import context as otel_context

from otel_replay.attributes import (
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_RESULT,
    MEMORY_ACTION,
    MEMORY_DURATION,
    MEMORY_ERROR,
    MEMORY_FRAMES,
    MEMORY_INPUT_SHA256,
    MEMORY_OUTPUT_SHA256,
    MEMORY_SEQUENCE,
    MEMORY_SERIES,
)
from otel_replay.compat.memvid.codec import action_type_from, action_type_value
from otel_replay.compat.memvid.types import (
    ActionType,
    AnyAction,
    Checkpoint,
    ReplayAction,
    StateSnapshot,
)
from otel_replay.errors import FormatError
from otel_replay.formats.assemble import assemble
from otel_replay.formats.spans import Span
from otel_replay.recording import shapes
from otel_replay.recording.blocks import start_span
from otel_replay.recording.current import writer_around
from otel_replay.recording.run import Run
from otel_replay.recording.spans import ToolCall, context_of
from otel_replay.records import BadLine
from otel_replay.storage.run_files import Located, RunFiles
from otel_replay.storage.whole_values import whole

__all__ = ["INTERRUPTED", "begin", "checkpoint_of", "finish", "read_actions", "tool_name"]

INTERRUPTED = "interrupted: the process died while it was done"
"""The `error` of an action while its call has not returned: it is the last word if the process dies in it."""


def tool_name(action_type: AnyAction) -> str:
    """What the action's span is called, without the operation: `memory.find`."""
    if isinstance(action_type, ActionType.Call):
        return f"memory.{action_type.name}"
    return f"memory.{action_type_value(action_type)['kind']}"


def begin(run: Run, session_id: str, action: ReplayAction) -> ToolCall:
    """Start the span of an action, with all that is known of it by now."""
    own = {MEMORY_SERIES: session_id, MEMORY_SEQUENCE: action.sequence}
    attributes = {**own, **_known(action), **_result(action)}
    # In the span that is current, if that belongs to the run; else in the run's own.
    around = writer_around()
    inside = around is not None and around.run_id == run.run_id
    context = otel_context.get_current() if inside else context_of(run)

    def shape() -> shapes.Shape:
        return shapes.tool_call_shape(tool_name(action.action_type), action.input, None, attributes)

    return start_span(ToolCall, shape, (action.time_ns, context))


def finish(call: ToolCall, action: ReplayAction) -> None:
    """Add what is known of an action since its span was started, all at once."""
    call.set_all({MEMORY_ERROR: action.error, **_known(action), **_result(action)})
    if action.error:
        call.fail(action.error)


def _known(action: ReplayAction) -> dict[str, Any]:
    return {
        MEMORY_ACTION: action_type_value(action.action_type),
        **_given(
            {
                MEMORY_INPUT_SHA256: action.input_hash,
                MEMORY_OUTPUT_SHA256: action.output_hash,
                MEMORY_ERROR: action.error,
                MEMORY_FRAMES: list(action.affected_frames),
                MEMORY_DURATION: action.duration_ms,
            }
        ),
    }


def _result(action: ReplayAction) -> dict[str, Any]:
    return {} if action.output is None else {GEN_AI_TOOL_RESULT: action.output}


def _given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value not in ("", 0, [])}


def checkpoint_of(action: ReplayAction) -> Checkpoint | None:
    """The checkpoint that an action tells of."""
    if not isinstance(action.action_type, ActionType.Checkpoint) or not isinstance(action.output, Mapping):
        return None
    snapshot = StateSnapshot.from_value(action.output)
    return Checkpoint(action.action_type.checkpoint_id, action.sequence, action.time_ns, snapshot)


def read_actions(files: RunFiles) -> tuple[dict[str, list[ReplayAction]], list[str]]:
    """The actions of every session in a run, by the session's id; and lines of the run that are no records.

    Raises
    ------
    StoreError, FormatError
        If a journal or a blob cannot be read, or an action is none that this version knows.
    """
    bad: list[str] = []

    def records() -> Iterator[Located]:
        for located in files.records():
            if isinstance(located.record, BadLine):
                torn = "torn off" if located.record.torn else "damaged"
                bad.append(f"{located.journal}: line {located.record.number} is {torn}")
            yield located

    found: dict[str, list[ReplayAction]] = {}
    for span in assemble(records()):
        session_id = span.attributes.get(MEMORY_SERIES)
        if isinstance(session_id, str) and MEMORY_ACTION in span.attributes:
            found.setdefault(session_id, []).append(_action(span, files))
    for actions in found.values():
        actions.sort(key=lambda action: action.sequence)
    return found, bad


def _action(span: Span, files: RunFiles) -> ReplayAction:
    attributes = whole(span.attributes, files.blobs.read)
    try:
        action_type = action_type_from(attributes[MEMORY_ACTION])
    except (KeyError, TypeError) as error:
        raise FormatError(f"span {span.span_id} is no action of a memory session: {error!r}") from None
    return ReplayAction(
        sequence=attributes[MEMORY_SEQUENCE],
        action_type=action_type,
        time_ns=span.start_ns,
        input=attributes.get(GEN_AI_TOOL_ARGUMENTS),
        output=attributes.get(GEN_AI_TOOL_RESULT),
        input_hash=attributes.get(MEMORY_INPUT_SHA256, ""),
        output_hash=attributes.get(MEMORY_OUTPUT_SHA256, ""),
        duration_ms=attributes.get(MEMORY_DURATION, 0),
        affected_frames=tuple(attributes.get(MEMORY_FRAMES, ())),
        error=attributes.get(MEMORY_ERROR, ""),
    )
