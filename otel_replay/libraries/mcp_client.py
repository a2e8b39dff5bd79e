"""What MCP's spans of a client leave out: arguments and results of the tool calls that it sends.

The span is begun in the middle of a request, and is over when the request returns. So what is asked is handed
to it where it begins, and the answer where that arrives, as `OTEL_REPLAY_CONTENT` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from otel_replay.hooks.guard import failed
from otel_replay.hooks.imported import when_imported
from otel_replay.hooks.wrapping import replace, take_out_this_line

__all__ = ["answer_in", "install"]

_DOING = "recording a tool call that an MCP client sends"

_asked: ContextVar[tuple[Any, Mapping[str, Any]] | None] = ContextVar("otel_replay_mcp_asked", default=None)
"""Who sends the tool call that is about to begin its span, and what it says."""

_waiting: dict[tuple[int, str], tuple[Any, Any]] = {}
"""By sender and request: the span of a call without an answer so far, and who cleans what it is told."""


def install() -> None:
    """Hook into the part of `mcp` that sends requests, when it is imported."""
    when_imported("mcp.shared.jsonrpc_dispatcher", _hook)


def answer_in(result: Mapping[str, Any]) -> Any:
    """What a tool answered; the protocol's envelope is none of it."""
    return result.get("structuredContent") or result.get("content", result)


def _hook(module: ModuleType) -> None:
    sender = getattr(module, "JSONRPCDispatcher", None)
    names = ("send_raw_request", "_resolve_pending")
    if all(hasattr(sender, name) for name in names) and hasattr(module, "otel_span"):
        replace(sender, names[0], _with_arguments)
        replace(sender, names[1], _with_result)
        replace(module, "otel_span", _with_place_for_both)


def _with_arguments(plain: Any) -> Any:
    async def send_raw_request(self: Any, method: Any, params: Any = None, *args: Any, **kwargs: Any) -> Any:
        before = _asked.set((self, params) if method == "tools/call" and params is not None else None)
        try:
            return await plain(self, method, params, *args, **kwargs)
        except BaseException as error:
            take_out_this_line(error)
            raise
        finally:
            _asked.reset(before)

    return send_raw_request


def _with_place_for_both(plain: Any) -> Any:
    def otel_span(name: Any, **given: Any) -> Any:
        asked = _asked.get()
        if asked is None:
            return plain(name, **given)
        return _Noted(plain(name, **given), asked, (given.get("attributes") or {}).get("jsonrpc.request.id"))

    return otel_span


class _Noted:
    """The span of a tool call, from `with` to its end."""

    def __init__(self, span: Any, asked: tuple[Any, Mapping[str, Any]], request_id: Any) -> None:
        self._span = span
        self._sender, self._params = asked
        self._key = (id(self._sender), str(request_id))

    def __enter__(self) -> Any:
        span = self._span.__enter__()
        try:
            self._begin(span)
        except Exception as error:
            failed(_DOING, error)
        return span

    def __exit__(self, *raised: Any) -> Any:
        _waiting.pop(self._key, None)
        return self._span.__exit__(*raised)

    def _begin(self, span: Any) -> None:
        from otel_replay.attributes import GEN_AI_TOOL_ARGUMENTS
        from otel_replay.recording.current import current_open_span

        open_span = current_open_span()
        if open_span is not None:
            clean = open_span.writer.clean
            span.set_attributes(clean({GEN_AI_TOOL_ARGUMENTS: self._params.get("arguments") or {}}))
            _waiting[self._key] = (span, clean)


def _with_result(plain: Any) -> Any:
    def resolve(self: Any, request_id: Any, outcome: Any) -> Any:
        try:
            _note(_waiting.get((id(self), str(request_id))), outcome)
        except Exception as error:
            failed(_DOING, error)
        return plain(self, request_id, outcome)

    return resolve


def _note(waiting: tuple[Any, Any] | None, outcome: Any) -> None:
    from otel_replay.attributes import GEN_AI_TOOL_RESULT

    if waiting is not None and isinstance(outcome, Mapping):  # not an error, which its status tells
        span, clean = waiting
        span.set_attributes(clean({GEN_AI_TOOL_RESULT: answer_in(outcome)}))
