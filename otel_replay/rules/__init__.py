"""Function rules: which functions of a program are decisions, tool calls, generations or tasks."""
