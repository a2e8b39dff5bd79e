"""A decision as an OpenTelemetry event, and back: flattened one level, with an exact inverse.

`values={"before": 1.0}` becomes the attribute `otel_replay.values.before`. What is not a map with at least
one key (a list, a number, `{}`) stands whole under `otel_replay.values`; None gives no attribute at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.attributes import ACTION, CELL, DECISION_EVENT_PREFIX, REASON, VALUES
from otel_replay.records import Decision, Event

__all__ = ["decision_attributes", "decision_name", "event_to_record"]

_MISSING = object()


def decision_name(action: str) -> str:
    """The span event's name: what was decided, readable in a timeline."""
    return DECISION_EVENT_PREFIX + action


def decision_attributes(action: str, reason: str, values: Any, cell: Any) -> dict[str, Any]:
    """The event attributes of a decision, in a stable order."""
    attributes: dict[str, Any] = {ACTION: action, REASON: reason}
    _flatten(VALUES, values, attributes)
    _flatten(CELL, cell, attributes)
    return attributes


def _flatten(prefix: str, value: Any, into: dict[str, Any]) -> None:
    if value and (value.__class__ is dict or isinstance(value, Mapping)):
        for key, item in value.items():
            into[f"{prefix}.{key}"] = item
    elif value is not None:
        into[prefix] = value


def _gather(prefix: str, attributes: dict[str, Any]) -> Any:
    whole = attributes.pop(prefix, _MISSING)
    if whole is not _MISSING:
        return whole
    dotted = prefix + "."
    keys = [key for key in attributes if key.startswith(dotted)]
    return {key[len(dotted) :]: attributes.pop(key) for key in keys} if keys else None


def event_to_record(
    time_ns: int, span_id: str, name: str, attributes: Mapping[str, Any], dropped_attributes: int = 0
) -> Decision | Event:
    """The record that an OpenTelemetry event stands for: a decision where it has `otel_replay.action`.

    The event's name does not matter. Attributes that are none of ours stay in `Decision.extra`. An event
    that lost attributes on the way stays an event, so that the loss is seen.
    """
    action = attributes.get(ACTION)
    if not isinstance(action, str) or dropped_attributes:
        return Event(
            time_ns=time_ns,
            span_id=span_id,
            name=name,
            attributes=dict(attributes),
            dropped_attributes=dropped_attributes,
        )
    rest = dict(attributes)
    del rest[ACTION]
    reason = rest.pop(REASON, "")
    values = _gather(VALUES, rest)
    cell = _gather(CELL, rest)
    return Decision(
        time_ns=time_ns,
        span_id=span_id,
        action=action,
        reason=reason if isinstance(reason, str) else str(reason),
        values=values,
        cell=cell,
        extra=rest,
    )
