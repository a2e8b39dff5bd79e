"""Values as a session keeps them: AnyValues without secrets, the same in memory, journal and segment file."""

from __future__ import annotations

from typing import Any

from otel_replay.compat.memvid.types import AnyAction, fields_of, text_or_bytes
from otel_replay.redaction import redactor_for
from otel_replay.settings import Settings
from otel_replay.values import normalise
from otel_replay.values_json import AnyValue

__all__ = ["Cleaning"]


class Cleaning:
    """Cleans values by the settings for redaction."""

    def __init__(self, settings: Settings) -> None:
        self._redactor = redactor_for(settings.redact, settings.redact_keys)

    def value(self, value: object) -> AnyValue:
        """A value as it is kept; bytes that are a text as that text. Never raises."""
        plain = normalise(text_or_bytes(bytes(value)) if isinstance(value, bytes | bytearray) else value)
        return self._redactor.redact(plain)[0]

    def action_type(self, action_type: AnyAction) -> AnyAction:
        """What was done, its texts as they are kept."""
        kept: dict[str, Any] = {
            name: str(self.value(value)) if isinstance(value, str) else value
            for name, value in fields_of(action_type).items()
        }
        return type(action_type)(**kept)
