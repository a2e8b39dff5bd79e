"""Real programs that record themselves with otel-replay; each also runs with recording off."""
