"""OTLP's three storeys, however they are written: items stand under their scope, scopes under their resource.

An encoded item keeps the bytes of its resource and scope beside it, so that items can be gathered, counted
and divided freely until a message is made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from otel_replay.records import Resource, Scope

__all__ = ["Grouped", "Item", "Once", "added_bytes", "batches", "grouped"]

Source = TypeVar("Source", Resource, Scope)

Grouped = Iterable[tuple[bytes, Iterable[tuple[bytes, Sequence[bytes]]]]]
"""Resources, the scopes of each, and the items of each of these; all encoded."""


class Item(NamedTuple):
    """One encoded span or log record, with its encoded resource and scope."""

    resource: bytes
    scope: bytes
    body: bytes

    @property
    def size_bytes(self) -> int:
        """What the item adds at most to a message, where it does not share its resource and scope."""
        return len(self.resource) + len(self.scope) + len(self.body) + 64


class Once(Generic[Source]):
    """Encodes each resource (or scope) once: the spans of a run share a few objects."""

    def __init__(self, encode: Callable[[Source], bytes], limit: int = 256) -> None:
        self._encode: Callable[[Source], bytes] = encode
        self._limit = limit
        self._known: dict[int, tuple[Source, bytes]] = {}

    def __call__(self, source: Source) -> bytes:
        known = self._known.get(id(source))
        # The source is kept beside its bytes: an id may be used again only when its object is gone.
        if known is None:
            if len(self._known) >= self._limit:
                self._known.clear()
            known = self._known[id(source)] = (source, self._encode(source))
        return known[1]


def grouped(items: Iterable[Item]) -> Grouped:
    """Items by resource and scope, each in the order of its first appearance."""
    resources: dict[bytes, dict[bytes, list[bytes]]] = {}
    for item in items:
        resources.setdefault(item.resource, {}).setdefault(item.scope, []).append(item.body)
    return [(resource, list(scopes.items())) for resource, scopes in resources.items()]


def batches(items: Iterable[Item], *, max_items: int, max_bytes: int) -> Iterator[list[Item]]:
    """Items in batches of at most `max_items` that make a message of at most `max_bytes`.

    An item that is larger than that by itself makes a batch of its own.
    """
    batch: list[Item] = []
    heads: set[bytes | tuple[bytes, bytes]] = set()
    size_bytes = 0
    for item in items:
        more_bytes = added_bytes(item, heads)
        if batch and (len(batch) >= max_items or size_bytes + more_bytes > max_bytes):
            yield batch
            batch, size_bytes = [], 0
            heads.clear()
            more_bytes = item.size_bytes
        batch.append(item)
        heads.add(item.resource)
        heads.add((item.resource, item.scope))
        size_bytes += more_bytes
    if batch:
        yield batch


def added_bytes(item: Item, heads: set[bytes | tuple[bytes, bytes]]) -> int:
    """How much longer a message with the resources and scopes in `heads` becomes at most by `item`."""
    if (item.resource, item.scope) in heads:
        return len(item.body) + 16
    if item.resource in heads:
        return len(item.scope) + len(item.body) + 48
    return item.size_bytes
