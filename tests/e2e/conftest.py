"""The real engines, started once for the tests that only send to them."""

from __future__ import annotations

from .engines import real_collector, real_jaeger

__all__ = ["real_collector", "real_jaeger"]
