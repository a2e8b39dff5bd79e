"""A selector as text becomes a query: `agent > tool(search)[arguments.q ~ weather]:first`.

    selector  = chain , chain …            any of them
    chain     = step step …                the last one, below those before it; `>` before a step: right below
    step      = word (name) filter …       the name may be left out; `*` is any word
    filter    = [ conditions ]             all of them, with `,` between
              | :first | :last | :nth(2)   of all that stands before it
              | :is(selector) | :not(selector) | :has(selector) | :has(> selector)
              | :below(selector) | :child-of(selector)
              | :after(selector) | :after(selector, 5s) | :before(…)
              | :failed | :open

`docs/selectors.md` is the manual; `queries.conditions_text` has what stands between `[` and `]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from otel_replay.analysis.comparisons import Word
from otel_replay.queries.conditions_text import read_conditions
from otel_replay.queries.expressions import Name
from otel_replay.queries.indexed import KIND_WORDS
from otel_replay.queries.neighbours import After, Before, Has, Inside
from otel_replay.queries.nodes import And, Compare, Node, Not, Nth, Of, Or
from otel_replay.queries.query import Query
from otel_replay.queries.reading import SelectorError, Text
from otel_replay.queries.times import length_ns

__all__ = ["parse", "selector"]

_KIND = re.compile(r"[A-Za-z_][A-Za-z_-]*|\*")
_PSEUDO = re.compile(r"[A-Za-z-]+")
_INTEGER = re.compile(r"-?\d+")
_LENGTH = re.compile(r"[\d.]+\s*(?:ns|us|µs|ms|s|min|m|h)(?![\w])")
_ITEM_NAME = re.compile(r"[^\s()\"'\[\]:,>]+")
_MOST_NESTED = 50
_TRUE = Word(text="true")


def selector(text: str) -> Query:
    """The query that a selector stands for.

    Raises
    ------
    SelectorError
        If it is none; the message points at the place.
    """
    try:
        return Query(parse(text))
    except SelectorError as error:
        # Where our parser stood says nothing: the message points into the selector.
        raise error.with_traceback(None) from None


def parse(text: str) -> Node:
    """As :func:`selector`, as data."""
    reader = _Parser(Text(text))
    node = reader.choice()
    reader.text.skip()
    if not reader.text.at_end:
        raise reader.text.error("a selector ends here", hint="`,` stands between two selectors")
    return node


class _Parser:
    def __init__(self, text: Text) -> None:
        self.text = text
        self.depth = 0
        self.with_query: dict[str, Callable[[], Node]] = {
            "is": self.choice,
            "not": lambda: Not(self.choice()),
            "has": lambda: self.related(lambda node, direct: Has(node, direct)),
            "in": lambda: Inside(self.choice()),
            "below": lambda: Inside(self.choice()),
            "child-of": lambda: Inside(self.choice(), direct=True),
            "after": lambda: self.timed(After),
            "before": lambda: self.timed(Before),
        }

    def choice(self) -> Node:
        """Chains with commas between them."""
        self.depth += 1
        if self.depth > _MOST_NESTED:
            raise self.text.error(f"a selector is nested more than {_MOST_NESTED} times")
        found = [self.chain()]
        while self.text.take(",", unless=_LENGTH):
            found.append(self.chain())
        self.depth -= 1
        return Or.of(*found)

    def chain(self) -> Node:
        """Steps, each below the one before."""
        node = self.step(None, direct=False)
        while True:
            spaced = self.text.skip()
            direct = self.text.take(">")
            if not direct and not (spaced and self.text.looking_at(_KIND)):
                return node
            self.text.skip()
            node = self.step(node, direct=direct)

    def step(self, above: Node | None, *, direct: bool) -> Node:
        """One step with its filters; what filters by place counts within what is below `above`."""
        text = self.text
        text.skip()
        start = text.place
        parts: list[Node] = []
        word = text.match(_KIND)
        if word is not None:
            self.known(word, KIND_WORDS, start, "a kind of item")
        name = self.item_name() if word is not None and text.take("(") else "*"
        if word not in {None, "*"} or name != "*":
            parts.append(Of(word or "*", name))
        if above is not None:
            parts.append(Inside(above, direct))
        filters = 0
        while not text.at_end:
            if text.take("["):
                parts += read_conditions(text)
            elif text.take(":"):
                parts = self.pseudo(parts)
            else:
                break
            filters += 1
        if word is None and not filters:
            hint = f"one of {_words()}"
            if self.depth > 1 and text.looking_at(_INTEGER):
                hint = "a length of time has a unit: :after(tool(search), 5s)"
            raise text.error("a selector begins with what is looked for", hint=hint)
        return And.of(*parts) if parts else Of()

    def item_name(self) -> str:
        text = self.text
        text.skip()
        quoted = text.quoted()
        name = quoted if quoted is not None else text.match(_ITEM_NAME)
        if name is None:
            raise text.error("a name is missing here", hint="write it so: tool(search_*)")
        text.skip()
        text.need(")", "to end the name")
        return name

    def pseudo(self, parts: list[Node]) -> list[Node]:
        """What stands behind a colon; those that pick by place take all before them."""
        text = self.text
        start = text.place
        name = (text.match(_PSEUDO) or "").lower()
        if name in {"first", "last", "nth"}:
            number = {"first": 1, "last": -1}.get(name) or self.number()
            return [Nth(And.of(*parts) if parts else Of(), number)]
        if name in {"failed", "open"}:
            return [*parts, Compare(Name(name), "=", _TRUE)]
        known = ["first", "last", "nth", "failed", "open", *self.with_query]
        self.known(name, known, start, "a filter", before=":")
        text.need("(", f"after :{name}")
        node = self.with_query[name]()
        text.skip()
        text.need(")", f"to end :{name}(…)")
        return [*parts, node]

    def number(self) -> int:
        text = self.text
        text.need("(", "after :nth")
        start = text.place
        found = text.match(_INTEGER)
        number = 0 if found is None else text.whole(found)
        if not number:
            raise text.error("a number from 1, or from the end with -1, stands here", at=start)
        text.need(")", "to end :nth(…)")
        return number

    def related(self, make: Callable[[Node, bool], Node]) -> Node:
        self.text.skip()
        direct = self.text.take(">")
        return make(self.choice(), direct)

    def timed(self, make: Callable[[Node, int | None], Node]) -> Node:
        node = self.choice()
        self.text.skip()
        length = None
        if self.text.take(","):
            self.text.skip()
            length = self.length()
        return make(node, length)

    def length(self) -> int | None:
        """A length of time, where one stands here."""
        start = self.text.place
        found = self.text.match(_LENGTH)
        try:
            return None if found is None else length_ns(found)
        except ValueError as error:
            raise self.text.error(str(error), at=start, length=len(found or "")) from None

    def known(self, name: str, names: object, start: int, what: str, *, before: str = "") -> None:
        choices = list(names)  # type: ignore[call-overload]  # any collection of names
        if name in choices:
            return
        near = get_close_matches(name.lower(), choices, n=1, cutoff=0.6)
        every = ", ".join(before + choice for choice in choices)
        hint = f"did you mean `{before}{near[0]}`?" if near else f"one of {every}"
        raise self.text.error(f"`{before}{name}` is not {what}", hint=hint, at=start, length=len(name))


def _words() -> str:
    return ", ".join(KIND_WORDS)
