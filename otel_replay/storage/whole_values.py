"""Recorded values as they were: what was too large for a journal's line is put back from its blob."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from otel_replay.attributes import BLOB
from otel_replay.storage.blobs import is_sha256
from otel_replay.values import ARRAY_TYPE

__all__ = ["whole"]


def whole(value: Any, read: Callable[[str], bytes] | None) -> Any:
    """A copy of `value` with the text or the bytes of each blob in place of the map that refers to it.

    The reference to an array stays, with its bytes beside it as `data`: making one would need somebody
    else's package.

    Parameters
    ----------
    value:
        An AnyValue as it was recorded.
    read:
        Gives the bytes of a blob by its sha256, such as `Blobs.read`; what it raises is raised here. Without
        it every reference stays.
    """
    if isinstance(value, Mapping):
        sha256 = value.get(BLOB)
        if read is not None and is_sha256(sha256):
            return _content(value, read(str(sha256)))
        return {key: whole(item, read) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [whole(item, read) for item in value]
    return value


def _content(reference: Mapping[str, Any], data: bytes) -> Any:
    media_type = str(reference.get("media_type", ""))
    if media_type.startswith("text/"):
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data  # a reference that is not ours: which encoding it has would be a guess
    return {**reference, "data": data} if media_type == ARRAY_TYPE else data
