"""Which run does a span or log record from outside belong to? One rule, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.attributes import GEN_AI_CONVERSATION_ID, RUN_ID, SESSION_ID

__all__ = ["run_key"]

_NAMES = (RUN_ID, SESSION_ID, GEN_AI_CONVERSATION_ID)


def run_key(own: Mapping[str, Any], resource: Mapping[str, Any], trace_id: str) -> str:
    """What the run is called: the first of our run id, the session's, the conversation's; else the trace id.

    Each is looked for on the span or log record itself and then on its resource. May not be fit for a run id:
    whoever makes a directory of it checks.
    """
    for name in _NAMES:
        for attributes in (own, resource):
            value = attributes.get(name)
            if isinstance(value, str) and value:
                return value
    return trace_id
