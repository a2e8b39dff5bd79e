"""Recorded values as they were: what was too large for a journal's line is put back from its blob."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.attributes import BLOB
from otel_replay.storage.blobs import Blobs, is_sha256

__all__ = ["whole"]


def whole(value: Any, blobs: Blobs) -> Any:
    """`value` with every text and every bytes that was kept as a blob in its place.

    A reference to something else, such as an array, stays the reference.

    Raises
    ------
    StoreError
        If a blob is not there, cannot be read, or is damaged.
    """
    if isinstance(value, Mapping):
        sha256, media_type = value.get(BLOB), str(value.get("media_type", ""))
        if not is_sha256(sha256):
            return {key: whole(item, blobs) for key, item in value.items()}
        if media_type.startswith("text/plain"):
            return blobs.read(str(sha256)).decode("utf-8", "surrogatepass")
        return blobs.read(str(sha256)) if media_type == "application/octet-stream" else value
    if isinstance(value, list | tuple):
        return [whole(item, blobs) for item in value]
    return value
