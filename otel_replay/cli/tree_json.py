"""A tree as one JSON document: a flat list of spans, parents first, because a chain may be thousands deep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_replay.analysis.tree import Moment, Node, Tree
from otel_replay.cli.plain_records import cause_object, decision_object, event_object, log_object
from otel_replay.clock import iso_milliseconds
from otel_replay.records import Decision, Event
from otel_replay.values import to_json

if TYPE_CHECKING:
    from otel_replay.opening import OpenRun

__all__ = ["tree_document"]


def tree_document(source: OpenRun, tree: Tree) -> dict[str, Any]:
    """The document of one run, with the spans that were picked."""
    return {
        "run_id": source.run_id,
        "name": source.name,
        "status": source.status,
        "message": source.message,
        "started": iso_milliseconds(source.started_ns),
        "duration_ms": (tree.end_ns - tree.start_ns) / 1e6,
        "counts": {
            "spans": tree.spans,
            "decisions": tree.decisions,
            "events": tree.events,
            "logs": tree.logs,
        },
        "failed_spans": tree.failed,
        "open_spans": {"total": tree.open_spans, "names": list(tree.open_names)},
        "lost": tree.lost,
        "bad_lines": {"total": tree.bad_lines, "torn": tree.torn_lines},
        "spans": [_span(node) for node in tree.top.walk() if node is not tree.top],
        "outside_spans": _moments(tree.top) | {"spans_not_shown": dict(tree.top.fold.names)},
    }


def _span(node: Node) -> dict[str, Any]:
    duration_ns = node.duration_ns
    causes = {"cause": cause_object(node.cause)} if node.kind == "tool call" else {}
    return {
        "span_id": node.span_id,
        "parent_id": node.parent_id,
        "depth": node.depth,
        "kind": node.kind,
        "name": node.name,
        "start_ns": node.start_ns,
        "duration_ms": None if duration_ns is None else duration_ns / 1e6,
        "status": "open" if node.open else node.status,
        "message": node.message,
        "facts": to_json(node.facts),
        **causes,
        **_moments(node),
        "spans_not_shown": dict(node.fold.names),
    }


def _moments(node: Node) -> dict[str, Any]:
    return {"counts": dict(node.counts), "events": [_moment(moment) for moment in node.kept]}


def _moment(moment: Moment) -> dict[str, Any]:
    if isinstance(moment, Decision):
        return decision_object(moment)
    return event_object(moment) if isinstance(moment, Event) else log_object(moment)
