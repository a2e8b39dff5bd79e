"""A program closes descriptors that are not its own, as daemons do: its files stay as they are."""

import os
import subprocess
import sys

import pytest

from otel_replay.storage.store import Store
from otel_replay.storage.verify import verify

DAEMON = """
import os
import sys

import otel_replay

run = otel_replay.start_run("a daemon", run_id="daemon")
otel_replay.decision("BEFORE", "they are open")
os.closerange(3, 256)
mine = [open(f"mine-{number}", "w+") for number in range(9)]
for stream in mine:
    stream.write("mine\\n" * 3000)
    stream.flush()
for number in range(3000):
    otel_replay.decision("AFTER", "another file has the number", {"text": "x" * 200})
if sys.argv[1] == "fork" and (child := os.fork()):
    os.waitpid(child, 0)
elif sys.argv[1] == "fork":
    otel_replay.decision("CHILD", "it has a journal of its own")
    run.end()
    for stream in mine:
        os.fstat(stream.fileno())
    os._exit(0)
run.end()
assert not run.lost, run.lost
for stream in mine:
    stream.seek(0)
    assert stream.read() == "mine\\n" * 3000, stream.name
"""


@pytest.mark.parametrize("mode", ["mmap", "write"])
@pytest.mark.parametrize("how", ["alone", "fork"])
def test_files_that_get_the_numbers_are_left_alone(tmp_path, mode, how):
    environment = {**os.environ, "OTEL_REPLAY_STORE": "store", "OTEL_REPLAY_JOURNAL": mode}
    result = subprocess.run(
        [sys.executable, "-c", DAEMON, how], cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert (result.returncode, result.stderr) == (0, "")
    files = Store(tmp_path / "store").resolve("daemon")
    assert files.header.counts["decisions"] == 3001 + (how == "fork")
    assert verify(files) == []
