"""What spans of OpenAI Agents' tool calls leave out: the id under which the model asked for the call.

The SDK tells its trace processors, on which instrumentors build, a tool's name and arguments. The id it gives
only to the tool, in a context that it makes right after the span has begun.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from otel_replay.hooks.guard import failed
from otel_replay.hooks.imported import when_imported
from otel_replay.hooks.wrapping import replace

__all__ = ["install"]

_DOING = "recording the id of a tool call of OpenAI Agents"


def install() -> None:
    """Hook into the part of `agents` that makes contexts of tool calls, when it is imported."""
    when_imported("agents.tool_context", _hook)


def _hook(module: ModuleType) -> None:
    made = vars(getattr(module, "ToolContext", object)).get("from_agent_context")
    if isinstance(made, classmethod):  # in other versions there is no id to be had
        replace(module.ToolContext, "from_agent_context", _with_id)


def _with_id(plain: Any) -> Any:
    def from_agent_context(cls: Any, *args: Any, **kwargs: Any) -> Any:
        context = plain.__func__(cls, *args, **kwargs)
        try:
            _note(context)
        except Exception as error:
            failed(_DOING, error)
        return context

    return classmethod(from_agent_context)


def _note(context: Any) -> None:
    from opentelemetry.trace import get_current_span

    from otel_replay.attributes import GEN_AI_TOOL_CALL_ID, GEN_AI_TOOL_NAME

    span = get_current_span()
    said = getattr(span, "attributes", None) or {}
    names = {said.get(GEN_AI_TOOL_NAME)}
    if said.get("openinference.span.kind") == "TOOL":
        names.add(getattr(span, "name", None))  # it sets the tool's name at the end
    # Where tracing is off, or no instrumentor on, the current span is another one.
    if GEN_AI_TOOL_CALL_ID not in said and names & {context.tool_name, context.qualified_tool_name}:
        span.set_attribute(GEN_AI_TOOL_CALL_ID, context.tool_call_id)
