"""Files of others become runs of the store: one module for each format, and one that keeps what they read."""
