"""The part of an answer that must be the same when the question is asked again."""

from __future__ import annotations

from otel_replay.values_json import AnyValue

__all__ = ["VOLATILE", "lasting"]

VOLATILE = frozenset({"took_ms", "stats", "usage"})
"""Keys of an answer that tell of times and costs: they are recorded, and not compared."""


def lasting(value: AnyValue) -> AnyValue:
    """An answer without what is another one each time (`VOLATILE`)."""
    if isinstance(value, dict):
        return {key: lasting(item) for key, item in value.items() if key not in VOLATILE}
    return [lasting(item) for item in value] if isinstance(value, list) else value
