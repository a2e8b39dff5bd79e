"""What a span means: one reading of all dialects. The kind is told at once, everything else when asked for.

A part that nobody recorded is None: reading never guesses. Odd values (a text where a count should be) count
as not recorded; the attributes themselves are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from otel_replay.attributes import GEN_AI_REQUEST_MODEL
from otel_replay.dialects.frameworks import FRAMEWORKS, unwrapped_arguments, unwrapped_result
from otel_replay.dialects.genai import GENAI
from otel_replay.dialects.kinds import SpanKind, told_by
from otel_replay.dialects.mcp import MCP
from otel_replay.dialects.messages import Message, as_messages, as_parts
from otel_replay.dialects.openinference import OPENINFERENCE
from otel_replay.dialects.plain import as_amount, as_count, as_list, as_text, as_texts, as_value
from otel_replay.dialects.table import Said, Source, Table, first
from otel_replay.dialects.traceloop import TRACELOOP
from otel_replay.dialects.usage import NO_USAGE, USAGE, Usage, whole_usage

__all__ = ["PARTS", "TABLES", "Meaning", "model_of", "moment_name", "read_span", "unread_counts", "usage_of"]

TABLES: tuple[Table, ...] = (GENAI, OPENINFERENCE, TRACELOOP, MCP, FRAMEWORKS)
"""Whose words go first where a span speaks several."""


def _as_instructions(value: Any) -> list[dict[str, Any]] | None:
    found = as_value(value)
    return as_parts(found) or None


def _as_provider(value: Any) -> str | None:
    # OpenLLMetry wrote `OpenAI`, the conventions say `openai`.
    found = as_text(value)
    return None if found is None else found.lower()


PARTS: Mapping[str, Callable[[Any], Any]] = {
    "operation": as_text,
    "provider": _as_provider,
    "model": as_text,
    "response_model": as_text,
    "response_id": as_text,
    "input_messages": as_messages,
    "output_messages": as_messages,
    "system_instructions": _as_instructions,
    "tool_definitions": as_list,
    "tool_name": as_text,
    "tool_call_id": as_text,
    "tool_arguments": unwrapped_arguments,
    "tool_result": unwrapped_result,
    "agent_name": as_text,
    "conversation_id": as_text,
    "finish_reasons": as_texts,
    "input_tokens": as_count,
    "output_tokens": as_count,
    "cache_read_tokens": as_count,
    "cache_write_tokens": as_count,
    "reasoning_tokens": as_count,
    "cost_usd": as_amount,
}
"""Every part of a meaning, and what makes a recorded value one."""

_SOURCES: Mapping[str, tuple[Source, ...]] = {
    part: tuple(source for table in TABLES for source in table.parts.get(part, ())) for part in PARTS
}


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a span is, and what it says; everything but the kind is looked up when it is first asked for.

    Attributes
    ----------
    kind:
        What it is.
    dialect:
        In whose words it says so: `otel-replay`, `gen_ai`, `openinference`, `traceloop`, `mcp`, or empty.
    """

    kind: SpanKind
    dialect: str
    _name: str
    _attributes: Mapping[str, Any]
    _scope: str
    _events: Sequence[Any]

    @cached_property
    def _said(self) -> Said:
        return Said(
            name=self._name,
            kind=self.kind,
            attributes=self._attributes,
            moments=tuple(_moment(event) for event in self._events),
        )

    def part(self, name: str) -> Any:
        """A part by its name (:data:`PARTS`), or None."""
        return first(self._said, _SOURCES[name], PARTS[name])

    @cached_property
    def operation(self) -> str | None:
        """The operation, where it is said in the words of the conventions: `chat`, `execute_tool`."""
        found: str | None = self.part("operation")
        return found

    @cached_property
    def provider(self) -> str | None:
        """Who runs the model, in the words of the conventions: `openai`, `anthropic`."""
        found: str | None = self.part("provider")
        return found

    @cached_property
    def model(self) -> str | None:
        """The model that was asked for, else the one that answered."""
        found: str | None = self.part("model") or self.response_model
        return found

    @cached_property
    def response_model(self) -> str | None:
        """The model that answered."""
        found: str | None = self.part("response_model")
        return found

    @cached_property
    def response_id(self) -> str | None:
        """The id that whoever runs the model gave the answer."""
        found: str | None = self.part("response_id")
        return found

    @cached_property
    def input_messages(self) -> list[Message] | None:
        """What the model (or the agent) was given, in the shape of the GenAI conventions."""
        found: list[Message] | None = self.part("input_messages")
        return found

    @cached_property
    def output_messages(self) -> list[Message] | None:
        """What it answered."""
        found: list[Message] | None = self.part("output_messages")
        return found

    @cached_property
    def system_instructions(self) -> list[dict[str, Any]] | None:
        """Instructions that stand beside the messages, as parts."""
        found: list[dict[str, Any]] | None = self.part("system_instructions")
        return found

    @cached_property
    def tool_definitions(self) -> list[Any] | None:
        """The tools that the model could ask for."""
        found: list[Any] | None = self.part("tool_definitions")
        return found

    @cached_property
    def tool_name(self) -> str | None:
        """The tool that was called."""
        found: str | None = self.part("tool_name")
        return found

    @cached_property
    def tool_call_id(self) -> str | None:
        """The id under which the model asked for the call."""
        found: str | None = self.part("tool_call_id")
        return found

    @cached_property
    def tool_arguments(self) -> Any:
        """What the tool was given."""
        return self.part("tool_arguments")

    @cached_property
    def tool_result(self) -> Any:
        """What the tool gave."""
        return self.part("tool_result")

    @cached_property
    def agent_name(self) -> str | None:
        """The agent."""
        found: str | None = self.part("agent_name")
        return found

    @cached_property
    def conversation_id(self) -> str | None:
        """The conversation that it belongs to."""
        found: str | None = self.part("conversation_id")
        return found

    @cached_property
    def finish_reasons(self) -> tuple[str, ...] | None:
        """Why the model stopped, for each answer."""
        found: tuple[str, ...] | None = self.part("finish_reasons")
        return found

    @cached_property
    def cost_usd(self) -> float | None:
        """What it cost, where somebody recorded it."""
        found: float | None = self.part("cost_usd")
        return found

    @cached_property
    def usage(self) -> Usage:
        """The tokens."""
        return whole_usage(**{name: self.part(name) for name in USAGE})


