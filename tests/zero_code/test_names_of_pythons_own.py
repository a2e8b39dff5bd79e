"""A program's own `queue.py` or `json.py` is the program's: what records finds Python's, each its own."""

from __future__ import annotations

import json

import pytest

from otel_replay.records import Event, SpanStart
from otel_replay.rules.watching import _NEEDED
from tests.zero_code.conftest import PYTHON, Recorded

NAMES = ("random", "types", "logging", "queue", "json", "datetime", "typing", "platform", "string", "math")

PROGRAM = """
import importlib, sys, threading
def log_decision(action, reason, values=None, cell=None):
    pass
before = list(sys.path)
log_decision("FIRST", "", {"x": 1.5})
with open("out.csv", "w") as stream:
    stream.write("x")
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    print(name, getattr(module, "OWN", None), module.__name__ in sys.modules, sys.path == before)
def work():
    log_decision("IN A THREAD", "", {"x": object})
thread = threading.Thread(target=work)
thread.start()
thread.join()
with open("out.csv") as stream:
    stream.read()
log_decision("LAST", "")
"""


@pytest.mark.parametrize("text", ["OWN = 1\n", "raise RuntimeError('not to be imported')\n"])
def test_files_with_names_of_pythons_own_modules_are_not_ours_to_import(
    recorded: Recorded, text: str
) -> None:
    """And the program gets what it gets without us, of those too that Python had loaded before."""
    for name in NAMES:
        recorded.script(text, f"{name}.py")
    recorded.script(PROGRAM)
    asked = NAMES if "OWN" in text else ()
    plain = recorded.plain(PYTHON, "program.py", *asked)
    done = recorded.run(PYTHON, "program.py", *asked)
    assert (done.stdout, done.stderr, done.returncode) == (plain.stdout, plain.stderr, 0)
    assert recorded.decisions() == ["FIRST", "IN A THREAD", "LAST"]
    files = [one.name for one in recorded.records() if isinstance(one, Event)]
    assert files.count("file read") == files.count("file write") == 1


def test_a_package_of_such_a_name_in_pythonpath_is_the_programs_too(recorded: Recorded) -> None:
    """Under `python -m`, with rules that need OpenTelemetry, and in a child."""
    place = recorded.folder / "lib" / "queue"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("from queue.inner import OWN\n")
    (place / "inner.py").write_text("OWN = 'package'\n")
    (recorded.folder / "rules.toml").write_text('[[task]]\nfunction = "program:work"\n')
    recorded.script(
        "import os, subprocess, sys\n"
        "def work(n):\n"
        "    import queue\n"
        "    print(queue.OWN, sys.modules['queue.inner'].OWN, flush=True)\n"
        "    if n:\n"
        "        subprocess.run([sys.executable, '-m', 'program'], check=True)\n"
        "work(len(sys.argv) - 1)\n"
    )
    env = {"PYTHONPATH": str(recorded.folder / "lib")}
    options = ("--rules", str(recorded.folder / "rules.toml"))
    done = recorded.run(PYTHON, "-m", "program", "once", options=options, env=env)
    assert (done.stdout, done.stderr, done.returncode) == ("package package\n" * 2, "", 0)
    names = [one.name for one in recorded.records() if isinstance(one, SpanStart)]
    assert names.count("task program.work") == 2


LOADED = """
import json, sys
before = set(sys.modules)
for name in {modules!r}:
    __import__(name)
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
own = new & sys.stdlib_module_names - set(sys.builtin_module_names)
print(json.dumps(sorted(name for name in own if not name.startswith("_"))))
"""


def test_all_that_recording_loads_is_known(recorded: Recorded) -> None:
    """A module of Python's own that is added must stand in the list, or a file of that name breaks it."""
    modules = [
        *("otel_replay.hooks.here", "otel_replay.rules.hooking", "otel_replay.rules.spans"),
        *("otel_replay.libraries.file_events", "otel_replay.libraries.process_ends"),
        *("otel_replay.recording.run", "otel_replay.otel.provider", "otel_replay.zero_code.bootstrap"),
        *("otel_replay.storage.finalise", "otel_replay.recording.moments", "logging"),
    ]
    done = recorded.plain(PYTHON, "-c", LOADED.format(modules=modules))
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) <= _NEEDED


def test_a_place_that_is_a_path_hides_no_function(recorded: Recorded) -> None:
    """Python passes over what is no text in `sys.path`; many programs put a `Path` there all the same."""
    recorded.script(
        "def log_decision(action, reason):\n    pass\ndef work():\n    log_decision('FIRST', '')\n",
        "helper.py",
    )
    recorded.script(
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, Path('lib'))\n"
        "import helper\nhelper.work()\n"
    )
    done = recorded.run(PYTHON, "program.py")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert recorded.decisions() == ["FIRST"]


LATER = """
import sys
def log_decision(action, reason):
    pass
sys.path.insert(0, "lib")
import subprocess
subprocess.run(["true"])
log_decision("FIRST", "")
import logging, queue
print(logging.OWN, queue.OWN, sys.path[0])
"""


def test_a_folder_that_comes_into_the_path_just_before_a_module_of_pythons_own(recorded: Recorded) -> None:
    """That one is half imported then: what records is loaded later, and fails to nobody's harm."""
    (recorded.folder / "lib").mkdir()
    for name in ("logging", "queue", "string", "typing"):
        recorded.script("OWN = 1\n", f"lib/{name}.py")
    recorded.script(LATER)
    plain = recorded.plain(PYTHON, "program.py")
    done = recorded.run(PYTHON, "program.py")
    assert (done.stdout, done.stderr, done.returncode) == (plain.stdout, plain.stderr, 0)
    assert recorded.decisions() == ["FIRST"]


FAILING = """
import sys
from otel_replay.hooks import apart, guard
apart.stay_apart(["logging"])
guard.failed("a hook", ValueError("odd"))
import logging
print(logging.OWN)
"""


def test_a_failure_is_told_by_pythons_logging_where_the_program_has_one_of_its_own(
    recorded: Recorded,
) -> None:
    recorded.script("OWN = 1\n", "logging.py")
    recorded.script(FAILING)
    done = recorded.plain(PYTHON, "program.py")
    assert (done.stdout, done.returncode) == ("1\n", 0)
    assert done.stderr.startswith("a hook failed: ValueError: odd")
