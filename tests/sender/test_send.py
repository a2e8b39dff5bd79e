"""`send`: every span arrives, once, whatever happens to the network, the target, this process or the run."""

from __future__ import annotations

import os
import signal as signals
import stat
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from fake_receiver import BAD_DATA, BUSY, FORBIDDEN, NO_SUCH, SERVERS, THROTTLED, Fail, Received
from sender_world import Receiver, Waits, WrittenRun, a_target, span_id

from otel_replay.errors import FormatError, SendError, StoreError
from otel_replay.formats.assemble import assemble
from otel_replay.formats.canonical import canonical
from otel_replay.records import Event, LogEntry
from otel_replay.sender.box import Limits
from otel_replay.sender.outcome import Accepted, Busy, Outcome
from otel_replay.sender.send import Progress, send

SMALL = Limits(max_items=3)


def ids(first: int, last: int) -> list[str]:
    return [span_id(number) for number in range(first, last + 1)]


def cursor_file(run: WrittenRun, receiver: Receiver) -> Any:
    return run.directory / "sent" / f"{receiver.target.key}.json"


def test_a_run_arrives_as_it_was_recorded(run: WrittenRun, receiver: Receiver) -> None:
    """Spans, decisions, continuations, resource: what arrives is what the journal says."""
    run.write(run.start(1), *[run.decision(1) for _ in range(11)], run.start(2, parent_id=span_id(1)))
    run.write(run.end(2, status="error", message="no"), run.end(1))
    report = send(run.files, receiver.target)
    assert canonical(receiver.received.spans, with_resource=True) == canonical(
        assemble(run.files.records()), with_resource=True
    )
    assert (report.ok, report.spans, report.requests, report.rejected) == (True, 4, 1, 0)


def test_a_second_send_sends_nothing(run: WrittenRun, receiver: Receiver) -> None:
    """And says so, without a request."""
    run.spans(1, 7)
    send(run.files, receiver.target, limits=SMALL)
    requests = len(receiver.received.requests)
    report = send(run.files, receiver.target)
    assert (report.already_sent, report.spans, report.spans_before) == (True, 0, 7)
    assert len(receiver.received.requests) == requests == 3
    assert receiver.received.ids == ids(1, 7)


def test_a_run_that_is_recorded_goes_bit_by_bit(run: WrittenRun, receiver: Receiver) -> None:
    """Each send brings what ended since; what is open waits for its end."""
    run.write(run.start(1))
    run.spans(2, 3)
    with run.being_written():
        first = send(run.files, receiver.target)
        run.spans(4, 5)
        second = send(run.files, receiver.target)
        third = send(run.files, receiver.target)
    assert (first.spans, first.open_spans, second.spans, third.spans) == (2, 1, 2, 0)
    run.write(run.end(1))
    run.close()
    last = send(run.files, receiver.target)
    assert (last.spans, last.open_spans) == (1, 0)
    assert receiver.received.ids == [*ids(2, 5), span_id(1)]
    assert send(run.files, receiver.target).already_sent


def test_open_spans_of_a_dead_run_go_last_and_once(run: WrittenRun, receiver: Receiver) -> None:
    """Also when the run is recovered afterwards, which adds a line to its journal."""
    run.write(run.start(1), run.start(2), run.decision(2))
    run.spans(3, 4)
    first = send(run.files, receiver.target)
    run.close()
    second = send(run.files, receiver.target)
    assert (first.spans, second.spans, second.already_sent) == (4, 0, False)
    assert receiver.received.ids == [*ids(3, 4), *ids(1, 2)]
    assert [span.message for span in receiver.received.spans] == ["", "", "interrupted", "interrupted"]
    assert send(run.files, receiver.target).already_sent


def test_a_process_that_dies_between_two_sends_is_noticed(run: WrittenRun, receiver: Receiver) -> None:
    """Its journal may not change by a byte: it was allocated in advance, and the lock is gone."""
    run.write(run.start(1))
    run.spans(2, 3)
    with run.being_written():
        send(run.files, receiver.target)
    report = send(run.files, receiver.target)
    assert (report.already_sent, report.spans) == (False, 1)
    assert receiver.received.spans[-1].message == "interrupted"


