"""Tests of the rules that a run must fulfil."""
