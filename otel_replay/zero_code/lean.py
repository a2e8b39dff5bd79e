"""Loads orjson for a process that only records, without what it asks of Python's modules.

It asks for a few classes of values that nobody gives it here: data classes, UUIDs. To load `dataclasses`
(with `inspect`, `ast`, `tokenize`), `uuid` (with `platform`) and `json` takes longer than all else that the
recorder does for a short program. Whoever imports them later gets Python's own. Not for a process that runs
code of others.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["load_orjson"]


class _NotJson(ValueError):
    """As `json.JSONDecodeError`, in what it says."""

    def __init__(self, message: str, document: str, position: int) -> None:
        line = document.count("\n", 0, position) + 1
        column = position - document.rfind("\n", 0, position)
        super().__init__(f"{message}: line {line} column {column} (char {position})")


def load_orjson() -> None:
    """Import orjson; where it asks for something else than is known here, as anybody does."""
    if "orjson" in sys.modules:
        return
    module, value = type(sys), type("_NoValue", (), {})
    stand_ins: dict[str, Any] = {}
    for name, members in (
        ("dataclasses", {"_FIELD": value(), "_FIELDS": "__dataclass_fields__"}),
        ("json", {"JSONDecodeError": _NotJson}),
        ("uuid", {"UUID": value, "NAMESPACE_DNS": value()}),  # orjson 3.10 asks for the latter
        ("zoneinfo", {"ZoneInfo": value}),
    ):
        if name not in sys.modules:
            stand_ins[name] = module(name)
            vars(stand_ins[name]).update(members)
    sys.modules.update(stand_ins)
    try:
        import orjson  # noqa: F401 - for all who import it after this
    except Exception:
        sys.modules.pop("orjson", None)  # what records imports it again, and tells what is wrong
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
