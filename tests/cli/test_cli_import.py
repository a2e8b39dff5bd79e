"""`import`: what it says, and its exit codes."""

from __future__ import annotations

from pathlib import Path

REAL = Path(__file__).parent.parent / "corpus" / "session_replay-1.0" / "real.json"
RUN = "2025-12-15T17-28-01Z-e46826"


def test_an_imported_file_is_a_run_like_any_other(call) -> None:
    """Listed, shown, summed up, viewed and dumped."""
    done = call("import", str(REAL))
    assert (done.code, done.lines) == (0, [f"{RUN}  1 span, 119 decisions, from {REAL}"])
    assert RUN in call("list").out
    assert "98" in call("summary", RUN).out
    assert "RPM" not in call("view", RUN, "--limit", "1").out
    assert call("dump", RUN).raw == REAL.read_bytes()


def test_a_file_that_is_there_already_is_told_so(call) -> None:
    """And that is no error: the store is as one wanted it."""
    call("import", str(REAL))
    done = call("import", str(REAL), "--json")
    assert done.code == 0
    (run,) = done.json["runs"]
    assert (run["run_id"], run["imported"], run["counts"]["decisions"]) == (RUN, False, 119)
    assert len(call("list", "--json").json["runs"]) == 1


def test_damage_is_named_and_exits_with_1(call, tmp_path: Path) -> None:
    """What could be read is in the store."""
    call("import", str(REAL))
    lines = call("dump", RUN, "--format", "otlp").raw
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines + b"{torn\n")
    other = call("import", str(path), "--run-id", "copy")
    assert other.code == 1
    assert "not imported: " in other.err
    assert "2: " in other.err
    assert call("summary", "copy", "--json").json["run_id"] == "copy"


def test_what_is_in_the_store_is_told_before_the_next_file_fails(call, tmp_path: Path) -> None:
    """Nobody has to look what happened."""
    empty = tmp_path / "empty.json"
    empty.write_text("")
    done = call("import", str(REAL), str(empty))
    assert done.code == 2
    assert done.lines == [f"{RUN}  1 span, 119 decisions, from {REAL}"]


def test_what_cannot_be_asked_for(call, tmp_path: Path) -> None:
    """Each with what to do."""
    assert call("import").code == 2
    assert "there is no format" in call("import", str(REAL), "--format", "xml").err
    assert "one file" in call("import", str(REAL), str(REAL), "--run-id", "a").err
    assert "No such file" in call("import", str(tmp_path / "none.json")).err
    empty = tmp_path / "empty.json"
    empty.write_text("")
    done = call("import", str(empty))
    assert (done.code, done.out) == (2, "")
    assert "session_replay.json" in done.err
