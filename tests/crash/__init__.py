"""Real processes, real SIGKILL: what a call returned from is there afterwards."""
