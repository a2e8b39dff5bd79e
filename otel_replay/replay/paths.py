"""Places in a request: `input_messages[2].parts[0].content`; patterns over them; where two requests differ.

In a pattern `*` is any name, `[*]` any place in a list, and `**` any number of either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from otel_replay.errors import UsageError

__all__ = ["MISSING", "Difference", "Missing", "Path", "Pattern", "differences", "leaves", "strip", "text_of"]

Path: TypeAlias = "tuple[str | int, ...]"

_TOKEN = re.compile(r"\[(\*|\d+)\]|\.?(\*\*|\*|[^.\[\]*]+)")
_ANY, _DEEP = "*", "**"
_MOST_DIFFERENCES = 1_000


class Missing:
    """What stands on the side of a difference that has nothing there."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


def text_of(path: Path) -> str:
    """A path as people write it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


class Pattern:
    """A pattern over paths.

    Parameters
    ----------
    text:
        E.g. `input_messages[*].parts[*].id` or `**.created_at`.

    Raises
    ------
    UsageError
        If it is none.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        steps: list[str | int] = []
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise UsageError(
                    f"{text!r} is not a place in a request (at character {place + 1})",
                    hint="write it like `input_messages[*].id`, `request.seed` or `**.created_at`",
                )
            index, name = found.groups()
            steps.append(name if name is not None else _ANY if index == _ANY else int(index))
            place = found.end()
        if not steps:
            raise UsageError("an empty text names no place in a request", hint="write it like `request.seed`")
        self.steps: tuple[str | int, ...] = tuple(steps)

    @property
    def names_a_place_in_a_list(self) -> bool:
        """Whether it depends on where in a list something stands."""
        return any(isinstance(step, int) for step in self.steps)

    def matches(self, path: Path) -> bool:
        """Whether it means this very place."""
        return _matches(self.steps, path)


def _matches(steps: Sequence[str | int], path: Path) -> bool:
    if not steps:
        return not path
    first, rest = steps[0], steps[1:]
    if first == _DEEP:
        return any(_matches(rest, path[place:]) for place in range(len(path) + 1))
    if not path:
        return False
    return (first in (_ANY, path[0])) and _matches(rest, path[1:])


def strip(value: Any, path: Path, patterns: Sequence[Pattern]) -> Any:
    """`value`, which stands at `path`, without what the patterns mean; itself where that is nothing."""
    if not patterns:
        return value
    if isinstance(value, Mapping):
        kept = {
            key: strip(item, (*path, key), patterns)
            for key, item in value.items()
            if not any(pattern.matches((*path, key)) for pattern in patterns)
        }
        same = len(kept) == len(value) and all(kept[key] is value[key] for key in kept)
        return value if same else kept
    if isinstance(value, (list, tuple)):
        items = [
            strip(item, (*path, place), patterns)
            for place, item in enumerate(value)
            if not any(pattern.matches((*path, place)) for pattern in patterns)
        ]
        same = len(items) == len(value) and all(
            one is other for one, other in zip(items, value, strict=False)
        )
        return value if same else items
    return value


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which two requests differ; `MISSING` on a side that has nothing there."""

    path: Path
    recorded: Any
    now: Any

    @property
    def place(self) -> str:
        """The path as people write it."""
        return text_of(self.path)


def differences(recorded: Any, now: Any, path: Path = ()) -> list[Difference]:
    """Where two values differ, in the order in which they are read; at most 1,000 places."""
    found: list[Difference] = []
    for difference in _differences(recorded, now, path):
        found.append(difference)
        if len(found) == _MOST_DIFFERENCES:
            break
    return found


def _differences(recorded: Any, now: Any, path: Path) -> Iterator[Difference]:
    if isinstance(recorded, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*recorded, *now)):
            yield from _pair(recorded.get(key, MISSING), now.get(key, MISSING), (*path, key))
    elif isinstance(recorded, (list, tuple)) and isinstance(now, (list, tuple)):
        for place in range(max(len(recorded), len(now))):
            left = recorded[place] if place < len(recorded) else MISSING
            right = now[place] if place < len(now) else MISSING
            yield from _pair(left, right, (*path, place))
    elif type(recorded) is not type(now) or not _is_same(recorded, now):
        yield Difference(path, recorded, now)


def _pair(recorded: Any, now: Any, path: Path) -> Iterator[Difference]:
    if recorded is MISSING or now is MISSING:
        yield Difference(path, recorded, now)
    else:
        yield from _differences(recorded, now, path)


def _is_same(one: Any, other: Any) -> bool:
    # By their text: a NaN is itself, and 0.0 is not -0.0.
    return repr(one) == repr(other) if isinstance(one, float) else bool(one == other)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Everything in a value that has no parts, with its place; empty lists and maps too."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, (list, tuple)) and value:
        for place, item in enumerate(value):
            yield from leaves(item, (*path, place))
    else:
        yield path, value
