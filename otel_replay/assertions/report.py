"""A failed rule for a person: the rule, the tree of the run around what it is about, and the nearest miss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import islice
from operator import attrgetter
from typing import overload

from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import title_of
from otel_replay.queries.columns import Chosen, left_out
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.lines import Together
from otel_replay.queries.nodes import Finding, Node
from otel_replay.queries.times import shown_ns

__all__ = ["Failure", "Mark", "Marked", "Miss", "nearest", "plain"]

_MOST_BAD = 10
_MOST_GOOD = 5
_MOST_CANDIDATES = 2_000
_MOST_COMPARED = 100
_MOST_FINDINGS = 1_000
_LONGEST = 160
_SEQ = attrgetter("seq")


@dataclass(frozen=True, slots=True)
class Mark:
    """An item that a rule is about, whether it is as it should be, and what is wrong with it."""

    item: Item
    ok: bool
    note: str = ""


class Marked(Sequence[Mark]):
    """Items that are wrong, with what is said of each only where it is asked for.

    Parameters
    ----------
    items:
        The items.
    note:
        What is said of one, and of its place among them from 0.
    """

    def __init__(self, items: Sequence[Item], note: Callable[[Item, int], str] = lambda *_: "") -> None:
        self.items = items
        self._note = note

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Mark: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Mark]: ...

    def __getitem__(self, index: int | slice) -> Mark | Sequence[Mark]:
        if isinstance(index, slice):
            places = range(len(self))[index]
            return [*map(self._mark, self.items[index], places)]
        return self._mark(self.items[index], range(len(self))[index])

    def _mark(self, item: Item, place: int) -> Mark:
        return Mark(item, False, self._note(item, place))


@dataclass(frozen=True, slots=True)
class Miss:
    """What came nearest to what was looked for, and each condition with what the item says to it."""

    item: Item
    findings: tuple[Finding, ...]

    def lines(self) -> Iterator[str]:
        """Where it is, and each condition, for a person."""
        yield f"nearest miss: {plain(_path(self.item))}"
        for finding in self.findings:
            if finding.ok:
                yield f"  ✓ {plain(finding.expected)}"
            else:
                meant = f" (did you mean `{plain(finding.meant)}`?)" if finding.meant else ""
                yield f"  ✗ expected to {_verb(finding)}, found {plain(finding.found)}{meant}"


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """Why a run does not fulfil a rule.

    Attributes
    ----------
    rule:
        The rule, as a person writes it.
    summary:
        What is wrong, in a sentence.
    bad, good:
        What it is about in the run: what is wrong, each with a note, and what is as it should be.
    lines:
        What else there is to say, such as two orders side by side.
    where:
        The file and the line that called for the check, `tests/test_tuner.py:12`; empty where no call did.
    """

    rule: str
    summary: str
    bad: Sequence[Mark] = ()
    good: Sequence[Item] = ()
    lines: tuple[str, ...] = ()
    run: Indexed = field(repr=False, default=None)  # type: ignore[assignment]  # always given
    wanted: Node | None = None
    where: str = ""

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What is wrong, then what is as it should be."""
        failing = _seqs(_items_of(self.bad))
        return (*self.bad, *(Mark(item, True) for item in self.good if item.seq not in failing))

    @property
    def items(self) -> Sequence[Item]:
        """What is wrong; where nothing of the run is, what is as it should be."""
        return _items_of(self.bad) or self.good

    @property
    def miss(self) -> Miss | None:
        """The nearest miss, where something was looked for in vain. Worked out when it is asked for."""
        if self.wanted is None:
            return None
        return nearest(self.wanted, self.run, self.good)

    @property
    def text(self) -> str:
        """All of it, on several lines, without control characters."""
        return "\n".join(self._lines())

    def __str__(self) -> str:
        return self.text

    def _lines(self) -> Iterator[str]:
        yield f"{plain(self.rule)}: {plain(self.summary)}"
        yield from (f"  {plain(line)}" for line in self.lines)
        if self.bad or self.good:
            yield from (f"  {line}" for line in _tree(self.bad, self.good))
        miss = self.miss
        if miss is not None:
            yield from (f"  {line}" for line in miss.lines())


def _seqs(items: Iterable[Item]) -> set[int]:
    return set(map(_SEQ, items))


def _items_of(marks: Sequence[Mark]) -> Sequence[Item]:
    return marks.items if isinstance(marks, Marked) else [mark.item for mark in marks]


def _verb(finding: Finding) -> str:
    text = plain(finding.expected)
    first = text.partition(" ")[0]
    return text if first in {"be", "have", "not"} else f"have {text}"


def plain(text: str) -> str:
    """A text that a terminal does not act upon, on one line and not too long."""
    clean = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )
    return clean if len(clean) <= 4 * _LONGEST else clean[: 4 * _LONGEST - 1] + "…"


# -- the tree ------------------------------------------------------------------------------------------------