def test_what_another_process_left_half_done_goes_once(run: WrittenRun, receiver: Receiver) -> None:
    """Its moments are sent when it is dead, and not again when the recovery closes its journal."""
    run.write(run.start(1))
    run.write(run.decision(1), run.decision(1), name="child.jsonl")
    run.write(run.end(1))
    assert send(run.files, receiver.target).spans == 2
    run.close("child.jsonl")
    assert send(run.files, receiver.target).spans == 0
    assert canonical(receiver.received.spans) == canonical(assemble(run.files.records()))


def test_a_second_process_that_joins_later_is_sent_too(run: WrittenRun, receiver: Receiver) -> None:
    """Another journal in the run, whose records lie between those that were sent."""
    run.spans(1, 3)
    run.close()
    send(run.files, receiver.target)
    late = run.start(9)
    run.time_ns -= 5
    run.write(run.start(8), run.end(8), late, run.end(9), name="child.jsonl")
    assert send(run.files, receiver.target).spans == 2
    assert sorted(receiver.received.ids) == sorted([*ids(1, 3), *ids(8, 9)])


def test_journals_that_interleave_differently_lose_and_double_nothing(
    run: WrittenRun, receiver: Receiver
) -> None:
    """Two processes record at once, and moments of one lie on spans of the other."""
    run.write(run.start(1))
    for number in range(10, 40):
        run.write(run.start(number), run.decision(1), run.end(number), name=f"{number % 3}.jsonl")
        if number % 7 == 0:
            with run.being_written("1.jsonl"):
                send(run.files, receiver.target, limits=SMALL)
    run.write(run.end(1))
    for name in ("home.jsonl", "0.jsonl", "1.jsonl", "2.jsonl"):
        run.close(name)
    send(run.files, receiver.target, limits=SMALL)
    assert max(Counter(receiver.received.ids).values()) == 1
    assert canonical(receiver.received.spans) == canonical(assemble(run.files.records()))
    assert sum(len(span.events) for span in receiver.received.spans) == 30


@pytest.mark.parametrize("after", range(5))
def test_a_target_that_dies_midway_gets_the_rest_later(
    run: WrittenRun, receiver: Receiver, waits: Waits, after: int
) -> None:
    """What was acknowledged is not sent again; what was not is."""
    run.spans(1, 14)
    receiver.received.decide = lambda *_: (
        Fail(BUSY, "going down") if len(receiver.received.requests) > after else None
    )
    with pytest.raises(SendError, match="going down") as caught:
        send(run.files, receiver.target, limits=SMALL, patience=waits.patience())
    assert "send again later" in str(caught.value.hint)
    assert ("spans arrived before" in caught.value.message) == (after > 0)
    assert receiver.received.ids == ids(1, 3 * after)
    receiver.received.decide = lambda *_: None
    report = send(run.files, receiver.target, limits=SMALL)
    assert receiver.received.ids == ids(1, 14)
    assert (report.spans, report.spans_before) == (14 - 3 * after, 3 * after)


def test_a_target_that_is_not_there_is_told_as_such(run: WrittenRun, waits: Waits) -> None:
    """After some patience, with what to do next."""
    run.spans(1, 1)
    for protocol, server in SERVERS.items():
        with server(Received()) as port:
            target = a_target(protocol, port)
        with pytest.raises(SendError, match="does not answer") as caught:
            send(run.files, target, patience=waits.patience(attempts=3))
        assert "refused" in caught.value.message.lower()
        assert caught.value.exit_code == 2
    assert waits.seconds == [0.5, 1.0] * 2


def test_a_target_that_comes_back_is_found(run: WrittenRun, receiver: Receiver) -> None:
    """The server process is another one; the client goes on."""
    run.spans(1, 2)
    send(run.files, receiver.target)
    run.spans(3, 4)
    received = Received()
    with SERVERS[receiver.protocol](received) as port:
        pass
    revived: list[Any] = []

    def sleep(_: float) -> None:
        if not revived:
            server = SERVERS[receiver.protocol](received, port=port)
            revived.append((server, server.__enter__()))
        else:
            threading.Event().wait(0.05)  # gRPC reconnects by the real clock

    patience = replace(Waits().patience(attempts=200), sleep=sleep)
    try:
        assert send(run.files, a_target(receiver.protocol, port), patience=patience).spans == 4
    finally:
        revived[0][0].__exit__(None, None, None)
    assert received.ids == ids(1, 4)


