"""How two runs are compared: what makes two items the same thing, what is left out, which numbers are equal.

A pattern is a glob (`*`, `?`, `[…]`) for the name of an attribute as it is recorded, levels joined by dots:
`values.after`, `gen_ai.request.*`, `cell.rpm`. A name that stands in a decision's values needs no `values.`
before it. `ITEM:ATTRIBUTE` means the attributes of decisions, events and spans of that name alone:
`AFR_CORRECTION:values.weight`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache

from otel_replay.errors import UsageError

__all__ = ["Path", "Rules", "Tolerance", "make_rules", "parse_identity", "parse_tolerance", "path_text"]

Path = tuple[str | int, ...]
"""Where a value stands in an item's attributes: names of levels, and places in lists from 0."""

_IN_VALUES = "values."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """Two numbers are equal when they differ by no more than one of these.

    Attributes
    ----------
    absolute:
        The greatest difference, in the number's own unit.
    relative:
        The greatest difference as a share of the larger of the two: 0.01 is one per cent.
    """

    absolute: float = 0.0
    relative: float = 0.0

    def __post_init__(self) -> None:
        for size in (self.absolute, self.relative):
            if not size >= 0:
                raise UsageError(f"a tolerance is 0 or more, not {size}")

    def allows(self, a: float, b: float) -> bool:
        """Whether `a` and `b` are equal within it."""
        if a == b:
            return True
        if not (math.isfinite(a) and math.isfinite(b)):
            return False
        return abs(a - b) <= max(self.absolute, self.relative * max(abs(a), abs(b)))


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A glob for attributes, of items whose name fits another one."""

    item: re.Pattern[str] | None
    attribute: re.Pattern[str]

    def fits(self, item: str, attribute: str) -> bool:
        if self.item is not None and not self.item.match(item):
            return False
        if self.attribute.match(attribute):
            return True
        return attribute.startswith(_IN_VALUES) and bool(self.attribute.match(attribute[len(_IN_VALUES) :]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """What :func:`make_rules` made of a person's wishes; answers are remembered, for they are asked often."""

    tolerances: tuple[tuple[_Pattern, Tolerance], ...] = ()
    identities: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = ()
    ignored: tuple[_Pattern, ...] = ()
    ignored_items: tuple[re.Pattern[str], ...] = ()
    only_items: tuple[re.Pattern[str], ...] = ()
    strict: bool = False
    times: Tolerance | None = None
    all_attributes: bool = False
    _tolerance_of: dict[tuple[str, Path], Tolerance | None] = field(default_factory=dict)
    _ignores: dict[tuple[str, Path], bool] = field(default_factory=dict)

    def tolerance(self, item: str, path: Path) -> Tolerance | None:
        """The tolerance for a value: that of the first pattern that fits."""
        if not self.tolerances:
            return None
        key = (item, path)
        if key not in self._tolerance_of:
            name = path_text(path)
            fitting = (allowed for pattern, allowed in self.tolerances if pattern.fits(item, name))
            self._tolerance_of[key] = next(fitting, None)
        return self._tolerance_of[key]

    def ignores(self, item: str, path: Path) -> bool:
        """Whether a value is left out."""
        if not self.ignored:
            return False
        key = (item, path)
        known = self._ignores.get(key)
        if known is None:
            name = path_text(path)
            known = self._ignores[key] = any(pattern.fits(item, name) for pattern in self.ignored)
        return known

    def compares(self, item: str) -> bool:
        """Whether decisions, events and spans of this name are compared."""
        if any(pattern.match(item) for pattern in self.ignored_items):
            return False
        return not self.only_items or any(pattern.match(item) for pattern in self.only_items)

    def identity(self, item: str) -> tuple[str, ...] | None:
        """The attributes that say which thing an item of this name is about; None where nobody said."""
        for pattern, names in self.identities:
            if pattern.match(item):
                return names
        return None


def make_rules(
    *,
    tolerances: Mapping[str, float | Tolerance] | Iterable[tuple[str, float | Tolerance]] = (),
    identity: Mapping[str, Sequence[str]] | None = None,
    ignore: Iterable[str] = (),
    only: Iterable[str] = (),
    strict: bool = False,
    times: bool | float | Tolerance = False,
    all_attributes: bool = False,
) -> Rules:
    """The rules of a comparison; :func:`otel_replay.diffing.diff` says what each means.

    Raises
    ------
    UsageError
        If a pattern is empty or a tolerance is none.
    """
    pairs = tolerances.items() if isinstance(tolerances, Mapping) else tolerances
    ignored = list(ignore)
    return Rules(
        tolerances=tuple((_pattern(name), _tolerance(allowed)) for name, allowed in pairs),
        identities=tuple((_glob(name), tuple(names)) for name, names in (identity or {}).items()),
        ignored=tuple(_pattern(one) for one in ignored),
        # `gen_ai.response.id` is no item's name and `heartbeat` no attribute's: one option serves both.
        ignored_items=tuple(_glob(one) for one in ignored if ":" not in one),
        only_items=tuple(_glob(one) for one in only),
        strict=strict,
        times=None if times is False else _tolerance(0.0 if times is True else times),
        all_attributes=all_attributes,
    )


def _tolerance(allowed: float | Tolerance) -> Tolerance:
    return allowed if isinstance(allowed, Tolerance) else Tolerance(absolute=allowed)


def _pattern(text: str) -> _Pattern:
    item, colon, attribute = text.partition(":")
    return _Pattern(_glob(item), _glob(attribute)) if colon else _Pattern(None, _glob(text))


def _glob(text: str) -> re.Pattern[str]:
    if not text.strip():
        raise UsageError("a pattern is empty", hint="such as `values.*`, or `AFR_CORRECTION:values.weight`")
    return re.compile(translate(text))


@lru_cache(maxsize=4096)
def path_text(path: Path) -> str:
    """A path as patterns and people spell it: `gen_ai.input.messages.2.parts.0.content`."""
    return ".".join(map(str, path))


def parse_tolerance(text: str) -> tuple[str, Tolerance]:
    """What `NAME=ABS`, `NAME=REL%` or `NAME=ABS,REL%` stands for.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    name, equals, sizes = text.rpartition("=")
    absolute = relative = 0.0
    try:
        if not equals or not name.strip():
            raise ValueError
        for size in sizes.split(","):
            number, percent = size.strip(), size.strip().endswith("%")
            if percent:
                relative = float(number[:-1]) / 100
            else:
                absolute = float(number)
    except ValueError:
        raise UsageError(
            f"--tolerance `{text}` is not NAME=ABS, NAME=REL% or NAME=ABS,REL%",
            hint="such as --tolerance 'values.*=0.05' or --tolerance after=0.1,1%",
        ) from None
    return name.strip(), Tolerance(absolute=absolute, relative=relative)


def parse_identity(text: str) -> tuple[str, tuple[str, ...]]:
    """What `ITEM=ATTRIBUTE,ATTRIBUTE` stands for.

    Raises
    ------
    UsageError
        If it is not that.
    """
    name, equals, names = text.partition("=")
    parts = tuple(part.strip() for part in names.split(","))
    if not equals or not name.strip() or not all(parts):
        raise UsageError(
            f"--identity `{text}` is not ITEM=ATTRIBUTE,ATTRIBUTE",
            hint="such as --identity AFR_CORRECTION=cell.rpm,cell.kpa",
        )
    return name.strip(), parts
