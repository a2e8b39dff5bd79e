"""What `otel-replay run` wants of the Python processes that it starts, as it stands in their environment."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from otel_replay.errors import UsageError

__all__ = ["Plan", "plan_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a program is hooked.

    Attributes
    ----------
    rules:
        Files with function rules, absolute.
    disabled:
        Libraries to leave alone.
    """

    rules: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()

    def text(self) -> str:
        """The plan as it stands in the environment."""
        return orjson.dumps(self).decode()


def plan_of(text: str) -> Plan:
    """The plan that :meth:`Plan.text` wrote.

    Raises
    ------
    UsageError
        If it is none.
    """
    try:
        body = orjson.loads(text)
        return Plan(**{name: tuple(value) for name, value in body.items()})
    except (orjson.JSONDecodeError, AttributeError, TypeError) as error:
        raise UsageError(
            f"OTEL_REPLAY_HOOKS is no plan: {error}", hint="it is set by `otel-replay run`, and not by hand"
        ) from None
