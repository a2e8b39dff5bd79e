"""What people and models said, as attributes and events carry it: one table, and what is kept of it.

The setting `OTEL_REPLAY_CONTENT` says what a run keeps of content: all of it (`full`), its `hashes`, which
still tell whether two calls said the same, or nothing (`none`). Names, models, usage and times stay.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from otel_replay.attributes import (
    CHUNK,
    EXCEPTION_MESSAGE,
    EXCEPTION_STACKTRACE,
    EXCEPTION_STATE,
    GEN_AI_INPUT_MESSAGES,
    GEN_AI_OUTPUT_MESSAGES,
    GEN_AI_SYSTEM_INSTRUCTIONS,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_DEFINITIONS,
    GEN_AI_TOOL_RESULT,
)
from otel_replay.content_errors import logs_content, type_and_text, without_text
from otel_replay.orjson_loading import orjson
from otel_replay.values import Notes, normalise, to_json

__all__ = ["LEFT_OUT", "Content", "content_for", "is_content"]

LEFT_OUT = "content_left_out"
HASHED = "content_hashed"
"""Counts of a run's notes."""

_NAMES = frozenset(
    {
        *(GEN_AI_INPUT_MESSAGES, GEN_AI_OUTPUT_MESSAGES, GEN_AI_SYSTEM_INSTRUCTIONS, GEN_AI_TOOL_DEFINITIONS),
        *(GEN_AI_TOOL_ARGUMENTS, GEN_AI_TOOL_RESULT, CHUNK, EXCEPTION_STATE),
        # older conventions, and what is searched for
        *("gen_ai.prompt", "gen_ai.completion", "gen_ai.retrieval.query.text", "gen_ai.retrieval.documents"),
        *("gen_ai.memory.query.text", "gen_ai.memory.records", "gen_ai.tool.message"),
        # a part of a tool's definition
        *("gen_ai.tool.description", "tool.description"),
        # libraries' own
        *("anthropic.tool_result.content", "mcp.request.argument", "mcp.response.value"),
        *("pydantic_ai.all_messages", "final_result", "model_request_parameters"),
        *("tool_arguments", "tool_response", "all_messages_events"),
        *("gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response"),
        *("gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response", "gcp.vertex.agent.data"),
        *("langfuse.observation.input", "langfuse.observation.output"),
        *("langfuse.trace.input", "langfuse.trace.output"),
        # OpenInference
        *("input.value", "output.value", "tool.parameters", "tool.json_schema", "document.content"),
        *("llm.function_call", "llm.prompt_template.template", "llm.prompt_template.variables"),
        *("embedding.text", "reranker.query"),
        # OpenLLMetry
        *("traceloop.entity.input", "traceloop.entity.output"),
    }
)
_PREFIXES = (
    *("gen_ai.prompt.", "gen_ai.completion.", "llm.prompts.", "llm.completions.", "llm.choices."),
    *("llm.input_messages.", "llm.output_messages.", "llm.tools.", "llm.request.functions."),
    *("retrieval.documents.", "embedding.embeddings."),
    *("reranker.input_documents.", "reranker.output_documents."),
)
_TOLD = re.compile(r"gen_ai\.([a-z]+\.message|choice|content\.[a-z]+)$")
"""Events of older conventions that tell one message, in attributes or in a log record's body."""
_IN_TOLD = frozenset({"content", "message", "tool_calls", "arguments", "refusal", "prompt", "completion"})
_OF_ERRORS = frozenset({EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE})
_OF_LOGS = ("code.", "exception.", "thread.", "gen_ai.", "otel_replay.", "error.type")
"""Beginnings of what a library's log record keeps besides its text; all else is its own `extra`."""
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_KINDS = ("message.role", ".role", ".name", ".id", "finish_reason")
"""Ends of names below a prefix that say no content: who spoke, which tool was called."""


def is_content(name: str) -> bool:
    """Whether an attribute of this name carries what people or models said."""
    return name in _NAMES or (name.startswith(_PREFIXES) and not name.endswith(_KINDS))


