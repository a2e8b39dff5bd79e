"""Decisions taken from the lines of a journal many at a time: they are most of a long run.

A line in the short form has a head of fixed length, as we write it: its span and its time. Behind it stands
what the decision says. Where runs are read to be compared, a line that says what another one said is not
decoded again, and both have the same number: they are equal, whoever asks. Nothing is taken on trust: of
such a head every byte is looked at, and a line of any other form, or a damaged one, is left to
`journal_v1.decode`.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from otel_replay.analysis.items import Item
from otel_replay.errors import FormatError
from otel_replay.formats.journal_v1 import made_decision, map_or_none, read_json
from otel_replay.records import Decision

__all__ = ["DecisionLines"]

_HEAD = b'["decision","'
_DIGIT_0 = 48
_NUMBERS = count(1)
"""Of all runs of the process: what was read apart has no number in common."""


class DecisionLines:
    """Takes the lines of decisions, of one run or of several that are compared.

    Parameters
    ----------
    numbered:
        Whether equal ones get the same number. It takes memory for every line that differs.
    """

    def __init__(self, *, numbered: bool = False) -> None:
        self._learns = numbered
        self._told: dict[bytes, tuple[Decision, int]] = {}
        self._texts: dict[str, str] = {}

    def enough(self) -> DecisionLines:
        """Itself, that numbers nothing new from here on: what comes now is compared with what was read."""
        self._learns = False
        return self

    def take(
        self, lines: list[bytes], begin: int, journal: str, items: list[Item], spans: dict[str, Item]
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
        texts, told, learns = self._texts, self._told, self._learns
        numbered = learns or bool(told)
        head, span_id, parent, number, place = b"", "", None, 0, len(items)
        for index in range(begin, len(lines)):
            line = lines[index]
            if line[:31] != head:
                # The decisions of a span stand together as a rule.
                head, span_id = line[:31], line[13:29].decode("ascii", "replace")
                parent = spans.get(span_id)
                if parent is None or head[:13] != _HEAD or head[29:] != b'",' or not span_id.isalnum():
                    return index
                add: Any = parent.children.append  # type: ignore[attr-defined]  # a list until it is given away
            if numbered:
                time, said = line[31:50], line[51:]
                has_head = line[50:51] == b"," and time.isdigit() and time[0] != _DIGIT_0
                known = told.get(said) if has_head else None
                if known is not None:
                    one, number = known
                    at = int(time)
                    record = made_decision(at, span_id, one.action, one.reason, one.values, one.cell)
                    item = Item("decision", one.action, record, at, at, place, journal, parent)
                    item.told = number
                    place += 1
                    items.append(item)
                    add(item)
                    continue
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
            if learns and has_head:
                item.told = number = next(_NUMBERS)
                told[said] = record, number
            place += 1
            items.append(item)
            add(item)
        return len(lines)
