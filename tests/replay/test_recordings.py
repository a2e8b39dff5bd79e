"""What a recording must be to be replayed: whole lines, known ends; and what is told of one that is not."""

from __future__ import annotations

import pytest

import otel_replay
from otel_replay.errors import FormatError, OtelReplayError, UsageError
from otel_replay.replay.recorded import Recording
from tests.replay.loop import answer, look_up, made

KILLED = """
import os
import otel_replay


@otel_replay.tool
def look_up(key):
    if key == "last":
        os._exit(9)
    return key


with otel_replay.start_run("killed", run_id="killed"):
    look_up("first")
    look_up("last")
"""


def journal(store, run_id="agent"):
    """The only journal of a run."""
    (path,) = store.run(run_id).files.journals()
    return path


def test_a_damaged_line_is_named_and_refused(recorded, store):
    path = journal(store)
    lines = path.read_bytes().split(b"\n")
    place = next(number for number, line in enumerate(lines) if b"execute_tool look_up" in line)
    path.write_bytes(b"\n".join([*lines[:place], lines[place][:40], *lines[place + 1 :]]))
    with pytest.raises(FormatError, match=rf"line {place + 1} of journal/\S+ is damaged"):
        otel_replay.replay_run("agent")


def test_a_damaged_line_may_be_skipped_and_then_shifts_nothing(recorded, store):
    path = journal(store)
    lines = path.read_bytes().split(b"\n")
    place = next(number for number, line in enumerate(lines) if b"execute_tool look_up" in line)
    path.write_bytes(b"\n".join([*lines[:place], lines[place][:40], *lines[place + 1 :]]))
    with pytest.raises(otel_replay.ReplayDivergence) as caught:
        with otel_replay.replay_run("agent", damaged="skip"):
            answer()
    first = caught.value.first
    assert (first.kind, first.name) == ("tool call", "look_up")
    assert f"line {place + 1} of journal/" in first.cause.text


def test_a_torn_last_line_costs_what_stood_in_it_and_no_more(recorded, store):
    path = journal(store)
    data = path.read_bytes().rstrip(b"\0")
    path.write_bytes(data[:-20])
    with otel_replay.replay_run("agent") as replay:
        assert answer() == recorded
    assert replay.report.ok
    assert "is torn" in replay.report.recording.notes[0]


def test_a_killed_run_is_replayed_to_the_call_that_killed_it(store, python):
    python(KILLED, expect=9)
    with pytest.raises(otel_replay.ReplayDivergence, match="the recording ends inside of it") as caught:
        with otel_replay.replay_run("killed"):
            assert look_up("first") == "first"
            look_up("last")
    assert "until=1" in caught.value.hint
    with otel_replay.replay_run("killed", until=1):
        look_up("first")
        assert look_up("last") == {"key": "last", "value": 1}
    assert made == {"look_up": 1}


def test_a_call_that_a_person_interrupted_has_no_answer(store):
    def interrupted():
        raise KeyboardInterrupt

    tool = otel_replay.tool("stop")(interrupted)
    with pytest.raises(KeyboardInterrupt), otel_replay.start_run("stopped", run_id="stopped"):
        tool()
    with pytest.raises(otel_replay.ReplayDivergence, match="the recording ends inside"):
        with otel_replay.replay_run("stopped"):
            tool()


def test_a_run_is_named_by_a_prefix_by_latest_or_by_its_directory(recorded, store):
    for name in ("age", "latest", store.run("agent").files.directory):
        assert len(otel_replay.replay_run(name).recording.calls) == 8


def test_a_blob_that_is_damaged_is_told_when_its_call_is_asked_for(store):
    @otel_replay.tool
    def read():
        return "word " * 40_000

    with otel_replay.start_run("large", run_id="large"):
        read()
    blobs = store.run("large").files.directory / "blobs"
    for path in blobs.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"word word", b"word wort", 1))
    with pytest.raises(OtelReplayError, match="are not those that were stored"):
        with otel_replay.replay_run("large"):
            read()


def test_a_recording_without_what_was_asked_can_only_be_answered_in_order(store):
    with otel_replay.start_run("agent", run_id="agent"):
        look_up("a")
        look_up("b")
    calls = otel_replay.replay_run("agent").recording.calls
    from dataclasses import replace

    for call in calls:
        call.request = replace(call.request, key=b"", fields={})
    recording = Recording(run_id="unknown", calls=calls)
    with pytest.raises(UsageError, match="without what they ask for"):
        otel_replay.replay_run(recording)
    with otel_replay.replay_run(recording, match="ordered") as replay:
        assert look_up("whatever")["key"] == "a"
        assert look_up("it is")["key"] == "b"
    assert replay.report.ok
