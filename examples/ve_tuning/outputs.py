"""The files that a tuning run leaves, as text: the same log and settings give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from examples.ve_tuning.anomalies import Anomaly
from examples.ve_tuning.binning import Binned
from examples.ve_tuning.grid import KPA_BINS, RPM_BINS, Grid
from examples.ve_tuning.log_file import DamagedLine

__all__ = ["anomalies_json", "coverage_table", "diagnostics_report", "paste_block", "table"]

CYLINDER_NAMES = {"f": "front", "r": "rear"}
DAMAGED_SHOWN = 5


def table(grid: Grid, form: str = "+.2f") -> str:
    """A grid as CSV with its bins; a cell without a value stays empty."""
    return _csv([[_text(value, form) for value in line] for line in grid])


def coverage_table(hits: Sequence[Sequence[int]]) -> str:
    """How many samples each cell had, as CSV."""
    return _csv([[str(count) for count in line] for line in hits])


def paste_block(grid: Grid, form: str = "+.2f") -> str:
    """The bare numbers of a grid, separated by tabs, for the clipboard of a table editor."""
    return "".join("\t".join(_text(value, form) for value in line) + "\n" for line in grid)


def anomalies_json(anomalies: Sequence[Anomaly], binned: Sequence[Binned]) -> str:
    """The anomalies and what became of the samples, for programs."""
    document = {
        "anomalies": [asdict(anomaly) for anomaly in anomalies],
        "correction_diagnostics": {
            CYLINDER_NAMES[one.cylinder]: {"accepted": one.accepted, "rejected": dict(one.rejected)}
            for one in binned
        },
    }
    return json.dumps(document, indent=2) + "\n"


def diagnostics_report(
    damaged: Sequence[DamagedLine], binned: Sequence[Binned], anomalies: Sequence[Anomaly]
) -> str:
    """The same for people."""
    lines = ["Fuel table diagnostics", "", f"Damaged lines in the log: {len(damaged)}"]
    lines += [f"  line {line.number}: {line.reason}" for line in damaged[:DAMAGED_SHOWN]]
    for one in binned:
        name = CYLINDER_NAMES[one.cylinder].capitalize()
        lines += ["", f"{name} cylinder: {one.accepted} samples accepted"]
        lines += [f"  rejected, {reason}: {count}" for reason, count in sorted(one.rejected.items())]
    lines += ["", "Anomalies:" if anomalies else "No strong anomalies under the present thresholds."]
    for number, anomaly in enumerate(anomalies, start=1):
        where = f" at {anomaly.cell['rpm']} rpm, {anomaly.cell['kpa']} kPa" if anomaly.cell else ""
        lines += [
            f"  {number}. {anomaly.type}{where}, score {anomaly.score:g}",
            f"     why: {anomaly.explanation}",
            f"     next: {'; '.join(anomaly.next_checks)}",
        ]
    return "\n".join(lines) + "\n"


def _csv(lines: Sequence[Sequence[str]]) -> str:
    head = ",".join(["RPM", *map(str, KPA_BINS)])
    body = (",".join([str(rpm), *line]) for rpm, line in zip(RPM_BINS, lines, strict=True))
    return "\n".join([head, *body]) + "\n"


def _text(value: float | None, form: str) -> str:
    # Adding zero turns a negative zero, which rounding leaves behind, into a plain one.
    return "" if value is None else format(round(value, 2) + 0.0, form)
