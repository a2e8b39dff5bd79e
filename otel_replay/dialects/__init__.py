"""Reading spans for what they are: pure tables from the attribute names of others to our kinds and words."""
