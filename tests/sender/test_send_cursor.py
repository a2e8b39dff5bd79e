"""What `send` remembers of each target: its own, in private, never guessed, by one process at a time."""

from __future__ import annotations

import stat
from typing import Any

import pytest
from fake_receiver import SERVERS, Received
from sender_world import Receiver, WrittenRun, a_target

from otel_replay.errors import FormatError, SendError, StoreError
from otel_replay.sender.outcome import Accepted, Outcome
from otel_replay.sender.send import send


def cursor_file(run: WrittenRun, receiver: Receiver) -> Any:
    return run.directory / "sent" / f"{receiver.target.key}.json"


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