def test_an_answer_that_is_lost_makes_duplicates_with_the_same_ids(
    run: WrittenRun, receiver: Receiver, waits: Waits
) -> None:
    """Receivers keep one of two spans with one id; a crash between answer and cursor is the same case."""
    run.write(run.start(1), *[run.decision(1) for _ in range(11)], run.end(1))
    receiver.received.decide = lambda *_: (
        Fail(BUSY, keep=True) if len(receiver.received.requests) == 1 else None
    )
    send(run.files, receiver.target, patience=waits.patience())
    assert set(Counter(receiver.received.ids).values()) == {2}
    assert canonical(receiver.received.spans) == canonical(assemble(run.files.records()))


def test_a_kill_at_any_request_loses_nothing(run: WrittenRun, receiver: Receiver) -> None:
    """The process is killed outright while the target holds its answer back; the next send goes on."""
    run.write(run.start(1), *[run.decision(1) for _ in range(9)])
    run.spans(2, 20)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from otel_replay.sender.box import Limits\n"
        "from otel_replay.sender.send import send\n"
        "from otel_replay.sender.target import parse_target\n"
        "from otel_replay.storage.run_files import RunFiles\n"
        "target = parse_target(sys.argv[2], protocol=sys.argv[3], environ={})\n"
        "send(RunFiles(Path(sys.argv[1])), target, limits=Limits(max_items=3))\n"
    )
    children: list[subprocess.Popen[bytes]] = []
    deadly = {2, 3, 6}

    def kill(*_: Any) -> None:
        if len(receiver.received.requests) in deadly:
            children[-1].kill()
            children[-1].wait()

    receiver.received.decide = kill
    endpoint = f"http://127.0.0.1:{receiver.port}"
    codes = []
    for _ in range(len(deadly) + 1):
        arguments = [sys.executable, "-c", program, str(run.directory), endpoint, receiver.protocol]
        with receiver.received.lock:
            children.append(subprocess.Popen(arguments))
        codes.append(children[-1].wait())
    assert codes == [-signals.SIGKILL] * 3 + [0]
    assert canonical(receiver.received.spans) == canonical(assemble(run.files.records()))
    # Each kill cost one request that came twice, and no more.
    assert len(receiver.received.ids) - len(set(receiver.received.ids)) == 9


def test_the_target_may_ask_for_time(run: WrittenRun, receiver: Receiver, waits: Waits) -> None:
    """Retry-After and RetryInfo are kept to, also for "too many requests"."""
    run.spans(1, 2)
    answers = [Fail(THROTTLED, "slow down", after_seconds=7), Fail(BUSY), None]
    receiver.received.decide = lambda *_: answers.pop(0)
    told: list[Progress] = []
    report = send(run.files, receiver.target, patience=waits.patience(), progress=told.append)
    assert (report.spans, report.requests) == (2, 3)
    assert waits.seconds == [7.0, 1.0]
    assert "slow down" in told[0].waiting
    assert "again in 7.0 s" in told[0].waiting
    assert (told[-1].spans, told[-1].waiting) == (2, "")


def test_a_target_that_asks_for_an_hour_is_left_alone(
    run: WrittenRun, receiver: Receiver, waits: Waits
) -> None:
    """Nobody waits an hour at a prompt."""
    run.spans(1, 1)
    receiver.received.decide = lambda *_: Fail(BUSY, "maintenance", after_seconds=3600)
    with pytest.raises(SendError, match="asks to wait 3600 s"):
        send(run.files, receiver.target, patience=waits.patience())
    assert waits.seconds == []


def test_waits_double_and_end(run: WrittenRun, receiver: Receiver, waits: Waits) -> None:
    """Exponential backoff, a bounded number of attempts."""
    run.spans(1, 1)
    receiver.received.decide = lambda *_: Fail(BUSY)
    with pytest.raises(SendError, match="does not answer"):
        send(run.files, receiver.target, patience=waits.patience())
    assert waits.seconds == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_what_the_target_rejects_is_counted_and_not_sent_again(run: WrittenRun, receiver: Receiver) -> None:
    """Partial success: the specification forbids to repeat it; the report is not ok."""
    run.spans(1, 5)
    receiver.received.rejected, receiver.received.warning = 2, "no\x1b[31m room"
    report = send(run.files, receiver.target)
    assert (report.ok, report.spans, report.rejected) == (False, 3, 2)
    assert report.messages == ["no\N{REPLACEMENT CHARACTER}[31m room"]
    assert send(run.files, receiver.target).already_sent


