"""Programs as they are started: each runs plain and hooked, and all that can be seen of it is the same."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from rules.kit import notes
from store_kit import Store

import otel_replay
from otel_replay.rules.reading import rule_texts
from otel_replay.zero_code import launching
from otel_replay.zero_code.plan import Plan


class Ended(NamedTuple):
    """What can be seen of a program's run."""

    code: int
    out: str
    err: str


Twice = Callable[..., Ended]


@pytest.fixture
def twice(tmp_path: Path, store: Store) -> Twice:
    """Runs a command of Python without and with hooks, sees that it does the same, and says what."""
    folder = tmp_path / "program"
    folder.mkdir()

    def run(*arguments: str, rules: str = "", stdin: str | None = None) -> Ended:
        (tmp_path / "notes").mkdir(exist_ok=True)
        (tmp_path / "rules.toml").write_text(textwrap.dedent(rules))
        texts = rule_texts([tmp_path / "rules.toml"], folder)
        plain = ended(arguments, folder, dict(os.environ), stdin)
        with otel_replay.start_run("program"):
            environment = {
                **otel_replay.child_environment(),
                "PYTHONPATH": str(Path(launching.__file__).parent / "path"),
                "OTEL_REPLAY_HOOKS": Plan(rules=texts, notes=str(tmp_path / "notes")).text(),
            }
            hooked = ended(arguments, folder, environment, stdin)
        assert hooked == plain
        return hooked

    return run


def ended(arguments: Sequence[str], folder: Path, environment: dict[str, str], stdin: str | None) -> Ended:
    """A command of Python, run to its end."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def write(folder: Path, **files: str) -> None:
    """Files of the program."""
    for name, text in files.items():
        path = folder / "program" / (name.replace("__in__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


PROGRAM = """
    import sys, traceback

    def log_decision(action, reason, values=None, cell=None):
        frame = sys._getframe()
        print(action, frame.f_lineno, frame.f_back.f_lineno, sorted(frame.f_locals))

    def tune(x):
        log_decision("CLAMP", "too high", {"before": x, "after": 10})
        traceback.print_stack()
        return 1 / (x - 12)

    if __name__ == "__main__":
        print(sys.argv, __file__, sorted(globals()), __spec__ and __spec__.name)
        tune(13)
        tune(12)
"""
TOOL = '[[tool]]\nfunction = "__main__:tune"\n'


def actions(store: Store) -> list[str]:
    """What was decided in the only run."""
    return [one.action for one in store.run().decisions]


def test_a_script_that_fails(tmp_path: Path, store: Store, twice: Twice) -> None:
    """Its traceback, the stack that it sees, its variables: byte by byte; and the file by a relative path."""
    write(tmp_path, tune=PROGRAM)
    done = twice("tune.py", "a b", rules=TOOL)
    assert (done.code, "ZeroDivisionError" in done.err) == (1, True)
    assert actions(store) == ["CLAMP", "CLAMP"]
    assert [span.status for span in store.run().spans if span.name == "execute_tool tune"] == [
        "unset",
        "error",
    ]


def test_a_module_of_a_package(tmp_path: Path, store: Store, twice: Twice) -> None:
    write(tmp_path, pkg__in____init__="", pkg__in__tune=PROGRAM)
    twice("-m", "pkg.tune", rules='[[tool]]\nfunction = "pkg.tune:tune"\n')
    assert actions(store) == ["CLAMP", "CLAMP"]
    assert any(span.name == "execute_tool tune" for span in store.run().spans)


def test_a_command_in_the_command_line(store: Store, twice: Twice) -> None:
    done = twice("-c", textwrap.dedent(PROGRAM).replace("__file__", "1"), rules=TOOL)
    assert done.code == 1
    assert actions(store) == ["CLAMP", "CLAMP"]


def test_an_imported_module(tmp_path: Path, store: Store, twice: Twice) -> None:
    write(tmp_path, log=PROGRAM, main="from log import tune\ntune(1)\nimport log\nlog.tune(12)\n")
    twice("main.py", rules='[[task]]\nfunction = "lo*:tune"\n')
    assert actions(store) == ["CLAMP", "CLAMP"]


def test_a_program_in_a_zip_file(tmp_path: Path, store: Store, twice: Twice) -> None:
    with zipfile.ZipFile(tmp_path / "program" / "app.zip", "w") as archive:
        archive.writestr("__main__.py", "import log\nlog.tune(3)\n")
        archive.writestr("log.py", textwrap.dedent(PROGRAM))
    twice("app.zip")
    assert actions(store) == ["CLAMP"]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("sys.exit(7)", 7),
        ("sys.exit('a text')", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(9)", -2),
        ("import atexit; atexit.register(print, 'last'); raise KeyError('x')", 1),
        ("sys.excepthook = lambda *error: print('hook', error[0]); raise KeyError('x')", 1),
        ("import os; os._exit(4)", 4),
    ],
)
def test_a_program_ends_as_it_would(tmp_path: Path, store: Store, twice: Twice, end: str, code: int) -> None:
    program = f"""
        import sys
        def log_decision(action, reason, values=None, cell=None): pass
        log_decision("END", "of it")
        {end}
    """
    write(tmp_path, main=program)
    assert twice("main.py").code == code
    assert actions(store) == ["END"]


def test_what_stays_open_for_questions(tmp_path: Path, store: Store, twice: Twice) -> None:
    """`python -i` runs the program, and then what it is told."""
    write(tmp_path, main=FAILING)
    done = twice(
        "-i", "main.py", stdin="log_decision('ASKED', 'by hand')\nimport sys\nprint(sys.last_value)\n"
    )
    assert "division by zero" in done.out
    assert actions(store) == ["FAIL", "ASKED"]


FAILING = """
    def log_decision(action, reason, values=None, cell=None):
        pass
    log_decision("FAIL", "now")
    1 / 0
