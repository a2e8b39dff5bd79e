"""Recording programs without an edit to them: what `otel-replay run` starts, and what it puts into them."""
