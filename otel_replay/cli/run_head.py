"""The first lines about a run: what it is, how it ended, how long it took, and what is not well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from otel_replay.cli import people
from otel_replay.cli.terminal import Screen, Text
from otel_replay.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from otel_replay.opening import OpenRun

__all__ = ["Counts", "head_lines", "hints"]

_DAMAGE_SHOWN = 5


class Counts(Protocol):
    """What a tree and a summary both know of a run."""

    start_ns: int
    end_ns: int
    spans: int
    decisions: int
    open_spans: int
    open_names: tuple[str, ...]
    bad_lines: int
    torn_lines: int


def head_lines(source: OpenRun, counts: Counts, screen: Screen) -> Iterator[Text]:
    """Name, id, status; when and how long; what is open, damaged or lost."""
    status = source.status
    head = Text()
    if source.name:
        head.add(source.name, "bold").add("  ")
    yield head.add(source.run_id, "" if source.name else "bold").add("  ").add(status, status)
    dot = " · "
    told = [
        people.local_time(source.started_ns, SYSTEM_CLOCK()),
        people.duration(max(0, counts.end_ns - counts.start_ns)),
    ]
    told += [people.counted(counts.spans, "span"), people.counted(counts.decisions, "decision")]
    yield Text((dot.join(told), "dim"))
    if source.message and status == "failed":
        yield Text((source.message, "failed")).fit(screen.columns, screen.ellipsis)
    yield from _troubles(status, counts, screen)


def _troubles(status: str, counts: Counts, screen: Screen) -> Iterator[Text]:
    if counts.open_spans and status != "running":
        names = ", ".join(counts.open_names[:5]) + (f" {screen.ellipsis}" if counts.open_spans > 5 else "")
        verb = "was" if counts.open_spans == 1 else "were"
        text = f"The process died while {people.counted(counts.open_spans, 'span')} {verb} open: {names}"
        yield Text((text, "open")).fit(screen.columns, screen.ellipsis)
    lost = getattr(counts, "lost", 0)
    if lost:
        yield Text((f"{people.counted(lost, 'record')} could not be kept", "failed"))
    if counts.bad_lines:
        verb = "was" if counts.bad_lines == 1 else "were"
        yield Text((f"{people.counted(counts.bad_lines, 'damaged line')} {verb} passed over", "failed"))


def hints(source: OpenRun, counts: Counts) -> Iterator[str]:
    """What to do about it."""
    from otel_replay.opening import StoredRun

    for reason in source.damage[:_DAMAGE_SHOWN]:
        yield f"not read of {source.source}: {reason}"
    if not isinstance(source, StoredRun) or source.source != source.run_id:
        return  # nothing can be done about a file
    if source.status == "interrupted" and not source.header.recovered:
        yield f"close it with `otel-replay recover {source.run_id}`"
    if counts.bad_lines:
        yield f"`otel-replay verify {source.run_id}` names the damaged lines"