def test_a_warning_is_no_rejection(run: WrittenRun, receiver: Receiver) -> None:
    """Partial success with nothing rejected is a message."""
    run.spans(1, 1)
    receiver.received.warning = "use a newer version"
    report = send(run.files, receiver.target)
    assert (report.ok, report.spans, report.messages) == (True, 1, ["use a newer version"])


def test_one_faulty_span_does_not_hold_up_the_others(run: WrittenRun, receiver: Receiver) -> None:
    """It is found by halving, counted and named."""
    run.spans(1, 30)
    bad = span_id(17)
    receiver.received.decide = lambda _, items: (
        Fail(BAD_DATA, "bad span") if any(item.span_id == bad for item in items) else None
    )
    report = send(run.files, receiver.target)
    assert (report.ok, report.spans, report.rejected) == (False, 29, 1)
    assert report.messages[0].startswith("'task 17': ")
    assert "bad span" in report.messages[0]
    assert receiver.received.ids == [one for one in ids(1, 30) if one != bad]
    assert send(run.files, receiver.target).already_sent


def test_a_target_that_refuses_everything_swallows_nothing(run: WrittenRun, receiver: Receiver) -> None:
    """Some other service may answer 400 to anything; then nothing counts as sent."""
    run.spans(1, 30)
    receiver.received.decide = lambda *_: Fail(BAD_DATA, "what is this")
    with pytest.raises(SendError, match=r"takes nothing of this run: .*what is this"):
        send(run.files, receiver.target)
    receiver.received.decide = lambda *_: None
    assert send(run.files, receiver.target).spans == 30


@pytest.mark.parametrize("code", [FORBIDDEN, NO_SUCH])
def test_a_refusal_for_good_stops_at_once(
    run: WrittenRun, receiver: Receiver, waits: Waits, code: tuple[int, Any]
) -> None:
    """No token, no such service: trying again is of no use."""
    run.spans(1, 3)
    receiver.received.decide = lambda *_: Fail(code, "go away")
    with pytest.raises(SendError, match=r"refuses: .*go away"):
        send(run.files, receiver.target, patience=waits.patience())
    assert (len(receiver.received.requests), waits.seconds) == (1, [])


def test_requests_keep_below_what_servers_take(run: WrittenRun, receiver: Receiver) -> None:
    """gRPC servers refuse more than 4 MiB; ours are 2 MiB, and nothing is lost at the seams."""
    run.spans(1, 60, attributes={"prompt": "x" * 100_000})
    send(run.files, receiver.target)
    assert max(size for _, size in receiver.received.requests) <= 2 << 20
    assert len(receiver.received.requests) == 3
    assert receiver.received.ids == ids(1, 60)


def test_a_span_larger_than_a_request_arrives_in_parts(run: WrittenRun, receiver: Receiver) -> None:
    """Its moments go into continuations, and readers fold them back."""
    moments = [
        Event(time_ns=n, span_id=span_id(1), name="e", attributes={"n": n, "x": "y" * 600_000})
        for n in range(4)
    ]
    run.write(run.start(1), *moments, *moments, run.end(1))
    report = send(run.files, receiver.target, limits=Limits(max_bytes=1_000_000))
    assert max(size for _, size in receiver.received.requests) <= 1_000_000
    assert report.spans == len(set(receiver.received.ids)) > 4
    assert canonical(receiver.received.spans) == canonical(assemble(run.files.records()))
    assert send(run.files, receiver.target).already_sent


def test_a_request_that_is_too_large_for_the_target_is_halved(run: WrittenRun, receiver: Receiver) -> None:
    """A server may take less than others do; both ways to say so are understood."""
    run.spans(1, 16)
    said = (413, THROTTLED[1])
    receiver.received.decide = lambda _, items: (
        Fail(said, "received message larger than max (9 vs. 4)") if len(items) > 5 else None
    )
    report = send(run.files, receiver.target)
    assert (report.ok, report.spans) == (True, 16)
    assert receiver.received.ids == ids(1, 16)


