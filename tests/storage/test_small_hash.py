"""What is hashed without OpenSSL has the hash that `hashlib` gives it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = """
import sys
from otel_replay.storage.small_hash import sha256_for
digest = sha256_for({size})
for _ in range({pieces}):
    digest.update(b"a" * 1000)
print(digest.hexdigest(), "hashlib" in sys.modules)
"""


@pytest.mark.parametrize(
    ("size", "pieces", "by_openssl"),
    [(0, 0, False), (5_000, 5, False), (900_000, 900, True), (10, 900, False)],
)
def test_little_is_hashed_without_loading_openssl_and_alike(size: int, pieces: int, by_openssl: bool) -> None:
    words = [sys.executable, "-S", "-c", CODE.format(size=size, pieces=pieces)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert done.stdout.split() == [hashlib.sha256(b"a" * 1000 * pieces).hexdigest(), str(by_openssl)]
