"""`send`: what a run's journals hold arrives, once, while it is recorded or long after."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import Any

from sender_world import SMALL, Receiver, Waits, WrittenRun, a_target, ids, span_id

from otel_replay.formats.assemble import assemble
from otel_replay.formats.canonical import canonical
from otel_replay.records import LogEntry
from otel_replay.sender.box import Limits
from otel_replay.sender.outcome import Accepted, Busy, Outcome
from otel_replay.sender.send import Progress, send


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