def test_log_records_go_to_the_logs_service(run: WrittenRun, receiver: Receiver) -> None:
    """With their resource, once."""
    run.spans(1, 2)
    run.write(run.log("session.start"), run.log("session.end"))
    report = send(run.files, receiver.target, limits=SMALL)
    assert (report.spans, report.log_records) == (2, 2)
    assert [log.entry.event_name for log in receiver.received.logs] == ["session.start", "session.end"]
    assert receiver.received.logs[0].resource.attributes == {"service.name": "tuner"}
    run.write(run.log("more"))
    assert send(run.files, receiver.target).log_records == 1
    assert len(receiver.received.logs) == 3


def test_a_target_that_takes_no_log_records_is_no_error(run: WrittenRun, receiver: Receiver) -> None:
    """Jaeger answers UNIMPLEMENTED: counted, told, asked once."""
    run.spans(1, 2)
    run.write(*[run.log(f"e{number}") for number in range(8)])
    receiver.received.decide = lambda signal, _: Fail(NO_SUCH) if signal == "logs" else None
    report = send(run.files, receiver.target, limits=SMALL)
    assert (report.ok, report.spans, report.log_records, report.log_records_not_taken) == (True, 2, 0, 8)
    assert [signal for signal, _ in receiver.received.requests].count("logs") == 1
    assert send(run.files, receiver.target).already_sent


def test_resend_sends_all_again_with_the_same_ids(run: WrittenRun, receiver: Receiver) -> None:
    """For a target that lost its memory."""
    run.write(run.start(1), *[run.decision(1) for _ in range(9)])
    run.spans(2, 5)
    send(run.files, receiver.target)
    first = list(receiver.received.ids)
    report = send(run.files, receiver.target, resend=True)
    assert report.spans == len(first)
    assert receiver.received.ids == first * 2
    assert send(run.files, receiver.target).already_sent


def test_each_target_has_its_own_cursor(run: WrittenRun, receiver: Receiver) -> None:
    """Sent to one is not sent to another; headers do not make another target."""
    run.spans(1, 2)
    send(run.files, receiver.target)
    other = Received()
    with SERVERS[receiver.protocol](other) as port:
        assert send(run.files, a_target(receiver.protocol, port)).spans == 2
    with_token = a_target(receiver.protocol, receiver.port, headers=["authorization=Bearer s3cret"])
    assert send(run.files, with_token).already_sent
    assert len(list((run.directory / "sent").glob("*.json"))) == 2


def test_the_cursor_is_private_and_holds_no_secret(run: WrittenRun, receiver: Receiver) -> None:
    """Files 0600, their directory 0700; no header, no password."""
    run.spans(1, 1)
    target = a_target(receiver.protocol, receiver.port, headers=["authorization=Bearer s3cret"])
    send(run.files, target)
    directory = run.directory / "sent"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"s3cret" not in path.read_bytes()


def test_headers_reach_the_target(run: WrittenRun, receiver: Receiver) -> None:
    """With every request; who we are stands there too."""
    run.spans(1, 1)
    send(run.files, a_target(receiver.protocol, receiver.port, headers=["x-tenant=seven"]))
    [headers] = receiver.received.headers
    assert headers["x-tenant"] == "seven"
    assert "otel-replay/" in headers["user-agent"]


def test_requests_can_be_compressed(run: WrittenRun, receiver: Receiver) -> None:
    """gzip, which this machine is spared by default."""
    run.spans(1, 1)
    send(run.files, a_target(receiver.protocol, receiver.port, compression="gzip"))
    assert receiver.received.ids == ids(1, 1)
    [headers] = receiver.received.headers
    if receiver.protocol == "http":
        assert headers["content-encoding"] == "gzip"


