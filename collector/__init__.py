"""The real OpenTelemetry Collector and the real Jaeger: configuration, build, and how they are run here."""
