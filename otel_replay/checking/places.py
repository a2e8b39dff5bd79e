"""A file of rules as plain data that knows on which line each part of it stands: YAML, TOML or JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_replay.checking.yaml_text import Place, read_yaml
from otel_replay.errors import FormatError, UsageError
from otel_replay.storage.refusals import shown

__all__ = ["SUFFIXES", "Place", "Written", "read_written"]

SUFFIXES = (".yaml", ".yml", ".toml", ".json")
"""What a file of rules is called."""

_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """A file of rules.

    Attributes
    ----------
    path:
        Where it is.
    content:
        What it says, in plain types.
    lines:
        The line on which each part begins, from 1. What no line is known of is not in it.
    """

    path: Path
    content: Any
    lines: Mapping[Place, int] = field(default_factory=dict, repr=False)

    def line(self, place: Place) -> int:
        """The line of a part, or of the nearest thing around it; 0 where nothing is known."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return 0

    def where(self, place: Place) -> str:
        """The file and the line, for a message."""
        line = self.line(place)
        return f"{shown(self.path)} line {line}" if line else shown(self.path)


def read_written(path: Path) -> Written:
    """Read a file of rules, by its suffix.

    Raises
    ------
    UsageError
        If it is not there, or is YAML and no reader of YAML is installed.
    FormatError
        If it is not what its suffix says.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FormatError(f"{shown(path)} is larger than 16 MiB, and so no file of rules")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"the rules {shown(path)} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise FormatError(f"{shown(path)} is not UTF-8: {error.reason} at byte {error.start}") from None
    readers = {".toml": _toml, ".json": _json}
    content, lines = readers.get(path.suffix.lower(), read_yaml)(path, text)
    return Written(path, content, lines)


def _json(path: Path, text: str) -> tuple[Any, dict[Place, int]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{shown(path)} is not JSON: {error}") from None
    if isinstance(content, list) or (isinstance(content, dict) and "rules" in content):
        json.loads(text, object_pairs_hook=lambda pairs: _each_once(path, pairs))
    return content, _lines_of_rules(content, text, r'"{key}"\s*:')


def _each_once(path: Path, pairs: list[tuple[str, Any]]) -> None:
    """Refuse a key that a map has twice: readers of JSON let the last win, and a rule would be gone."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            hint = "each rule is an item of its own"
            raise FormatError(f"{shown(path)}: `{key}` stands twice in one map", hint=hint)
        seen.add(key)


def _toml(path: Path, text: str) -> tuple[Any, dict[Place, int]]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{shown(path)} is not TOML: {error}") from None
    headers = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*rules\s*\]\]", line)]
    lines: dict[Place, int] = {("rules", number): line for number, line in enumerate(headers)}
    return content, lines or _lines_of_rules(content, text, r'\b"?{key}"?\s*=')


def _lines_of_rules(content: Any, text: str, pattern: str) -> dict[Place, int]:
    """The lines on which rules are named: each is looked for below the one before it."""
    lines: dict[Place, int] = {}
    rules = content.get("rules") if isinstance(content, dict) else None
    reached = 0
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        starts = []
        for key in rule if isinstance(rule, dict) else ():
            found = re.compile(pattern.format(key=re.escape(key))).search(text, reached)
            if found is not None:
                starts.append(found.start())
        if starts:
            lines["rules", number] = text.count("\n", 0, min(starts)) + 1
            reached = max(starts) + 1
    return lines
