"""Tests of otel_replay.dialects."""
