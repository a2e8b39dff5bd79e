"""What MCP's own spans leave out: arguments and results of tool calls, and servers that clients start.

MCP's Python SDK records itself. A server's span of a tool call gets arguments and result here, a client's in
`mcp_client`, as `OTEL_REPLAY_CONTENT` says; a server that is started over stdio, which gets a bare
environment, joins the run.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

from otel_replay.hooks.guard import failed
from otel_replay.hooks.imported import when_imported
from otel_replay.hooks.wrapping import replace
from otel_replay.libraries import mcp_client
from otel_replay.libraries.mcp_client import answer_in

__all__ = ["install"]

_DOING = "recording a tool call of MCP"
_HANDED_ON = ("OTEL_REPLAY_", "OTEL_SDK_DISABLED")


def install() -> None:
    """Hook into the parts of `mcp`, each when it is imported."""
    when_imported("mcp.server._otel", _hook_server)
    when_imported("mcp.client.stdio", _hook_stdio)
    mcp_client.install()


def _hook_server(module: ModuleType) -> None:
    replace(module.OpenTelemetryMiddleware, "__call__", _with_content)


def _with_content(plain: Any) -> Any:
    async def called(self: Any, ctx: Any, call_next: Any) -> Any:
        if ctx.method != "tools/call":
            return await plain(self, ctx, call_next)

        async def noted(inner: Any) -> Any:
            _note_arguments(inner)
            result = await call_next(inner)
            _note_result(result)
            return result

        return await plain(self, ctx, noted)

    return called


def _note_arguments(ctx: Any) -> None:
    from otel_replay.attributes import GEN_AI_TOOL_ARGUMENTS

    try:
        _set(GEN_AI_TOOL_ARGUMENTS, (ctx.params or {}).get("arguments") or {})
    except Exception as error:
        failed(_DOING, error)


def _note_result(result: Any) -> None:
    from otel_replay.attributes import GEN_AI_TOOL_RESULT

    try:
        dump = getattr(result, "model_dump", None)
        told = dump(mode="json", by_alias=True, exclude_none=True) if dump is not None else result
        if isinstance(told, dict):
            told = answer_in(told)
        _set(GEN_AI_TOOL_RESULT, told)
    except Exception as error:
        failed(_DOING, error)


def _set(name: str, value: Any) -> None:
    from opentelemetry import trace

    from otel_replay.recording.current import current_open_span

    open_span = current_open_span()
    if open_span is not None:
        trace.get_current_span().set_attributes(open_span.writer.clean({name: value}))


def _hook_stdio(module: ModuleType) -> None:
    replace(module, "get_default_environment", _with_our_variables)


def _with_our_variables(plain: Any) -> Any:
    def get_default_environment() -> Any:
        environment = plain()
        try:
            environment.update(_variables())
        except Exception as error:
            failed("letting an MCP server join the run", error)
        return environment

    return get_default_environment


def _variables() -> dict[str, str]:
    """What lets a child process join the run: our variables, and our folder on its path if it is on ours."""
    from otel_replay.recording.children import child_environment

    given = {name: value for name, value in os.environ.items() if name.startswith(_HANDED_ON)}
    first = os.environ.get("PYTHONPATH", "").partition(os.pathsep)[0]
    if "OTEL_REPLAY_HOOKS" in given and os.path.exists(os.path.join(first, "sitecustomize.py")):
        given["PYTHONPATH"] = first
    return child_environment(given)
