"""What the fixture `otel_golden` does: the test's run against the golden run beside the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otel_replay.testing.block import RecordedBlock
from otel_replay.testing.fixtures import GOLDEN
from otel_replay.testing.golden import golden_path

__all__ = ["Golden", "GoldenReport"]


class Golden:
    """The golden run of a test. It is compared with where the test ends, or where it is called."""

    def __init__(self, request: pytest.FixtureRequest, block: RecordedBlock) -> None:
        item = request.node
        self.path = golden_path(item.path, item.nodeid.partition("::")[2])
        """The file of the golden run."""
        self.called = False
        self.rewritten: list[str] = []
        self._test = item.nodeid.partition("::")[2]
        self._file: Path = item.path
        self._root: Path = request.config.rootpath
        self._update = bool(request.config.getoption("--otel-update"))
        self._block = block
        item.stash[GOLDEN] = self

    def __call__(self, name: str = "", **how: Any) -> None:
        """End the run and compare it now.

        Parameters
        ----------
        name:
            Of a further golden run of the same test.
        how:
            `tolerances`, `identity`, `ignore`, `only`, `strict`, instead of the marker's.

        Raises
        ------
        GoldenDiffers
            If the run differs, or there is no golden run; with `--otel-update` it is written instead.
        """
        __tracebackhide__ = True
        self.called = True
        path = golden_path(self._file, self._test, name) if name else self.path
        told = self._block.compare_with(path, update=self._update, anew="pytest --otel-update", **how)
        if told is not None:
            self.rewritten.append(told.replace(f"{self._root}/", ""))


class GoldenReport:
    """A pytest plugin: with `--otel-update`, the session ends with what was written, and how it differed."""

    def __init__(self) -> None:
        self._told: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test wrote, also from workers of xdist."""
        for text in getattr(report, "otel_golden", ()):
            self._told.append((report.nodeid, text))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell it."""
        if self._told:
            terminalreporter.section("golden runs", sep="=")
            for test, text in self._told:
                terminalreporter.write_line(f"{test}: {text}")
