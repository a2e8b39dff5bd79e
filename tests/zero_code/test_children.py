"""Processes that a program starts join its run by themselves, however it starts them."""

from __future__ import annotations

import pytest

from otel_replay.storage.store import Store
from tests.zero_code.conftest import PYTHON, Recorded

LOG = """
def log_decision(action, reason, values=None, cell=None):
    pass
"""

POOL = (
    LOG
    + """
import sys, os, subprocess, multiprocessing
from concurrent.futures import ProcessPoolExecutor
def work(number):
    log_decision(f"POOL_{number}", "in a pool")
    return number
def child(name):
    log_decision(name, "in a process")
if __name__ == "__main__":
    method = sys.argv[1]
    context = multiprocessing.get_context(method)
    log_decision("PARENT", "first")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(work, range(3))) == [0, 1, 2]
    process = context.Process(target=child, args=("PROCESS",))
    process.start()
    process.join()
    assert process.exitcode == 0
"""
)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_and_processes_of_multiprocessing_join(recorded: Recorded, method: str) -> None:
    """Forked and spawned ones, and those of a server for forks."""
    recorded.script(POOL)
    done = recorded.run(PYTHON, "-W", "error", "program.py", method)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(recorded.decisions()) == ["PARENT", "POOL_0", "POOL_1", "POOL_2", "PROCESS"]
    assert recorded.files().status() == "finished"


STARTS = (
    LOG
    + """
import os, subprocess, sys
log_decision("PARENT", "first")
subprocess.run([sys.executable, "child.py", "SUBPROCESS"], check=True)
os.system(f"{sys.executable} child.py SYSTEM")
subprocess.run(f"{sys.executable} child.py SHELL | cat", shell=True, check=True)
pid = os.fork()
if pid == 0:
    log_decision("FORK", "in a forked child")
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "child.py", "SPAWNV"])
log_decision("LAST", "before it becomes another program", {"pid": os.getpid()})
os.execv(sys.executable, [sys.executable, "child.py", "EXEC"])
"""
)


def test_whatever_is_started_joins(recorded: Recorded) -> None:
    """By subprocess, a shell, fork, and a program that takes the place of another."""
    recorded.script(STARTS)
    recorded.script(LOG + "import sys\nlog_decision(sys.argv[1], 'of a child')\n", "child.py")
    done = recorded.run("sh", "-c", f"true && {PYTHON} program.py")
    assert (done.returncode, done.stderr) == (0, "")
    told = ["PARENT", "SUBPROCESS", "SYSTEM", "SHELL", "FORK", "SPAWNV", "LAST", "EXEC"]
    assert sorted(recorded.decisions()) == sorted(told)
    spans = recorded.spans()
    (root,) = [span for span in spans.values() if not span.parent_id]
    assert spans["process program.py"].parent_id == root.span_id


def test_workers_of_joblib_join(recorded: Recorded) -> None:
    """Loky starts them in its own way."""
    recorded.script(LOG + "def work(n):\n    log_decision('WORK', str(n))\n    return n\n", "parts.py")
    recorded.script(
        "from joblib import Parallel, delayed\nfrom parts import work\n"
        "assert Parallel(n_jobs=2)(delayed(work)(n) for n in range(4)) == [0, 1, 2, 3]\n"
    )
    assert recorded.run(PYTHON, "program.py").returncode == 0
    assert recorded.decisions() == ["WORK"] * 4


def test_a_child_that_lives_longer_is_taken_in(recorded: Recorded) -> None:
    """A daemon that decides when the run has ended: nothing of it is lost."""
    recorded.script(
        LOG + "import sys\nsys.stdin.read()\nlog_decision('LATE', 'the run is over')\n"
        "open('done', 'w').close()\n",
        "child.py",
    )
    recorded.script(
        LOG
        + "import subprocess, sys\nlog_decision('PARENT', 'first')\n"
        + "subprocess.Popen([sys.executable, 'child.py'], start_new_session=True)\n"
    )
    import os

    reads, writes = os.pipe()
    with recorded.start(PYTHON, "-W", "ignore", "program.py", stdin=reads) as process:
        os.close(reads)
        process.wait(timeout=60)
        assert recorded.files().header.counts["decisions"] == 1
        os.close(writes)
        assert process.stdout is not None
        process.stdout.read()  # until the last that holds it has gone
    assert sorted(recorded.decisions()) == ["LATE", "PARENT"]
    assert recorded.files().header.counts["decisions"] == 2


