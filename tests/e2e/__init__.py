"""End to end: the real OpenTelemetry Collector and the real Jaeger, as processes on loopback."""
