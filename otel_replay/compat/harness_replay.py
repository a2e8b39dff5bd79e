"""Replaying a session: `MockModel` answers from a script or from a log, and checks what it is asked.

Where the log says what the model was asked (those that our recorder wrote do), an answer goes to that request
and to no other. A script that runs dry is an error, and no empty answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from otel_replay.answering import Answer
from otel_replay.attributes import (
    GEN_AI_FINISH_REASONS,
    GEN_AI_INPUT_MESSAGES,
    GEN_AI_OPERATION,
    GEN_AI_OUTPUT_MESSAGES,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_REQUEST_PREFIX,
    GEN_AI_SYSTEM_INSTRUCTIONS,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_CALL_ID,
    GEN_AI_TOOL_DEFINITIONS,
    GEN_AI_TOOL_NAME,
    GEN_AI_TOOL_RESULT,
    GEN_AI_USAGE_PREFIX,
)
from otel_replay.compat.harness_events import (
    ModelOutput,
    PostModel,
    PostTool,
    PreModel,
    PreTool,
    Session,
    SessionEvent,
    ToolCall,
    Usage,
    plain,
    read_session,
)
from otel_replay.compat.harness_messages import model_output, output_messages
from otel_replay.errors import UsageError
from otel_replay.replay.player import Player, new_requests
from otel_replay.replay.recorded import RecordedCall, Recording
from otel_replay.replay.requests import Request, Requests

__all__ = [
    "MockModel",
    "MockResponse",
    "calls_of",
    "read_calls",
    "replay_as_mock",
    "replay_as_mock_via_events",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MockResponse:
    """One scripted answer."""

    text: str | None = None
    tool_calls: list[ToolCall] = field(default_factory=list)
    stop_reason: str = "end-turn"
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning: str | None = None

    def with_usage(self, input_tokens: int, output_tokens: int) -> MockResponse:
        """The same with token counts."""
        return replace(self, input_tokens=input_tokens, output_tokens=output_tokens)

    def output(self) -> ModelOutput:
        """What the model gives."""
        return ModelOutput(
            text=self.text,
            tool_calls=self.tool_calls,
            usage=Usage(input_tokens=self.input_tokens, output_tokens=self.output_tokens),
            stop_reason=self.stop_reason,
            reasoning=self.reasoning,
        )


class MockModel:
    """A model that answers from a script, in its order; and, where requests are known, only to them.

    `calls` holds every request that it got.
    """

    def __init__(self, name: str = "mock") -> None:
        self.name = name
        self.calls: list[Any] = []
        self._requests = new_requests()
        self._recording = Recording(run_id=name, calls=[])
        self._player: Player | None = None

    def with_name(self, name: str) -> MockModel:
        """The same model under another name."""
        self.name = self._recording.run_id = name
        return self

    def script(self, response: MockResponse, *, request: Any = None) -> MockModel:
        """Add an answer. `request`: what it answers; without one it answers whatever is asked next.

        Raises
        ------
        UsageError
            If the model has answered already.
        """
        if self._player is not None:
            raise UsageError("the script of a model that has answered cannot grow", hint="make another model")
        call = _generation(self._requests, response.output(), request)
        call.step = len(self._recording.calls) + 1
        self._recording.calls.append(call)
        return self

    def script_many(self, responses: Iterable[MockResponse]) -> MockModel:
        """Add several answers."""
        for response in responses:
            self.script(response)
        return self

    def complete(self, ctx: Any = None) -> ModelOutput:
        """The next answer; `ctx` is what the model is asked, a `Context` or any value.

        Raises
        ------
        ReplayDivergence
            If the script has no answer to that, or none any more.
        """
        if self._player is None:
            match: Literal["strict", "ordered"] = "ordered" if self._recording.unchecked else "strict"
            self._player = Player(self._recording, self._requests, match=match)
        request = _request_of(ctx)
        self.calls.append(request)
        answer = self._player.answer(_asked(request), ())
        assert isinstance(answer, Answer)
        return model_output(answer.value, answer.response)

    async def complete_later(self, ctx: Any = None) -> ModelOutput:
        """As :meth:`complete`, for a loop that awaits its model."""
        return self.complete(ctx)

    @property
    def call_count(self) -> int:
        """How often it was asked."""
        return len(self.calls)

    @property
    def script_exhausted(self) -> bool:
        """Whether every answer was given."""
        return not self.left

    @property
    def left(self) -> list[RecordedCall]:
        """The answers that nobody asked for."""
        return self._recording.calls if self._player is None else self._player.report.left

    def verify(self) -> None:
        """Raise what went another way: requests that were not answered, answers that were not asked for.

        Raises
        ------
        ReplayDivergence
            If anything did.
        """
        if self._player is None:
            self._player = Player(self._recording, self._requests, match="ordered")
        self._player.verify()


def replay_as_mock(events: Sequence[SessionEvent]) -> MockModel:
    """A model that gives each recorded answer again, to the request that it was given to.

    Raises
    ------
    FormatError
        If lines of the log were damaged: one of them may hold an answer, and all later ones would move up.
    """
    if isinstance(events, Session):
        events.refuse_damage()
    model = MockModel().with_name("replay")
    for output, request in _answers(events):
        response = MockResponse(
            text=output.text,
            tool_calls=output.tool_calls,
            stop_reason=output.stop_reason,
            input_tokens=output.usage.input_tokens,
            output_tokens=output.usage.output_tokens,
            reasoning=output.reasoning,
        )
        model.script(response, request=request)
    return model


replay_as_mock_via_events = replay_as_mock


def _answers(events: Iterable[SessionEvent]) -> Iterator[tuple[ModelOutput, Any]]:
    asked: list[PreModel] = []
    for event in events:
        if isinstance(event, PreModel):
            asked.append(event)
        elif isinstance(event, PostModel):
            yield event.output, asked.pop().request if asked else None


# -- for the core


def _request_of(ctx: Any) -> Any:
    request = getattr(ctx, "request", None)
    return {"model": getattr(ctx, "model", "model"), **request()} if callable(request) else ctx


def _has_our_parts(request: Any) -> bool:
    """Whether it is made as our `Context` is; in a line of somebody else, anything may stand there."""
    return (
        isinstance(request, Mapping)
        and isinstance(request.get("history"), Iterable)
        and isinstance(request.get("tools", ()), Iterable)
        and isinstance(request.get("parameters", {}), Mapping)
    )


def _asked(request: Any) -> dict[str, Any]:
    """A request as the attributes of the generation that a recorder makes of it."""
    if not _has_our_parts(request):
        whole = {} if request is None else {GEN_AI_INPUT_MESSAGES: plain(request)}
        return {GEN_AI_OPERATION: "chat", GEN_AI_REQUEST_MODEL: "model", **whole}
    more = {**request.get("parameters", {}), "task": request.get("task")}
    asked = {
        GEN_AI_OPERATION: "chat",
        GEN_AI_REQUEST_MODEL: request.get("model", "model"),
        GEN_AI_INPUT_MESSAGES: list(request["history"]),
        GEN_AI_SYSTEM_INSTRUCTIONS: request.get("system"),
        GEN_AI_TOOL_DEFINITIONS: list(request.get("tools", ())) or None,
        **{GEN_AI_REQUEST_PREFIX + name: value for name, value in more.items()},
    }
    return {name: value for name, value in asked.items() if value is not None}


def _generation(requests: Requests, output: ModelOutput, request: Any) -> RecordedCall:
    asked = _asked(request)
    made = requests.recorded(asked) if request is not None else None
    usage = plain(output.usage)
    return RecordedCall(
        request=made or Request(kind="generation", name="model", key=b"", fields={}),
        span_id="",
        outcome="answered",
        attributes={
            GEN_AI_OUTPUT_MESSAGES: output_messages(output),
            GEN_AI_FINISH_REASONS: [output.stop_reason],
            GEN_AI_USAGE_PREFIX + "input_tokens": usage["input_tokens"],
            GEN_AI_USAGE_PREFIX + "output_tokens": usage["output_tokens"],
            GEN_AI_USAGE_PREFIX + "cache_read.input_tokens": usage["cached_input_tokens"],
        },
    )


def calls_of(events: Sequence[SessionEvent], requests: Requests, name: str) -> Recording:
    """The model and tool calls of a session, as a replay takes them."""
    recording = Recording(run_id=name, calls=[])
    open_tools: dict[str, RecordedCall] = {}
    answers = _answers(events)
    for event in events:
        call: RecordedCall | None = None
        if isinstance(event, PostModel):
            output, request = next(answers)
            call = _generation(requests, output, request)
        elif isinstance(event, PreTool):
            asked = {
                GEN_AI_TOOL_NAME: event.action.tool,
                GEN_AI_TOOL_ARGUMENTS: event.action.args,
                GEN_AI_TOOL_CALL_ID: event.action.call_id,
            }
            made = requests.recorded(asked)
            assert made is not None
            call = open_tools[event.action.call_id] = RecordedCall(request=made, span_id="")
        elif isinstance(event, PostTool) and event.call_id in open_tools:
            done = open_tools.pop(event.call_id)
            done.outcome = "answered"
            done.attributes = {GEN_AI_TOOL_RESULT: plain(event.result)}
        if call is not None:
            call.step = len(recording.calls) + 1
            recording.calls.append(call)
    return recording


def read_calls(path: Path, requests: Requests, *, damaged: Literal["refuse", "skip"] = "refuse") -> Recording:
    """The calls of a session log.

    Raises
    ------
    FormatError, StoreError
        If it is damaged, or cannot be read.
    """
    session = read_session(path, strict=damaged == "refuse")
    recording = calls_of(session, requests, path.name)
    recording.notes += [
        f"line {line.number} is damaged and was skipped: {line.reason}" for line in session.skipped
    ]
    return recording
