"""The tools that a model asked for in an answer: as calls, or in the text of agents that ask so.

Text counts where a whole answer is in one of the forms that such agents tell their models to use: DSPy's
fields (as JSON, or under headings), and the lines `Action:` and `Action Input:` of ReAct.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from otel_replay.dialects.plain import as_text, as_value
from otel_replay.dialects.reading import Meaning
from otel_replay.orjson_loading import orjson

__all__ = ["Requested", "requested"]

_LONGEST_TEXT = 100_000
_HEADING = re.compile(r"^\[\[ ## (\w+) ## \]\][ \t]*$", re.MULTILINE)
_ACTION = re.compile(r"^Action:([^\n]*)\nAction Input:[ \t]*", re.MULTILINE)


class Requested(NamedTuple):
    """A call that a model asked for. `call_id` is None where the model gave none."""

    name: str
    arguments: Any
    call_id: str | None


def requested(meaning: Meaning) -> list[Requested]:
    """The calls that the answer of a generation asks for, in its order.

    Parameters
    ----------
    meaning:
        What the generation's span says. Without its messages (`hashes`, `none`) nothing is known.
    """
    found: list[Requested] = []
    for message in meaning.output_messages or ():
        parts = message.get("parts")
        for place, part in enumerate(parts if isinstance(parts, list) else ()):
            if not isinstance(part, Mapping):
                continue
            if part.get("type") == "tool_call":
                found += _of_part(part, place)
            elif part.get("type") == "text" and isinstance(part.get("content"), (str, Mapping)):
                found += _of_text(part["content"])
    return found


def _of_part(part: Mapping[str, Any], place: int) -> Iterator[Requested]:
    name, call_id = as_text(part.get("name")), as_text(part.get("id"))
    if name is None:
        return
    # Gemini's API gives no ids, and its instrumentor writes the name and the place instead: no id of a call.
    if call_id == f"{name}_{place}":
        call_id = None
    yield Requested(name, as_value(part.get("arguments")), call_id)


def _of_text(content: str | Mapping[str, Any]) -> Iterator[Requested]:
    if isinstance(content, Mapping):
        fields: Mapping[str, Any] = content
    elif len(content) > _LONGEST_TEXT:
        return
    elif content.lstrip()[:1] == "{":
        try:
            fields = orjson.loads(content)
        except orjson.JSONDecodeError:
            return
    elif "[[ ## next_tool_name ## ]]" in content:
        pieces = _HEADING.split(content)
        fields = {name: text.strip() for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    else:
        yield from _of_lines(content)
        return
    name = as_text(fields.get("next_tool_name"))
    if name is not None and "next_tool_args" in fields:
        yield Requested(name, as_value(fields["next_tool_args"]), None)


def _of_lines(text: str) -> Iterator[Requested]:
    found = [one for one in _ACTION.finditer(text) if one[1].strip()]
    if len(found) == 1:  # with several, the model has gone on in the words of others
        given = text[found[0].end() :].strip()
        yield Requested(found[0][1].strip(), as_value(given.split("\nObservation:")[0].strip()), None)
