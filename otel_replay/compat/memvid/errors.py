"""What can go wrong in a memory session, with the original's messages."""

from __future__ import annotations

from otel_replay.errors import UsageError

__all__ = ["InvalidQuery"]


class InvalidQuery(UsageError):
    """Something was asked of a session that it cannot do now: it is active already, or not there.

    `reason` is the original's name for the message.
    """

    hint_in_traceback = False  # a test that holds the original's message to its end goes on as it is

    @property
    def reason(self) -> str:
        """What is wrong."""
        return self.message
