"""The words that queries are written with in Python: `decision`, `tool`, `span`, `attr`, `approx`, …

tool("delete_*")
generation(model="gpt-*") & (attr("output_tokens") > 500)
decision("CLAMPING_*").child_of(task("smooth")) & (attr("after").abs() <= 7)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from otel_replay.analysis.comparisons import ORDER, Word, check_tolerances, is_number, share_of
from otel_replay.errors import UsageError
from otel_replay.queries.expressions import Calculated, Called, Expression, Name, Number
from otel_replay.queries.names import DURATION
from otel_replay.queries.nodes import And, Compare, Exists, Node, Of, Or
from otel_replay.queries.query import Query
from otel_replay.queries.times import length_ns

__all__ = [
    *("Attr", "agent", "anything", "approx", "attr", "decision", "event", "generation", "log"),
    *("process", "run", "span", "task", "tool"),
]


def approx(number: float, *, abs: float = 0.0, rel: float = 0.0) -> Word:
    """A number that a value may be off by `abs`, or by the share `rel` of it, whichever is more.

    As pytest's `approx`, without its default: without either, only the number itself will do.
    """
    if not is_number(number):
        raise UsageError(f"approx takes a number, and {number!r:.40} is none")
    check_tolerances(abs=abs, rel=rel)
    text = f"{number!r}"
    if abs and abs >= share_of(number, rel):
        text += f"±{_short(abs)}"
    elif rel:
        text += f"±{_short(rel * 100)}%"
    return Word(text=text, number=number, by=float(abs), share=float(rel))


def _short(number: float) -> str:
    """A number as it is read back, in few digits where they will do."""
    text = f"{number:g}"
    return text if float(text) == number or math.isclose(float(text), number, rel_tol=1e-14) else repr(number)


_NO_TRUTH = (
    "{!r} is a value and no query: compare it, and put brackets around each comparison that `&`, `|` or `~` "
    'stands beside: (attr("after") > 5) & (attr("after") < 9), ~(attr("after") > 5); `.exists()` asks for any'
)


class Attr:
    """A value of an item, by its name; compared with Python's operators it is a query.

    `+ - * /` and `abs` work out numbers from it first.
    """

    __slots__ = ("expression",)
    __hash__ = None  # type: ignore[assignment]  # == makes a query of it

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def __str__(self) -> str:
        return str(self.expression)

    def __repr__(self) -> str:
        return f"attr({str(self)!r})"

    def __eq__(self, other: object) -> Query:  # type: ignore[override]  # a query, not a truth
        return self._compare("=", other)

    def __ne__(self, other: object) -> Query:  # type: ignore[override]  # as above
        return self._compare("!=", other)

    def __lt__(self, other: object) -> Query:
        return self._compare("<", other)

    def __le__(self, other: object) -> Query:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Query:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Query:
        return self._compare(">=", other)

    def between(self, low: object, high: object) -> Query:
        """From `low` to `high`, both included."""
        return (self >= low) & (self <= high)

    def one_of(self, *values: object) -> Query:
        """One of these values."""
        return Query(Or.of(*((self == value).node for value in values)))

    def like(self, glob: str) -> Query:
        """A text in which `*` stands for any text."""
        return Query(Compare(self.expression, "=", Word(text=_text(glob))))

    def matches(self, pattern: str) -> Query:
        """A text in which this regular expression is found.

        Raises
        ------
        UsageError
            If it is none.
        """
        try:
            re.compile(_text(pattern))
        except re.error as error:
            raise UsageError(f"`{pattern}` is no regular expression: {error}") from None
        return self._text("=~", pattern)

    def contains(self, text: str) -> Query:
        """A text that this one stands in."""
        return self._text("*=", text)

    def startswith(self, text: str) -> Query:
        """A text that begins so."""
        return self._text("^=", text)

    def endswith(self, text: str) -> Query:
        """A text that ends so."""
        return self._text("$=", text)

    def exists(self) -> Query:
        """Anything at all."""
        return Query(Exists(self.expression))

    def abs(self) -> Attr:
        """Its size without its sign."""
        return Attr(Called("abs", self.expression))

    __abs__ = abs

    def length(self) -> Attr:
        """How many letters, items or keys it has."""
        return Attr(Called("len", self.expression))

    def __add__(self, other: object) -> Attr:
        return self._calculate("+", other)

    def __sub__(self, other: object) -> Attr:
        return self._calculate("-", other)

    def __mul__(self, other: object) -> Attr:
        return self._calculate("*", other)

    def __truediv__(self, other: object) -> Attr:
        return self._calculate("/", other)

    def __radd__(self, other: object) -> Attr:
        return self._calculated_from("+", other)

    def __rsub__(self, other: object) -> Attr:
        return self._calculated_from("-", other)

    def __rmul__(self, other: object) -> Attr:
        return self._calculated_from("*", other)

    def __rtruediv__(self, other: object) -> Attr:
        return self._calculated_from("/", other)

    def __neg__(self) -> Attr:
        return self._calculated_from("-", 0)

    def __bool__(self) -> bool:
        raise TypeError(_NO_TRUTH.format(self))

    def __contains__(self, other: object) -> bool:
        raise TypeError(f"`in` does not make a query: write {self!r}.contains({other!r:.40})")

    def _joined(self, other: object = None) -> NoReturn:  # noqa: ARG002 - what & and | are given
        raise UsageError(_NO_TRUTH.format(self))

    __and__ = __rand__ = __or__ = __ror__ = __invert__ = _joined

    def _calculated_from(self, sign: str, other: object) -> Attr:
        return Attr(Calculated(Number(_finite(other)), sign, self.expression))

    def _calculate(self, sign: str, other: object) -> Attr:
        right = other.expression if isinstance(other, Attr) else Number(_finite(other))
        return Attr(Calculated(self.expression, sign, right))

    def _text(self, sign: str, text: str) -> Query:
        return Query(Compare(self.expression, sign, Word(text=_text(text))))

    def _compare(self, sign: str, other: object) -> Query:
        return Query(comparison(self.expression, sign, other))


def comparison(left: Expression, sign: str, right: object) -> Compare:
    """The query that compares an expression with a value of Python, an expression, or a word.

    Raises
    ------
    UsageError
        If `sign` compares by size and `right` is no number and no length of time.
    """
    if isinstance(right, Attr):
        return Compare(left, sign, right.expression)
    if isinstance(right, Word):
        return Compare(left, sign, right)
    if left == Name(DURATION):
        try:
            return Compare(left, sign, Word(text=str(right), number=length_ns(str(right))))
        except ValueError as error:
            raise UsageError(str(error)) from None
    if sign in ORDER:
        return Compare(left, sign, Word(text=f"{right!r}", number=_number(right)))
    if isinstance(right, str):
        return Compare(left, sign, Word(text=right, exact=True))
    plain = {True: "true", False: "false", None: "null"}
    if right is None or isinstance(right, bool):
        return Compare(left, sign, Word(text=plain[right]))
    if is_number(right):
        return Compare(left, sign, Word(text=f"{right!r}", number=right))  # type: ignore[arg-type]  # as told
    return Compare(left, sign, Word(text=str(right), exact=True))


def _number(value: object) -> float:
    if not is_number(value):
        raise UsageError(f"{value!r:.60} is no number, and a size is compared with one")
    return value  # type: ignore[return-value]  # as is_number tells


def _finite(value: object) -> float:
    number = _number(value)
    if isinstance(number, float) and not math.isfinite(number):
        raise UsageError(f"{value!r} is no number that is worked with")
    return number


def attr(name: str) -> Attr:
    """The value under a name: of a decision `action`, `reason`, `after`, `cell.rpm`; of a span `model`, …

    `docs/selectors.md` lists the names.
    """
    if not _text(name):
        raise UsageError("the name of a value is missing")
    return Attr(Name(name))


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise UsageError(f"{text!r:.60} is no text, and one stands here")
    return text


def _of(word: str, name: str | None, attributes: Mapping[str, Any]) -> Query:
    parts: list[Node] = [Of(word, "*" if name is None else _text(name))]
    for key, value in attributes.items():
        left = Name(key)
        is_glob = isinstance(value, str) and key != DURATION
        parts.append(Compare(left, "=", Word(text=value)) if is_glob else comparison(left, "=", value))
    return Query(And.of(*parts))


def _word(word: str, *, name_means: str = "") -> Callable[..., Query]:
    def make(name: str | None = None, **attributes: Any) -> Query:
        return _of(word, name, attributes)

    make.__name__ = make.__qualname__ = word
    make.__doc__ = f"""{name_means}; `*` stands for any text.

    Further attributes are given by name, in which `*` stands for any text as well.
    """
    return make


decision = _word("decision", name_means="Decisions whose action fits `name`")
tool = _word("tool", name_means="Tool calls of a tool whose name fits `name`")
generation = _word("generation", name_means="Generations: calls of a model")
task = _word("task", name_means="Tasks whose name fits `name`")
agent = _word("agent", name_means="Invocations of an agent whose name fits `name`")
run = _word("run", name_means="The run's own span")
process = _word("process", name_means="Child processes")
span = _word("span", name_means="Spans of any kind whose name fits `name`")
event = _word("event", name_means="Events that are no decisions: `checkpoint`, `file read`, …")
log = _word("log", name_means="Log records")
anything = _word("*", name_means="Items of any kind")
