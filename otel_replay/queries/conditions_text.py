"""What stands between `[` and `]`: conditions with commas between, each a name, a sign and a word.

    [after <= 7]   [reason ~ limit]   [abs(after - before) > 1, cell.rpm = 2000]   [cell]   [!values.after]
    [after = 98.2±0.1]   [duration > 500ms]   [action =~ ^CLAMP]   [after > before]   [a = {b}]

A word needs quotes only to be taken letter by letter, or where it has a `,` or begins like a quote.
"""

from __future__ import annotations

import re

from otel_replay.analysis.comparisons import ORDER, SIGNS, Word, read_word
from otel_replay.queries.expressions import FUNCTIONS, OPERATORS, Calculated, Called, Expression, Name, Number
from otel_replay.queries.names import DURATION
from otel_replay.queries.nodes import Compare, Exists, Node, Not
from otel_replay.queries.reading import Text
from otel_replay.queries.text import NAME
from otel_replay.queries.times import length_ns

__all__ = ["read_conditions"]

_SIGN = re.compile("|".join(map(re.escape, SIGNS)))
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)")
_OPERATOR = re.compile(r"[-+*/](?![=])")
_BARE = re.compile(r"(?:\\.|[^\]\\,])*", re.DOTALL)
_WORD = re.compile(r"\s*((?:\\.|[^\\])*?)\s*", re.DOTALL)
_PATTERN = re.compile(r"(?:\\\]|\\\\|\[[^\]]*\]|[^\]])*", re.DOTALL)
_MOST_NESTED = 50


def read_conditions(text: Text) -> list[Node]:
    """The conditions up to the `]`, which is read as well.

    Raises
    ------
    SelectorError
        If one of them is none.
    """
    found = [_condition(text)]
    while text.take(","):
        found.append(_condition(text))
    text.skip()
    text.need("]", "to end the condition")
    return found


def _condition(text: Text) -> Node:
    text.skip()
    missing = text.take("!")
    text.skip()
    left = _sum(text, 0)
    text.skip()
    start = text.place
    sign = text.match(_SIGN)
    if missing or sign is None:
        if sign is not None:
            raise text.error(f"after `!` stands only a name: [!{left}]", at=start)
        if not text.looking_at("]", ","):
            raise text.error("a sign is missing here", hint=f"one of {' '.join(SIGNS)}")
        return Not(Exists(left)) if missing else Exists(left)
    sign = "=" if sign == "==" else sign
    text.skip()
    return Compare(left, sign, _right(text, left, sign))


# -- the left side -------------------------------------------------------------------------------------------


def _sum(text: Text, depth: int) -> Expression:
    found = _part(text, depth)
    while True:
        before = text.place
        text.skip()
        sign = text.match(_OPERATOR)
        if sign is None:
            text.place = before
            return found
        text.skip()
        found = _joined(found, sign, _part(text, depth))


def _joined(left: Expression, sign: str, right: Expression) -> Expression:
    """`*` and `/` bind closer than `+` and `-`; what stands in brackets is read by `_part` as one."""
    assert sign in OPERATORS
    if sign in "*/" and isinstance(left, Calculated) and left.sign in "+-" and not left.grouped:
        return Calculated(left.left, left.sign, _joined(left.right, sign, right))
    return Calculated(left, sign, right)


def _part(text: Text, depth: int) -> Expression:
    if depth > _MOST_NESTED:
        raise text.error(f"a condition is nested more than {_MOST_NESTED} times")
    start = text.place
    if text.take("("):
        inner = _sum(text, depth + 1)
        text.skip()
        text.need(")", "to end what is in brackets")
        if isinstance(inner, Calculated):
            return Calculated(inner.left, inner.sign, inner.right, grouped=True)
        return inner
    number = text.match(_NUMBER)
    if number is not None:
        return Number(float(number) if any(letter in number for letter in ".eE") else text.whole(number))
    quoted = text.quoted()
    name = quoted if quoted is not None else text.match(NAME)
    if name is None:
        hint = "a condition is a name, a sign and a word: [after <= 7]"
        raise text.error("a name is missing here", hint=hint)
    if quoted is None and text.looking_at("("):
        if name not in FUNCTIONS:
            raise text.error(f"`{name}` is no function", hint=f"one of {', '.join(FUNCTIONS)}", at=start)
        text.take("(")
        text.skip()
        inner = _sum(text, depth + 1)
        text.skip()
        text.need(")", f"to end {name}(…)")
        return Called(name, inner)
    return Name(name)


# -- the right side ------------------------------------------------------------------------------------------


def _right(text: Text, left: Expression, sign: str) -> Word | Expression:
    start = text.place
    if text.take("{"):
        text.skip()
        expression = _sum(text, 0)
        text.skip()
        text.need("}", "to end the expression")
        return expression
    quoted = text.quoted()
    if quoted is not None:
        text.skip()
        return _word(text, left, sign, quoted, start, exact=True)
    bare = text.match(_PATTERN if sign == "=~" else _BARE) or ""
    word = bare.strip() if sign == "=~" else _unescaped(bare)
    if not word:
        raise text.error("a word to compare with is missing here", at=start, hint='"" is the empty text')
    if sign in ORDER and left != Name(DURATION) and read_word(word).number is None:
        text.place = start
        expression = _sum(text, 0)
        text.skip()
        if text.looking_at("]", ","):
            return expression
        raise text.error(f"`{sign}` compares by size, which takes a number or a name", at=start)
    return _word(text, left, sign, word, start, exact=False)


def _unescaped(bare: str) -> str:
    """A word without quotes: the space around it is none of it, but where a backslash stands before it."""
    word = _WORD.fullmatch(bare)
    return re.sub(r"\\(.)", r"\1", word[1] if word else bare, flags=re.DOTALL)


def _word(text: Text, left: Expression, sign: str, word: str, start: int, *, exact: bool) -> Word:
    if left == Name(DURATION):
        try:
            return Word(text=word, number=length_ns(word))
        except ValueError as error:
            raise text.error(str(error), hint="a duration has a unit: [duration > 500ms]", at=start) from None
    if sign == "=~":
        try:
            re.compile(word)
        except re.error as error:
            raise text.error(f"`{word}` is no regular expression: {error}", at=start) from None
        return Word(text=word)
    if exact and sign in ORDER:
        raise text.error(f"`{sign}` compares by size, which takes a number", at=start)
    return (
        Word(text=word, exact=True)
        if exact and sign in {"=", "!="}
        else (Word(text=word) if exact else read_word(word))
    )
