"""What `otel-replay doctor` finds out: what is recorded here and why not, and what may be wrong."""
