"""`otel-replay view`."""

import json
import signal
import subprocess
import sys

import pytest
from analysis.story import Story

from otel_replay.cli.terminal import width


def test_piped_output_has_one_decision_a_line_so_that_grep_works(call, keep, tuning):
    keep(tuning)
    result = call("view", "latest")
    assert result.code == 0
    assert len(result.lines) == 12
    assert "AFR_CORRECTION  rpm=1500 kpa=65 cylinder=f  afr_error_pct=0.0 weight=73.3" in result.lines[0]
    assert result.lines[0].endswith("Accepted AFR error sample")


def test_on_a_terminal_a_decision_has_room(call, keep, tuning):
    keep(tuning)
    lines = call("view", "latest", "--limit", "1", columns=80).plain
    assert len(lines) == 3
    assert lines[0].split()[:3] == ["1", "AFR_CORRECTION", "rpm=1500"]
    assert lines[1].strip() == "Accepted AFR error sample"
    assert lines[2].strip() == "afr_error_pct=0.0 weight=73.3"


@pytest.mark.parametrize(("flag", "lines"), [("--one-line", 1), ("--full", 3)])
@pytest.mark.parametrize("columns", [None, 80])
def test_either_form_can_be_asked_for(call, keep, tuning, flag, lines, columns):
    keep(tuning)
    assert len(call("view", "latest", "--limit", "1", flag, columns=columns).lines) == lines


def test_actions_and_cells_as_the_seed_s_viewer_took_them(call, keep, tuning):
    keep(tuning)
    assert len(call("view", "latest", "--action", "CLAMPING").lines) == 4
    assert len(call("view", "latest", "--action", "clamping_applied").lines) == 3
    assert len(call("view", "latest", "--action", "CLAMPING", "--cell", "rpm=3500").lines) == 3
    assert len(call("view", "latest", "-a", "CLAMPING", "-c", "rpm=3500.0", "-c", "kpa=95").lines) == 1
    assert len(call("view", "latest", "--reason", "accepted").lines) == 8


def test_decisions_keep_their_number_in_the_run(call, keep, tuning):
    keep(tuning)
    result = call("view", "latest", "--action", "CLAMPING_START", columns=80)
    assert result.plain[0].split()[0] == "9"


def test_first_and_last(call, keep, tuning):
    keep(tuning)
    everything = call("view", "latest").lines
    assert call("view", "latest", "--limit", "2").lines == everything[:2]
    assert call("view", "latest", "--tail", "2").lines == everything[-2:]
    assert call("view", "latest", "--tail", "0").lines == []


def test_a_stretch_of_time(call, keep, tuning):
    keep(tuning)
    everything = call("view", "latest").lines
    assert call("view", "latest", "--since", "9ms").lines == everything[6:]
    assert call("view", "latest", "--until", "4ms").lines == everything[:2]


def test_nothing_that_fits_is_no_error_and_says_what_there_is(call, keep, tuning):
    keep(tuning)
    result = call("view", "latest", "--action", "NOWHERE")
    assert (result.code, result.out) == (0, "")
    assert "None of 12 decisions fits" in result.err
    assert "--summary-only" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--limit", "1", "--tail", "1"],
        ["--follow", "--json"],
        ["--follow", "--limit", "1"],
        ["--cell", "rpm"],
        ["--since", "soon"],
        ["--limit", "-1"],
    ],
)
def test_what_makes_no_sense_is_refused(call, keep, tuning, arguments):
    keep(tuning)
    result = call("view", "latest", *arguments)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert result.out == ""


def test_only_the_counts(call, keep, tuning):
    keep(tuning)
    result = call("view", "latest", "--summary-only", "--action", "CLAMPING")
    assert "4 decisions" in result.lines[0]
    assert [line.split()[:2] for line in result.lines[1:]] == [
        ["CLAMPING_APPLIED", "3"],
        ["CLAMPING_START", "1"],
    ]
    document = call("view", "latest", "--summary-only", "--json").json
    assert document["actions"] == {"AFR_CORRECTION": 8, "CLAMPING_APPLIED": 3, "CLAMPING_START": 1}


def test_json_is_one_document(call, keep, tuning):
    keep(tuning)
    decisions = call("view", "latest", "--json", "--action", "CLAMPING_APPLIED").json["decisions"]
    assert [decision["number"] for decision in decisions] == [10, 11, 12]
    assert decisions[0]["values"] == {"before": 12.4, "after": 10.0}
    assert decisions[0]["cell"] == {"rpm": 3500, "kpa": 65}
    assert call("view", "latest", "--json", "--action", "NOWHERE").json["decisions"] == []


def test_values_that_json_does_not_know_are_one_document_too(call, keep):
    story = Story()
    run = story.run()
    story.decide(run, values={"nan": float("nan"), "bytes": b"\x00"})
    keep(story)
    [decision] = call("view", "latest", "--json").json["decisions"]
    assert decision["values"] == {"nan": {"$float": "NaN"}, "bytes": {"$bytes": "AA=="}}


def test_export_writes_a_file_whole(call, keep, tuning, tmp_path):
    keep(tuning)
    target = tmp_path / "log.txt"
    result = call("view", "latest", "--action", "CLAMPING", "--export", str(target))
    assert (result.code, result.out) == (0, "")
    assert target.read_text(encoding="utf-8").count("CLAMPING_APPLIED") == 3
    assert "4 decisions" in result.err
    assert list(tmp_path.glob("*.part")) == []


