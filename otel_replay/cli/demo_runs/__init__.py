"""The programs that `otel-replay demo` records: small, real, and written as a user would write them."""
