"""Journals are forced to the disk from time to time, whatever other threads begin meanwhile."""

import sys
import threading
import time

import pytest

from otel_replay.storage.syncer import Syncer


class Journal:
    """As much of a journal as the syncer sees."""

    def __init__(self):
        self.closed = False
        self.synced = threading.Event()

    def sync(self):
        self.synced.set()


@pytest.fixture
def quick_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_journals_that_begin_while_others_are_synced_do_not_end_the_syncing():
    syncer = Syncer(0.0001)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        some = [Journal() for _ in range(300)]
        for journal in some:
            syncer.watch(journal)
        for journal in some:
            journal.closed = True
    last = Journal()
    syncer.watch(last)
    assert last.synced.wait(60)
    syncer.stop()