def test_a_session_replay_file_can_be_viewed_without_a_store(call, keep, tuning, tmp_path):
    directory = keep(tuning)
    result = call("view", str(directory / "session_replay.json"), "--action", "CLAMPING_START")
    assert result.code == 0
    assert "CLAMPING_START" in result.out


def test_a_file_that_is_none_is_told(call, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    result = call("view", str(tmp_path / "x.json"))
    assert result.code == 2
    assert "x.json" in result.err


def test_a_path_to_a_run_s_directory_names_it(call, keep, tuning):
    directory = keep(tuning)
    assert len(call("view", str(directory)).lines) == 12


@pytest.mark.parametrize("columns", [30, 60, 100])
def test_words_are_wrapped_not_cut(call, keep, columns):
    story = Story()
    run = story.run()
    story.decide(run, "A", "word " * 60, values={f"key_{number}": number for number in range(40)})
    keep(story)
    result = call("view", "latest", columns=columns)
    assert max(map(width, result.plain)) <= columns
    assert "".join(result.plain).count("word") == 60
    assert "key_39=39" in result.out


def test_long_values_say_how_long_they_are_unless_all_is_wanted(call, keep):
    story = Story()
    story.decide(story.run(), values={"text": "x" * 500})
    keep(story)
    assert "(500 characters)" in call("view", "latest").out
    assert "x" * 500 in call("view", "latest", "--whole").out


WRITER = """
import sys, otel_replay
with otel_replay.start_run("followed", run_id="followed", store=sys.argv[1]):
    print("ready", flush=True)
    for line in sys.stdin:
        otel_replay.decision("STEP", line.strip())
"""


def test_following_shows_what_is_there_and_then_what_comes_until_the_run_ends(store):
    """A real process writes, another one follows; each side waits for what the other has done."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("before\n")
    writer.stdin.flush()
    follower = subprocess.Popen(
        [sys.executable, "-m", "otel_replay", "--store", str(store.root), "view", "followed", "--follow"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout.readline().strip().endswith("before")
    writer.stdin.write("after\n")
    writer.stdin.flush()
    assert follower.stdout.readline().strip().endswith("after")
    writer.stdin.close()
    assert writer.wait(60) == 0
    assert follower.communicate(timeout=60)[0] == ""
    assert follower.returncode == 0
    writer.stdout.close()


def test_an_interrupt_ends_following_quietly(store):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("one\n")
    writer.stdin.flush()
    follower = subprocess.Popen(
        [sys.executable, "-m", "otel_replay", "--store", str(store.root), "view", "followed", "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    out, err = follower.communicate(timeout=60)
    assert (follower.returncode, out, err) == (130, "", "")
    writer.communicate("", timeout=60)


def test_following_a_run_that_is_over_shows_it_and_ends(call, keep, tuning):
    keep(tuning)
    assert len(call("view", "latest", "--follow").lines) == 12
    assert len(call("view", "latest", "--follow", "--tail", "3").lines) == 3


def test_a_dump_is_what_the_run_s_own_file_says(call, keep, tuning):
    directory = keep(tuning)
    ours = json.loads((directory / "session_replay.json").read_bytes())
    viewed = call("view", str(directory / "session_replay.json"), "--json").json
    assert [one["action"] for one in viewed["decisions"]] == [one["action"] for one in ours["decisions"]]


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        (["afr_error_pct>1.5"], 4),
        (["afr_error_pct>1.5", "afr_error_pct<=2.5"], 2),
        (["afr_error_pct>1.5", "cell.rpm>=4500"], 2),
        (["action~applied", "cell.kpa!=80"], 2),
        (["reason~over"], 3),
        (["nothing=1"], 0),
    ],
)
def test_values_are_asked_for_by_conditions(call, keep, tuning, conditions, count):
    """All of them must hold, and the other options with them."""
    keep(tuning)
    options = [word for text in conditions for word in ("--where", text)]
    assert len(call("view", "latest", "--json", *options).json["decisions"]) == count


def test_a_condition_that_is_none_is_refused(call, keep, tuning):
    """With an example of one."""
    keep(tuning)
    done = call("view", "latest", "--where", "afr")
    assert (done.code, done.out) == (2, "")
    assert "afr_error_pct>5" in done.err


def test_a_file_with_what_json_has_and_we_have_not_is_one_document_all_the_same(call, tmp_path):
    """Integers of more than 64 bits, lone surrogates, NaN: `docs/values.md` says what stands for them."""
    decision = {"timestamp": "2026-01-01T00:00:01.250Z", "action": "A\ud800", "reason": "why"}
    decision |= {"values": {"large": 10**400, "n": float("nan"), "\ud800": "\ud800"}, "cell": {"row": 2**64}}
    body = {"schema_version": "1.0", "run_id": "r", "generated_at": "2026-01-01T00:00:02.000Z"}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(body | {"total_decisions": 1, "decisions": [decision]}))
    shown = call("view", str(path), "--json")
    assert shown.code == 0
    (one,) = shown.json["decisions"]
    assert (one["action"], one["cell"]["row"]) == ("A\\ud800", str(2**64))
    assert call("export", str(path), "--csv", str(tmp_path / "a.csv")).code == 0