def test_a_fork_that_lives_longer_records_nothing_of_what_sums_the_run_up(recorded: Recorded) -> None:
    """It opens our files by names in a folder, which the program may have, too, and its journal is closed."""
    import os

    recorded.script(
        LOG + "import os, sys\nlog_decision('PARENT', 'first')\n"
        "if os.fork(): sys.exit(0)\n"
        "sys.stdin.read()\nlog_decision('LATE', 'the run is over')\n"
    )
    reads, writes = os.pipe()
    with recorded.start(PYTHON, "-W", "ignore", "program.py", stdin=reads) as process:
        os.close(reads)
        process.wait(timeout=60)
        os.close(writes)
        assert process.stdout is not None
        process.stdout.read()  # until the last that holds it has gone
    assert sorted(recorded.decisions()) == ["LATE", "PARENT"]
    closed = [one for one in recorded.records() if type(one).__name__ == "Close"]
    assert len(closed) == len(recorded.files().journals())


OWN = """
import otel_replay
with otel_replay.start_run("its own") as run:
    otel_replay.decision("OWN", "by the API")
    print(run.run_id)
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
with trace.get_tracer("theirs").start_as_current_span("a span of its own"):
    otel_replay.decision("THEIRS", "in its own span")
"""


def test_a_program_that_records_itself_is_recorded_once(recorded: Recorded) -> None:
    """Its run is ours, and what it records by OpenTelemetry and by us stands there once."""
    recorded.script(OWN)
    done = recorded.run(PYTHON, "program.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{recorded.files().run_id}\n"
    assert recorded.decisions() == ["OWN", "THEIRS"]


def test_a_run_inside_a_run_is_a_part_of_it(recorded: Recorded) -> None:
    """As where a Makefile that is recorded calls us again; and under `opentelemetry-instrument`."""
    recorded.script(LOG + "log_decision('INNER', 'of the program')\n")
    inner = f"{PYTHON} -m otel_replay run -- {PYTHON} program.py"
    done = recorded.run("sh", "-c", inner)
    assert (done.returncode, done.stderr) == (0, "")
    assert recorded.decisions() == ["INNER"]
    assert len({one.trace_id for one in recorded.spans().values()}) == 1
    closed = [one for one in recorded.records() if type(one).__name__ == "Close"]
    assert len(closed) == len(recorded.files().journals()), "each of their processes has ended as it should"


def test_a_program_under_opentelemetry_instrument_is_hooked_into(recorded: Recorded) -> None:
    """Which puts a sitecustomize of its own before ours."""
    from pathlib import Path

    instrument = Path(PYTHON).parent / "opentelemetry-instrument"
    recorded.script(LOG + "log_decision('UNDER', 'of the program')\n")
    env = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("METRICS", "LOGS")}
    env["OTEL_TRACES_EXPORTER"] = "otel_replay"
    env["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = "*"  # each would load its library
    done = recorded.run(str(instrument), PYTHON, "program.py", env=env)
    assert done.returncode == 0, done.stderr
    assert recorded.decisions() == ["UNDER"]


def test_ten_at_once_do_not_mix(recorded: Recorded) -> None:
    """Each has its own run in the one store, with its own decisions."""
    recorded.script(
        LOG + "import sys\nfor number in range(20):\n    log_decision(f'{sys.argv[1]}_{number}', 'because')\n"
    )
    running = [
        recorded.start(PYTHON, "program.py", f"P{number}", options=("--run-id", f"run-{number}"))
        for number in range(10)
    ]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert (out, err, process.returncode) == ("", "", 0)
    store = Store(recorded.store)
    assert len(store.runs()) == 10
    for number in range(10):
        records = [located.record for located in store.resolve(f"run-{number}").records()]
        actions = [one.action for one in records if type(one).__name__ == "Decision"]
        assert actions == [f"P{number}_{place}" for place in range(20)]
        assert store.resolve(f"run-{number}").status() == "finished"


FORKS_AMONG_THREADS = (
    LOG
    + """
import os, sys, threading
def decide(number):
    for place in range(50):
        log_decision("THREAD", "in a thread", {"place": place})
def fork():
    for _ in range(5):
        pid = os.fork()
        if not pid:
            log_decision("FORK", "in a forked child")
            os._exit(0)
        os.waitpid(pid, 0)
threads = [*(threading.Thread(target=decide, args=(n,)) for n in range(8)), threading.Thread(target=fork)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
)


def test_a_fork_while_other_threads_load_what_records_does_not_hang(recorded: Recorded) -> None:
    """Its child waited for an import that nobody went on with."""
    recorded.script(FORKS_AMONG_THREADS)
    done = recorded.run(PYTHON, "-W", "ignore", "program.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert recorded.decisions().count("THREAD") == 400
    assert recorded.decisions().count("FORK") == 5
