"""`python -m otel_replay`: the command line.

The folder that `-m` puts first in `sys.path` is taken off before anything is imported from there: a `uuid.py`
of the user's would be imported in the place of Python's. The installed command has never looked there.
"""

import os
import sys

if __name__ == "__main__":
    if not (getattr(sys.flags, "safe_path", False) or sys.flags.isolated) and sys.path:
        try:
            is_here = sys.path[0] in ("", os.getcwd())
        except OSError:  # the folder is gone
            is_here = False
        if is_here:
            del sys.path[0]

    from otel_replay.cli.start import main

    sys.exit(main())
