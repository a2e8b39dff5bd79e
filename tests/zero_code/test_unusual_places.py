"""Programs that have lost what others take for granted: streams, descriptors, rights, an end of their own."""

from __future__ import annotations

import shlex

import pytest

from otel_replay.records import Loss
from tests.zero_code.conftest import PYTHON, RUN, Recorded

CONVENTION = "def log_decision(action, reason, values=None, cell=None):\n    pass\n"

WRITES_ALL_THE_SAME = """
import os
log_decision("FIRST", "before")
for fd in (0, 1, 2):
    try:
        os.write(fd, b"not for the journal")
    except OSError as error:
        with open("said", "a") as stream:
            stream.write(f"{fd} {error.errno} ")
log_decision("SECOND", "after")
raise SystemExit(5)
"""


@pytest.mark.parametrize("closing", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("option", ["--quiet", "--capture"])
def test_a_program_without_standard_streams_ends_and_writes_as_without_us(
    recorded: Recorded, closing: str, option: str
) -> None:
    """What it writes to a stream that is closed is an error for it, and not a part of our journal."""
    recorded.script(CONVENTION + WRITES_ALL_THE_SAME)
    said = recorded.folder / "said"
    with_them = ("sh", "-c", f'exec "$@" {closing}', "sh")
    plain = recorded.plain(*with_them, PYTHON, "program.py")
    expected = said.read_text() if said.exists() else ""
    said.unlink(missing_ok=True)
    done = recorded.plain(*with_them, *RUN, option, "--", PYTHON, "program.py")
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr) == (5, plain.stderr)
    assert (said.read_text() if said.exists() else "") == expected
    assert recorded.decisions() == ["FIRST", "SECOND"]


def test_a_program_that_waits_for_all_of_its_threads_ends(recorded: Recorded) -> None:
    """What keeps journals safe is a thread too, and one that does not end."""
    recorded.script(
        CONVENTION
        + "import threading\nlog_decision('A', '')\n"
        + "for one in threading.enumerate():\n"
        + "    if one is not threading.current_thread():\n        one.join()\n"
        + "print(threading.enumerate() == [threading.main_thread()])\n"
    )
    assert recorded.run(PYTHON, "program.py").stdout == "True\n"
    assert recorded.decisions() == ["A"]


def test_a_program_that_can_open_nothing_any_more_goes_on(recorded: Recorded) -> None:
    """Not even what tells of it can be loaded; it is told all the same."""
    recorded.script(
        CONVENTION
        + "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        + "log_decision('A', '')\nlog_decision('B', '')\nprint('goes on')\n"
    )
    done = recorded.run(PYTHON, "program.py")
    assert (done.stdout, done.returncode) == ("goes on\n", 0)
    assert done.stderr == "recording decisions failed: OSError (the program goes on)\n"


THREADS = """
import sys, threading
sys.setswitchinterval(1e-5)
together = threading.Barrier(8)
def work():
    together.wait()
    log_decision("A", "")
threads = [threading.Thread(target=work) for _ in range(8)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print("opentelemetry.context" in sys.modules)
"""


def test_threads_whose_first_decisions_come_at_once_all_find_the_span_of_the_process(
    recorded: Recorded,
) -> None:
    """None of them takes the long way, by loading OpenTelemetry."""
    recorded.script(CONVENTION + THREADS)
    done = recorded.run(PYTHON, "program.py")
    assert (done.stdout, done.stderr) == ("False\n", "")
    assert recorded.decisions() == ["A"] * 8


def test_of_two_starts_that_ask_for_one_id_at_once_one_is_refused(recorded: Recorded) -> None:
    """They do not mix: what is refused was not started."""
    recorded.script(CONVENTION + "log_decision('A', '')\n")
    both = [recorded.start(PYTHON, "program.py", options=("--run-id", "same")) for _ in range(2)]
    said = sorted(one.communicate(timeout=120)[1].partition(" in ")[0] for one in both)
    assert (said, sorted(one.returncode for one in both)) == (["", "error: run same exists already"], [0, 2])
    assert recorded.decisions() == ["A"]


@pytest.mark.parametrize("arguments", [(), ("-", "a")])
def test_a_program_that_is_given_as_standard_input_decides_as_any_other(
    recorded: Recorded, arguments: tuple[str, ...]
) -> None:
    """`python < tune.py`: from a file, which can be read twice; through a pipe it runs, and that is told."""
    script = CONVENTION + "import sys\nlog_decision('A', '')\nprint(sys.argv[1:], repr(sys.stdin.read()))\n"
    recorded.script(script)
    with (recorded.folder / "program.py").open() as stdin:
        done = recorded.run(PYTHON, *arguments, stdin=stdin)
    assert (done.stdout, done.stderr) == (f"{[*arguments[1:]]} ''\n", "")
    assert recorded.decisions() == ["A"]


