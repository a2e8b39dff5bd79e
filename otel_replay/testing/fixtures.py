"""What the fixture `otel_run` does: a run for the test, checked where it ends, kept and shown if it fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_replay.errors import OtelReplayError, UsageError, told
from otel_replay.testing.block import RecordedBlock
from otel_replay.testing.options import Options, options

if TYPE_CHECKING:
    from otel_replay.testing.golden_fixture import Golden

__all__ = ["RUN", "GOLDEN", "TestRuns", "recorded_test", "store_of_tests"]

RUN = pytest.StashKey[RecordedBlock]()
GOLDEN = pytest.StashKey["Golden"]()
_FAILED = pytest.StashKey[bool]()
_ERROR = pytest.StashKey[BaseException]()
_PLUGIN = "otel-replay-runs"


def store_of_tests(request: pytest.FixtureRequest) -> Path:
    """The store of `--otel-store`, else one in pytest's temporary folder; workers of xdist share it."""
    config = request.config
    given = config.getoption("--otel-store")
    if given:
        return Path(config.invocation_params.dir, given)
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    base = factory.getbasetemp()
    return (base.parent if hasattr(config, "workerinput") else base) / "otel-replay"


def recorded_test(request: pytest.FixtureRequest, store: Path) -> Iterator[RecordedBlock]:
    """Record from here to the end of the test."""
    item = request.node
    problem = ""
    try:
        wanted = _options_of(item, store)
        block = RecordedBlock(item.name, wanted, root=request.config.invocation_params.dir)
    except OtelReplayError as error:
        problem = _words(error)
    if problem:  # outside of the handler: the failure tells it alone
        pytest.fail(problem, pytrace=False)
    item.stash[RUN] = block
    item.stash[_FAILED] = False  # of this attempt: some plugins run a test again
    plugins = request.config.pluginmanager
    if not plugins.has_plugin(_PLUGIN):
        plugins.register(TestRuns(), _PLUGIN)
    yield block
    block.end()  # it is settled by `TestRuns`: what was torn down before may have failed


def _options_of(item: pytest.Item, store: Path) -> Options:
    given: dict[str, Any] = {"store": store}
    for marker in reversed(list(item.iter_markers("otel_replay"))):  # the nearest one counts
        given.update(marker.kwargs)
    if any(marker.args for marker in item.iter_markers("otel_replay")):
        pytest.fail(
            'the marker otel_replay takes named options: otel_replay(clock="stepping")', pytrace=False
        )
    try:
        return options(given)
    except UsageError as error:
        raise UsageError(f"the marker otel_replay of this test: {error.message}", hint=error.hint) from None


class TestRuns:
    """A pytest plugin that is there from the first test on that records itself."""

    __test__ = False  # it is no test itself, whatever its name begins with

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, None]:
        """When the test's own code is over: what it checked fails the test, then how it compares."""
        outcome = yield
        block = item.stash.get(RUN, None)
        if block is None:
            return
        error = outcome.excinfo[1] if outcome.excinfo else None
        if error is not None:
            item.stash[_ERROR] = error
        golden = item.stash.get(GOLDEN, None)
        if golden is not None:
            block.end(error)
        failure = _failure_of(block, golden) if error is None else ""
        if failure:
            outcome.force_exception(pytest.fail.Exception(failure, pytrace=False))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, None]:
        """A test that failed tells where its run is, and shows it; at its very end, the run stays or goes."""
        outcome = yield
        block = item.stash.get(RUN, None)
        if block is None:
            return
        report: pytest.TestReport = outcome.get_result()
        golden = item.stash.get(GOLDEN, None)
        if golden is not None and golden.rewritten:
            report.otel_golden = [str(one) for one in golden.rewritten]  # type: ignore[attr-defined]  # xdist takes it along
            golden.rewritten.clear()
        if report.failed:
            if not item.stash.get(_FAILED, False):
                # A check that failed is no failure of what was recorded.
                own = call.excinfo.value if call.excinfo is not None and call.when != "call" else None
                block.end(item.stash.get(_ERROR, own))
                report.sections.append(("otel-replay", _section(block)))
                item.user_properties.append(("otel_replay.run", str(block.directory)))  # into JUnit's XML
            item.stash[_FAILED] = True
        if call.when == "teardown":
            _settle(item, block)


def _settle(item: pytest.Item, block: RecordedBlock) -> None:
    """The run of a test that is over stays or goes."""
    keys: tuple[pytest.StashKey[Any], ...] = (RUN, GOLDEN, _ERROR)
    for key in keys:  # a test that is run again has others
        if key in item.stash:
            del item.stash[key]
    try:
        block.keep() if block.options.keeps(item.stash.get(_FAILED, False)) else block.remove()
    except OtelReplayError as error:
        # Perhaps another process still records into it: it stays as it is, and that is told.
        item.warn(pytest.PytestWarning(f"{told(error)}: the run of this test stays in {block.directory}"))


def _failure_of(block: RecordedBlock, golden: Golden | None) -> str:
    """What is wrong with a test's run; empty if nothing is."""
    try:
        block.raise_failures()
        if golden is not None and not golden.called:
            golden()
    except AssertionError as error:
        return str(error)
    except OtelReplayError as error:
        return _words(error)
    return ""


def _words(error: OtelReplayError) -> str:
    return f"{error.message}\nhint: {error.hint}" if error.hint else error.message


def _section(block: RecordedBlock) -> str:
    block.end()
    try:
        shown = block.show()
    except OtelReplayError as error:
        shown = _words(error)
    kept = "" if block.options.keep != "never" else " (removed: keep='never')"
    # What the test checked before it failed by something else is not lost.
    untold = block.untold()
    checks = "" if untold is None else f"{untold}\n\n"
    return f"{checks}run: {block.directory}{kept}\n\n{shown}"
