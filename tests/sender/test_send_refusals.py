"""`send` where the target takes less than it is given: spans, log records, sizes, or nothing at all."""

from __future__ import annotations

from typing import Any

import pytest
from fake_receiver import BAD_DATA, FORBIDDEN, NO_SUCH, THROTTLED, Fail
from sender_world import SMALL, Receiver, Waits, WrittenRun, ids, span_id

from otel_replay.errors import SendError
from otel_replay.formats.assemble import assemble
from otel_replay.formats.canonical import canonical
from otel_replay.records import Event
from otel_replay.sender.box import Limits
from otel_replay.sender.send import send


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


def test_a_target_that_takes_no_log_records_is_no_error(run: WrittenRun, receiver: Receiver) -> None:
    """Jaeger answers UNIMPLEMENTED: counted, told, asked once."""
    run.spans(1, 2)
    run.write(*[run.log(f"e{number}") for number in range(8)])
    receiver.received.decide = lambda signal, _: Fail(NO_SUCH) if signal == "logs" else None
    report = send(run.files, receiver.target, limits=SMALL)
    assert (report.ok, report.spans, report.log_records, report.log_records_not_taken) == (True, 2, 0, 8)
    assert [signal for signal, _ in receiver.received.requests].count("logs") == 1
    assert send(run.files, receiver.target).already_sent
