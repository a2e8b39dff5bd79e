"""Queries as data: each says which items of a run it means, and why an item is none of them.

`str()` of a query is the selector that means the same. `queries.query` joins them by `&`, `|` and `~`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from otel_replay.analysis.comparisons import ORDER, Word, glob_pattern, tester
from otel_replay.analysis.items import Item
from otel_replay.queries.columns import Chosen, every
from otel_replay.queries.expressions import Expression, Name, evaluator
from otel_replay.queries.indexed import KIND_WORDS, Indexed
from otel_replay.queries.names import PARTS, nearest_name
from otel_replay.queries.text import name_text, word_text
from otel_replay.queries.told_values import said

__all__ = ["And", "Compare", "Exists", "Finding", "Not", "Node", "Nth", "Of", "Or", "Test"]

Test = Callable[[Item], bool]

_ARTICLES = {"agent": "an agent", "event": "an event", "*": "anything"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one condition says of one item. `expected`, `found` and `meant` (a near name) are for a person."""

    condition: str
    ok: bool
    expected: str
    found: str
    meant: str = ""


class Node:
    """What every query can do."""

    __slots__ = ()

    def find(self, run: Indexed) -> Sequence[Item]:
        """The items that it selects, in order. `Indexed.select` remembers them."""
        test = self.test(run)
        return [item for item in run.all if test(item)]

    def test(self, run: Indexed) -> Test:
        """What tells whether an item is selected."""
        raise NotImplementedError

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        """Each of its conditions, and what the item says to it."""
        ok = self.test(run)(item)
        return [Finding(str(self), ok, f"be selected by {self}", item.name)]

    def tally(self, run: Indexed) -> Callable[[Item], tuple[int, int]]:
        """What counts how many of an item's findings (:meth:`explain`) are not ok, and how many there are."""

        def count(item: Item) -> tuple[int, int]:
            findings = self.explain(item, run)
            return _failed(findings), len(findings)

        return count

    def words(self) -> frozenset[str]:
        """The words of `KIND_WORDS` that what it selects is of; empty where it may be anything."""
        return frozenset()

    def suffix(self) -> str:
        """How it is written behind a step that it filters."""
        return f":is({self})"

    def lead(self) -> str:
        """How it is written before a step instead, where that is possible."""
        return ""

    def step(self) -> str:
        """How it is written as one step, to which more can be added."""
        return f"*{self.suffix()}"

    def __str__(self) -> str:
        return self.step()


