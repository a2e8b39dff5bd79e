"""The kinds of spans: tasks, agents, and calls of models and tools.

A call has an answer, which a replay may give in place of the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any

from otel_replay.answering import Answer
from otel_replay.attributes import (
    CHUNK,
    CHUNK_EVENT,
    EXCEPTION_STATE,
    GEN_AI_FINISH_REASONS,
    GEN_AI_OUTPUT_MESSAGES,
    GEN_AI_RESPONSE_ID,
    GEN_AI_RESPONSE_MODEL,
    GEN_AI_RESPONSE_PREFIX,
    GEN_AI_TOOL_RESULT,
    GEN_AI_USAGE_PREFIX,
)
from otel_replay.interruptions import let_through
from otel_replay.recording.answered import Asking
from otel_replay.recording.exceptions import exception_state
from otel_replay.recording.recorded_span import RecordedSpan, context_of

__all__ = ["Agent", "Call", "Generation", "RecordedSpan", "Task", "ToolCall", "context_of"]


class Task(RecordedSpan):
    """A named stretch of work."""


class Agent(RecordedSpan):
    """The work of one agent."""


class Call(RecordedSpan):
    """A call whose answer a replay gives: a generation or a tool call."""

    def recorded(self) -> Answer | None:
        """What was recorded for this call, while its run is replayed; None where the call is to be made.

        Raises what the recorded call raised.
        """
        return None if self._asking is None else self._asking.take()

    async def recorded_later(self) -> Answer | None:
        """As :meth:`recorded`, in a coroutine: a cancelled call waits until it is cancelled again."""
        return None if self._asking is None else await self._asking.take_later()

    def stream(self) -> Asking | None:
        """What a replay answers a stream with; None where it is to be made. It raises when it is through."""
        return None if self._asking is None or not self._asking.take_chunks() else self._asking

    def chunk(self, value: Any) -> None:
        """One item of an answer that comes bit by bit, at once: it survives the death of the process."""
        if self._open is not None and self._writer is not None:
            try:
                self._open.event(CHUNK_EVENT, self._writer.clean({CHUNK: value}))
            except Exception as error:
                let_through(error)
                self._note(error)

    def compare(self, value: Any) -> None:
        """Tell a replay what a call gave that is made although it was recorded."""
        if self._asking is not None and self._asking.check is not None:
            self._asking.check(value)

    def _state_of(self, error: BaseException) -> dict[str, Any]:
        if self._writer is None:
            return {}
        return self._writer.clean({EXCEPTION_STATE: exception_state(error)})


class ToolCall(Call):
    """One call of a tool or function."""

    def result(self, value: Any) -> None:
        """What the tool answered; any Python value."""
        self.set(GEN_AI_TOOL_RESULT, value)
        self.compare(value)

    def perform(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the function and record what it gives; in a replay, give what was recorded and call nothing.

        For a coroutine function the result is to be awaited.
        """
        if iscoroutinefunction(function):
            return self._perform_later(function, args, kwargs)
        answer = self.recorded()
        value = function(*args, **kwargs) if answer is None else answer.value
        self.result(value)
        return value

    async def _perform_later(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        answer = await self.recorded_later()
        value = await function(*args, **kwargs) if answer is None else answer.value
        self.result(value)
        return value


class Generation(Call):
    """One call of a model."""

    def output(
        self,
        messages: Any = None,
        *,
        finish_reasons: list[str] | None = None,
        usage: Mapping[str, Any] | None = None,
        response_id: str | None = None,
        response_model: str | None = None,
        **response: Any,
    ) -> None:
        """What the model answered.

        Parameters
        ----------
        messages:
            Output messages in the shape of the GenAI conventions, `[{role, parts: […], finish_reason}]`.
        finish_reasons:
            Why it stopped, one for each choice.
        usage:
            Token counts by their names in the conventions: `input_tokens`, `output_tokens`, …
        response_id, response_model:
            As the provider gave them.
        response:
            Further `gen_ai.response.*` attributes, e.g. `time_to_first_chunk` (seconds).
        """
        given = {
            GEN_AI_OUTPUT_MESSAGES: messages,
            GEN_AI_FINISH_REASONS: finish_reasons,
            GEN_AI_RESPONSE_ID: response_id,
            GEN_AI_RESPONSE_MODEL: response_model,
        }
        given.update({GEN_AI_RESPONSE_PREFIX + name: value for name, value in response.items()})
        try:
            given.update({GEN_AI_USAGE_PREFIX + name: value for name, value in (usage or {}).items()})
        except Exception as error:
            let_through(error)
            self._note(error)
        self.set_all({name: value for name, value in given.items() if value is not None})
