"""A decision as a person reads it: a few lines on a terminal, one line where `grep` may come after."""

from __future__ import annotations

from collections.abc import Iterator

from otel_replay.cli import people
from otel_replay.cli.terminal import Screen, Text, width
from otel_replay.records import Decision

__all__ = ["full_lines", "one_line"]

_INDENT = 7


def one_line(decision: Decision, *, whole: bool = False) -> Text:
    """Everything on one line: when, what, where, which values, why."""
    line = Text()
    line.add(people.moment_of_day(decision.time_ns), "dim").add("  ").add(decision.action, "action")
    for text, style in (
        (people.pairs(decision.cell, whole=whole), "key"),
        (people.pairs(decision.values, whole=whole), ""),
        (decision.reason, "dim"),
    ):
        if text:
            line.add("  ").add(text, style)
    return line


def full_lines(
    decision: Decision, number: int, start_ns: int, screen: Screen, *, whole: bool = False
) -> Iterator[Text]:
    """A head with number, time and cell; below it the reason and the values, as wide as the screen."""
    elapsed = people.duration(max(0, decision.time_ns - start_ns))
    head = Text((f"{number:>5}", "dim")).add("  ").add(decision.action, "action")
    cell = people.pairs(decision.cell, whole=whole)
    if cell:
        head.add("  ").add(cell, "key")
    when = Text((f"{people.moment_of_day(decision.time_ns)}  +{elapsed}", "dim"))
    room = screen.columns - when.width - 2
    if head.width <= room:
        yield head.pad(room + 2).join(when)
    else:
        yield head
        yield Text(" " * _INDENT).join(when)
    if decision.reason:
        yield from _wrapped(decision.reason.split(" "), "", screen)
    if decision.values is not None:
        yield from _wrapped(_values(decision, whole), "dim", screen)
    if decision.extra:
        yield from _wrapped(people.pairs(decision.extra, whole=whole).split(" "), "dim", screen)


def _values(decision: Decision, whole: bool) -> list[str]:
    if isinstance(decision.values, dict):
        return [f"{key}={people.value(item, whole=whole)}" for key, item in decision.values.items()]
    return [people.value(decision.values, whole=whole)]


def _wrapped(words: list[str], style: str, screen: Screen) -> Iterator[Text]:
    line = Text(" " * _INDENT)
    begun = False
    for word in words:
        if begun and line.width + 1 + width(word) > screen.columns:
            yield line
            line = Text(" " * _INDENT)
            begun = False
        line.add((" " if begun else "") + word, style)
        begun = True
    yield line
