"""Parcels gathered into one request, up to what a server takes at once."""

from __future__ import annotations

from dataclasses import dataclass

from otel_replay.formats.otlp_groups import added_bytes
from otel_replay.sender.parcels import Parcel

__all__ = ["Box", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a request may be. Servers for gRPC refuse more than 4 MiB unless told otherwise."""

    max_bytes: int = 2 << 20
    max_items: int = 4_000


class Box:
    """The parcels of one request."""

    def __init__(self) -> None:
        self._parcels: list[Parcel] = []
        self._heads: set[bytes | tuple[bytes, bytes]] = set()
        self._size_bytes = 0

    def has_room(self, parcel: Parcel, limits: Limits) -> bool:
        """Whether the request stays within its limits with this parcel; an empty one takes any."""
        if not self._parcels:
            return True
        size_bytes = self._size_bytes + added_bytes(parcel.item, self._heads)
        return len(self._parcels) < limits.max_items and size_bytes <= limits.max_bytes

    def put(self, parcel: Parcel) -> None:
        """Add a parcel."""
        self._size_bytes += added_bytes(parcel.item, self._heads)
        self._heads.add(parcel.item.resource)
        self._heads.add((parcel.item.resource, parcel.item.scope))
        self._parcels.append(parcel)

    def empty(self) -> list[Parcel]:
        """Take out what is there."""
        parcels, self._parcels = self._parcels, []
        self._heads.clear()
        self._size_bytes = 0
        return parcels
