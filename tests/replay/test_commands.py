"""`replay` runs a real program with its calls answered from a run; `trace` prints an agent loop's events."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

import otel_replay
from otel_replay.cli.main import main
from tests.replay import loop

PROGRAM = """
import os
import sys
import otel_replay

question, made = sys.argv[1], sys.argv[2]


@otel_replay.generation("gpt-x")
def ask(messages):
    with open(made, "a") as log:
        log.write("ask ")
    return [{"role": "assistant", "content": f"about {len(messages)}"}]


@otel_replay.tool
def look_up(key):
    with open(made, "a") as log:
        log.write("look_up ")
    return {"pid": os.getpid()}


with otel_replay.start_run("program"):
    messages = [{"role": "user", "content": question}]
    messages += ask(messages)
    found = look_up("cell")
    messages += [{"role": "tool", "content": str(found["pid"])}]
    print(ask(messages)[0]["content"], found["pid"])
    if question == "leave early":
        sys.exit(7)
"""


@pytest.fixture
def program(tmp_path, store):
    """Runs the program, below `otel-replay replay` or alone; gives what it printed and the calls it made."""
    path, log = tmp_path / "loop.py", tmp_path / "made.txt"
    path.write_text(textwrap.dedent(PROGRAM))

    def run(question="How rich?", *options, under=(), expect=0):
        log.write_text("")
        command = [sys.executable, str(path), question, str(log)]
        if under:
            command = [sys.executable, "-m", "otel_replay", *under, *options, "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
        assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done, log.read_text().split()

    return run


def test_a_program_is_replayed_without_a_change_to_it(program, store):
    first, made = program()
    assert made == ["ask", "look_up", "ask"]
    (run,) = store.runs()
    again, made = program(under=("replay", run.files.run_id))
    assert made == []
    assert again.stdout == first.stdout
    assert "✓ 3 of 3 recorded calls answered" in again.stderr


def test_a_divergence_ends_with_1_and_the_report(program, store):
    program()
    done, made = program("How lean?", under=("replay", "latest"), expect=1)
    assert made == []
    assert "✗ 0 of 3 recorded calls answered, 1 not as recorded" in done.stderr
    assert 'recorded  "How rich?"' in done.stderr
    assert "at loop.py:" in done.stderr


def test_json_is_one_document_and_the_programs_own_words_go_elsewhere(program, store):
    first, _ = program()
    done, _ = program("How rich?", "--json", under=("replay", "latest"))
    report = json.loads(done.stdout)
    assert (report["ok"], report["answered"], report["exit_code"]) == (True, 3, 0)
    assert first.stdout in done.stderr
    done, _ = program("How lean?", "--json", under=("replay", "latest"), expect=1)


def test_the_programs_own_exit_code_is_passed_on(program, store):
    program("leave early", expect=7)
    program("leave early", under=("replay", "latest"), expect=7)


def test_options_go_along_to_the_program(program, store):
    program()
    (run,) = store.runs()
    name = run.files.run_id
    under = ("replay", name)
    program("How lean?", "--ignore", "input_messages.messages[0].content", under=under)
    done, made = program("How rich?", "--live", "look_up", "--match", "ordered", under=under, expect=1)
    assert made == ["look_up"]
    assert "made and not as recorded: step 2" in done.stderr
    _, made = program("How rich?", "--until", "1", under=under)
    assert made == ["look_up", "ask"]


def test_a_program_that_asks_for_nothing_is_told(program, store):
    program()
    done = subprocess.run(
        [sys.executable, "-m", "otel_replay", "replay", "latest", "--", sys.executable, "-c", "print(1)"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "it made no call that otel-replay could answer" in done.stderr


PROCESSES = """
import multiprocessing
import sys
import otel_replay


@otel_replay.tool
def work(item):
    assert len(sys.argv) < 2, "made"
    return item * 2


if __name__ == "__main__":
    with otel_replay.start_run("processes"):
        print(work(0))
        with multiprocessing.get_context(METHOD).Pool(2) as pool:
            print(pool.map(work, range(1, 9)))
            pool.close()
            pool.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_processes_of_a_program_are_answered_and_their_reports_are_one(store, tmp_path, python, method):
    program = PROCESSES.replace("METHOD", repr(method))
    first = python(program)
    (run,) = store.runs()
    command = ["replay", run.files.run_id, "--", sys.executable, str(tmp_path / "program.py"), "again"]
    done = subprocess.run(
        [sys.executable, "-m", "otel_replay", *command],
        capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, first.stdout), done.stderr
    assert "9 of 9 recorded calls answered by" in done.stderr


