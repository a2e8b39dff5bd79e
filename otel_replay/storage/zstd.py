"""Zstandard, where it is there: part of Python from 3.14 on, before that the same module as a package."""

from __future__ import annotations

import sys
from typing import Any

from otel_replay.errors import UsageError

__all__ = ["compressor", "decompressor", "error_of_zstandard"]

_MOST_WINDOW_LOG = 27
"""A reader needs that much memory, 128 MiB, at most: a pack that asks for more is refused."""
_HARD = 19


def _zstandard() -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise UsageError(
            "packs and other files compressed with Zstandard need it, and it is not installed here",
            hint="pip install 'otel-replay[pack]'",
        ) from None
    return zstd


def compressor(level: int) -> Any:
    """Compresses one frame, with a checksum at its end.

    Raises
    ------
    UsageError
        If Zstandard is not installed; the same holds for the other functions.
    """
    zstd = _zstandard()
    names = zstd.CompressionParameter
    options = {names.compression_level: level, names.checksum_flag: 1}
    if level >= _HARD:
        # What Zstandard itself does for small inputs, had it known how small they are.
        options |= {names.min_match: 3, names.search_log: 9, names.target_length: 999}
    return zstd.ZstdCompressor(options=options)


def decompressor() -> Any:
    """Decompresses one frame, in bounded memory whatever the frame asks for."""
    zstd = _zstandard()
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MOST_WINDOW_LOG})


def error_of_zstandard() -> type[Exception]:
    """What both raise where the bytes are none of Zstandard's."""
    error: type[Exception] = _zstandard().ZstdError
    return error
