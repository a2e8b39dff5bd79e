"""SQL over recorded runs, with DuckDB."""