@dataclass(frozen=True, slots=True)
class Of(Node):
    """Items of a kind, by a word of `KIND_WORDS`, whose name fits `glob`; `exact` takes a `*` for itself."""

    word: str = "*"
    glob: str = "*"

    def find(self, run: Indexed) -> Sequence[Item]:
        return run.of(self.word, self.glob)

    def test(self, run: Indexed) -> Test:  # noqa: ARG002 - the same in every run
        kinds, names = KIND_WORDS[self.word], PARTS["name"]
        if self.glob == "*":
            return lambda item: item.kind in kinds
        fits = glob_pattern(self.glob).fullmatch
        return lambda item: item.kind in kinds and any(fits(name) for name in names(item))

    def explain(self, item: Item, run: Indexed) -> list[Finding]:  # noqa: ARG002 - as above
        kinds, names = KIND_WORDS[self.word], PARTS["name"](item)
        found = []
        if self.word != "*" or self.glob == "*":
            found.append(
                Finding(
                    self.word,
                    item.kind in kinds,
                    f"be {_ARTICLES.get(self.word, f'a {self.word}')}",
                    f"{item.kind}",
                )
            )
        if self.glob != "*":
            fits = glob_pattern(self.glob).fullmatch
            ok = any(fits(name) for name in names)
            found.append(Finding("name", ok, f"be called {self.glob}", " or ".join(map(str, names))))
        return found

    def tally(self, run: Indexed) -> Callable[[Item], tuple[int, int]]:  # noqa: ARG002 - as above
        kinds, names = KIND_WORDS[self.word], PARTS["name"]
        asks_kind, asks_name = self.word != "*" or self.glob == "*", self.glob != "*"
        fits, size = glob_pattern(self.glob).fullmatch, asks_kind + asks_name

        def count(item: Item) -> tuple[int, int]:
            failed = asks_kind and item.kind not in kinds
            return failed + (asks_name and not any(map(fits, names(item)))), size

        return count

    def words(self) -> frozenset[str]:
        return frozenset({self.word})

    def step(self) -> str:
        return self.word if self.glob == "*" else f"{self.word}({name_text(self.glob)})"


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """Items on which a value of `left` fulfils a sign; `word` may be an expression itself."""

    left: Expression
    sign: str
    word: Word | Expression

    def test(self, run: Indexed) -> Test:  # noqa: ARG002 - the same in every run
        values = evaluator(self.left)
        if not isinstance(self.word, Word):
            return self._between_two(evaluator(self.word))
        holds = tester(self.sign, self.word)
        if self.sign == "!=":
            return lambda item: bool(found := values(item)) and all(map(holds, found))
        return lambda item: any(map(holds, values(item)))

    def _between_two(self, others: Callable[[Item], tuple[Any, ...]]) -> Test:
        values, sign = evaluator(self.left), self.sign
        if sign in {"=", "!="}:

            def differ(item: Item) -> bool:
                pairs = [(one, other) for one in values(item) for other in others(item)]
                equal = any(one == other for one, other in pairs)
                return equal if sign == "=" else bool(pairs) and not equal

            return differ
        order = ORDER[sign]

        def test(item: Item) -> bool:
            for one in values(item):
                for other in others(item):
                    try:
                        if order(one, other):
                            return True
                    except TypeError:
                        continue
            return False

        return test

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        values = evaluator(self.left)(item)
        expected = f"{self.left} {self.sign} {self.word_text}"
        asks = isinstance(self.left, Name) and not values
        meant = nearest_name(item, str(self.left)) if asks else ""
        found = said(self.left, values)
        if not isinstance(self.word, Word):
            found += f" and {said(self.word, evaluator(self.word)(item))}"
        return [Finding(str(self.left), self.test(run)(item), expected, found, meant)]

    def tally(self, run: Indexed) -> Callable[[Item], tuple[int, int]]:
        test = self.test(run)
        return lambda item: (not test(item), 1)

    @property
    def word_text(self) -> str:
        """What stands on the right, for a person."""
        return self.word.text if isinstance(self.word, Word) else str(self.word)

    def suffix(self) -> str:
        right = word_text(self.word, self.sign) if isinstance(self.word, Word) else f"{{{self.word}}}"
        return f"[{self.left} {self.sign} {right}]"


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """Items on which an expression has a value at all."""

    left: Expression

    def test(self, run: Indexed) -> Test:  # noqa: ARG002 - the same in every run
        values = evaluator(self.left)
        return lambda item: bool(values(item))

    def explain(self, item: Item, run: Indexed) -> list[Finding]:  # noqa: ARG002 - as above
        values = evaluator(self.left)(item)
        found = said(self.left, values) if values else f"no {self.left}"
        return [Finding(str(self.left), bool(values), f"have {self.left}", found)]

    def suffix(self) -> str:
        return f"[{self.left}]"


