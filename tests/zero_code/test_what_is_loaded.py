"""What a process of a recorded program loads for its first record: the program waits for that."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
RECORDS = "otel_replay.rules.hooking, otel_replay.hooks.here, otel_replay.libraries.file_events"
SLOW = {
    *("array", "ctypes", "decimal", "fractions", "hashlib", "logging", "orjson", "platform", "shutil"),
    *("socket", "string", "typing", "uuid"),
    *("otel_replay.attribute_registry", "otel_replay.storage.blobs", "otel_replay.storage.meter"),
}

LOADS = f"""
import sys
sys.path[:0] = {[str(ROOT), sysconfig.get_path("purelib")]!r}
import argparse, pathlib, threading
before = set(sys.modules)
import {RECORDS}
print(*sorted(set(sys.modules) - before))
"""


def loaded() -> set[str]:
    """The modules that recording loads in a Python without site."""
    done = subprocess.run([sys.executable, "-S", "-c", LOADS], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_first_record_loads_nothing_slow_that_it_does_not_need():
    """Each of these takes longer than most of what is recorded."""
    assert "otel_replay.storage.journal" in loaded()
    assert loaded() & SLOW == set()


def test_a_number_of_a_module_that_was_not_loaded_for_it_is_kept_by_its_rule():
    """Whoever has such a value has loaded its module; a class of that name elsewhere is another one."""
    code = """
from otel_replay.values import normalise
from decimal import Decimal
from fractions import Fraction
from array import array
from uuid import UUID
print([normalise(one) for one in (Decimal("1.50"), Fraction(1, 3), array("i", [1]), UUID(int=1))])
print(normalise(type("Decimal", (Decimal,), {})("2.0")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.splitlines() == [
        "['1.50', '1/3', [1], '00000000-0000-0000-0000-000000000001']",
        "2.0",
    ]