class Content:
    """Takes content out of what is about to be written.

    Parameters
    ----------
    hashes:
        Whether the hash of each value stands in its place, as `sha256:…`; otherwise it is left out.
    """

    def __init__(self, *, hashes: bool) -> None:
        self._hashes = hashes

    def body(self, body: dict[str, Any], notes: Notes) -> dict[str, Any]:
        """The body of a journal's line without content: a copy, where there is any in it."""
        attributes = body.get("attributes")
        event = body.get("event") or body.get("name")
        told = isinstance(event, str) and _TOLD.match(event) is not None
        if isinstance(attributes, Mapping):
            clean = self.attributes(attributes, notes, told=told)
            if clean is not attributes:
                body = {**body, "attributes": clean}
        if told and "body" in body:
            body = dict(body)
            kept = self._kept(body.pop("body"), notes)
            body.update({} if kept is None else {"body": kept})
        if body.get("message"):
            body = {**body, "message": self.message(body["message"], notes)}
        return body

    def message(self, message: Any, notes: Notes) -> str:
        """What a failure says, without what it may quote: the type of its exception stays."""
        kind, text = type_and_text(str(message))
        kept = (self._kept(text, notes) or "") if text else ""
        return ": ".join(filter(None, (kind, kept)))

    def log(self, body: dict[str, Any], logger: str, notes: Notes) -> dict[str, Any]:
        """The body of a log record's line without content, by who logged it: a copy.

        What a library of models or agents logs is content. Elsewhere the text of the record's exception is,
        where the record repeats it.
        """
        attributes = body.get("attributes") or {}
        body = dict(body)
        if not logs_content(logger):
            quoted = attributes.get(EXCEPTION_MESSAGE)
            said = body.get("body")
            if isinstance(said, str) and isinstance(quoted, str) and quoted and quoted in said:
                body["body"] = said.replace(quoted, self._kept(quoted, notes) or "…")
            return body
        if "body" in body:
            kept = self._kept(body.pop("body"), notes)
            body.update({} if kept is None else {"body": kept})
        if "event" in body:
            return body  # its attributes are of conventions, and content among them goes by its name
        plain = {name: value for name, value in attributes.items() if name.startswith(_OF_LOGS)}
        if len(plain) < len(attributes):
            notes[LEFT_OUT] = notes.get(LEFT_OUT, 0) + len(attributes) - len(plain)
        return {**body, "attributes": plain}

    def attributes(
        self, attributes: Mapping[str, Any], notes: Notes, *, told: bool = False
    ) -> Mapping[str, Any]:
        """Attributes without content: the same object, where there is none in them.

        Parameters
        ----------
        attributes:
            Values may be anything.
        notes:
            Counts what was hashed or left out.
        told:
            Whether they are those of an event that tells a message.
        """
        names = [
            name
            for name in attributes
            if isinstance(name, str)
            and (is_content(name) or name in _OF_ERRORS or (told and name in _IN_TOLD))
        ]
        if not names:
            return attributes
        clean = dict(attributes)
        for name in names:
            if name == EXCEPTION_STACKTRACE:
                kept = without_text(str(clean[name])) or None
            else:
                kept = self._kept(clean[name], notes)
            if kept is None:
                del clean[name]
            else:
                clean[name] = kept
        return clean

    def _kept(self, value: Any, notes: Notes) -> str | None:
        if not self._hashes:
            notes[LEFT_OUT] = notes.get(LEFT_OUT, 0) + 1
            return None
        if isinstance(value, str) and _HASH.fullmatch(value):
            return value  # it has come this way before
        notes[HASHED] = notes.get(HASHED, 0) + 1
        return hash_of(value)


def hash_of(value: Any) -> str:
    """`sha256:…` of a value's canonical JSON; text that is a JSON document counts as that document."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            pass
    plain = to_json(normalise(value))
    data = orjson.dumps(plain, None, orjson.OPT_SORT_KEYS)
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def content_for(setting: str) -> Content | None:
    """What the setting asks for: `full` (None: everything is kept), `hashes` or `none`."""
    return None if setting == "full" else Content(hashes=setting == "hashes")
