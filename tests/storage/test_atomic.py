"""Files that are there whole or not at all."""

import os
import resource
import subprocess
import sys

import pytest

from otel_replay.errors import StoreError
from otel_replay.storage.atomic import (
    is_leftover,
    make_private_directory,
    open_atomically,
    write_atomically,
)


def mode(path):
    return os.stat(path).st_mode & 0o777


def test_a_file_is_written_whole_and_for_its_owner_only(tmp_path):
    write_atomically(tmp_path / "run.json", b"new")
    assert (tmp_path / "run.json").read_bytes() == b"new"
    assert mode(tmp_path / "run.json") == 0o600
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize("durable", [True, False])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, durable):
    path = tmp_path / "run.json"
    path.write_bytes(b"old")

    def write_half():
        with open_atomically(path, durable=durable) as stream:
            stream.write(b"new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    with open_atomically(path, durable=False) as stream:
        stream.write(b"n" * 100_000)
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"n" * 100_000


def test_what_a_killed_write_leaves_behind_is_known_by_its_name(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from otel_replay.storage.atomic import open_atomically\n"
        "with open_atomically(Path(sys.argv[1])) as stream:\n"
        "    stream.write(b'half'); stream.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "run.json")], check=False)
    (left,) = os.listdir(tmp_path)
    assert is_leftover(left)
    assert not is_leftover("run.json")


def test_a_file_that_cannot_grow_is_an_error_that_says_why(tmp_path):
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from otel_replay.errors import StoreError\n"
        "from otel_replay.storage.atomic import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    write_atomically(Path(sys.argv[1]), bytes(5000))\n"
        "except StoreError as error:\n"
        "    print(error.message, '|', error.hint)\n"
    )
    assert resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "big")], capture_output=True, text=True, check=True
    )
    assert "cannot write" in done.stdout
    assert "File too large" in done.stdout
    assert "ulimit -f" in done.stdout
    assert os.listdir(tmp_path) == []


def test_directories_are_private_and_those_that_were_there_stay_as_they_are(tmp_path):
    (tmp_path / "shared").mkdir(mode=0o755)
    make_private_directory(tmp_path / "shared" / "a" / "b")
    assert mode(tmp_path / "shared") == 0o755
    assert mode(tmp_path / "shared" / "a") == 0o700
    assert mode(tmp_path / "shared" / "a" / "b") == 0o700
    make_private_directory(tmp_path / "shared" / "a" / "b")


def test_a_file_in_place_of_a_directory_is_an_error_that_names_it(tmp_path):
    (tmp_path / "store").write_text("mine")
    for path in (tmp_path / "store", tmp_path / "store" / "runs"):
        with pytest.raises(StoreError, match="store") as caught:
            make_private_directory(path)
        assert "--store" in (caught.value.hint or "")
    assert (tmp_path / "store").read_text() == "mine"


def test_names_with_control_characters_are_escaped_in_messages(tmp_path):
    (tmp_path / "a\x1b[2J").write_text("")
    with pytest.raises(StoreError) as caught:
        make_private_directory(tmp_path / "a\x1b[2J")
    assert "\x1b" not in caught.value.message
    assert "\\x1b[2J" in caught.value.message
