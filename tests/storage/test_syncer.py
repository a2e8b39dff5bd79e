"""Journals are forced to the disk from time to time, whatever other threads begin meanwhile."""

import _thread
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


def test_the_thread_runs_when_a_journal_is_watched(monkeypatch):
    """An interpreter that ends frees what a thread looks at that is just born: it ended by SIGSEGV."""
    begin, held = _thread.start_new_thread, []
    asked, watched = threading.Event(), threading.Event()

    def begin_later(*what, **_how):
        held.append(what[:1])
        asked.set()

    syncer = Syncer(60)
    watches = threading.Thread(target=lambda: (syncer.watch(Journal()), watched.set()))
    monkeypatch.setattr(_thread, "start_new_thread", begin_later)
    monkeypatch.setattr(_thread, "start_joinable_thread", begin_later, raising=False)
    watches.start()
    assert asked.wait(60)
    monkeypatch.undo()
    assert not watched.wait(0.05)
    begin(*held[0], ())
    assert watched.wait(60)
    watches.join()
