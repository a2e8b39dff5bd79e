"""Whether a run went well as a recording and as a run: no errors, nothing dropped, finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from otel_replay.analysis.items import Item
from otel_replay.assertions.report import Mark
from otel_replay.assertions.rule import Result, Rule
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.query import Query

__all__ = ["Finished", "NoErrors", "NothingDropped"]

_END_IT = "it is still being recorded: check it after it has ended; in a test, after `otel_run.end()`"


@dataclass(frozen=True, slots=True)
class NoErrors(Rule):
    """No span ended with an error and no log record tells one, but for those that `allow` selects."""

    name: ClassVar[str] = "no_errors"
    allow: Query | None = None

    def _check(self, run: Indexed) -> Result:
        allowed = frozenset() if self.allow is None else run.seqs(self.allow.node)
        bad = [item for item in run.all if item.failed and item.seq not in allowed]
        if not bad:
            return self._yes(())
        count = "1 error" if len(bad) == 1 else f"{len(bad)} errors"
        marks = [Mark(item, False, item.message or _said(item)) for item in bad]
        return self._no(run, f"{count}, expected none", bad=marks)


def _said(item: Item) -> str:
    body = getattr(item.record, "body", None)
    return "failed" if body is None else str(body)[:200]


@dataclass(frozen=True, slots=True)
class NothingDropped(Rule):
    """All that happened is recorded: no limit of OpenTelemetry's took anything, no line is damaged."""

    name: ClassVar[str] = "nothing_dropped"

    def _check(self, run: Indexed) -> Result:
        items = run.run
        bad = [Mark(item, False, f"{item.dropped} dropped") for item in run.all if item.dropped]
        lines = [f"{loss.records} records could not be kept: {loss.reason}" for loss in items.losses]
        lines += [f"line {line.number} cannot be read: {line.reason}" for line in items.bad_lines]
        lines += list(items.damage)
        if not bad and not lines:
            return self._yes(())
        count = items.lost + items.dropped + len(items.bad_lines) + len(items.damage)
        return self._no(run, f"{count} lost, dropped or damaged, expected none", bad=bad, lines=lines[:10])


@dataclass(frozen=True, slots=True)
class Finished(Rule):
    """The run came to its end, and not with an error; with `failed_too`, whatever end it was."""

    name: ClassVar[str] = "finished"
    failed_too: bool = False

    def _check(self, run: Indexed) -> Result:
        status = run.run.status
        if status == "finished" or (self.failed_too and status == "failed"):
            return self._yes(())
        note = "not over yet" if status == "running" else "never ended"
        bad = [Mark(item, False, note) for item in run.all if item.open]
        bad += [
            Mark(item, False, item.message or "failed")
            for item in run.of("run")
            if item.failed and not item.open
        ]
        said = f" ({run.run.message})" if run.run.message else ""
        lines = [_END_IT] if status == "running" else []
        return self._no(run, f"the run is {status}{said}, expected finished", bad=bad, lines=lines)
