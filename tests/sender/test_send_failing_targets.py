"""`send` to targets that die, come back, lose answers or ask for time: every span arrives in the end."""

from __future__ import annotations

import signal as signals
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from fake_receiver import BUSY, SERVERS, THROTTLED, Fail, Received
from sender_world import SMALL, Receiver, Waits, WrittenRun, a_target, ids

from otel_replay.errors import SendError
from otel_replay.formats.assemble import assemble
from otel_replay.formats.canonical import canonical
from otel_replay.sender.send import Progress, send
from otel_replay.sender.target import Protocol


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
    """Soon, with what to do next."""
    run.spans(1, 1)
    for protocol, server in SERVERS.items():
        with server(Received()) as port:
            target = a_target(protocol, port)
        with pytest.raises(SendError, match="nothing listens at") as caught:
            send(run.files, target, patience=waits.patience())
        assert "refused" in caught.value.message.lower()
        assert target.name in caught.value.message
        assert caught.value.exit_code == 2
    assert waits.seconds == [0.5] * 2


def test_a_name_that_nobody_has_is_told_as_such(run: WrittenRun, waits: Waits) -> None:
    """As a port at which nobody listens."""
    run.spans(1, 1)
    target = replace(a_target("http", 4318), address="http://nobody.invalid:4318", is_local=True)
    with pytest.raises(SendError, match="nothing listens at"):
        send(run.files, target, patience=waits.patience())


@contextmanager
def a_socket_that(says: bytes | None) -> Iterator[int]:
    """A port at which everybody is let in and told this at once; or, None, nothing ever."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                if says is not None:
                    connection.sendall(says)
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


@pytest.mark.parametrize("protocol", SERVERS)
@pytest.mark.parametrize("says", [None, b"220 mail.example ESMTP\r\n", b""])
def test_a_server_that_hangs_or_speaks_something_else_is_told_within_the_timeout(
    run: WrittenRun, waits: Waits, protocol: Protocol, says: bytes | None
) -> None:
    """It is not asked over and over, as one would be that is known and busy."""
    run.spans(1, 1)
    with a_socket_that(says) as port:
        target = replace(a_target(protocol, port), timeout_seconds=0.3)
        with pytest.raises(SendError, match="does not answer") as caught:
            send(run.files, target, patience=waits.patience(unheard_seconds=0.2))
    assert "right protocol" in str(caught.value.hint)
    assert waits.seconds == ([] if says is None else [0.5])


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

    patience = replace(Waits().patience(attempts=200, attempts_unheard=200), sleep=sleep)
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
