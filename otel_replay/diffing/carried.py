"""Values that had changed before: a value that goes in is known by what it was and what it became."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from itertools import compress
from operator import ne
from typing import Any

from otel_replay.diffing.columns import Column, Columns
from otel_replay.diffing.findings import OF_AFTER
from otel_replay.diffing.rules import Path, path_text

__all__ = ["SHORTEST_TEXT", "Carried", "had_changed", "key_of", "says_inputs"]

SHORTEST_TEXT = 4
"""Shorter texts meet by chance."""

_ROUND = 10


@lru_cache(maxsize=4096)
def had_changed(path: Path) -> str:
    """How it is said that a value had changed before."""
    return f"{path_text(path)} had changed before"


@lru_cache(maxsize=4096)
def says_inputs(names: tuple[str, ...]) -> bool:
    """Whether a decision with values of these names says what it began with."""
    return not (OF_AFTER.isdisjoint(names) or OF_AFTER.issuperset(names))


_Asked = tuple[Sequence[int], Path, list[Hashable | None]]
"""Values that went in: of which of the decisions, where they stand, and their keys."""

_Learnt = tuple[list[int], list[Hashable]]
"""The numbers of findings, and the key of a value in each."""


class Carried(dict[Hashable, int]):
    """The number of the last finding in which each value changed so, by its key (:func:`key_of`)."""

    _carries = False
    """Whether any value was met again."""

    def of_columns(
        self, first: int, columns: Columns, follows: list[int | None], whys: list[str]
    ) -> set[int] | None:
        """Fill in which of many decisions follow from an earlier value, and learn theirs.

        Parameters
        ----------
        first, columns:
            The number of the first, and what changed in them.
        follows, whys:
            What `Finding.follows` and `Finding.why` of each are to be, where this tells it.

        Returns
        -------
        Which of them had something other to begin with, or do not say what they began with; None for all.
        """
        asked: list[_Asked] = []
        learnt: list[_Learnt] = []
        told: set[int] = set()
        for form in columns.forms:
            has_inputs = says_inputs(form.names)
            numbers = [first + place for place in form.places]
            if not has_inputs:
                told.update(form.places)
            for column in form.columns:
                keys = _keys_of(column)
                learnt.append(_that_count(numbers, keys))
                if not has_inputs or column.path[1] not in OF_AFTER:
                    asked.append((form.places, column.path, keys))
                    differs = column.differs
                    told.update(form.places if differs is None else compress(form.places, differs))
        if not self._all_new(learnt) and not self._at_once(asked, learnt, follows, whys):
            self._one_by_one(asked, learnt, follows, whys, first)
        return None if len(told) == len(follows) else told

    def _all_new(self, learnt: Sequence[_Learnt]) -> bool:
        """Learn them if no value is one of those before, or of the others: then none explains any."""
        if self._carries:
            return False
        for count, (numbers, keys) in enumerate(learnt):
            found = list(map(self.setdefault, keys, numbers))
            if found != numbers:
                # From here on they are not even tried: values that are carried on are so throughout a run.
                self._carries = True
                for some, others in learnt[:count]:
                    self._forget(some, others, some)
                self._forget(numbers, keys, found)
                return False
        return True

    def _forget(self, numbers: list[int], keys: list[Hashable], found: list[int]) -> None:
        for number, key, known in zip(numbers, keys, found, strict=True):
            if number == known:
                self.pop(key, None)

    def _at_once(
        self,
        asked: Iterable[_Asked],
        learnt: Iterable[_Learnt],
        follows: list[int | None],
        whys: list[str],
    ) -> bool:
        """Where none of them says what one of the others says, those before are all that can explain one."""
        new: dict[Hashable, int] = {}
        for numbers, keys in learnt:
            new.update(zip(keys, numbers, strict=True))
        if len(new) < sum(len(keys) for _, keys in learnt):
            return False
        for places, path, keys in asked:
            hits = list(map(self.get, keys))
            if any(hits):
                for place, hit in zip(places, hits, strict=True):
                    if hit is not None and follows[place] is None:
                        follows[place], whys[place] = hit, had_changed(path)
        self.update(new)
        return True

    def _one_by_one(
        self,
        asked: Iterable[_Asked],
        learnt: Iterable[_Learnt],
        follows: list[int | None],
        whys: list[str],
        first: int,
    ) -> None:
        """Where one of them may follow from another: each is asked about before it is learnt."""
        questions: list[list[tuple[Hashable, Path]]] = [[] for _ in follows]
        for places, path, keys in asked:
            for place, key in zip(places, keys, strict=True):
                if key is not None:
                    questions[place].append((key, path))
        answers: list[list[Hashable]] = [[] for _ in follows]
        for numbers, keys in learnt:
            for number, key in zip(numbers, keys, strict=True):
                answers[number - first].append(key)
        for place, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            for key, path in question:
                if key in self:
                    follows[place], whys[place] = self[key], had_changed(path)
                    break
            for key in answer:
                self[key] = first + place


def _that_count(numbers: list[int], keys: list[Any]) -> _Learnt:
    """Without those that have no key."""
    if all(keys):
        return numbers, keys
    has_key = [key is not None for key in keys]
    return list(compress(numbers, has_key)), list(compress(keys, has_key))


def _keys_of(column: Column) -> list[Hashable | None]:
    """The key of each value of a column; None where it has none, or is the same."""
    _, kind, before, after, differs = column
    if kind is float:
        keys: list[Hashable | None] = list(map(complex, before, after))
        if any(map(ne, keys, keys)):
            keys = list(map(key_of, before, after))
    else:
        keys = list(map(key_of, before, after))
    if differs is None:
        return keys
    return [key if differs else None for key, differs in zip(keys, differs, strict=True)]


def key_of(before: Any, after: Any) -> Hashable | None:
    """Both values, where they are not such as meet by chance: 0 and 1, true and false, none.

    Two floats are kept as one complex number, which takes half the time and the memory, and so are whole
    numbers that are equal to floats.
    """
    if type(before) is type(after) is float:
        key = complex(before, after)
        # NaN of a file is one and the same, which a pair of values knows, and a complex number does not.
        return key if key == key else (before, after)
    if not (_is_telling(before) and _is_telling(after)):
        return None
    if not (isinstance(before, str) or isinstance(after, str)):
        try:
            if float(before) == before and float(after) == after:
                return complex(before, after)
        except OverflowError:
            pass
    return before, after


def _is_telling(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) >= _ROUND
    return isinstance(value, float) or (isinstance(value, str) and len(value) >= SHORTEST_TEXT)
