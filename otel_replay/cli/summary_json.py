"""A summary as one JSON document. Names are those of the table; times are in milliseconds, as `_ms` says."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.distribution import Distribution
from otel_replay.analysis.generations import ModelTotals
from otel_replay.clock import iso_milliseconds
from otel_replay.values_json import to_json

if TYPE_CHECKING:
    from otel_replay.analysis.cost import Prices
    from otel_replay.analysis.summary import Summary
    from otel_replay.opening import OpenRun

__all__ = ["summary_document", "totals_document"]


def summary_document(source: OpenRun, summary: Summary, prices: Prices | None = None) -> dict[str, Any]:
    """The document of one run."""
    spread_ns = summary.last_decision_ns - summary.first_decision_ns
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
            "by_kind": {kind: totals_document(totals) for kind, totals in summary.kinds.items()},
        },
        "bottlenecks": [
            {"kind": kind, "name": name, "share": totals.self_ns / max(1, summary.duration_ns)}
            | totals_document(totals)
            for kind, name, totals in summary.bottlenecks(20)
        ],
        **_times(summary),
        "searches": [to_json(asdict(one)) for one in summary.searches],
        "velocity": summary.velocity(),
        "models": {model: totals_document(totals, prices, model) for model, totals in summary.models.items()},
        "tools": {tool: totals_document(totals) for tool, totals in summary.tools.items()},
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


def _times(summary: Summary) -> dict[str, Any]:
    bottlenecks = frozenset(summary.tasks.bottlenecks())
    return {
        "names": [
            {"kind": kind, "name": name} | totals_document(totals)
            for (kind, name), totals in summary.names.items()
        ],
        "critical_path": [
            {
                "kind": kind,
                "name": name,
                "on_path_ms": time_ns / 1e6,
                "share": time_ns / max(1, summary.duration_ns),
            }
            for (kind, name), time_ns in sorted(summary.critical_ns.items(), key=lambda row: -row[1])
        ],
        "idle": {
            "total_ms": summary.idle.total_ns / 1e6,
            "share": summary.idle.total_ns / max(1, summary.duration_ns),
            "stretches": summary.idle.stretches,
            "longest_ms": summary.idle.longest_ns / 1e6,
            "longest_pause_between_decisions_ms": summary.idle.longest_pause_ns / 1e6,
        },
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
    }


def _rate(count: int, time_ns: int) -> float | None:
    return count * 1e9 / time_ns if time_ns > 0 else None


def totals_document(totals: Any, prices: Prices | None = None, model: str = "") -> dict[str, Any]:
    """What spans came to: counts, times in milliseconds, percentiles, the part that failed, and the cost."""
    document: dict[str, Any] = {}
    for part in fields(totals):
        value = getattr(totals, part.name)
        if isinstance(value, Distribution):
            for percent, length_ns in value.percentiles_ns().items():
                document[f"p{percent}_ms"] = None if length_ns is None else length_ns / 1e6
        elif part.name.endswith("_ns"):
            document[part.name.replace("_ns", "_ms")] = value / 1e6
        else:
            document[part.name] = value
    document["error_rate"] = totals.failed / totals.count if totals.count else 0.0
    if isinstance(totals, ModelTotals):
        document["cost_usd"] = totals.cost_usd if totals.costs else None
        price = None if prices is None else prices.of(model)
        if prices is not None:
            document["priced_cost"] = None if price is None else price.of(totals)
    return document
