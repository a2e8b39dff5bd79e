"""Where two results differ: the path to each place, and what stands there on either side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from otel_replay.values_json import to_json

__all__ = ["MISSING", "Difference", "differences", "shown"]

Path: TypeAlias = "tuple[str | int, ...]"

_WIDEST = 100


class Missing:
    """What stands on the side of a difference that has nothing there."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which two values differ; `MISSING` on a side that has nothing there."""

    path: Path
    recorded: Any
    now: Any

    @property
    def place(self) -> str:
        """The path as people write it: `output.hits[0].frame_id`."""
        text = ""
        for step in self.path:
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
        return text


def differences(recorded: Any, now: Any, path: Path = ()) -> list[Difference]:
    """Where two AnyValues differ, in the order in which they are read. 1 is not 1.0 and not true."""
    return list(_differences(recorded, now, path))


def _differences(recorded: Any, now: Any, path: Path) -> Iterator[Difference]:
    if isinstance(recorded, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*recorded, *now)):
            yield from _differences(recorded.get(key, MISSING), now.get(key, MISSING), (*path, key))
    elif isinstance(recorded, list) and isinstance(now, list):
        for place in range(max(len(recorded), len(now))):
            left = recorded[place] if place < len(recorded) else MISSING
            right = now[place] if place < len(now) else MISSING
            yield from _differences(left, right, (*path, place))
    elif type(recorded) is not type(now) or repr(recorded) != repr(now):
        yield Difference(path, recorded, now)


def shown(one: Difference) -> str:
    """A difference on one line: `frames[0]: recorded 0, now 2`."""
    return f"{one.place}: recorded {_short(one.recorded)}, now {_short(one.now)}"


def _short(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    text = orjson.dumps(to_json(value)).decode()
    return text if len(text) <= _WIDEST else text[:_WIDEST] + "…"
