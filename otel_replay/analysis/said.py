"""What decisions say, in columns: each thing that is said has a number, which runs that are compared share.

A long run says little that is new. What stands behind the span and the time of a decision's line is what it
says; whoever says the same has the same number, and what is told of a number is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from otel_replay.errors import FormatError
from otel_replay.formats.journal_v1 import map_or_none, plain_json, read_json, sorted_json

__all__ = ["Said"]

_ALIKE = bytes.maketrans(b"123456789,[", b"000000000::")
_MANY_DIGITS = b":" + b"0" * 19
_LEAST, _PARTS = 2, 4


class Said:
    """What the decisions of a run say, and those of the run that it is compared with.

    Equal numbers mean equal content; unequal ones mean nothing.

    Attributes
    ----------
    places, reasons, values:
        For each number what it is about, and what else it says.
    prints:
        For each number a hash (:meth:`print_of`) that is the same for equal content, however it is written.
    actions, cells:
        What is decided, and on which cell, for each of the places.
    """

    def __init__(self) -> None:
        self.places: list[int] = []
        self.reasons: list[str] = []
        self.values: list[Any] = []
        self.prints: list[int] = []
        self.actions: list[str] = []
        self.cells: list[Any] = []
        self._before: tuple[Said | None, int] = None, 0
        # Of each text only its hash is kept: the texts would take more memory than what they say.
        self._numbers: dict[int, int] = {}
        self._places = _Places(self)
        self._abouts = _Abouts(self)
        self._texts: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.values)

    def followed(self) -> Said:
        """One that knows all this and takes up more, which this does not get: another run's."""
        said = Said()
        said.places, said.reasons, said.values = self.places[:], self.reasons[:], self.values[:]
        said.prints = self.prints[:]
        said.actions, said.cells = self.actions[:], self.cells[:]
        said._places.update(self._places)
        said._abouts.update(self._abouts)
        said._numbers, said._texts = self._numbers, self._texts
        said._before = self, len(self)
        return said

    def whole_prints(self, made: Callable[[int], int]) -> list[int]:
        """The prints, of which `made` makes those that are 0: each once, also for those who follow."""
        prints = self.prints
        if 0 in prints:
            before, size = self._before
            if before is not None:
                prints[:size] = before.prints[:size]
            for number, one in enumerate(prints):
                if not one:
                    prints[number] = made(number)
        return prints

    @staticmethod
    def print_of(action: str, reason: str, values: Any, cell: Any) -> int:
        """The hash of a decision's content; 0 for one that JSON alone does not tell from others (NaN, bytes).

        `values` and `cell` are maps, or None.
        """
        try:
            about, text = _about_text(action, reason, cell), sorted_json(values)
        except TypeError:
            return 0
        if about is None or (values is not None and b"null" in text):
            return 0
        return hash((about, text[1:-1]))

    def numbers(self, texts: Sequence[bytes], *, learn: bool) -> Sequence[int] | None:
        """The number of each of these ends of lines; None if one of them is not what such a line ends with.

        Parameters
        ----------
        texts:
            What stands behind the time and its comma: action, reason, values, cell and a bracket.
        learn:
            Whether the next who says the same gets the same number. It takes memory for each of them.
        """
        known, first = self._numbers, len(self)
        if learn:
            if not self._take(texts):
                return None
            found = range(first, len(self))
            known.update(zip(map(hash, texts), found, strict=True))
            return found
        numbers = list(map(known.get, map(hash, texts)))
        if numbers.count(None) == len(texts):
            return range(first, first + len(texts)) if self._take(texts) else None
        new = [text for text, number in zip(texts, numbers, strict=True) if number is None]
        following = iter(range(first, first + len(new)))
        if new and not self._take(new):
            return None
        return [next(following) if number is None else number for number in numbers]

    def _take(self, texts: Sequence[bytes]) -> bool:
        """Give each a number; whether each is the end of a line as we write it."""
        try:
            if self._take_flat(texts):
                return True
        except (ValueError, FormatError):
            pass  # it has another form
        try:
            return self._take_any(texts)
        except (ValueError, FormatError):
            return False

    def _take_flat(self, texts: Sequence[bytes]) -> bool:
        """Where all values are flat maps: then a text has three parts, of which only the values are new."""
        split = _parts(texts)
        if split is None:
            return False
        abouts, middles = split
        text = b",{".join(middles)
        # No brace but those at the ends of each: none runs on into the next, and none is two.
        count = len(texts)
        if not text.count(b"{") + 1 == text.count(b"}") == text.count(b"},{") + 1 == count:
            return False
        if text[-1:] != b"}" or _is_special(text) or b"null" in text:
            return False
        values = read_json(b"[{%b]" % text)
        if len(values) != count or set(map(type, values)) != {dict}:
            return False
        places, reasons, told = zip(*map(self._abouts.__getitem__, abouts), strict=True)
        rows = zip(told, sorted_json(values)[2:-2].split(b"},{"), strict=True)
        prints = [0 if row[0] is None else hash(row) for row in rows] if None in told else map(hash, rows)
        self.places += places
        self.reasons += reasons
        self.prints += prints
        self.values += values
        return True

    def _take_any(self, texts: Sequence[bytes]) -> bool:
        text = b",[".join(texts)
        rows = _rows(texts, text)
        actions, reasons, values, cells = zip(*rows, strict=True)
        if not _are_texts(actions) or not _are_texts(reasons):
            return False
        if _is_special(text) or set(map(type, values)) != {dict}:
            values = tuple(map(map_or_none, values))
        places = list(map(self._places.__getitem__, zip(actions, map(plain_json, cells), strict=True)))
        self.places += places
        self.reasons += map(self._texts.setdefault, reasons, reasons)
        self.values += values
        self.prints += map(self.print_of, actions, reasons, values, map(self.cells.__getitem__, places))
        return True


