"""Errors, exit codes and pipes: what a shell sees of the command line."""

from __future__ import annotations

import _thread
import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from analysis.story import Story

from otel_replay.cli.commands import COMMANDS
from otel_replay.cli.extras import extra

PYTHON = [sys.executable, "-m", "otel_replay"]


def shell(store, *arguments, **more):
    command = [*PYTHON, "--store", str(store.root), *arguments]
    return subprocess.run(command, **{"capture_output": True, "timeout": 60, **more})


def test_help_names_every_command_with_what_it_does(call):
    result = call("--help", use_store=False)
    assert result.code == 0
    for row in COMMANDS:
        assert re.search(rf"^  {row.name} +{row.does}$", result.out, re.MULTILINE)


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_has_a_help_that_agrees_with_the_table(call, row):
    result = call(row.name, "--help", use_store=False)
    assert result.code == 0
    assert f"otel-replay {row.name}" in result.out
    assert max(map(len, result.lines)) <= 100


def test_help_imports_click_and_nothing_heavy():
    code = (
        "import sys; from otel_replay.cli.main import main; main(['--help']); "
        "print(sorted(name for name in sys.modules if name.split('.')[0] in "
        "{'rich', 'orjson', 'opentelemetry', 'google', 'grpc', 'asyncio', 'ssl', 'difflib'} "
        "or name.startswith(('otel_replay.storage', 'otel_replay.formats', 'otel_replay.analysis', "
        "'otel_replay.settings'))))"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_REPLAY_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=environ
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["list", "show", "summary", "view", "dump", "verify", "recover"])
def test_reading_never_imports_the_sdk(keep, tuning, store, command):
    keep(tuning)
    arguments = ["--store", str(store.root), command, *([] if command == "list" else ["latest"])]
    code = (
        f"import sys; from otel_replay.cli.main import main; code = main({arguments!r}); "
        "assert code == 0; assert not [name for name in sys.modules if name.startswith(('opentelemetry', "
        "'otel_replay.recording', 'otel_replay.otel', 'grpc', 'google'))]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_version(call):
    result = call("--version", use_store=False)
    assert result.code == 0
    assert re.fullmatch(r"otel-replay \d+\.\d+\.\S+\n", result.out)


def test_without_a_command_the_help_is_shown(call):
    result = call(use_store=False)
    assert result.code == 2
    assert "Usage:" in result.out + result.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lst"], "did you mean `list`?"),
        (["nonsense"], "no command `nonsense`"),
        (["show"], "'RUN'"),
        (["list", "--limit", "x"], "--limit"),
        (["list", "--nope"], "--nope"),
        (["show", "latest", "extra"], "extra"),
    ],
)
def test_what_is_typed_wrong_is_told_in_one_line_with_a_hint(call, arguments, told):
    result = call(*arguments, use_store=False)
    assert result.code == 2
    assert result.out == ""
    lines = result.err.splitlines()
    assert lines[0].startswith("error: ")
    assert told in lines[0]
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2


def broken(*_):
    raise KeyError("a bug")


def test_a_bug_is_one_line_and_where_to_report_it(call, monkeypatch):
    monkeypatch.setattr("otel_replay.storage.store.Store.runs", broken)
    result = call("list")
    assert result.code == 2
    assert "KeyError: 'a bug'" in result.err
    assert "report" in result.err
    assert "Traceback" not in result.err


def test_a_bug_shows_its_traceback_to_those_who_ask(call, monkeypatch):
    monkeypatch.setattr("otel_replay.storage.store.Store.runs", broken)
    monkeypatch.setenv("OTEL_REPLAY_DEBUG", "1")
    with pytest.raises(KeyError, match="a bug"):
        call("list")


def test_an_interrupt_is_130_and_silent(call, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("otel_replay.storage.store.Store.runs", interrupted)
    result = call("list")
    assert (result.code, result.out, result.err) == (130, "", "")


@pytest.mark.parametrize(
    ("place", "command"),
    [
        ("otel_replay.cli.main", ["list"]),
        ("otel_replay.zero_code.asked", ["run", "--", "true"]),
        ("otel_replay.zero_code.launching", ["run", "--", "true"]),
    ],
)
def test_an_interrupt_is_130_and_silent_while_the_command_is_still_being_loaded(store, place, command):
    interrupting = (
        "import sys\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {place!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "from otel_replay.cli.start import main\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", interrupting, *command], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize(
    "come",
    [lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT), _thread.interrupt_main],
    ids=["taken here", "taken by another thread"],
)
def test_an_interrupt_waits_until_packages_of_others_are_imported(come):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []

    def importing():
        with extra("sql", "query"):
            come()
            done.append("imported")

    try:
        with pytest.raises(KeyboardInterrupt):
            importing()
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["imported"]


