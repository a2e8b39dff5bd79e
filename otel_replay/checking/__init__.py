"""Rules in files of YAML, TOML or JSON: read, checked on runs, and reported as CI systems want it."""