def _tree(bad: Sequence[Mark], good: Sequence[Item]) -> Iterator[str]:
    """The marked items with what is above them, and a count of those that had no room."""
    right, both = _right(_items_of(bad), good)
    shown = {mark.item.seq: mark for mark in (*bad[:_MOST_BAD], *(Mark(item, True) for item in right))}
    needed: dict[int, Item] = {}
    for mark in shown.values():
        needed[mark.item.seq] = mark.item
        needed.update((above.seq, above) for above in mark.item.ancestors())
    for item in sorted(needed.values(), key=_place):
        mark_here = shown.get(item.seq)
        indent = "  " * sum(1 for _ in item.ancestors())
        sign = " " if mark_here is None else "✓" if mark_here.ok else "✗"
        note = f"  ← {mark_here.note}" if mark_here is not None and mark_here.note else ""
        yield f"{indent}{sign} {plain(_label(item) + note)}"
    for left, word in ((len(bad) - _MOST_BAD, "✗"), (len(good) - both - _MOST_GOOD, "✓")):
        if left > 0:
            yield f"… and {left} more {word}"


def _right(bad: Sequence[Item], good: Sequence[Item]) -> tuple[Sequence[Item], int]:
    """The first of those that are as they should be and not wrong as well; and how many are both."""
    if bad is good:
        return (), len(good)
    if isinstance(bad, Chosen) and isinstance(good, Chosen) and bad.whole is good.whole:
        rest = left_out(good, bad)
        return rest[:_MOST_GOOD], len(good) - len(rest)
    failing = _seqs(bad)
    right = [*islice((item for item in good if item.seq not in failing), _MOST_GOOD)]
    if isinstance(good, Together):
        return right, sum(map(good.times, failing))
    return right, sum(map(failing.__contains__, map(_SEQ, good))) if failing else 0


def _place(item: Item) -> tuple[int, ...]:
    return (*reversed([above.seq for above in item.ancestors()]), item.seq)


def _path(item: Item) -> str:
    return " > ".join([*reversed([above.name for above in item.ancestors()]), title_of(item)])


def _label(item: Item) -> str:
    name = title_of(item) or f"({item.kind} without a name)"
    if item.is_span:
        length = "open" if item.duration_ns is None else shown_ns(item.duration_ns)
        return f"{name}  {length}"
    return f"{item.kind} {name}" if item.kind != "event" else name


# -- the nearest miss ----------------------------------------------------------------------------------------


def nearest(wanted: Node, run: Indexed, without: Sequence[Item]) -> Miss | None:
    """The item that fails the fewest conditions of a query that selects nothing more.

    Of two that fail as many, the one whose values look more like what is wanted; of those the first. In a
    long run a sample is looked at: every name once, and items from all of it.
    """
    fewest = _MOST_FINDINGS
    equal: list[Item] = []
    words = wanted.words()
    tally, is_left_out = wanted.tally(run), _standing(without)
    for item in run.sample(("candidates", words), lambda: _candidates(words, run)):
        if is_left_out(item.seq):
            continue
        failed, conditions = tally(item)
        if not failed or failed == conditions > 1 or failed > fewest:
            continue
        if failed < fewest:
            fewest, equal = failed, []
        if len(equal) < _MOST_COMPARED:
            equal.append(item)
    return _most_alike([Miss(item, tuple(wanted.explain(item, run))) for item in equal])


def _standing(items: Sequence[Item]) -> Callable[[int], object]:
    """What tells whether one of these stands at a place of the run."""
    return items.times if isinstance(items, Together) else _seqs(items).__contains__


def _most_alike(misses: Sequence[Miss]) -> Miss | None:
    """The first of those whose findings look most like what was expected, where they are not the same."""
    texts = [
        [
            SequenceMatcher(None, finding.expected[-_LONGEST:], finding.found[-_LONGEST:])
            for finding in miss.findings
            if not finding.ok
        ]
        for miss in misses
    ]
    # How alike they are takes time; how alike they are at most takes little, and settles it for most.
    # An item that has a name like the one that is asked for is what was meant.
    meant = [sum(bool(finding.meant) for finding in miss.findings) for miss in misses]
    at_most = [
        sum(pair.quick_ratio() for pair in pairs) + names for pairs, names in zip(texts, meant, strict=True)
    ]
    best, most = -1, -1.0
    for place in sorted(range(len(misses)), key=lambda place: -at_most[place]):
        if at_most[place] < most:
            break
        alike = sum(pair.ratio() for pair in texts[place]) + meant[place]
        if alike > most or (alike == most and place < best):
            best, most = place, alike
    return misses[best] if misses else None


def _candidates(words: frozenset[str], run: Indexed) -> Sequence[Item]:
    items = [item for word in sorted(words) for item in run.of(word)] if words else run.all
    if len(items) <= _MOST_CANDIDATES:
        return items
    of_each_name = {(item.kind, item.name): item for item in reversed(items)}
    step = len(items) // (_MOST_CANDIDATES // 2)
    return [*list(of_each_name.values())[: _MOST_CANDIDATES // 2], *items[::step]]
