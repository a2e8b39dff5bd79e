"""`python -m otel_replay`: the command line."""

import sys

from otel_replay.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
