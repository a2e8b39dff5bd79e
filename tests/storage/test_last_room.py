"""The room that is kept for a run's last lines may be unusable: its end is written like all else then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import otel_replay
from otel_replay.storage.journal import Journal


def test_the_end_of_a_run_does_not_hang_on_the_room_that_is_kept_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> bool:
        raise OSError(5, os.strerror(5))

    with otel_replay.start_run("full", store=tmp_path) as run:
        writer = run._writer
        assert writer is not None
        writer.losses.note("No space left on device", None)
        monkeypatch.setattr(Journal, "append_reserved", refused)
    assert list(run.lost) == ["No space left on device"]
    (journal,) = Path(run.directory, "journal").iterdir()
    assert '{"kind":"end",' in journal.read_text()
