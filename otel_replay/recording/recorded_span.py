"""What has a duration: the life of a recorded span, whatever its kind.

A recorded span is an OpenTelemetry span that is current while its block runs. Using it never raises into
the program; an exception of the program passes through and is recorded.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from typing_extensions import Self

from otel_replay.attributes import ERROR_TYPE
from otel_replay.errors import told
from otel_replay.interruptions import let_through
from otel_replay.otel.keys import OPEN_SPAN, RUN_KEY
from otel_replay.recording.answered import ANSWERERS, Asking, asking
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_writer import RunWriter

__all__ = ["RecordedSpan", "context_of"]

_log = logging.getLogger("otel_replay")

_SAID = "_otel_replay_said"
"""The attribute of an exception whose traceback stands in a span already."""


class RecordedSpan:
    """A span of a run, from its construction to `end()`; as a context manager it is the current span inside.

    Parameters
    ----------
    writer:
        The run's writer; None makes a span that records nothing, with the same methods.
    tracer:
        Starts the OpenTelemetry span.
    name, kind, attributes:
        Of the span. Attribute values may be anything.
    parent:
        The context that the span is started in; None: the current one.
    start_ns:
        When it began, if that was before now.
    """

    _asking: Asking | None = None

    def __init__(
        self,
        writer: RunWriter | None,
        tracer: trace.Tracer | None,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        parent: otel_context.Context | None = None,
        links: list[trace.Link] | None = None,
        start_ns: int | None = None,
    ) -> None:
        self._writer = writer
        self._span: trace.Span = trace.INVALID_SPAN
        self._open: OpenSpan | None = None
        self._tokens: list[Any] = []
        self._failed = False
        self._message = ""
        if writer is None or tracer is None:
            return
        try:
            clean = writer.clean(attributes) if attributes else {}
            base = otel_context.set_value(RUN_KEY, writer, parent)
            given: dict[str, Any] = {"context": base, "kind": kind, "attributes": clean, "links": links}
            if start_ns is not None:
                given["start_time"] = start_ns
            try:
                self._span = tracer.start_span(writer.clean_text(name), **given)
            except Exception as error:
                let_through(error)
                # A processor of somebody else: recording does without it, and without them all.
                self._note(error)
                self._span = _alone(writer.clean_text(name), given)
            self._open = getattr(self._span, OPEN_SPAN, None)
            self._context = trace.set_span_in_context(self._span, base)
            if self._open is not None and _is_limited(tracer):
                self._keep_whole(clean)
        except Exception as error:
            let_through(error)
            self._note(error)

    def _keep_whole(self, clean: Mapping[str, Any]) -> None:
        """Journal the attributes that limits of the SDK have cut: they are for what leaves the process."""
        held = getattr(self._span, "attributes", None) or {}
        cut = {key: value for key, value in clean.items() if held.get(key) != value}
        if cut and self._open is not None:
            self._open.update(cut)

    # -- life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._asking is not None:
            self.ask()
            self._asking.enter()
        self.attach()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.detach()
        if error is not None:
            self.fail(error)
        if self._asking is not None:
            try:
                self._asking.leave(failed=error is not None)
            except BaseException as second:
                self.fail(second)
                self.end()
                raise
        self.end()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, where)

    def attach(self) -> None:
        """Make this the current span of this thread or task; :meth:`detach` takes it back."""
        if self._open is not None or self._asking is not None:
            self._tokens.append(otel_context.attach(self._context))

    def detach(self) -> None:
        """Make the span that was current before :meth:`attach` the current one again."""
        if self._tokens:
            token = self._tokens.pop()
            try:
                # Not otel_context.detach: it logs an error where a generator is closed by another task.
                otel_context._RUNTIME_CONTEXT.detach(token)
            except ValueError as raised:
                let_through(raised)

    def expect(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Have an active replay asked when the span's block begins: `name` and attributes as they are."""
        if ANSWERERS:
            self._asking = asking(name, attributes, self._context if self._open is not None else None)
            if self._asking is not None:
                self._context = self._asking.context

    def ask(self) -> None:
        """Ask the replay for what the call is answered with. Raises what the replay raises."""
        if self._asking is not None:
            try:
                self.set_all(self._asking.ask())
            except BaseException as error:
                self.fail(error)
                self.end()
                raise

    def settle(self) -> None:
        """The span is over that was begun by hand: raises what the replay says of an answer nobody took."""
        if self._asking is not None:
            self._asking.leave(failed=self._failed)

    def fail(self, error: BaseException | str) -> None:
        """Say that the span failed. An exception is recorded as an event, with its traceback."""
        if self._open is None:
            return
        try:
            # A generator that is not asked for more has not failed, and neither has a program that ends well.
            if isinstance(error, GeneratorExit) or (isinstance(error, SystemExit) and not error.code):
                return
            self._failed = True
            if isinstance(error, str):
                self._message = self._text(error)
            else:
                name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
                text = told(error).partition(": ")[2]
                self._message = self._text(f"{name}: {text}" if text else name)
                self.set(ERROR_TYPE, name)
                try:
                    if isinstance(error, Exception):
                        self._record(error, name, text)
                except Exception as second:
                    let_through(second)
                    self._note(second)
            self._span.set_status(Status(StatusCode.ERROR, self._message))
        except Exception as second:
            let_through(second)
            self._note(second)

    def _record(self, error: Exception, name: str, text: str) -> None:
        # As the SDK's record_exception, but without secrets, and whatever the exception does when asked.
        said = {"exception.type": name, "exception.message": self._text(text)}
        # It may pass through many spans: where it comes from is said once, in the innermost.
        if not getattr(error, _SAID, False):
            where = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            said["exception.stacktrace"] = self._text(where)
            try:
                setattr(error, _SAID, True)
            except Exception as raised:
                let_through(raised)
                # an exception without room for it
        self._span.add_event("exception", {**said, "exception.escaped": "False", **self._state_of(error)})

    def _state_of(self, error: BaseException) -> dict[str, Any]:  # noqa: ARG002 - for those who override it
        return {}

    def end(self) -> None:
        """End the span. Ending twice does nothing."""
        if self._open is None:
            return
        try:
            if self._span.is_recording():
                self._span.end()
        except Exception as error:
            let_through(error)
            self._note(error)

    # -- what happens in it ----------------------------------------------------------------------------------

    def set(self, key: str, value: Any) -> None:
        """Set one attribute, at once: it survives the death of the process."""
        try:
            self.set_all({key: value})
        except Exception as error:
            let_through(error)
            self._note(error)  # a key that cannot be one

    def set_all(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes, at once."""
        if self._open is None or self._writer is None:
            return
        try:
            clean = self._writer.clean(attributes)
            if self._span.is_recording():
                self._span.set_attributes(clean)
                self._open.update(clean)
                held = getattr(self._span, "attributes", None) or {}
                # They stand in the journal now: the span's end need not repeat them.
                self._open.start["attributes"].update({key: held[key] for key in clean if key in held})
        except Exception as error:
            let_through(error)
            self._note(error)

    def decision(self, action: str, reason: str, values: Any = None, cell: Any = None) -> None:
        """Record a decision in this span, whatever the current one is."""
        if self._open is not None:
            self._open.decision(action, reason, values, cell)

    @property
    def recording(self) -> bool:
        """Whether anything is recorded here."""
        return self._open is not None

    @property
    def trace_id(self) -> str:
        """The OpenTelemetry trace id, 32 hexadecimal digits; zeros where nothing is recorded."""
        return format(self._span.get_span_context().trace_id, "032x")

    @property
    def span_id(self) -> str:
        """The OpenTelemetry span id, 16 hexadecimal digits; zeros where nothing is recorded."""
        return format(self._span.get_span_context().span_id, "016x")

    def _text(self, text: str) -> str:
        return str(self._writer.clean_text(text)) if self._writer is not None else text

    def _note(self, error: Exception) -> None:
        _log.warning("a span was not recorded whole: %s", told(error))
        if self._writer is not None:
            self._writer.note_loss(f"span: {told(error)}")


def _is_limited(tracer: trace.Tracer) -> bool:
    limits = getattr(tracer, "_span_limits", None)
    return limits is None or limits.max_span_attribute_length is not None or limits.max_span_attributes != 128


def _alone(name: str, given: Mapping[str, Any]) -> trace.Span:
    from otel_replay.otel.provider import private_tracer  # the SDK is there already

    return private_tracer().start_span(name, **given)


def context_of(span: RecordedSpan) -> otel_context.Context:
    """The OpenTelemetry context in which `span` is the current one."""
    return cast(otel_context.Context, getattr(span, "_context", otel_context.get_current()))
