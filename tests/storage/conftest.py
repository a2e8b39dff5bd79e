"""A store on the disk for each test, and files that the corpus keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_replay.storage.pack import pack
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store
from storage.storage_kit import finished_run

CORPUS = Path(__file__).parent.parent / "corpus"


@pytest.fixture
def runs(tmp_path: Path) -> Store:
    """A store that is there, and empty."""
    store = Store(tmp_path / "store")
    store.ensure()
    return store


@pytest.fixture
def corpus() -> Path:
    """Files of every format version; they are only ever added to."""
    return CORPUS


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """Another store, into which packs are unpacked; it is not there yet."""
    return Store(tmp_path / "other")


@pytest.fixture
def packed(runs: Store, tmp_path: Path) -> Path:
    """A finished run in a pack."""
    pack(RunFiles(finished_run(runs)), tmp_path / "run.orpack")
    return tmp_path / "run.orpack"
