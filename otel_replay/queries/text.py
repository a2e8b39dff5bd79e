"""How names and words are written in a selector, quoted where they must be."""

from __future__ import annotations

import json
import re

from otel_replay.analysis.comparisons import Word

__all__ = ["NAME", "PLAIN", "name_text", "word_text"]

NAME = re.compile(r"[A-Za-z_@$][\w.@$#/-]*")
"""A name of an attribute that needs no quotes."""

PLAIN = re.compile(r"[\w.*@$#/:-]+")
"""A name of an item that needs no quotes."""

_ESCAPED = re.compile(r"([\]\\,])")


def name_text(name: str) -> str:
    """The name of an item as it stands in a selector."""
    return name if PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def word_text(word: Word, sign: str) -> str:
    """The right side of a sign as it stands in a selector."""
    text = word.text
    if word.exact:
        return json.dumps(text, ensure_ascii=False)
    if not text or sign == "=~":
        return json.dumps(text, ensure_ascii=False)
    escaped = _ESCAPED.sub(r"\\\1", text)
    if len(text) > 1 and text[-1].isspace():
        escaped = f"{escaped[:-1]}\\{text[-1]}"
    return f"\\{escaped}" if escaped[0] in "\"'{" or escaped[0].isspace() else escaped
