"""`check(run)`: many rules on one run, with all failures told at the end.

with check("latest") as t:
    t.absence(tool("delete_*"))
    t.precedence(tool("check_policy"), tool("refund"))
    t.all(decision("CLAMPING_*"), attr("after").abs() <= 7)
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import FrameType, TracebackType
from typing import Any

from otel_replay.analysis.items import Item, Items
from otel_replay.assertions import counting, health, order, states, trajectory, values
from otel_replay.assertions.report import Failure, plain
from otel_replay.assertions.rule import Result, Rule, indexed, made
from otel_replay.errors import UsageError
from otel_replay.loading import RecordedRun, load_items
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.parse import selector
from otel_replay.queries.query import Query
from otel_replay.queries.words import Attr
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store

__all__ = ["CheckFailed", "Checks", "check", "text_of"]

_Asked = Query | str
"""A query, or a selector as text."""


class CheckFailed(AssertionError):
    """A run does not fulfil all rules. Its text tells every failure; `failures` has them."""

    def __init__(self, message: str, failures: tuple[Failure, ...]) -> None:
        super().__init__(message)
        self.failures = failures


def check(
    run: str | os.PathLike[str] | RunFiles | RecordedRun | Items | Indexed, *, store: Store | None = None
) -> Checks:
    """Checks on a run; as a `with` block it raises :class:`CheckFailed` at its end where any has failed.

    Parameters
    ----------
    run:
        What `load_items` takes: a run as `start_run` gives it, a name (`"latest"`), a path, or its items.
    store:
        Where names are looked up; None: the store of the settings.

    Raises
    ------
    UsageError, StoreError, FormatError
        If there is no such run, or it cannot be read.
    """
    return Checks(run if isinstance(run, Indexed) else indexed(load_items(run, store=store)))


class Checks:
    """Rules checked on one run, one method for each; a method gives its `Result` and raises nothing."""

    def __init__(self, run: Indexed, *, root: str | os.PathLike[str] | None = None) -> None:
        """`root` is the folder from which the places of calls are told; None: the working directory."""
        self.run = run
        self.results: list[Result] = []
        self._root = root

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What has failed so far."""
        return tuple(result.failure for result in self.results if result.failure is not None)

    @property
    def passed(self) -> bool:
        """Whether nothing has failed so far."""
        return builtins.all(result.passed for result in self.results)

    def __repr__(self) -> str:
        return f"<{len(self.results)} checks, {len(self.failures)} failed>"

    def __enter__(self) -> Checks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.raise_failures()
        elif isinstance(error, Exception) and self.failures and hasattr(error, "add_note"):
            error.add_note(self.text)

    def raise_failures(self) -> None:
        """Raise :class:`CheckFailed` with all failures, if there are any."""
        __tracebackhide__ = True  # for pytest: the caller's line is what failed
        if not self.passed:
            raise CheckFailed(self.text, self.failures)

    @property
    def text(self) -> str:
        """All failures for a person."""
        return text_of(self.run.run, self.results)

    def add(self, rule: Rule) -> Result:
        """Check any rule. A failure says which line asked for it."""
        result = rule.check(self.run)
        if result.failure is not None:
            result = replace(result, failure=replace(result.failure, where=_caller(self._root)))
        self.results.append(result)
        return result

    def select(self, what: _Asked) -> list[Item]:
        """The items that a query or a selector means."""
        return list(_query(what).select(self.run))

    # -- how many

    def existence(self, what: _Asked) -> Result:
        """There is such an item."""
        return self.add(counting.Existence(_query(what)))

    def absence(self, what: _Asked) -> Result:
        """There is none."""
        return self.add(counting.Absence(_query(what)))

    def exactly(self, times: int, what: _Asked) -> Result:
        """There are so many."""
        return self.add(counting.Exactly(_query(what), times))

    def at_least(self, times: int, what: _Asked) -> Result:
        """There are so many or more."""
        return self.add(counting.AtLeast(_query(what), times))

    def at_most(self, times: int, what: _Asked) -> Result:
        """There are no more than so many."""
        return self.add(counting.AtMost(_query(what), times))

    def between(self, low: int, high: int, what: _Asked) -> Result:
        """There are from `low` to `high`."""
        return self.add(counting.Between(_query(what), low, high))

    def init(self, what: _Asked, *, among: _Asked | None = None) -> Result:
        """The first of its kind (or of `among`) is such a one."""
        return self.add(counting.Init(_query(what), _maybe(among)))

    def last(self, what: _Asked, *, among: _Asked | None = None) -> Result:
        """The last of its kind (or of `among`) is such a one."""
        return self.add(counting.Last(_query(what), _maybe(among)))

    # -- in which order

    def responded_existence(self, first: _Asked, second: _Asked) -> Result:
        """Where the first happens the second happens too."""
        return self.add(order.RespondedExistence(_query(first), _query(second)))

    def coexistence(self, first: _Asked, second: _Asked) -> Result:
        """Both happen, or neither."""
        return self.add(order.Coexistence(_query(first), _query(second)))

    def not_coexistence(self, first: _Asked, second: _Asked) -> Result:
        """They never both happen."""
        return self.add(order.NotCoexistence(_query(first), _query(second)))

    def response(self, first: _Asked, second: _Asked, *, within: str | None = None) -> Result:
        """Each of the first is followed by one of the second, within a time after its end."""
        return self.add(order.Response(_query(first), _query(second), within))

    def precedence(self, first: _Asked, second: _Asked, *, ended: bool = False) -> Result:
        """Each of the second has one of the first before it; with `ended`, one that had ended."""
        return self.add(order.Precedence(_query(first), _query(second), ended))

    def succession(self, first: _Asked, second: _Asked, *, within: str | None = None) -> Result:
        """Response and precedence."""
        return self.add(order.Succession(_query(first), _query(second), within))

    def alternate_response(self, first: _Asked, second: _Asked) -> Result:
        """Each of the first is followed by one of the second before the next of the first."""
        return self.add(order.AlternateResponse(_query(first), _query(second)))

    def alternate_precedence(self, first: _Asked, second: _Asked) -> Result:
        """Each of the second has one of the first between the last of the second and itself."""
        return self.add(order.AlternatePrecedence(_query(first), _query(second)))

    def alternate_succession(self, first: _Asked, second: _Asked) -> Result:
        """They take turns."""
        return self.add(order.AlternateSuccession(_query(first), _query(second)))

    def chain_response(self, first: _Asked, second: _Asked, *, among: _Asked | None = None) -> Result:
        """Right after each of the first comes one of the second."""
        return self.add(order.ChainResponse(_query(first), _query(second), _maybe(among)))

    def chain_precedence(self, first: _Asked, second: _Asked, *, among: _Asked | None = None) -> Result:
        """Right before each of the second stands one of the first."""
        return self.add(order.ChainPrecedence(_query(first), _query(second), _maybe(among)))

    def chain_succession(self, first: _Asked, second: _Asked, *, among: _Asked | None = None) -> Result:
        """Both of these."""
        return self.add(order.ChainSuccession(_query(first), _query(second), _maybe(among)))

    def not_succession(self, first: _Asked, second: _Asked) -> Result:
        """After the first the second never comes."""
        return self.add(order.NotSuccession(_query(first), _query(second)))

    def not_chain_succession(self, first: _Asked, second: _Asked, *, among: _Asked | None = None) -> Result:
        """Right after the first the second never comes."""
        return self.add(order.NotChainSuccession(_query(first), _query(second), _maybe(among)))

    def trajectory(
        self, expected: Iterable[Any] | Items, *, among: _Asked | None = None, **how: Any
    ) -> Result:
        """The run made the expected tool calls; `mode`, `arguments`, `abs`, `rel` as in `Trajectory`."""
        __tracebackhide__ = True
        calls = trajectory.calls_of(expected, among=_maybe(among))
        return self.add(made(trajectory.Trajectory, how, expected=calls, among=_maybe(among)))

    # -- which values

    def all(self, what: _Asked, holds: _Asked, *, or_none: bool = False) -> Result:
        """All that `what` selects fulfil `holds`; that it selects nothing is a failure, unless `or_none`."""
        return self.add(values.All(_query(what), _query(holds), or_none))

    def any(self, what: _Asked, holds: _Asked) -> Result:
        """At least one fulfils it."""
        return self.add(values.Any(_query(what), _query(holds)))

    def none(self, what: _Asked, holds: _Asked | None = None) -> Result:
        """None fulfils it; without `holds`, there is none at all."""
        return self.add(values.Nothing(_query(what), _maybe(holds)))

    def total(
        self, value: Attr, what: _Asked, *, at_most: float | None = None, at_least: float | None = None
    ) -> Result:
        """The sum of a value lies within bounds."""
        if not isinstance(value, Attr):
            raise UsageError(f"{value!r:.60} is no value of an item", hint='write it so: attr("duration_ms")')
        return self.add(values.Total(value.expression, _query(what), at_most, at_least))

    def budget(self, **limits: Any) -> Result:
        """What the run may use up: `tokens`, `cost`, `duration`, `tool_calls`, … as `Budget` has them."""
        __tracebackhide__ = True
        return self.add(made(values.Budget, limits))

    def state(self, at: str, path: str, expected: Any) -> Result:
        """The value under `path` of the snapshot that checkpoint `at` kept."""
        return self.add(states.State(at, path, expected))

    def cell(self, cell: tuple[Any, Any], expected: Any, *, at: str | None = None, value: str = "") -> Result:
        """What a cell of the table holds at checkpoint `at`, or at the end."""
        return self.add(states.Cell(cell, expected, at, value))

    # -- whether it went well

    def no_errors(self, *, allow: _Asked | None = None) -> Result:
        """No span and no log record tells of an error, but for those that are allowed."""
        return self.add(health.NoErrors(_maybe(allow)))

    def nothing_dropped(self) -> Result:
        """All that happened is in the recording."""
        return self.add(health.NothingDropped())

    def finished(self, *, failed_too: bool = False) -> Result:
        """The run came to its end, and not with an error."""
        return self.add(health.Finished(failed_too))


