"""What spans of OpenAI Agents' tool calls leave out: the id under which the model asked for the call.

The SDK tells its trace processors, on which instrumentors build, a tool's name and arguments. The id it gives
only to the tool, in a context that it makes right after the span has begun. Shell, `apply_patch` and computer
get none: theirs is in the call that the function within the span was made for.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from otel_replay.hooks.guard import failed
from otel_replay.hooks.imported import when_imported
from otel_replay.hooks.wrapping import replace

__all__ = ["install"]

_DOING = "recording the id of a tool call of OpenAI Agents"
_HOLDERS = frozenset({"action", "call"})
"""What variables are called that hold a call of these tools."""


def install() -> None:
    """Hook into the part of `agents` that makes contexts of tool calls, when it is imported."""
    when_imported("agents.tool_context", _hook)
    when_imported("agents.run_internal.tool_actions", _hook_actions)


def _hook(module: ModuleType) -> None:
    made = vars(getattr(module, "ToolContext", object)).get("from_agent_context")
    if isinstance(made, classmethod):  # in other versions there is no id to be had
        replace(module.ToolContext, "from_agent_context", _with_id)


def _with_id(plain: Any) -> Any:
    def from_agent_context(cls: Any, *args: Any, **kwargs: Any) -> Any:
        context = plain.__func__(cls, *args, **kwargs)
        try:
            _note(context.tool_call_id, context.tool_name, context.qualified_tool_name)
        except Exception as error:
            failed(_DOING, error)
        return context

    return classmethod(from_agent_context)


def _hook_actions(module: ModuleType) -> None:
    if hasattr(module, "with_tool_function_span"):
        replace(module, "with_tool_function_span", _with_id_of_its_call)


def _with_id_of_its_call(plain: Any) -> Any:
    def with_tool_function_span(*args: Any, **kwargs: Any) -> Any:
        function = kwargs.get("fn")
        if function is None:
            return plain(*args, **kwargs)

        def within(span: Any) -> Any:
            try:
                _note(_call_id_of(function), kwargs.get("tool_name"))
            except Exception as error:
                failed(_DOING, error)
            return function(span)

        return plain(*args, **{**kwargs, "fn": within})

    return with_tool_function_span


def _call_id_of(function: Any) -> Any:
    """The id of the call that a function inside another one has in hand."""
    names, cells = function.__code__.co_freevars, function.__closure__ or ()
    held = {name: cell.cell_contents for name, cell in zip(names, cells, strict=True) if name in _HOLDERS}
    for holder in held.values():
        call = getattr(holder, "tool_call", None)
        found = call.get("call_id") if isinstance(call, dict) else getattr(call, "call_id", None)
        if isinstance(found, str):
            return found
    return None


def _note(call_id: Any, *tools: Any) -> None:
    from opentelemetry.trace import get_current_span

    from otel_replay.attributes import GEN_AI_TOOL_CALL_ID, GEN_AI_TOOL_NAME

    span = get_current_span()
    said = getattr(span, "attributes", None) or {}
    names = {said.get(GEN_AI_TOOL_NAME)}
    if said.get("openinference.span.kind") == "TOOL":
        names.add(getattr(span, "name", None))  # it sets the tool's name at the end
    # Where tracing is off, or no instrumentor on, the current span is another one.
    if isinstance(call_id, str) and GEN_AI_TOOL_CALL_ID not in said and names & set(tools):
        span.set_attribute(GEN_AI_TOOL_CALL_ID, call_id)
