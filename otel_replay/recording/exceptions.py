"""What a replay needs of an exception to raise it again: its arguments and fields, where they are plain."""

from __future__ import annotations

from typing import Any

__all__ = ["exception_state"]

_MOST_ITEMS = 100
_LONGEST_TEXT = 10_000
_DEEPEST = 5


def exception_state(error: BaseException) -> dict[str, Any]:
    """`args` and `fields` of an exception; what is no plain value (a response, a socket) is left out.

    `left_out` names the fields that are.
    """
    fields = dict(vars(error)) if hasattr(error, "__dict__") else {}
    kept = {
        name: value
        for name, value in fields.items()
        if isinstance(name, str) and not name.startswith("_otel_replay") and _is_plain(value, 0)
    }
    left_out = sorted(
        name
        for name in fields
        if isinstance(name, str) and name not in kept and not name.startswith(("_otel_replay", "__notes__"))
    )
    # An OSError keeps the file's name out of its arguments.
    args = error.__reduce__()[1] if isinstance(error, OSError) else error.args
    state: dict[str, Any] = {"args": [item if _is_plain(item, 0) else str(item) for item in args]}
    if kept:
        state["fields"] = kept
    if left_out:
        state["left_out"] = left_out
    return state


def _is_plain(value: Any, depth: int) -> bool:
    if value is None or isinstance(value, (bool, int, float)):
        return True
    if isinstance(value, (str, bytes)):
        return len(value) <= _LONGEST_TEXT
    if depth == _DEEPEST:
        return False
    if isinstance(value, dict):
        return len(value) <= _MOST_ITEMS and all(
            isinstance(key, str) and _is_plain(item, depth + 1) for key, item in value.items()
        )
    if type(value) in (list, tuple):
        return len(value) <= _MOST_ITEMS and all(_is_plain(item, depth + 1) for item in value)
    return False
