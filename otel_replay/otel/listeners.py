"""Who else is to get what is recorded, as the standard `OTEL_*` variables say it."""

from __future__ import annotations

import os

__all__ = ["exporter_names", "is_switched_off"]

_OURS = "otel_replay"


def exporter_names() -> list[str]:
    """The exporters that the environment asks for; OTLP by itself only where it says an endpoint."""
    named = os.environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if named:
        names = [name.strip() for name in named.split(",")]
        return [name for name in names if name not in {"", "none", _OURS}]
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return ["otlp"] if any(os.environ.get(name) for name in endpoints) else []


def is_switched_off() -> bool:
    """Whether OpenTelemetry is, and recording with it."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
