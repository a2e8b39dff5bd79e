"""SHA-256 without `hashlib` where little is hashed: to load OpenSSL takes as long as to hash a megabyte."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["sha256_for"]

_MUCH_BYTES = 500_000


def sha256_for(size_bytes: int) -> Any:
    """A new `hashlib.sha256()`, for about so many bytes; more of them only take longer."""
    if size_bytes < _MUCH_BYTES and "hashlib" not in sys.modules:
        try:
            return __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256()
        except ImportError:
            pass  # a Python that was built with OpenSSL's alone, or another than CPython
    import hashlib

    return hashlib.sha256()
