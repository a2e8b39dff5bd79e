"""Inside the block of a call that a recording answers, nothing reaches the network: connecting is refused.

Python tells an audit hook of every connection before it is made, whatever the client. Clients with a network
of their own (gRPC's, some in Rust) do not ask Python, and are not seen.
"""

from __future__ import annotations

import sys
from typing import Any

from otel_replay.answering import inside
from otel_replay.errors import OtelReplayError

__all__ = ["NetworkRefused", "watch_network"]

_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})
_watching = False


class NetworkRefused(OtelReplayError):
    """The program went to the network for a call that the recording answers."""

    exit_code = 1


def watch_network() -> None:
    """Refuse connections inside answered calls from now on. Calling it again does nothing."""
    global _watching
    if not _watching:
        _watching = True
        # A hook cannot be taken away again; where no call is being answered it looks at one variable.
        sys.addaudithook(_look)


def _look(event: str, args: tuple[Any, ...]) -> None:
    if event in _EVENTS:
        source = inside.get()
        if source:
            where = args[0] if event == "socket.getaddrinfo" else args[-1]
            raise NetworkRefused(
                f"the program goes to the network ({where}) for a call that is answered from {source}",
                hint="take the answer: `recorded()` of the block gives it, `perform()` does all of it",
            )
