"""Each test of a recorded session is a task, with its outcome; what it does is recorded below it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from otel_replay.attributes import (
    TEST_CASE_NAME,
    TEST_CASE_STATUS,
    TEST_OUTCOME,
    TEST_REASON,
    TEST_RERUNS,
    TEST_SUITE_NAME,
    TEST_WORKER,
)
from otel_replay.hooks.guard import failed, guarded
from otel_replay.recording.decorators import task

if TYPE_CHECKING:
    from otel_replay.recording.blocks import Block
    from otel_replay.recording.spans import Task

__all__ = ["TestTasks"]

_LONGEST_REASON = 2_000
_PASSING = frozenset({"passed", "skipped", "xfailed", "xpassed"})
# What happens later in a test does not make up for what came before: the last of these is the outcome.
_ORDER = ("passed", "xfailed", "skipped", "xpassed", "failed", "error")


class TestTasks:
    """A pytest plugin: one task for each test that this process runs.

    With pytest-xdist the workers run the tests, each worker in a process of its own that joins the run; the
    process that hands tests out runs none.
    """

    __test__ = False  # it is no test itself, whatever its name begins with

    def __init__(self, config: pytest.Config) -> None:
        # The variable PYTEST_XDIST_WORKER is there too in a session that a worker's test starts.
        self._worker: str = getattr(config, "workerinput", {}).get("workerid", "")
        self._root = str(config.rootpath)
        self._running: dict[str, _Running] = {}

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, None]:
        """The test's task begins before its set-up and ends after its tear-down."""
        running = self._begin(item)
        yield
        if running is not None:
            self._end(item, running)

    @guarded("recording the begin of a test")
    def _begin(self, item: pytest.Item) -> _Running:
        attributes = {TEST_CASE_NAME: item.nodeid, TEST_SUITE_NAME: item.nodeid.partition("::")[0]}
        if self._worker:
            attributes[TEST_WORKER] = self._worker
        running = self._running[item.nodeid] = _Running(task(item.nodeid, **attributes))
        return running

    @guarded("recording the end of a test")
    def _end(self, item: pytest.Item, running: _Running) -> None:
        self._running.pop(item.nodeid, None)
        running.end()

    @pytest.hookimpl(trylast=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected is a task that failed, told by the process that hands tests out."""
        if report.failed and not self._worker:
            self._not_collected(report)

    @guarded("recording a file that cannot be collected")
    def _not_collected(self, report: pytest.CollectReport) -> None:
        name = report.nodeid.partition("::")[0]
        said = {TEST_SUITE_NAME: name, TEST_OUTCOME: "error", TEST_REASON: _reason_of(report)}
        with task(f"collect {name}", **said) as span:
            span.fail(_message_of(report) or "cannot be collected")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a test is over: set-up, the call itself, or tear-down."""
        running = self._running.get(report.nodeid)
        if running is not None:
            try:
                running.add(report)
            except Exception as error:
                failed("recording the outcome of a test", error)


class _Running:
    """A test that is running."""

    def __init__(self, block: Block[Task]) -> None:
        self._block = block
        self._span = block.__enter__()
        self._outcome = ""
        self._reason = self._message = ""
        self._reruns = 0
        self._fresh = True

    def _forget(self) -> None:
        """The test is to be run again."""
        self._outcome = self._reason = self._message = ""
        self._fresh = True

    def add(self, report: pytest.TestReport) -> None:
        """Take in the report of a phase; a test that is run again begins anew with it."""
        if str(report.outcome) == "rerun":  # as pytest-rerunfailures says it
            self._reruns += 1
            self._forget()
            return
        is_part = hasattr(report, "context")  # of a subtest, which may be told before the test's own set-up
        if report.when == "setup" and not is_part:
            if not self._fresh:
                self._forget()
            self._fresh = False
        outcome = _outcome_of(report)
        if report.when == "call" or outcome != "passed":
            worse = not self._outcome or _ORDER.index(outcome) > _ORDER.index(self._outcome)
            if worse:
                self._outcome, self._reason = outcome, _reason_of(report)
                self._message = _message_of(report)

    def end(self) -> None:
        """The test is over."""
        outcome = self._outcome or "interrupted"
        status = "pass" if outcome in _PASSING else "fail"
        said: dict[str, Any] = {TEST_OUTCOME: outcome, TEST_CASE_STATUS: status}
        if self._reruns:
            said[TEST_RERUNS] = self._reruns
        if self._reason:
            said[TEST_REASON] = self._reason
        self._span.set_all(said)
        if outcome not in _PASSING:
            self._span.fail(self._message or outcome)
        self._block.__exit__(None, None, None)


def _outcome_of(report: pytest.TestReport) -> str:
    """What pytest's own summary calls it."""
    expected_to_fail = hasattr(report, "wasxfail")
    if report.outcome == "skipped":
        return "xfailed" if expected_to_fail else "skipped"
    if report.outcome == "passed":
        return "xpassed" if expected_to_fail else "passed"
    return "failed" if report.when == "call" else "error"


def _reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test was left out, or how it failed: the end of what pytest tells, where the error stands."""
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ")
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return report.longreprtext[-_LONGEST_REASON:]


def _message_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """What was raised, in one line; empty where pytest does not say."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(getattr(crash, "message", "")).partition("\n")[0]
