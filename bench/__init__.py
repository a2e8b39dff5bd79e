"""Side-by-side measurements: `python -m bench` prints one table of ratios, each measured in one process."""
