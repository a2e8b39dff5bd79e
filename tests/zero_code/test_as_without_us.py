"""What a program finds, prints and leaves is byte by byte what it would be without us."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.zero_code.conftest import PYTHON, Recorded

PROBE = """
import os, signal, sys, threading
print(sys.argv, getattr(sys, "orig_argv", None), __name__, globals().get("__file__"), sys.flags)
print(sys.path, [str(one).split(" at 0x")[0] for one in (*sys.meta_path, *sys.path_hooks)])
print(os.getcwd(), sys.stdin.read(), [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)])
names = "SIGINT SIGTERM SIGHUP SIGPIPE SIGXFSZ SIGCHLD SIGTSTP SIGQUIT".split()
print([(name, signal.getsignal(getattr(signal, name))) for name in names])
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), threading.active_count(), os.umask(0o22))
print("sitecustomize" in sys.modules, sorted(os.listdir("/proc/self/fd")), sys.gettrace(), sys.getprofile())
print(int(open("/proc/self/status").read().split("SigIgn:")[1].split()[0], 16) % 2**31)
print(os.getpgid(0) == os.getpgid(os.getppid()))
def inner():
    raise ValueError("as without us")
try:
    inner()
except ValueError:
    import traceback
    traceback.print_exc()
import json.decoder
json.decoder.JSONDecoder().decode("{")
"""

FORMS = {
    "script": (PYTHON, "program.py", "a b", "--name", "x"),
    "module": (PYTHON, "-m", "program", "--run-id", "y"),
    "package": (PYTHON, "-m", "package", "z"),
    "command": (PYTHON, "-c", PROBE, "-v"),
    "flags": (PYTHON, "-O", "-B", "-X", "utf8", "-W", "error", "program.py"),
    "safe path": ("env", "PYTHONSAFEPATH=1", PYTHON, "program.py"),
    "isolated": (PYTHON, "-I", "program.py"),
    "no environment": (PYTHON, "-E", "program.py"),
    "shell": ("sh", "-c", f"cd . && {PYTHON} program.py; echo $?"),
    "executable here": ("./program.py", "1"),
    "nothing known of it": ("sh", "-c", "cat; echo out; echo err >&2; exit 7"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_program_finds_what_it_would_find_without_us(recorded: Recorded, form: str) -> None:
    """Arguments, paths, flags, streams, signals, tracebacks and the exit code, however it is started."""
    recorded.script(f"#!{PYTHON}\n{PROBE}")
    (recorded.folder / "program.py").chmod(0o755)
    (recorded.folder / "package").mkdir()
    recorded.script(PROBE, "package/__main__.py")
    command = FORMS[form]
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    with (recorded.folder / "program.py").open() as stream:
        plain = recorded.plain(*command, env=env, stdin=stream)
    with (recorded.folder / "program.py").open() as stream:
        done = recorded.run(*command, env=env, stdin=stream)
    assert done.stdout == plain.stdout
    assert (done.stderr, done.returncode) == (plain.stderr, plain.returncode)
    assert len(list((recorded.store / "runs").iterdir())) == 1


SITE = """
import sys
print("own sitecustomize", __name__, __file__ == sys.modules["sitecustomize"].__file__, __spec__.name)
"""


@pytest.mark.parametrize("own", [SITE, "raise RuntimeError('own')", "import no_such_module"])
def test_a_sitecustomize_of_the_program_s_own_is_imported_as_without_us(recorded: Recorded, own: str) -> None:
    """Also one that fails: what Python says of it is the same."""
    recorded.script(own, "sitecustomize.py")
    env = {"PYTHONPATH": str(recorded.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = (PYTHON, "-c", "import sys; print(sys.path, 'sitecustomize' in sys.modules)")
    plain, done = recorded.plain(*command, env=env), recorded.run(*command, env=env)
    assert (done.stdout, done.returncode) == (plain.stdout, plain.returncode)
    assert done.stderr == plain.stderr


def test_a_program_on_a_terminal_is_on_a_terminal(recorded: Recorded) -> None:
    """And gets the keys that are typed; the run is told in one line at the end."""
    import os
    import pty

    recorded.script("import os; print([os.isatty(fd) for fd in (0, 1, 2)], os.ttyname(1), input('? '))")
    for options in ((), ("--capture",)):
        master, slave = pty.openpty()
        name = os.ttyname(slave)
        process = recorded.start(
            PYTHON, "program.py", options=options, stdin=slave, stdout=slave, stderr=slave, text=False
        )
        os.close(slave)
        os.write(master, b"typed\n")
        said = b""
        try:
            while data := os.read(master, 4096):
                said += data
        except OSError:
            pass  # nobody has the terminal any more
        os.close(master)
        assert process.wait(timeout=60) == 0
        assert b"[True, True, True]" in said
        assert (name.encode() in said) == (not options)
        assert said.count(b"typed") == 2
        assert b"recorded " in said
        assert b"otel-replay show latest" in said


@pytest.mark.parametrize("code", ["raise SystemExit('text')", "import os; os._exit(9)", "1/0", "exit(0)"])
def test_exit_codes_are_the_program_s(recorded: Recorded, code: str) -> None:
    """However it leaves."""
    plain, done = recorded.plain(PYTHON, "-c", code), recorded.run(PYTHON, "-c", code)
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert recorded.files().header.status == ("error" if done.returncode else "ok")
    assert recorded.attributes()["process.exit.code"] == done.returncode


def test_with_recording_off_the_command_is_simply_executed(recorded: Recorded) -> None:
    """It takes our place: there is no process between, no store, and nothing in its environment."""
    recorded.script("import os, sys; print(os.getpid(), sorted(os.environ))")
    with recorded.start(PYTHON, "program.py", env={"OTEL_REPLAY_DISABLED": "true"}) as process:
        out, _ = process.communicate(timeout=60)
    assert out.split()[0] == str(process.pid)
    assert "OTEL_REPLAY_HOOKS" not in out
    assert not recorded.store.exists()


def test_the_same_files_are_written(recorded: Recorded) -> None:
    """An unmodified tuner of the examples leaves what it leaves without us."""
    example = Path(__file__).parents[2] / "examples" / "unmodified_tuner"
    outputs = []
    for run, place in ((recorded.plain, "plain"), (recorded.run, "recorded")):
        folder = recorded.folder / place
        folder.mkdir()
        done = run(PYTHON, str(example / "tune.py"), "--generate", "--no-times", "--outdir", place)
        assert done.returncode == 0, done.stderr
        outputs.append({one.name: one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()})
    assert outputs[0] == outputs[1]
    assert outputs[0]
    assert len(recorded.decisions()) > 100
