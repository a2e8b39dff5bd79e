"""A run as something to hand on: a page for any browser, a paper. Each renderer is one module."""
