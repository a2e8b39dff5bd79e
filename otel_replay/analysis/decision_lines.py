"""Decisions taken from the lines of a journal many at a time: they are most of a long run.

A line in the short form has a head of fixed length, as we write it: its span and its time. Behind it stands
what the decision says. Where runs are read to be compared, what was said before is not decoded again, and no
item is made of it yet (`analysis.unmade_items`). Nothing is taken on trust: of such a head every byte is
looked at, and a line of any other form, or a damaged one, is left to `journal_v1.decode`.
"""

from __future__ import annotations

from array import array
from itertools import compress, count, repeat
from operator import itemgetter, not_
from typing import Any

from otel_replay.analysis.items import Item
from otel_replay.analysis.said import Said
from otel_replay.analysis.unmade_items import UnmadeItems
from otel_replay.errors import FormatError
from otel_replay.formats.journal_v1 import made_decision, map_or_none, read_json

__all__ = ["DecisionLines"]

_HEAD = b'["decision","'
_TIME_BEGINS, _SAID_BEGINS = 31, 51
_TIME_DIGITS = _SAID_BEGINS - _TIME_BEGINS - 1
_TIME_OF = itemgetter(slice(_TIME_BEGINS, _SAID_BEGINS))
_SAID_OF = itemgetter(slice(_SAID_BEGINS, None))
_FEW = 6
"""So few are taken one by one sooner than together."""


class DecisionLines:
    """Takes the lines of decisions, of one run or of several that are compared.

    Parameters
    ----------
    numbered:
        Whether they are numbered by what they say, and made into items only when these are asked for. It
        takes memory for every line that differs.
    """

    def __init__(self, *, numbered: bool = False) -> None:
        self._said = Said() if numbered else None
        self._learns = numbered
        self._texts: dict[str, str] = {}
        self._careful: list[bytes] = []

    def enough(self) -> DecisionLines:
        """Itself, that numbers nothing new from here on: what comes now is compared with what was read."""
        self._learns = False
        return self

    def items(self) -> list[Item] | UnmadeItems:
        """What the items of a run are put into."""
        if self._said is None:
            return []
        return UnmadeItems(self._said if self._learns else self._said.followed())

    def take(
        self,
        lines: list[bytes],
        begin: int,
        journal: str,
        items: list[Item] | UnmadeItems,
        spans: dict[str, Item],
    ) -> int:
        """Append the decisions from line `begin` on to `items`; the number of the first line that is none.

        Parameters
        ----------
        lines, begin, journal:
            Lines of a journal, where to begin, and the journal's name.
        items, spans:
            The items of the run so far, and those of them that are spans, by id. What happened in a span that
            is not among them is left alone, as is every line that is not exactly of the short form.
        """
        if not isinstance(items, UnmadeItems):
            return self._one_by_one(lines, begin, len(lines), journal, items, spans)
        while begin < len(lines):
            head = lines[begin][:_TIME_BEGINS]
            span_id = _span_id(head)
            parent = spans.get(span_id) if span_id else None
            if parent is None:
                return begin
            end = begin + _equal_heads(lines, begin, head)
            many = end - begin >= _FEW and lines is not self._careful
            if many and self._together(lines[begin:end], span_id, journal, items, parent):
                begin = end
                continue
            if many:
                # One of them is not as usual: which one is not looked for again with each of the others.
                self._careful = lines
            reached = self._one_by_one(lines, begin, end, journal, items, spans)
            if reached < end:
                return reached
            begin = end
        return begin

    def _together(
        self, lines: list[bytes], span_id: str, journal: str, items: UnmadeItems, parent: Item
    ) -> bool:
        """Append the decisions of one span, if all of these lines are such."""
        times = _times(lines)
        if times is None:
            return False
        texts = list(map(_SAID_OF, lines))
        numbers = items.said.numbers(texts, learn=self._learns)
        if numbers is None:
            return False
        items.extend_unmade(times, numbers, span_id, parent, journal)
        return True

    def _one_by_one(
        self,
        lines: list[bytes],
        begin: int,
        end: int,
        journal: str,
        items: list[Item] | UnmadeItems,
        spans: dict[str, Item],
    ) -> int:
        texts = self._texts
        head, span_id, parent, place = b"", "", None, len(items)
        for index in range(begin, end):
            line = lines[index]
            if line[:_TIME_BEGINS] != head:
                # The decisions of a span stand together as a rule.
                head = line[:_TIME_BEGINS]
                span_id = _span_id(head)
                parent = spans.get(span_id) if span_id else None
                if parent is None:
                    return index
                add: Any = parent.children.append  # type: ignore[attr-defined]  # a list until it is given away
            try:
                _, _, at, action, reason, values, cell = read_json(line)
                if type(at) is not int or type(action) is not str or type(reason) is not str:
                    return index
                values, cell = map_or_none(values), map_or_none(cell)
            except (ValueError, FormatError):
                return index
            action, reason = texts.setdefault(action, action), texts.setdefault(reason, reason)
            record = made_decision(at, span_id, action, reason, values, cell)
            item = Item("decision", action, record, at, at, place, journal, parent)
            place += 1
            items.append(item)
            add(item)
        return end


def _span_id(head: bytes) -> str:
    """The span that the head of a line names; empty where it is no such head."""
    span_id = head[13:29].decode("ascii", "replace")
    return span_id if head[:13] == _HEAD and head[29:] == b'",' and span_id.isalnum() else ""


def _equal_heads(lines: list[bytes], begin: int, head: bytes) -> int:
    """How many lines from `begin` on have this head."""
    following = map(lines.__getitem__, range(begin, len(lines)))
    others = map(not_, map(bytes.startswith, following, repeat(head)))
    return next(compress(count(), others), len(lines) - begin)


def _times(lines: list[bytes]) -> array[int] | None:
    """The time of each line; None where one is not written as we write it, with a comma behind it."""
    texts = b"".join(map(_TIME_OF, lines))
    step = _TIME_DIGITS + 1
    if texts[_TIME_DIGITS::step] != b"," * len(lines) or len(texts) != step * len(lines):
        return None
    digits = texts.replace(b",", b"")
    if len(digits) != _TIME_DIGITS * len(lines) or not digits.isdigit() or b"0" in texts[::step]:
        return None
    try:
        return array("q", read_json(b"[%b]" % texts[:-1]))
    except OverflowError:
        return None
