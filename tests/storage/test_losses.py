"""Losses are counted and told, whoever loses something at the same time."""

import threading

import orjson

from otel_replay.clock import SteppingClock
from otel_replay.storage.losses import Losses


class Journal:
    """Takes last lines, or has no room for them; somebody else loses a record meanwhile."""

    def __init__(self, losses, *, room):
        self.losses = losses
        self.room = room
        self.lines = []

    def append_reserved(self, line):
        other = threading.Thread(target=self.losses.note, args=("another's", None))
        other.start()
        other.join(60)
        assert not other.is_alive()
        if self.room:
            self.lines.append(line)
        return self.room


def test_a_loss_that_is_noted_while_another_is_written_down_waits_for_nobody():
    losses = Losses("r", SteppingClock())
    journal = Journal(losses, room=True)
    losses.note("the disk is full", journal)
    [line] = journal.lines
    assert orjson.loads(line)["records"] == 1
    assert orjson.loads(losses.last_line())["records"] == 1
    assert losses.last_line() == b""


def test_what_could_not_be_written_down_stands_in_the_last_line():
    losses = Losses("r", SteppingClock())
    losses.note("the disk is full", Journal(losses, room=False))
    assert losses.total == 2
    assert orjson.loads(losses.last_line())["records"] == 2