@dataclass(frozen=True, slots=True)
class And(Node):
    """Items that all of several queries select."""

    parts: tuple[Node, ...]

    @staticmethod
    def of(*queries: Node) -> Node:
        """All of them, written flat: what selects few before what filters."""
        flat: list[Node] = []
        for query in queries:
            flat += query.parts if isinstance(query, And) else (query,)
        whole = list(dict.fromkeys(flat))
        whole.sort(key=lambda part: not isinstance(part, (Of, Nth, Or)))
        return whole[0] if len(whole) == 1 else And(tuple(whole))

    def find(self, run: Indexed) -> Sequence[Item]:
        first, *rest = self.parts
        tests: list[Test] = []
        answer: int | None = None
        found = run.select(first)
        for part in rest:
            plain = part.query if isinstance(part, Not) else part
            if isinstance(plain, Compare) and isinstance(plain.word, Word):
                holds = run.column(first, plain.left).fulfil(plain.sign, plain.word)
                if plain is not part:
                    holds ^= every(found)
            else:
                shared = run.shared_answer(first, part)
                if shared is None:
                    tests.append(part.test(run))
                    continue
                holds = shared
            answer = holds if answer is None else answer & holds
        if answer is not None:
            found = Chosen(found, answer)
        return [item for item in found if all(test(item) for test in tests)] if tests else found

    def test(self, run: Indexed) -> Test:
        tests = [part.test(run) for part in self.parts]
        return lambda item: all(test(item) for test in tests)

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        return [finding for part in self.parts for finding in part.explain(item, run)]

    def tally(self, run: Indexed) -> Callable[[Item], tuple[int, int]]:
        tallies = [part.tally(run) for part in self.parts]

        def count(item: Item) -> tuple[int, int]:
            failed = size = 0
            for tally in tallies:
                one, of = tally(item)
                failed, size = failed + one, size + of
            return failed, size

        return count

    def words(self) -> frozenset[str]:
        return next((words for part in self.parts if (words := part.words())), frozenset())

    def step(self) -> str:
        first, *rest = self.parts
        is_base = isinstance(first, (Of, Or, Nth))
        filters = rest if is_base else list(self.parts)
        leads = [part for part in filters if part.lead()] if not isinstance(first, Nth) else []
        lead = leads[:1]
        before = "".join(part.lead() for part in lead)
        return (
            before
            + (first.step() if is_base else "*")
            + "".join(part.suffix() for part in filters if part not in lead)
        )


@dataclass(frozen=True, slots=True)
class Or(Node):
    """Items that any of several queries selects."""

    parts: tuple[Node, ...]

    @staticmethod
    def of(*queries: Node) -> Node:
        """Any of them, written flat."""
        flat: list[Node] = []
        for query in queries:
            flat += query.parts if isinstance(query, Or) else (query,)
        whole = tuple(dict.fromkeys(flat))
        return whole[0] if len(whole) == 1 else Or(whole)

    def find(self, run: Indexed) -> Sequence[Item]:
        seqs = sorted(set().union(*(run.seqs(part) for part in self.parts)))
        return [run.all[seq] for seq in seqs]

    def test(self, run: Indexed) -> Test:
        tests = [part.test(run) for part in self.parts]
        return lambda item: any(test(item) for test in tests)

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        ways = [part.explain(item, run) for part in self.parts]
        return min(ways, key=_failed)

    def words(self) -> frozenset[str]:
        each = [part.words() for part in self.parts]
        return frozenset().union(*each) if all(each) else frozenset()

    def step(self) -> str:
        return f"*{self.suffix()}"

    def __str__(self) -> str:
        return ", ".join(map(str, self.parts))


def _failed(findings: Sequence[Finding]) -> int:
    return sum(not finding.ok for finding in findings)


@dataclass(frozen=True, slots=True)
class Not(Node):
    """Items that a query does not select."""

    query: Node

    def test(self, run: Indexed) -> Test:
        inner = self.query.test(run)
        return lambda item: not inner(item)

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        inner = self.query.explain(item, run)
        ok = self.test(run)(item)
        found = "; ".join(finding.found for finding in inner)
        wanted = f"have no {self.query.left}" if isinstance(self.query, Exists) else f"not be {self.query}"
        return [Finding(f"not {self.query}", ok, wanted, found)]

    def suffix(self) -> str:
        return f"[!{self.query.left}]" if isinstance(self.query, Exists) else f":not({self.query})"


@dataclass(frozen=True, slots=True)
class Nth(Node):
    """One item of those that a query selects: by its number from 1, or from the end below 0."""

    query: Node
    number: int

    def find(self, run: Indexed) -> Sequence[Item]:
        found = run.select(self.query)
        index = self.number - 1 if self.number > 0 else self.number
        return [found[index]] if -len(found) <= index < len(found) else []

    def test(self, run: Indexed) -> Test:
        seqs = run.seqs(self)
        return lambda item: item.seq in seqs

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        inner = self.query.explain(item, run)
        if _failed(inner):
            return inner
        found = run.select(self.query)
        place = next((number for number, one in enumerate(found, 1) if one is item), 0)
        ok = self.test(run)(item)
        return [*inner, Finding("place", ok, f"be number {self.number}", f"number {place} of {len(found)}")]

    def words(self) -> frozenset[str]:
        return self.query.words()

    def step(self) -> str:
        name = {1: ":first", -1: ":last"}.get(self.number, f":nth({self.number})")
        return self.query.step() + name
