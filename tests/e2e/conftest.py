"""The real engines, started once for the tests that only send to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .engines import real_collector, real_jaeger

__all__ = ["pytest_collection_modifyitems", "real_collector", "real_jaeger"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the engines, so that `make test-fast` can leave it out."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.engines)
