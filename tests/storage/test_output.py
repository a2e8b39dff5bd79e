"""Files that somebody names on a command line: whole or not at all, and nothing else is ever replaced."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from otel_replay.errors import StoreError
from otel_replay.storage.atomic import open_output


def write(path: Path, data: bytes = b"new") -> None:
    """As a command does."""
    with open_output(path) as stream:
        stream.write(data)


def test_a_device_is_written_into_and_stays_one() -> None:
    """`--csv /dev/null`, as root too, who could rename a file into its place."""
    before = os.stat(os.devnull).st_ino
    write(Path(os.devnull))
    assert os.stat(os.devnull).st_ino == before


def test_a_pipe_gets_it(tmp_path: Path) -> None:
    """And is there afterwards."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe)
    reader.join()
    assert got == [b"new"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_link_stays_a_link(tmp_path: Path, before: bytes | None) -> None:
    """Its file is written, also one that is not there yet."""
    target, link = tmp_path / "target", tmp_path / "link"
    if before is not None:
        target.write_bytes(before)
    link.symlink_to("target")
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Whole or not at all."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), open_output(path) as stream:
        stream.writelines([b"half", None])  # type: ignore[list-item]  # it is to fail
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
    with pytest.raises(StoreError, match="Is a directory"):
        write(tmp_path)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_new_file_may_be_read_by_whom_the_umask_lets(tmp_path: Path, umask: int, mode: int) -> None:
    """As a report that another user uploads from CI."""
    before = os.umask(umask)
    try:
        write(tmp_path / "report.xml")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "report.xml") == mode


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o444])
def test_a_file_that_was_there_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    """Whatever the umask is; behind a link too."""
    path, link = tmp_path / "report.xml", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(mode)
    link.symlink_to(path)
    for name in (path, link):
        write(name)
        assert (mode_of(path), path.read_bytes()) == (mode, b"new")


def test_what_holds_a_whole_run_is_the_users_own(tmp_path: Path) -> None:
    """As the store is that it came from."""
    with open_output(tmp_path / "a.orpack", private=True) as stream:
        stream.write(b"run")
    assert mode_of(tmp_path / "a.orpack") == 0o600


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777
