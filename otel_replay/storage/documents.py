"""Our small JSON documents: each says its format and version first, and a newer version is refused."""

from __future__ import annotations

import os
from pathlib import Path

from otel_replay.errors import FormatError
from otel_replay.storage.inside import open_file
from otel_replay.storage.refusals import shown, told_as_store_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["encode_document", "parse_document", "read_document"]

_LARGEST_BYTES = 256 << 20


def encode_document(format_name: str, version: int, body: Mapping[str, Any]) -> bytes:
    """A document as the bytes of its file: indented, `format` and `version` first, a newline at the end."""
    from otel_replay.orjson_loading import orjson  # a small program records without

    return orjson.dumps(
        {"format": format_name, "version": version, **body},
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def read_document(path: Path, format_name: str, version: int) -> dict[str, Any]:
    """The document in the file `path`.

    Raises
    ------
    StoreError
        If the file cannot be read.
    FormatError
        If it is not a document of `format_name`, or of a version above `version`.
    """
    with told_as_store_error("read", path), open(open_file(path), "rb", buffering=0) as stream:
        if os.fstat(stream.fileno()).st_size > _LARGEST_BYTES:
            raise FormatError(f"{shown(path)} is larger than {_LARGEST_BYTES >> 20} MiB")
        data = stream.readall()
    return parse_document(data, path, format_name, version)


def parse_document(data: bytes, path: Path, format_name: str, version: int) -> dict[str, Any]:
    """As :func:`read_document`, from bytes; `path` is for messages."""
    from otel_replay.orjson_loading import orjson

    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"{shown(path)} is not JSON: {error}") from None
    if not isinstance(body, dict) or body.get("format") != format_name:
        raise FormatError(f"{shown(path)} is not a document of format {format_name}")
    found = body.get("version")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise FormatError(f"{shown(path)} does not say its version")
    if found > version:
        raise FormatError(
            f"{shown(path)} is {format_name} version {found}; this otel-replay reads up to version {version}",
            hint="read it with a later otel-replay: `pip install -U otel-replay`",
        )
    return body