def read_span(
    name: str, attributes: Mapping[str, Any], *, scope: str = "", events: Sequence[Any] = ()
) -> Meaning:
    """What a span means.

    Parameters
    ----------
    name:
        The span's name.
    attributes:
        Its attributes, all of them (those of its end over those of its start).
    scope:
        The name of the instrumentation scope that made it, where it is known. No dialect needs it so far.
    events:
        Its span events and the log records that belong to it (`records.Event`, `records.LogEntry`): older
        conventions told messages so.
    """
    kind, dialect = told_by(attributes)
    return Meaning(
        kind=kind, dialect=dialect, _name=name, _attributes=attributes, _scope=scope, _events=events
    )


def model_of(attributes: Mapping[str, Any]) -> str | None:
    """The model of a generation, without reading more of it than that takes."""
    model = attributes.get(GEN_AI_REQUEST_MODEL)
    return model if isinstance(model, str) and model else read_span("", attributes).model


def usage_of(attributes: Mapping[str, Any]) -> Usage:
    """The tokens of a generation; looks at attributes only, for where there are very many spans."""
    there = attributes.keys() & _USAGE_NAMES.keys()
    if not there:
        return NO_USAGE
    found: dict[str, int] = {}
    for key in there if len(there) == 1 else sorted(there, key=_USAGE_NAMES.__getitem__):
        count = as_count(attributes[key])
        if count is not None:
            found.setdefault(_USAGE_PARTS[key], count)
    return whole_usage(**found) if found else NO_USAGE


def unread_counts(attributes: Mapping[str, Any]) -> int:
    """How many tokens a generation tells in a way that nobody can count: as text, below 0, in fractions."""
    return sum(
        attributes[key] is not None and as_count(attributes[key]) is None
        for key in attributes.keys() & _USAGE_NAMES.keys()
    )


_USAGE_PARTS = {key: name for name in USAGE for key in _SOURCES[name] if isinstance(key, str)}
_USAGE_NAMES = {key: place for place, key in enumerate(_USAGE_PARTS)}
"""Attributes that tell of tokens, in the order in which they count."""


def moment_name(event: Any) -> str:
    """The name of an event or a log record; before log records had names, an attribute said it."""
    name = getattr(event, "event_name", None) or getattr(event, "name", None)
    return str(name or event.attributes.get("event.name", ""))


def _moment(event: Any) -> tuple[str, Mapping[str, Any]]:
    """The name of an event or a log record, and what it says: its attributes, and a body that is a map."""
    body = getattr(event, "body", None)
    attributes = event.attributes
    return moment_name(event), {**attributes, **body} if isinstance(body, Mapping) else attributes
