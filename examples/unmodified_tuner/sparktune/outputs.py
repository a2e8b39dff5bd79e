"""The files that a run leaves: tables, suspicions, a report, and a manifest with their sums."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparktune.fit import Peak
from sparktune.suspicions import Suspicion
from sparktune.table import Cell, Table


def write_text(outdir: Path, name: str, text: str) -> Path:
    """Write one file and say where it is."""
    path = outdir / name
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def peaks_csv(peaks: Mapping[Cell, Peak]) -> str:
    """The peaks of a cylinder, a line each."""
    lines = ["rpm,kpa,advance_deg,torque,fit,left_out"]
    for cell, peak in sorted(peaks.items()):
        lines.append(
            f"{cell.rpm},{cell.kpa},{peak.advance:.2f},{peak.torque:.2f},{peak.quality:.3f},{peak.left_out}"
        )
    return "\n".join(lines) + "\n"


def difference(old: Table, new: Table) -> Table:
    """What changes in each cell, in degrees."""
    return {cell: new[cell] - old[cell] for cell in new}


def report(
    old: Table,
    new: Table,
    suspicions: Sequence[Suspicion],
    rejected: Mapping[str, Counter[str]],
    damaged: Sequence[str],
) -> str:
    """A page for a person."""
    changes = difference(old, new)
    most = max(changes, key=lambda cell: abs(changes[cell]))
    lines = [
        "Spark tuning",
        f"  cells changed      {sum(1 for change in changes.values() if abs(change) >= 0.1)} of {len(old)}",
        f"  largest change     {changes[most]:+.1f} degrees at {most.rpm} rpm, {most.kpa} kPa",
        f"  damaged lines      {len(damaged)}",
    ]
    for cylinder, counts in rejected.items():
        told = ", ".join(f"{count} with {reason}" for reason, count in sorted(counts.items())) or "none"
        lines.append(f"  left out, {cylinder}        {told}")
    lines += ["", "To check before riding"]
    lines += [f"  {one.kind}: {one.explanation}. {one.check}." for one in suspicions] or ["  nothing"]
    return "\n".join(lines) + "\n"


def suspicions_json(suspicions: Sequence[Suspicion]) -> str:
    """All suspicions, strongest first."""
    ordered = sorted(suspicions, key=lambda one: (-one.score, one.kind))
    return json.dumps([one.as_dict() for one in ordered], indent=2) + "\n"


def manifest(paths: Sequence[Path]) -> str:
    """Name, size and sha256 of each file."""
    rows = [
        {
            "name": path.name,
            "size_bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in paths
    ]
    return json.dumps({"outputs": rows}, indent=2) + "\n"
