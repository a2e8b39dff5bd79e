"""The command line: a table of commands, one small file each, and one place that prints errors and exits."""
