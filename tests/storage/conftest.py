"""A store on the disk for each test, and files that the corpus keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_replay.storage.store import Store

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
