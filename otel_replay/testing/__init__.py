"""Recording in tests: each test as a task of a recorded session."""
