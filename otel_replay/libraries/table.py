"""The libraries that are recorded by themselves, and which import switches each on."""

from __future__ import annotations

__all__ = ["LIBRARIES", "Library"]


class Library:
    """One library. A plain class: each process of a recorded program loads the table, and no more for it.

    Attributes
    ----------
    name:
        What it is called in settings: its name on PyPI.
    module:
        The module whose import switches it on.
    place:
        The module of this package that has `install(module)`, which hooks into it.
    records:
        What is recorded of it, for a person.
    """

    __slots__ = ("module", "name", "place", "records")

    def __init__(self, *, name: str, module: str, place: str, records: str) -> None:
        self.name = name
        self.module = module
        self.place = place
        self.records = records


LIBRARIES: tuple[Library, ...] = ()
