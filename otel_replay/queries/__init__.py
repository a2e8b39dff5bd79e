"""Selectors: which items of a run are meant, as text and as Python; built on `analysis.items`."""
