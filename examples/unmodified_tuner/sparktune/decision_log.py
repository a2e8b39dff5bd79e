"""The tool's own log of decisions: a list in memory, written as JSON when the run is over."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_entries: list[dict[str, Any]] = []


def log_decision(
    action: str,
    reason: str,
    values: dict[str, Any] | None = None,
    cell: dict[str, Any] | None = None,
) -> None:
    """Note a decision: what was done, why, with which values, and in which cell of the table."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry: dict[str, Any] = {"timestamp": now, "action": action, "reason": reason}
    if values:
        entry["values"] = values
    if cell:
        entry["cell"] = cell
    with _lock:
        _entries.append(entry)


def logged() -> list[dict[str, Any]]:
    """All decisions so far."""
    with _lock:
        return list(_entries)


def clear() -> None:
    """Forget them."""
    with _lock:
        _entries.clear()


def write(path: Path, *, times: bool = True) -> None:
    """Write the log; without `times`, two runs of the same log file give the same bytes."""
    entries = logged()
    if not times:
        entries = [{key: value for key, value in one.items() if key != "timestamp"} for one in entries]
    document = {"schema_version": "1.0", "total_decisions": len(entries), "decisions": entries}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8", newline="\n")
