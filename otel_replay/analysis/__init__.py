"""What a run's records say: trees, counts and times, worked out in one pass and in bounded memory."""
