"""A file of rules as plain data that knows on which line each part of it stands: YAML, TOML or JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_replay.errors import FormatError, UsageError
from otel_replay.storage.refusals import shown

__all__ = ["SUFFIXES", "Place", "Written", "read_written"]

SUFFIXES = (".yaml", ".yml", ".toml", ".json")
"""What a file of rules is called."""

_MOST_BYTES = 16 << 20

Place = tuple[str | int, ...]
"""Where something stands: the keys and numbers that lead to it from the top."""


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
    content, lines = readers.get(path.suffix.lower(), _yaml)(path, text)
    return Written(path, content, lines)


def _json(path: Path, text: str) -> tuple[Any, dict[Place, int]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{shown(path)} is not JSON: {error}") from None
    return content, _lines_of_rules(content, text, r'"{key}"\s*:')


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


# -- YAML ----------------------------------------------------------------------------------------------------


def _yaml(path: Path, text: str) -> tuple[Any, dict[Place, int]]:
    try:
        import yaml  # type: ignore[import-untyped]  # it says no types
    except ModuleNotFoundError:
        raise UsageError(
            f"{shown(path)} is YAML, which needs the package `yaml`",
            hint="pip install 'otel-replay[check]'; or write the rules as TOML or JSON",
        ) from None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        if node is not None:
            _note_lines(path, node, (), lines, set())
        content = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise FormatError(
            f"{shown(path)}{line} is not YAML: {problem}",
            hint="a selector with `: `, ` #` or `[` at its beginning stands in quotes",
        ) from None
    except (RecursionError, ValueError) as error:
        raise FormatError(f"{shown(path)} is not YAML: {error}") from None
    return content, lines


def _note_lines(path: Path, node: Any, place: Place, lines: dict[Place, int], seen: set[int]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if id(node) in seen:  # an alias: its content stands where its anchor is
        return
    seen.add(id(node))
    if node.id == "sequence":
        for number, child in enumerate(node.value):
            _note_lines(path, child, (*place, number), lines, seen)
    elif node.id == "mapping":
        keys: set[str] = set()
        for key, child in node.value:
            name = str(key.value) if key.id == "scalar" else ""
            line = key.start_mark.line + 1
            if name in keys and name != "<<":
                # YAML's readers let the last one win, and a rule would be gone without a word.
                raise FormatError(
                    f"{shown(path)} line {line}: `{name}` stands twice in one map",
                    hint="each rule is an item of its own: `- absence: tool(a)`",
                )
            keys.add(name)
            lines[(*place, name)] = line
            _note_lines(path, child, (*place, name), lines, seen)
