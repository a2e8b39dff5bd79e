"""The recording API: runs, the spans in them, and what happens at one moment."""
