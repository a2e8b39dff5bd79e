"""The libraries that are recorded by themselves, and which import switches each on."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LIBRARIES", "Library"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One library.

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

    name: str
    module: str
    place: str
    records: str


LIBRARIES: tuple[Library, ...] = ()