@pytest.mark.parametrize("handler", [signal.SIG_IGN, None], ids=["ignored", "of the program"])
def test_an_interrupt_in_that_time_goes_to_who_took_it_before(handler):
    came = []
    handler = handler or (lambda *_: came.append(done[:]))
    before = signal.signal(signal.SIGINT, handler)
    done = []
    try:
        with extra("sql", "query"):
            _thread.interrupt_main()
            done.append("imported")
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == ([["imported"]] if callable(handler) else [])


@pytest.mark.parametrize(
    "command",
    [
        ["view", "latest"],
        ["dump", "latest"],
        ["dump", "latest", "--format", "csv"],
        ["view", "latest", "--json"],
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_ends_the_command_quietly(keep, store, command, unbuffered):
    story = Story()
    run = story.run()
    for _ in range(5_000):
        story.decide(run, "ACTION", "a reason that fills the pipe " * 3)
    keep(story)
    process = subprocess.Popen(
        [*PYTHON, "--store", str(store.root), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_to_a_full_disk_is_an_error(keep, store, tuning, unbuffered):
    if not os.path.exists("/dev/full"):
        pytest.fail("this test needs /dev/full, as Linux has it")
    keep(tuning)
    with open("/dev/full", "wb") as full:
        environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = shell(store, "list", capture_output=False, stdout=full, stderr=subprocess.PIPE, env=environ)
    assert done.returncode == 2
    assert b"there is no room left" in done.stderr
    assert b"should not" not in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_terminal_will_do(keep, store, tuning, encoding):
    keep(tuning, name="Prüfstand 日本")
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    for command in (["list"], ["show", "latest"], ["summary", "latest"], ["list", "--json"]):
        done = shell(store, *command, env=environ)
        assert done.returncode == 0, done.stderr
        assert b"Pr" in done.stdout


def test_json_is_utf_8_whatever_the_terminal_is(keep, store, tuning):
    keep(tuning, name="日本")
    done = shell(store, "list", "--json", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert json.loads(done.stdout.decode("utf-8"))["runs"][0]["name"] == "日本"


def test_no_colours_in_a_pipe(keep, store, tuning):
    keep(tuning)
    done = shell(store, "show", "latest")
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts_are_those_of_the_shell(call, name):
    result = call("completion", name, use_store=False)
    assert result.code == 0
    assert "_OTEL_REPLAY_COMPLETE" in result.out
    assert f"{name}_complete" in result.out


def completions(store, *words):
    environ = {
        **os.environ,
        "_OTEL_REPLAY_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["otel-replay", *words]),
        "COMP_CWORD": str(len(words)),
        "OTEL_REPLAY_STORE": str(store.root),
    }
    done = subprocess.run(PYTHON, capture_output=True, text=True, env=environ, timeout=60)
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_the_shell_completes_commands_options_and_run_ids(keep, store, tuning):
    keep(tuning)
    assert completions(store, "s") == ["show", "summary", "stats", "serve", "send"]
    assert "--action" in completions(store, "view", "--a")
    assert completions(store, "show", "2026") == [tuning.run_id]
    assert completions(store, "show", "la") == ["latest"]
    assert completions(store, "dump", "--run-id", "2026") == [tuning.run_id]


def test_completion_in_no_store_is_silent(store, tmp_path):
    class Nowhere:
        root = tmp_path / "nowhere"

    assert completions(Nowhere, "show", "x") == []


def test_a_misspelt_variable_is_told_on_stderr_with_the_name_that_was_meant(store, keep, tuning, monkeypatch):
    keep(tuning)
    monkeypatch.setenv("OTEL_REPLAY_STROE", "elsewhere")
    monkeypatch.setenv("OTEL_REPLAY_JAEGER_KEEP", "1")
    done = shell(store, "list", "--json", text=True)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["runs"]) == 1
    assert done.stderr.splitlines() == [
        "warning: OTEL_REPLAY_STROE is none of our variables, and does nothing: "
        "did you mean OTEL_REPLAY_STORE?"
    ]


def test_json_holds_nothing_that_a_terminal_would_act_upon(call, keep):
    """C1 controls and directions of text are JSON as they stand, and stand as their escapes."""
    story = Story()
    reason = "\x7f\x9b31m \u202e \u2028 \u2066 λ “”"
    story.decide(story.run(), reason=reason)
    keep(story)
    shown = call("view", "latest", "--json")
    assert shown.json["decisions"][0]["reason"] == reason
    assert not set(shown.raw.decode()) & set("\x7f\x9b\u202e\u2028\u2066")
    assert "λ “”" in shown.raw.decode()
