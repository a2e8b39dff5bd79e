"""Tests of files of rules, and of what is reported of them."""
