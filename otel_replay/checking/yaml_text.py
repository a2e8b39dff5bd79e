"""Rules as YAML, with the lines on which they stand.

Plain words are read by the core schema of YAML 1.2 (its specification, 10.3.2), as editors that check by a
JSON Schema do: only `true` and `false` are truth values, so that `on` and `no` are texts, as are `12:30` and
`2026-11-22`, and `1e3` is a number. PyYAML reads YAML 1.1, in which a time of day is a number of seconds.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from otel_replay.errors import FormatError, UsageError
from otel_replay.storage.refusals import shown

__all__ = ["Place", "read_yaml"]

_MOST_PARTS = 1_000_000

Place = tuple[str | int, ...]
"""Where something stands: the keys and numbers that lead to it from the top."""

_CORE: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
)
"""What plain words are: the tag, the words, and the letters that these begin with."""


@cache
def _core_loader() -> Any:
    """PyYAML's reader with the words of YAML 1.2; what it makes of tags is its own, and safe."""
    import yaml  # type: ignore[import-untyped]  # it says no types

    class Core(yaml.SafeLoader):  # type: ignore[misc]  # no types, as above
        yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}

    for tag, words, first in _CORE:
        pattern = re.compile(rf"(?:{words})$")
        Core.add_implicit_resolver(
            f"tag:yaml.org,2002:{tag}", pattern, [*first, *([""] if tag == "null" else [])]
        )
    Core.add_constructor("tag:yaml.org,2002:int", _whole)
    return Core


def _whole(loader: Any, node: Any) -> int:
    """017 is seventeen: octal numbers begin with 0o."""
    text = loader.construct_scalar(node)
    return int(text, 0 if text[:2] in {"0o", "0x"} else 10)


def read_yaml(path: Path, text: str) -> tuple[Any, dict[Place, int]]:
    """What a file says, and the line of each part.

    Raises
    ------
    UsageError
        If no reader of YAML is installed.
    FormatError
        If it is none; with line and column.
    """
    try:
        import yaml
    except ModuleNotFoundError:
        raise UsageError(
            f"{shown(path)} is YAML, which needs the package `yaml`",
            hint="pip install 'otel-replay[check]'; or write the rules as TOML or JSON",
        ) from None
    try:
        loader = _core_loader()(text)
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        if node is not None:
            _note_lines(path, node, (), lines, set())
            if _size(node, {}) > _MOST_PARTS:
                raise FormatError(f"{shown(path)} has more than {_MOST_PARTS:,} parts, aliases counted")
        content = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise FormatError(
            f"{shown(path)}{place} is not YAML: {problem}",
            hint="a selector with `: `, ` #` or `[` at its beginning stands in quotes",
        ) from None
    except (
        KeyError,
        IndexError,
        AttributeError,
    ):  # so PyYAML says it of `!!bool x`, `!!float ""`, `!!timestamp x`
        raise FormatError(
            f"{shown(path)} is not YAML: a value is none of what its tag (`!!…`) says"
        ) from None
    except (RecursionError, ValueError) as error:
        raise FormatError(f"{shown(path)} is not YAML: {error}") from None
    return content, lines


def _size(node: Any, known: dict[int, int]) -> int:
    """How many parts there are, each as often as an alias names it: ten aliases of ten, nine times over, are
    a thousand million."""
    size = known.get(id(node))
    if size is None:
        known[id(node)] = 1  # for an alias of itself
        below = node.value if node.id == "sequence" else []
        below = [part for pair in node.value for part in pair] if node.id == "mapping" else below
        size = known[id(node)] = 1 + sum(_size(part, known) for part in below)
    return size


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
