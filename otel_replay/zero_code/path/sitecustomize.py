"""Found first by each Python process of a recorded program, through `PYTHONPATH`: hooks in, then steps aside.

An environment may have a `sitecustomize` of its own, which is imported next. The folder of this file is taken
off `sys.path` again: the program sees its own path.
"""

import importlib
import os
import sys

sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != os.path.dirname(__file__)]
if sys.modules.get("sitecustomize") is not None:
    del sys.modules["sitecustomize"]
try:
    importlib.import_module("sitecustomize")  # the environment's own
except ImportError as error:
    if error.name != "sitecustomize":
        raise

if os.environ.get("OTEL_REPLAY_HOOKS"):
    try:
        from otel_replay.zero_code.bootstrap import begin
    except ImportError as error:
        # A Python of another environment, which does not have the package: it runs as it is.
        print(f"otel-replay: {sys.executable} is not recorded: {error}", file=sys.stderr)
    else:
        begin()
