"""Where OpenTelemetry's SDK and the journal meet: the span processor, the exporters, the entry points."""
