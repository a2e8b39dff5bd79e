"""What can be refused here, told apart so that a server can say it by its status code."""

from __future__ import annotations

from otel_replay.errors import OtelReplayError, UsageError

__all__ = ["Conflict", "NoImage", "NoSuch", "TooSlow", "Unusable"]


class NoSuch(UsageError):
    """What was named is not there."""


class Conflict(UsageError):
    """It cannot be done as things stand: it is there already, or not begun, or over."""


class Unusable(UsageError):
    """What was given can be read, but not used."""


class NoImage(OtelReplayError):
    """A generator gave no image."""


class TooSlow(NoImage):
    """A generator did not answer in time."""
