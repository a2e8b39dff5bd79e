"""One measurement in a process of its own: `python -m bench.child NAME SCALE` prints its rows as JSON.

A process each, because a program has one OpenTelemetry provider, and what one measurement imports or leaves
in memory must not show in the next one.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from bench.measurements import measurement
from bench.scale import SCALES

__all__ = ["main"]


def main(name: str, scale: str) -> None:
    """Measure and print."""
    rows = measurement(name)(SCALES[scale])
    json.dump([asdict(item) for item in rows], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:3])
