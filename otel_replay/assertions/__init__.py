"""Rules that a run must fulfil: written in Python here, named by a table so that YAML can say the same."""
