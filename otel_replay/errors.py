"""What can go wrong for a person, said once: what, where, and what to do next.

OtelReplayError            exit 2: could not
├── UsageError             bad arguments, no such run, ambiguous name
├── StoreError             the store or a run in it cannot be read or written
├── FormatError            a file is not what it says, or of a newer version
└── SendError              a target did not take what was sent
"""

from __future__ import annotations

from otel_replay.interruptions import let_through

__all__ = ["OtelReplayError", "UsageError", "StoreError", "FormatError", "SendError", "told"]


class OtelReplayError(Exception):
    """An error that is told to a person, without a traceback.

    Parameters
    ----------
    message:
        What is wrong and where (a path, a line number, a run id).
    hint:
        What to do next, as one sentence; shown on its own line.
    place:
        Lines that show the place, such as a selector and a caret below it.

    Attributes
    ----------
    hint_in_traceback:
        Whether a traceback has the hint too. pytest's `match` reads it with the message.
    """

    exit_code = 2
    hint_in_traceback = True

    def __init__(self, message: str, *, hint: str | None = None, place: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join([message, *place]))
        self.message = message
        self.hint = hint
        self.place = place
        if hint and self.hint_in_traceback and hasattr(self, "add_note"):  # from Python 3.11 on
            self.add_note(f"hint: {hint}")


class UsageError(OtelReplayError):
    """The caller asked for something that does not exist or is not allowed."""


class StoreError(OtelReplayError):
    """The store, or a run in it, cannot be read or written."""


class FormatError(OtelReplayError):
    """A file is damaged, of another kind, or of a version that this program does not know."""


class SendError(OtelReplayError):
    """An OTLP target could not be reached or refused what it was sent."""


def told(error: BaseException) -> str:
    """An exception as one line of text, whatever it does when it is asked for its own."""
    name = type(error).__name__
    try:
        return f"{name}: {error}" if str(error) else name
    except Exception as raised:
        let_through(raised)
        return name