def test_a_damaged_cursor_is_named_and_not_guessed(run: WrittenRun, receiver: Receiver) -> None:
    """The way out stands beside it."""
    run.spans(1, 2)
    send(run.files, receiver.target)
    path = cursor_file(run, receiver)
    whole = path.read_bytes()
    for damaged in (b"{", whole.replace(b'"r1"', b'"r2"'), whole.replace(b'"tail": []', b'"tail": 3')):
        path.write_bytes(damaged)
        with pytest.raises(FormatError) as caught:
            send(run.files, receiver.target)
        assert path.name in caught.value.message
    path.write_bytes(whole.replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(FormatError, match="version 2"):
        send(run.files, receiver.target)
    assert send(run.files, receiver.target, resend=True).spans == 2


def test_two_sends_at_once_do_not_mix(run: WrittenRun, receiver: Receiver) -> None:
    """The second says so and leaves."""
    run.spans(1, 2)
    caught: list[SendError] = []

    class Reentrant:
        def export(self, *_: Any) -> Outcome:
            try:
                send(run.files, receiver.target)
            except SendError as error:
                caught.append(error)
            return Accepted()

        def close(self) -> None:
            pass

    send(run.files, receiver.target, connect=lambda _: Reentrant())
    assert "another process sends this run" in caught[0].message
    assert receiver.received.ids == []


def test_a_store_that_cannot_be_written_is_told_before_anything_is_sent(
    run: WrittenRun, receiver: Receiver
) -> None:
    """Without a cursor the next send could not know."""
    run.spans(1, 2)
    (run.directory / "sent").write_text("in the way")
    with pytest.raises(StoreError):
        send(run.files, receiver.target)
    assert receiver.received.requests == []


def test_damaged_lines_are_counted_and_the_rest_goes(run: WrittenRun, receiver: Receiver) -> None:
    """As everywhere: that line and no other."""
    run.spans(1, 1)
    with run.journal().open("ab") as stream:
        stream.write(b"{nonsense\n")
    run.spans(2, 2)
    report = send(run.files, receiver.target)
    assert (report.spans, report.bad_lines) == (2, 1)


def test_an_empty_run_is_sent_without_a_request(run: WrittenRun, receiver: Receiver) -> None:
    """Nothing is nothing."""
    run.write()
    report = send(run.files, receiver.target)
    assert (report.ok, report.spans, report.requests) == (True, 0, 0)


def test_a_run_that_ends_while_it_is_sent_is_finished_by_the_next_send(
    run: WrittenRun, receiver: Receiver
) -> None:
    """Whether it is still recorded is asked before the first record is read."""
    run.write(run.start(1))
    run.spans(2, 3)
    files = run.files
    with run.being_written():
        records = files.records

        def grows() -> Any:
            yield from records()
            run.write(run.end(1))

        files.records = grows  # type: ignore[method-assign]  # a stand-in
        send(files, receiver.target)
    report = send(run.files, receiver.target)
    assert (report.spans, report.already_sent) == (1, False)
    assert receiver.received.ids == [*ids(2, 3), span_id(1)]


def test_progress_is_told_after_each_request(run: WrittenRun, receiver: Receiver) -> None:
    """For a bar on a terminal."""
    run.spans(1, 7)
    told: list[Progress] = []
    send(run.files, receiver.target, limits=SMALL, progress=told.append)
    assert [one.spans for one in told] == [3, 6, 7]


def test_memory_is_bounded_by_a_request(run: WrittenRun) -> None:
    """Spans are taken from the journal as they are sent: the client never sees the run ahead."""
    run.spans(1, 3_000)
    sizes: list[int] = []

    class Counting:
        def export(self, _: Any, request: bytes) -> Outcome:
            sizes.append(len(request))
            return Busy(reason="no") if len(sizes) == 3 else Accepted()

        def close(self) -> None:
            pass

    waits = Waits()
    target = a_target("grpc", 4317)
    report = send(
        run.files,
        target,
        connect=lambda _: Counting(),
        limits=Limits(max_items=100),
        patience=waits.patience(),
    )
    assert (report.spans, report.requests, len(waits.seconds)) == (3_000, 31, 1)
    assert max(sizes) < 100 * 300


def test_a_log_record_keeps_its_span(run: WrittenRun, receiver: Receiver) -> None:
    """Ids, body and severity travel."""
    entry = LogEntry(
        time_ns=5,
        span_id=span_id(1),
        trace_id="1" * 32,
        event_name="x",
        severity=9,
        body={"a": [1, None]},
        observed_ns=6,
    )
    run.write(entry)
    send(run.files, receiver.target)
    assert receiver.received.logs[0].entry == entry


def test_the_sender_needs_neither_the_sdk_nor_the_api() -> None:
    """Recording and reading never import each other; the message classes are all that is used."""
    program = (
        "import sys\n"
        "import otel_replay.sender.send, otel_replay.sender.http_client, otel_replay.sender.grpc_client\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.trace')\n"
        "found = [name for name in sys.modules if name.startswith(heavy)]\n"
        "sys.exit(bool(found))\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
