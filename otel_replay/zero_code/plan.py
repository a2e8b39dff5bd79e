"""What `otel-replay run` wants of the Python processes that it starts, as it stands in their environment.

Read before the first line of each of them, so that it is lines of text, for which nothing is imported.
"""

from __future__ import annotations

__all__ = ["Plan", "plan_of"]

_FIELDS = ("rules", "disabled")


class Plan:
    """How a program is hooked.

    Attributes
    ----------
    notes:
        The folder in which each Python process says that it is there; empty: nobody asks.
    rules:
        Function rules, each as JSON (otel_replay/rules/rule.py).
    disabled:
        Libraries to leave alone.
    """

    __slots__ = ("disabled", "notes", "rules")

    def __init__(
        self, *, notes: str = "", rules: tuple[str, ...] = (), disabled: tuple[str, ...] = ()
    ) -> None:
        self.notes = notes
        self.rules = tuple(rules)
        self.disabled = tuple(disabled)

    def text(self) -> str:
        """The plan as it stands in the environment: the folder of the notes, then a line for each thing."""
        lines = [_escaped(self.notes)]
        for field in _FIELDS:
            lines += [f"{field} {_escaped(value)}" for value in getattr(self, field)]
        return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _unescaped(text: str) -> str:
    return "\\".join(part.replace("\\n", "\n") for part in text.split("\\\\"))


def plan_of(text: str) -> Plan:
    """The plan that :meth:`Plan.text` wrote.

    Raises
    ------
    UsageError
        If it is none.
    """
    first, *lines = text.removesuffix("\n").split("\n")
    values: dict[str, list[str]] = {field: [] for field in _FIELDS}
    for line in lines:
        field, _, value = line.partition(" ")
        if field not in values:
            from otel_replay.errors import UsageError

            raise UsageError(
                f"OTEL_REPLAY_HOOKS is no plan: it has a line {line!r:.80}",
                hint="it is set by `otel-replay run`, and not by hand",
            )
        values[field].append(_unescaped(value))
    return Plan(notes=_unescaped(first), **{field: tuple(found) for field, found in values.items()})
