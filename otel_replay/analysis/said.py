"""What decisions say, in columns: each thing that is said has a number, which runs that are compared share.

A long run says little that is new. What stands behind the span and the time of a decision's line is what it
says; whoever says the same has the same number, and what is told of a number is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
        self._numbers: dict[bytes, int] = {}
        self._places = _Places(self)
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
        said._numbers, said._texts = self._numbers, self._texts
        return said

    @staticmethod
    def print_of(action: str, reason: str, values: Any, cell: Any) -> int:
        """The hash of a decision's content; 0 for one that JSON alone does not tell from others (NaN, bytes).

        `values` and `cell` are maps, or None.
        """
        row = (action, reason, 0 if values is None else values, 0 if cell is None else cell)
        try:
            text = sorted_json(row)
        except TypeError:
            return 0
        return 0 if b"null" in text else hash(text[1:-1])

    def numbers(self, texts: Sequence[bytes], *, learn: bool) -> Sequence[int] | None:
        """The number of each of these ends of lines; None if one of them is not what such a line ends with.

        Parameters
        ----------
        texts:
            What stands behind the time and its comma: action, reason, values, cell and a bracket.
        learn:
            Whether the next who says the same gets the same number. It takes memory for each of them.
        """
        known = self._numbers
        if learn:
            first = len(self)
            if not self._take(texts):
                return None
            found = range(first, len(self))
            known.update(zip(texts, found, strict=True))
            return found
        numbers = list(map(known.get, texts))
        new = [text for text, number in zip(texts, numbers, strict=True) if number is None]
        following = iter(range(len(self), len(self) + len(new)))
        if new and not self._take(new):
            return None
        return [next(following) if number is None else number for number in numbers]

    def _take(self, texts: Sequence[bytes]) -> bool:
        """Give each a number; whether each is the end of a line as we write it."""
        try:
            text = b",[".join(texts)
            rows = _rows(texts, text)
            actions, reasons, values, cells = zip(*rows, strict=True)
            if not _are_texts(actions) or not _are_texts(reasons):
                return False
            special = _is_special(text)
            if special or set(map(type, values)) != {dict}:
                values = tuple(map(map_or_none, values))
            places = list(map(self._places.__getitem__, zip(actions, map(plain_json, cells), strict=True)))
        except (ValueError, FormatError):
            return False
        self.places += places
        self.reasons += map(self._texts.setdefault, reasons, reasons)
        self.values += values
        # What stands for a value that JSON does not have is not that value's own text.
        self.prints += [0] * len(rows) if special else _prints(rows)
        return True


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
    return b'"$' in text or b"\\u" in text or _MANY_DIGITS in text.translate(_ALIKE, b"-")


def _prints(rows: list[list[Any]]) -> list[int]:
    text = sorted_json(rows)
    if b"null" in text:
        return [0] * len(rows)
    texts = text[2:-2].split(b"],[")
    if len(texts) != len(rows):
        texts = [sorted_json(row)[1:-1] for row in rows]
    return list(map(hash, texts))