def text_of(run: Items, results: Sequence[Result]) -> str:
    """All failures among these results for a person."""
    failures = [result.failure for result in results if result.failure is not None]
    name = run.source or run.run_id or "the run"
    head = f"{name}: {len(failures)} of {len(results)} checks failed"
    return "\n\n".join([head, *map(_located, failures)])


def _located(failure: Failure) -> str:
    said, *more = failure.text.split("\n")
    return "\n".join([said, *([f"  at {plain(failure.where)}"] if failure.where else []), *more])


_OURS = f"{__name__.partition('.')[0]}."


def _caller(root: str | os.PathLike[str] | None) -> str:
    """The line outside of this package that called; one of a helper that hides itself from pytest is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        ours = f"{frame.f_globals.get('__name__')}.".startswith(_OURS)
        if not ours and not frame.f_locals.get("__tracebackhide__"):
            return f"{_short(frame.f_code.co_filename, root)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def _short(path: str, root: str | os.PathLike[str] | None) -> str:
    try:
        near = os.path.relpath(path, root or os.curdir)
    except (OSError, ValueError):  # the folder is gone, or it is on another drive
        return path
    return path if near.startswith(os.pardir) or not os.path.isabs(path) else near


def _query(asked: object) -> Query:
    if isinstance(asked, Query):
        return asked
    if isinstance(asked, str):
        return selector(asked)
    raise UsageError(
        f"{asked!r:.80} is no query",
        hint='a query is made by decision(…), tool(…), attr(…) > 5, or is a selector: "tool(delete_*)"',
    )


def _maybe(asked: object) -> Query | None:
    return None if asked is None else _query(asked)
