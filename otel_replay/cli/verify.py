"""`verify`: are a run's files what they were? One line for each run, and one for each finding."""