def _parts(texts: Sequence[bytes]) -> tuple[Iterable[tuple[bytes, bytes]], Sequence[bytes]] | None:
    """Of each text what stands before its values and behind them, and what is in them; None where not so.

    The first brace opens the values, the last one the cell, if there is one: nothing here is checked.
    """
    opens = b",{"
    heads, _, rests = zip(*map(bytes.partition, texts, repeat(opens)), strict=True)
    middles, separators, tails = zip(*map(bytes.rpartition, rests, repeat(opens)), strict=True)
    kinds = set(separators)
    if kinds == {opens}:
        return zip(heads, tails, strict=True), middles
    if kinds != {b""} or not all(map(bytes.endswith, rests, repeat(b"]"))):
        return None
    return zip(heads, repeat(b"")), [rest[:-1] for rest in rests]


def _about_text(action: str, reason: str, cell: Any) -> bytes | None:
    """What a decision is about, as text; None where that does not tell it from another."""
    text = sorted_json((action, reason, 0 if cell is None else cell))
    return None if b"null" in text else text


class _Abouts(dict[tuple[bytes, bytes], tuple[int, str, bytes | None]]):
    """The place, the reason and `_about_text`, by what stands before the values and behind them."""

    def __init__(self, said: Said) -> None:
        super().__init__()
        self._said = said

    def __missing__(self, key: tuple[bytes, bytes]) -> tuple[int, str, bytes | None]:
        head, tail = key
        said = self._said
        names = read_json(b"[%b]" % head)
        cell: Any = 0
        if tail:
            if tail[-2:] != b"}]":
                raise ValueError
            cell = read_json(b"{%b" % tail[:-1])
        if type(names) is not list or len(names) != _LEAST or not _are_texts(names):
            raise ValueError
        action, reason = names
        place = said._places[action, plain_json(cell)]
        reason = said._texts.setdefault(reason, reason)
        try:
            about = _about_text(action, reason, said.cells[place])
        except TypeError:
            about = None
        found = self[key] = place, reason, about
        return found


class _Places(dict[tuple[str, bytes], int]):
    """The number of a place by an action and the text of a cell."""

    def __init__(self, said: Said) -> None:
        super().__init__()
        self._said = said

    def __missing__(self, key: tuple[str, bytes]) -> int:
        said = self._said
        cell = map_or_none(read_json(key[1]))
        number = self[key] = len(said.actions)
        said.actions.append(key[0])
        said.cells.append(cell)
        return number


def _rows(texts: Sequence[bytes], text: bytes) -> list[list[Any]]:
    """What each text says; read as one, where it is plain that none runs on into the next."""
    rows: list[list[Any]] = []
    if text.count(b"],[") == len(texts) - 1:
        rows = read_json(b"[[%b]" % text)
    if len(rows) != len(texts):
        rows = [read_json(b"[" + one) for one in texts]
    sizes = set(map(len, rows))
    if sizes == {_PARTS}:
        return rows
    if min(sizes) < _LEAST or max(sizes) > _PARTS:
        raise ValueError
    # 0 stands for what is not given.
    return [[*row, 0, 0][:_PARTS] for row in rows]


def _are_texts(column: Iterable[Any]) -> bool:
    return set(map(type, column)) == {str}


def _is_special(text: bytes) -> bool:
    """Whether there may be a value in it that is written as something else (`map_or_none`)."""
    if (b"$" in text and b'"$' in text) or (b"\\" in text and b"\\u" in text):
        return True
    return _MANY_DIGITS in text.translate(_ALIKE, b"-")
