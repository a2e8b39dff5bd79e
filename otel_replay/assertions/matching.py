"""Data as it is expected beside what was found: maps and lists to their ends, numbers with tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_replay.analysis.comparisons import Word, is_number, near, share_of, tester
from otel_replay.assertions.rule import shown
from otel_replay.wording import counted

__all__ = ["Matching"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """How data is compared.

    Attributes
    ----------
    abs, rel:
        How far a number may be off, where what is expected is no `approx(…)` itself.
    may_lack, may_have_more:
        Whether a map that is found may have fewer keys than expected, or more.
    whole:
        What the data is called where all of it is another.
    """

    abs: float = 0.0
    rel: float = 0.0
    may_lack: bool = False
    may_have_more: bool = False
    whole: str = "arguments"

    def differences(self, expected: Any, found: Any, path: str = "") -> list[str]:
        """What differs, as sentences; empty where `found` is as expected."""
        if isinstance(expected, Word):
            return [] if tester("=", expected)(found) else [self._differs(path, expected, found)]
        if isinstance(expected, Mapping) and isinstance(found, Mapping):
            return self._in_map(expected, found, path)
        if isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple)):
            if len(expected) != len(found):
                items = counted(len(expected), "item")
                return [f"expected {path or self.whole} with {items}, found {len(found)}"]
            return [
                difference
                for number, (one, other) in enumerate(zip(expected, found, strict=True))
                for difference in self.differences(one, other, _inside(path, number))
            ]
        if is_number(expected) and is_number(found):
            same = near(found, expected, max(self.abs, share_of(expected, self.rel)))
        else:
            same = type(expected) is type(found) and bool(expected == found)
        return [] if same else [self._differs(path, expected, found)]

    def _in_map(self, expected: Mapping[Any, Any], found: Mapping[Any, Any], path: str) -> list[str]:
        """Of maps. What is recorded has text as keys: a person's `{1: …}` means `"1"`."""
        differences = []
        wanted = {key if key in found else str(key): value for key, value in expected.items()}
        for key, value in wanted.items():
            if key in found:
                differences += self.differences(value, found[key], _inside(path, key))
            elif not self.may_lack:
                differences.append(f"expected {_inside(path, key)}, found none")
        if not self.may_have_more:
            more = [key for key in found if key not in wanted]
            differences += [f"found {_inside(path, key)}, expected none" for key in more]
        return differences

    def _differs(self, path: str, expected: Any, found: Any) -> str:
        what = f"{path} =" if path else self.whole
        return f"expected {what} {shown(expected):.80}, found {found!r:.80}"


def _inside(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
