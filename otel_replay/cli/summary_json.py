"""A summary as one JSON document. Names are those of the table; times are in milliseconds, as `_ms` says."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from otel_replay.clock import iso_milliseconds
from otel_replay.values_json import to_json

if TYPE_CHECKING:
    from otel_replay.analysis.summary import Summary
    from otel_replay.cli.source import Source

__all__ = ["summary_document"]


def summary_document(source: Source, summary: Summary) -> dict[str, Any]:
    """The document of one run."""
    spread_ns = summary.last_decision_ns - summary.first_decision_ns
    bottlenecks = frozenset(summary.tasks.bottlenecks())
    return {
        "run_id": source.run_id,
        "name": source.name,
        "status": source.status,
        "message": source.message,
        "started": iso_milliseconds(source.started_ns),
        "duration_ms": summary.duration_ns / 1e6,
        "decisions": {
            "total": summary.decisions,
            "by_action": dict(summary.actions.most_common()),
            "first_to_last_ms": spread_ns / 1e6,
            "per_second": _rate(summary.decisions, spread_ns),
        },
        "spans": {
            "total": summary.spans,
            "open": summary.open_spans,
            "open_names": list(summary.open_names),
            "per_second": _rate(summary.spans, summary.duration_ns),
            "by_kind": {kind: _totals(totals) for kind, totals in summary.kinds.items()},
        },
        "bottlenecks": [
            {"kind": kind, "name": name, "share": totals.self_ns / max(1, summary.duration_ns)}
            | _totals(totals)
            for kind, name, totals in summary.bottlenecks(20)
        ],
        "tasks": [
            {
                "name": name,
                "ended": task.ended,
                "total_ms": task.total_ns / 1e6,
                "share_of_tasks": summary.tasks.share_of_tasks(name),
                "busy_ms": task.busy_ns / 1e6,
                "share_of_run": summary.tasks.share_of_run(name, summary.duration_ns),
                "bottleneck": name in bottlenecks,
            }
            for name, task in summary.tasks.names.items()
        ],
        "searches": [to_json(asdict(one)) for one in summary.searches],
        "velocity": summary.velocity(),
        "models": {model: _totals(totals) for model, totals in summary.models.items()},
        "tools": {tool: _totals(totals) for tool, totals in summary.tools.items()},
        "events": dict(summary.events.most_common()),
        "logs": summary.logs,
        "artifacts": list(summary.artifacts),
        "losses": dict(summary.losses),
        "dropped": dict(summary.dropped),
        "notes": dict(summary.notes),
        "bad_lines": {
            "total": summary.bad_lines,
            "torn": summary.torn_lines,
            "first": [
                {"journal": journal, "line": line.number, "reason": line.reason}
                for journal, line in summary.first_bad_lines
            ],
        },
    }


def _rate(count: int, time_ns: int) -> float | None:
    return count * 1e9 / time_ns if time_ns > 0 else None


def _totals(totals: Any) -> dict[str, Any]:
    return {
        name.replace("_ns", "_ms"): value / 1e6 if name.endswith("_ns") else value
        for name, value in asdict(totals).items()
    }