"""


def test_processes_that_multiprocessing_spawns(tmp_path: Path, store: Store, twice: Twice) -> None:
    """Each imports the script again, under another name."""
    program = """
        import multiprocessing

        def log_decision(action, reason, values=None, cell=None):
            return action

        def work(number):
            return log_decision(f"WORK_{number}", "in a child")

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [1, 2]))
            print(log_decision("END", "here"))
    """
    write(tmp_path, main=program)
    twice("main.py", rules='[[tool]]\nfunction = "__main__:work"\n')
    assert sorted(actions(store)) == ["END", "WORK_1", "WORK_2"]
    assert [span.name for span in store.run().spans].count("execute_tool work") == 2


def test_a_program_that_comes_through_a_pipe_has_no_source(
    tmp_path: Path, store: Store, twice: Twice
) -> None:
    """It is read once, by the interpreter: it runs as it is, and that is told."""
    done = twice("-", stdin=textwrap.dedent(FAILING))
    assert done.code == 1
    assert actions(store) == []
    assert [(one.what, one.text) for one in notes(tmp_path / "notes")] == [
        ("problem", "its source is not there")
    ]


def test_a_debugger_sees_no_line_more(tmp_path: Path, twice: Twice) -> None:
    """Of the program's own file: lines in their order, calls and returns."""
    program = """
        import sys

        def log_decision(action, reason, values=None, cell=None):
            "With a text."
            line = action
            for number in range(2):
                line += str(number)
            return line

        def seen(frame, event, value):
            if frame.f_code.co_filename == __file__:
                print(frame.f_code.co_name, event, frame.f_lineno)
                return seen

        sys.settrace(seen)
        log_decision("A", "b")
        sys.settrace(None)
    """
    write(tmp_path, main=program)
    assert twice("main.py").out.count("log_decision") > 8


def test_doctests_and_compile_warnings_are_as_before(tmp_path: Path, store: Store, twice: Twice) -> None:
    program = r'''
        import doctest, warnings

        def log_decision(action, reason, values=None, cell=None):
            """
            >>> log_decision("DOC", "test")
            'DOC'
            """
            pattern = "\d"
            return action if action is not "x" else pattern

        for _ in range(2):
            warnings.warn("once")
        print(doctest.testmod())
    '''
    write(tmp_path, main=program)
    done = twice("-W", "default", "main.py")
    assert ("attempted=1" in done.out, done.err.count("invalid escape")) == (True, 1)
    assert actions(store) == ["DOC"]
