"""Where the installed command begins: `run` at once, everything else by way of the table of commands."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_replay.zero_code.asked import Asked

__all__ = ["main"]


def main() -> int:
    """Do what the words of this process ask for; returns its exit code."""
    try:
        _prefer_pythons_own()
        if "run" in sys.argv[1:4]:
            from otel_replay.zero_code.asked import quickly

            # The program that is to be run waits for what is loaded here.
            asked = quickly(sys.argv[1:])
            if asked is not None:
                return _launch(asked)
        from otel_replay.cli.main import main as any_command

        return any_command()
    except KeyboardInterrupt:
        return 130  # as the commands have it, which were still being loaded


def _prefer_pythons_own() -> None:
    """Have Python's own modules found before those that `PYTHONPATH` has for the program: its `queue.py`."""
    library = os.path.dirname(os.__file__)
    sys.path.sort(key=lambda place: not place.startswith(library) or "-packages" in place)


def _launch(asked: Asked) -> int:
    from otel_replay.zero_code.launching import launch

    try:
        return launch(asked)
    except Exception as error:
        from otel_replay.cli.main import tell_error

        return tell_error(error)