def test_a_program_that_comes_through_a_pipe_runs_and_is_said_not_to_be_recorded(recorded: Recorded) -> None:
    recorded.script(CONVENTION + "print('runs')\n")
    done = recorded.run("sh", "-c", f"cat program.py | {PYTHON} -")
    assert done.stdout == "runs\n"
    assert "__main__:log_decision is not recorded" in done.stderr


def test_a_program_whose_disk_is_full_goes_on_and_its_process_is_not_said_to_have_died(
    recorded: Recorded,
) -> None:
    """What was lost is counted; for how the process ended there is room."""
    recorded.script(
        CONVENTION
        + "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        + "for number in range(3000):\n    log_decision('A', 'a reason', {'x': number})\n"
        + "print('goes on')\nraise SystemExit(3)\n"
    )
    done = recorded.run(PYTHON, "program.py")
    assert (done.stdout, done.returncode) == ("goes on\n", 3)
    lost = sum(one.records for one in recorded.records() if isinstance(one, Loss))
    assert lost + len(recorded.decisions()) == 3000
    assert lost > 0
    assert set(recorded.ends()) == {span.span_id for span in recorded.spans().values()}


def test_a_program_in_a_folder_that_was_deleted_is_recorded(recorded: Recorded) -> None:
    opens = "try:\n    open('x.csv', 'w')\nexcept FileNotFoundError:\n    print('runs')\n"
    recorded.script(CONVENTION + "log_decision('A', '')\n" + opens)
    place = recorded.folder / "gone"
    place.mkdir()
    program, store = str(recorded.folder / "program.py"), str(recorded.store)
    words = " ".join(map(shlex.quote, [*RUN, "--store", store, "--", PYTHON, program]))
    done = recorded.plain("sh", "-c", f"cd gone && rmdir ../gone && exec {words}")
    assert (done.stdout, done.stderr, done.returncode) == ("runs\n", "", 0)
    assert recorded.decisions() == ["A"]


def test_a_store_whose_path_has_a_line_end_and_other_letters_is_as_any_other(recorded: Recorded) -> None:
    """With next to no environment: no HOME, no PATH, no locale."""
    recorded.store = recorded.folder / 'st\nør "e"'
    recorded.script(CONVENTION + "log_decision('A', '')\n")
    words = [*RUN, "--store", str(recorded.store), "--", PYTHON, "program.py"]
    done = recorded.plain("env", "-i", *words)
    assert (done.stderr, done.returncode) == ("", 0)
    assert recorded.decisions() == ["A"]


WAYS = {
    "warnings are errors": ({"PYTHONWARNINGS": "error"}, ["-bb", "-X", "dev"]),
    "docstrings and asserts are taken out": ({"PYTHONHASHSEED": "0"}, ["-OO"]),
    "nothing is frozen": ({"PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"}, ["-X", "frozen_modules=off"]),
    "text is ASCII": ({"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, []),
}
LIMITS = {
    "few files may be open": "ulimit -n 12",
    "little memory may be had": "ulimit -v 120000",
    "nobody may read what is made": "umask 077",
    "everybody may": "umask 000",
    "nobody has a home": "unset HOME",
}
ECHOES = """
import sys
def log_decision(action, reason, values, cell): pass
log_decision("FIRST", "why", {"number": 1}, "cell")
print(ascii(sys.argv[1:]), sys.flags, flush=True)
log_decision("SECOND", "why", {"number": 2}, "cell")
sys.exit(3)
"""


@pytest.mark.parametrize("way", [*WAYS, *LIMITS])
def test_however_python_and_the_system_are_set_the_program_is_as_without_us(
    recorded: Recorded, way: str
) -> None:
    """Its arguments are any bytes."""
    env, options = WAYS.get(way, ({}, []))
    limit = LIMITS.get(way, ":")
    program = [PYTHON, *options, recorded.script(ECHOES), b"\xff\xe9"]
    plain = recorded.plain("sh", "-c", f'{limit}; exec "$@"', "sh", *program, env=env)
    done = recorded.run("sh", "-c", f'{limit}; exec "$@"', "sh", *program, env=env)
    assert plain.returncode == 3
    assert (done.returncode, done.stdout, done.stderr) == (3, plain.stdout, plain.stderr)
    assert recorded.decisions() == ["FIRST", "SECOND"]
