"""Recording in tests: `recorded_run` for any test framework; the pytest plugin stands on it."""

from otel_replay.testing.block import RecordedBlock, recorded_run
from otel_replay.testing.golden import GoldenDiffers

__all__ = ["GoldenDiffers", "RecordedBlock", "recorded_run"]
