"""HTTP requests of the library requests: it sends them with urllib3, and there they are recorded."""

from __future__ import annotations

from types import ModuleType

from otel_replay.libraries.installing import BY_US

__all__ = ["install"]


def install(module: ModuleType) -> str:  # noqa: ARG001 - the signature of all of them
    """There is nothing to hook into."""
    return f"{BY_US}, through urllib3"
