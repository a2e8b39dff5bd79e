"""While what records imports a module of Python's, others still have the program's of that name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BEGIN = """
import os, sys, threading
from otel_replay.hooks import apart
apart.stay_apart(["queue"])
before = list(sys.path)

def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread

def waits(thread):
    frame = sys._current_frames().get(thread.ident)
    while frame is not None and frame.f_code is not apart._PythonFirst._wait.__code__:
        frame = frame.f_back
    return frame is not None
"""


def said(folder: Path, program: str) -> str:
    """What a program says that has a `queue.py` beside it."""
    (folder / "queue.py").write_text("OWN = 1\n")
    (folder / "program.py").write_text(BEGIN + program)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


KNOWN = """
import queue
seen = []
def entered(self, plain=apart._PythonFirst.__enter__):
    plain(self)
    seen.append(self)
apart._PythonFirst.__enter__ = entered
get = lambda: apart._importing("queue", globals(), None, ("Queue",), 0)
print(hasattr(get(), "Queue"), hasattr(get(), "Queue"), hasattr(queue, "OWN"), len(seen) < 2)
"""


def test_what_is_known_is_not_put_in_the_place_of_the_programs_again(tmp_path: Path) -> None:
    assert said(tmp_path, KNOWN) == "True True True True\n"


WAITING = """
def work():
    import queue
    print(hasattr(queue, "OWN"))
with apart._PythonFirst():
    import queue
    print(hasattr(queue, "OWN"))
    thread = in_thread(work)
    while not waits(thread):
        pass
thread.join()
import builtins, queue
print(hasattr(queue, "OWN"), sys.path == before, builtins.__import__ is apart._import)
"""


def test_a_thread_that_imports_a_module_meanwhile_gets_the_programs(tmp_path: Path) -> None:
    assert said(tmp_path, WAITING) == "False\nTrue\nTrue True True\n"


EACH_FOR_THE_OTHER = """
begun, exchanged = threading.Event(), threading.Event()
thread = in_thread(lambda: __import__("slow"))
begun.wait()
with apart._PythonFirst():
    exchanged.set()
    import slow
    print(slow.DONE)
thread.join()
"""


def test_no_two_wait_for_each_other(tmp_path: Path) -> None:
    """A thread that is importing what is needed here needs one of the modules that are exchanged."""
    (tmp_path / "slow.py").write_text(
        "from __main__ import begun, exchanged\nbegun.set()\nexchanged.wait()\nimport queue\nDONE = 1\n"
    )
    assert said(tmp_path, EACH_FOR_THE_OTHER) == "1\n"


FORKING = """
entered, leave = threading.Event(), threading.Event()
def work():
    with apart._PythonFirst():
        entered.set()
        leave.wait()
thread = in_thread(work)
entered.wait()
if not os.fork():
    import queue
    known = apart.import_apart("queue")
    print("child", hasattr(queue, "OWN"), sys.path == before, hasattr(known, "Queue"), flush=True)
    os._exit(0)
os.wait()
leave.set()
thread.join()
with apart._PythonFirst():
    if not os.fork():
        with apart._PythonFirst():
            import queue
        print("within", hasattr(queue, "OWN"), flush=True)
    else:
        os.wait()
import queue
print(hasattr(queue, "OWN"), sys.path == before, not apart.is_exchanged())
"""


def test_a_process_that_is_forked_meanwhile_has_the_programs_modules(tmp_path: Path) -> None:
    """Also where the thread that exchanges them is the one that forks: it goes on in both."""
    lines = said(tmp_path, FORKING).splitlines()
    assert lines == ["child True True True", "within False", "True True True", "True True True"]
