"""A fuel-table tuner: from a dyno log to corrected tables, with a record of why each cell is what it is."""
