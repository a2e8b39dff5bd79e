"""Spans, log entries and values of every shape that OTLP can hold, for property-based tests."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.spans import Log, Span
from otel_replay.records import Link, LogEntry, Resource, Scope

# No deadline: a busy machine is no mistake of the code's.
examples = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.one_of(
    text, st.sampled_from(["otel_replay.values", "otel_replay.cell.rpm", "a", "otel_replay.action"])
)
times = st.one_of(st.integers(0, 2**64 - 1), st.integers(10**18, 10**18 + 9))
counts = st.one_of(st.just(0), st.integers(0, 2**32 - 1))


def ids(digits: int) -> st.SearchStrategy[str]:
    """Ids that are not all zeros."""
    return st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    text,
    st.binary(max_size=12),
    st.sampled_from([0, 1, 1.0, True, -0.0, float("nan"), float("inf"), "", b"", "\u2028", "1"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
attributes = st.dictionaries(names, values, max_size=5)
resources = st.builds(Resource, id=st.just(0), attributes=attributes, schema_url=text)
scopes = st.builds(Scope, id=st.just(0), name=text, version=text, schema_url=text, attributes=attributes)
links = st.builds(
    Link,
    trace_id=ids(32),
    span_id=ids(16),
    trace_state=text,
    flags=counts,
    attributes=attributes,
    dropped_attributes=counts,
)


@st.composite
def spans(draw: Any, **fixed: Any) -> Span:
    """A span whose events are what a reader makes of events: decisions where they have an action."""
    span_id = fixed.pop("span_id", None) or draw(ids(16))
    events = draw(st.lists(st.tuples(times, text, attributes, counts), max_size=4))
    given_values: dict[str, Any] = {
        "trace_id": draw(ids(32)),
        "span_id": span_id,
        "name": draw(text),
        "start_ns": draw(times),
        "end_ns": draw(times),
        "parent_id": draw(st.one_of(st.just(""), ids(16))),
        "span_kind": draw(st.integers(0, 5)),
        "attributes": draw(attributes),
        "events": tuple(event_to_record(time, span_id, *rest) for time, *rest in events),
        "links": tuple(draw(st.lists(links, max_size=2))),
        "status": draw(st.sampled_from(["unset", "ok", "error"])),
        "message": draw(text),
        "trace_state": draw(text),
        "flags": draw(counts),
        "dropped_attributes": draw(counts),
        "dropped_events": draw(counts),
        "dropped_links": draw(counts),
        "resource": draw(resources),
        "scope": draw(scopes),
    }
    return Span(**{**given_values, **fixed})


logs = st.builds(
    Log,
    entry=st.builds(
        LogEntry,
        time_ns=times,
        span_id=st.one_of(st.just(""), ids(16)),
        trace_id=st.one_of(st.just(""), ids(32)),
        event_name=text,
        severity=st.integers(0, 24),
        severity_text=text,
        body=values,
        attributes=attributes,
        observed_ns=times,
        flags=counts,
        dropped_attributes=counts,
    ),
    resource=resources,
    scope=scopes,
)


def exact(value: Any) -> str:
    """A text that is equal only for what is equal to the last bit, order of keys included; NaN equals NaN."""
    return repr(value)
