"""Finds the spark advance of a twin from dyno sweeps. It keeps a log of its own decisions."""
