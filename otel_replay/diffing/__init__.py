"""Two runs side by side: what is not the same, where it began, and what follows from what."""

from otel_replay.diffing.compare import diff
from otel_replay.diffing.difference import Difference
from otel_replay.diffing.findings import Finding
from otel_replay.diffing.rules import Tolerance

__all__ = ["Difference", "Finding", "Tolerance", "diff"]