def test_what_cannot_be_started_or_replayed_is_could_not(store, capsys):
    with otel_replay.start_run("small", run_id="small"):
        loop.look_up("a")
    assert main(["replay", "small", "--", "no-such-program-anywhere"]) == 2
    assert "cannot be started" in capsys.readouterr().err
    assert main(["replay", "nothing"]) == 2
    assert main(["replay", "small", "--until", "9"]) == 2
    assert main(["replay", "small", "--ignore", "a..b"]) == 2


def test_without_a_program_it_lists_the_calls(store, capsys):
    with otel_replay.start_run("small", run_id="small"):
        with otel_replay.task("smooth"), pytest.raises(KeyError):
            loop.look_up("nowhere")
        loop.look_up("a")
    assert main(["replay", "small"]) == 0
    out, err = capsys.readouterr()
    assert "1  tool call look_up  failed KeyError" in out
    assert "in task smooth" in out
    assert "2 calls in small" in err
    assert main(["replay", "small", "--json"]) == 0
    assert [call["outcome"] for call in json.loads(capsys.readouterr().out)["calls"]] == [
        "failed",
        "answered",
    ]


def test_a_run_alone_in_the_environment_will_do(program, store, monkeypatch):
    program()
    (run,) = store.runs()
    monkeypatch.setenv("OTEL_REPLAY_REPLAY", run.files.run_id)
    _, made = program()
    assert made == []


@pytest.mark.parametrize("nonsense", ["{not a plan", "latest", "no-such-run"])
def test_an_environment_that_makes_no_sense_lets_no_call_through(program, store, monkeypatch, nonsense):
    program()
    monkeypatch.setenv("OTEL_REPLAY_REPLAY", nonsense)
    done, made = program(expect=1)
    assert "UsageError" in done.stderr
    assert made == []


LOG = """\
{"kind":"start","ts_ms":1000,"source":"Startup"}
{"kind":"heartbeat","ts_ms":1001,"iter":0}
{"kind":"pre_model","ts_ms":1002,"history_len":1,"tools_count":3}
{"kind":"post_model","ts_ms":1100,"output":{"text":"hi","tool_calls":[],\
"usage":{"input_tokens":5,"output_tokens":2},"stop_reason":"end-turn"}}
{"kind":"end","ts_ms":1110}
"""


def test_trace_prints_events_with_their_times_and_the_summary(tmp_path, capsys):
    path = tmp_path / "session.jsonl"
    path.write_text(LOG)
    assert main(["trace", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:5] == [
        "       0 ms  session start (Startup)",
        "       1 ms  iter 0",
        "       2 ms  → model (history=1, tools=3)",
        '     100 ms  ← model: "hi" [5/2 tok]',
        "     110 ms  session end",
    ]
    assert "  tokens:        5 in / 2 out" in out
    assert err == ""
    assert main(["trace", str(path), "--summary"]) == 0
    assert "session start" not in capsys.readouterr().out


def test_trace_names_damaged_lines_and_exits_with_1(tmp_path, capsys):
    path = tmp_path / "session.jsonl"
    path.write_text(LOG + "{this is not valid json\n")
    assert main(["trace", str(path)]) == 1
    assert "line 6 is damaged and was skipped" in capsys.readouterr().err
    assert main(["trace", str(path), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["stats"]["duration_ms"] == 110
    assert [line["number"] for line in document["skipped"]] == [6]


def test_trace_shows_a_run_as_a_session(store, capsys):
    with otel_replay.start_run("small", run_id="small") as run:
        run.heartbeat(iter=0)
        with run.generation("gpt-x", input_messages=[1, 2], tool_definitions=["t"]) as generation:
            generation.output([{"role": "assistant", "parts": [{"type": "text", "content": "ho"}]}])
        with pytest.raises(KeyError):
            loop.look_up("nowhere")
    assert main(["trace", "small"]) == 0
    lines = [line[13:] for line in capsys.readouterr().out.splitlines()]
    assert lines[1:4] == ["iter 0", "→ model (history=2, tools=1)", '← model: "ho" [0/0 tok]']
    assert lines[4] == '  → tool look_up args={"key":"nowhere"}'
    assert lines[5].endswith("ok=false")


def test_a_session_log_is_replayed_in_order_where_it_does_not_say_what_was_asked(tmp_path, capsys):
    path = tmp_path / "session.jsonl"
    path.write_text(LOG)
    assert main(["replay", str(path)]) == 2
    assert "without what they ask for" in capsys.readouterr().err
    program = tmp_path / "ask.py"
    program.write_text(
        "import otel_replay\n"
        "@otel_replay.generation('gpt-x')\n"
        "def ask(text):\n"
        "    raise SystemExit('it was made')\n"
        "print(ask('anything')[0]['parts'][0]['content'])\n"
    )
    command = ["replay", str(path), "--match", "ordered", "--", sys.executable, str(program)]
    done = subprocess.run(
        [sys.executable, "-m", "otel_replay", *command],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "hi\n")
    assert "1 of 1 recorded calls answered" in done.stderr
