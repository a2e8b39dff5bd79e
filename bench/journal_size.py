"""Bytes of the journal for each decision, as it is written and as a compressor leaves it. For information."""

from __future__ import annotations

import lzma
import zlib

from bench import many_decisions
from bench.recorded import count_decisions, journal_of, temporary_directory
from bench.rows import Row, row
from bench.scale import Scale

__all__ = ["NAME", "measure"]

NAME = "journal_size"


def measure(scale: Scale) -> list[Row]:
    """Plain, deflate (as in gzip and zip), LZMA (as in xz); on values as different as in a real run."""
    decisions = scale.decisions[1]
    with temporary_directory() as place:
        many_decisions.record(str(place / "store"), "run", decisions)
        directory = place / "store" / "runs" / "run"
        data = journal_of(directory).read_bytes()
        if count_decisions(directory) != decisions:
            raise RuntimeError("not every decision is in the journal")
    sizes = {
        "as it is": len(data),
        "packed with deflate, level 6": len(zlib.compress(data, 6)),
        "packed with LZMA, preset 2": len(lzma.compress(data, preset=2)),
    }
    return [
        row(NAME, f"journal of {decisions:,} decisions, {what}", size / decisions, unit="bytes/decision")
        for what, size in sizes.items()
    ]
