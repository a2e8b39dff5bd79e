"""Reads rules from TOML: files of their own, and `[tool.otel_replay.rules]` of the nearest pyproject.toml."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from otel_replay.errors import FormatError, UsageError
from otel_replay.rules.expressions import expression, template
from otel_replay.rules.rule import KEYS, Rule

__all__ = ["read_rules", "rule_texts", "rules_in"]

_PROJECT = "pyproject.toml"
_TABLE = ("tool", "otel_replay", "rules")
_TEMPLATES = frozenset({"action", "reason", "name", "model", "provider"})
_MAPS = frozenset({"values", "cell", "arguments", "attributes", "input", "usage"})
_LISTS = frozenset({"values", "arguments", "cell", "attributes", "input"})


def read_rules(files: Sequence[Path], folder: Path) -> tuple[Rule, ...]:
    """The rules of `files`, then those of the `pyproject.toml` in `folder` or the nearest one above it.

    Raises
    ------
    UsageError
        If a file cannot be read.
    FormatError
        If one says what no rule says; with the line.
    """
    rules = [rule for path in files for rule in rules_in(path, ())]
    for place in (folder, *folder.parents):
        if (place / _PROJECT).is_file():
            rules += rules_in(place / _PROJECT, _TABLE)
            break
    return tuple(rules)


def rules_in(path: Path, table: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules of one file.

    Parameters
    ----------
    table:
        The table that holds them, by its name's parts; none for a file of rules.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"the rules `{path}` cannot be read: {reason}") from None
    if table and not all(name in text for name in table):
        return ()  # somebody else's file, which has no rules
    try:
        document = _toml(text)
    except ValueError as error:
        raise FormatError(f"`{path}` is not TOML: {error}") from None
    for name in table:
        document = document.get(name, {})
        if not isinstance(document, dict):
            return ()
    return tuple(_Reading(path, text, table).rules(document))


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


class _Reading:
    """One file, for telling where in it something stands."""

    def __init__(self, path: Path, text: str, table: tuple[str, ...]) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._table = table

    def rules(self, document: Mapping[str, Any]) -> Iterator[Rule]:
        """Its rules in the order of the file."""
        found: list[tuple[int, Rule]] = []
        for kind, entries in document.items():
            if kind not in KEYS:
                raise self._wrong(kind, self._line_of_key(0, kind), "is no kind of rule", KEYS)
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                name = ".".join((*self._table, kind))
                raise self._wrong(
                    kind, self._line_of_key(0, kind), f"is written as [[{name}]], once for each rule"
                )
            for place, entry in enumerate(entries):
                line = self._line_of_rule(kind, place)
                found.append((line, self._rule(kind, entry, line)))
        return (rule for _, rule in sorted(found, key=lambda pair: pair[0]))

    def _rule(self, kind: str, entry: Mapping[str, Any], line: int) -> Rule:
        for key, value in entry.items():
            at = self._line_of_key(line, key)
            if key not in KEYS[kind]:
                raise self._wrong(key, at, f"is not said of a {kind}", KEYS[kind])
            _check(key, value, partial(self._wrong, key, at))
        functions = entry.get("function")
        if functions is None:
            raise self._wrong(kind, line, 'does not say which functions: function = "module:name"')
        return Rule(
            kind=kind,
            functions=(functions,) if isinstance(functions, str) else tuple(functions),
            mapping={key: value for key, value in entry.items() if key != "function"},
            where=f"{self._path.name}:{line}" if line else self._path.name,
        )

    def _line_of_rule(self, kind: str, place: int) -> int:
        """The line of the rule's header, from 1; 0 where it is written in one line with others."""
        name = r"\s*\.\s*".join((*map(re.escape, self._table), kind))
        header = re.compile(r"\s*\[\[\s*" + name + r"\s*\]\]")
        lines = [number for number, line in enumerate(self._lines, 1) if header.match(line)]
        return lines[place] if place < len(lines) else 0

    def _line_of_key(self, after: int, key: str) -> int:
        pattern = re.compile(rf"\s*\[*(?:.*\.)?[\"']?{re.escape(key)}[\"']?\s*(?:=|\.|\])")
        for number, line in enumerate(self._lines[after:], after + 1):
            if pattern.match(line):
                return number
            if after and line.lstrip().startswith("[["):
                break
        return after

    def _wrong(self, key: str, line: int, problem: str, allowed: Any = None) -> FormatError:
        hint = None
        if allowed is not None:
            near = get_close_matches(key, list(allowed), 1)
            hint = (f"did you mean `{near[0]}`? " if near else "") + f"it may say {', '.join(allowed)}"
        where = f"`{self._path}` line {line}" if line else f"`{self._path}`"
        return FormatError(f"{where}: `{key}` {problem}", hint=hint)


def _check(key: str, value: Any, wrong: Callable[[str], FormatError]) -> None:
    """Raise what `wrong` makes of it where a key's value is none."""
    if key == "function":
        patterns = [value] if isinstance(value, str) else value
        if (
            not isinstance(patterns, list)
            or not patterns
            or not all(isinstance(one, str) for one in patterns)
        ):
            raise wrong('is a text, or a list of texts: "module:name"')
        for one in patterns:
            module, colon, name = one.partition(":")
            if not (module and colon and name) or ":" in name:
                raise wrong(
                    f'has `{one}`, which is not module:name, as "tuner.*:apply_*" or "__main__:Tuner.step"'
                )
        return
    try:
        for text, read in _texts(key, value):
            read(text)
    except ValueError as error:
        raise wrong(f"cannot be read: {error}") from None


def _texts(key: str, value: Any) -> Iterator[tuple[str, Callable[[str], object]]]:
    if key in _TEMPLATES:
        if not isinstance(value, str):
            raise ValueError("it is a text, with expressions in braces")
        yield value, template
    elif isinstance(value, str):
        yield value, expression
    elif key in _MAPS and isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
        yield from ((one, expression) for one in value.values())
    elif key in _LISTS and isinstance(value, list) and all(isinstance(one, str) for one in value):
        yield from ((one, expression) for one in value)
    else:
        more = ", a map of names to expressions" if key in _MAPS else ""
        more += ", or a list of them" if key in _LISTS else ""
        raise ValueError(f"it is an expression in quotes{more}")


def rule_texts(files: Sequence[str | Path], folder: Path) -> tuple[str, ...]:
    """As :func:`read_rules`, each rule as the text that a process of the program reads it from."""
    return tuple(json.dumps(rule.document()) for rule in read_rules([Path(one) for one in files], folder))
