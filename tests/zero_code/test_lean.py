"""What the process that records loads: a short program's caller waits for it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SLOW = {
    *("_hashlib", "dataclasses", "hashlib", "inspect", "ipaddress", "json", "logging", "ntpath"),
    *("platform", "subprocess", "typing", "urllib.parse", "uuid"),
}

LOADS = f"""
import sys
sys.path[:0] = {[str(ROOT), sysconfig.get_path("purelib")]!r}
from otel_replay.zero_code.lean import load_lean
load_lean()
import otel_replay.storage.finalise, otel_replay.zero_code.git_state, otel_replay.zero_code.outcome
import otel_replay.zero_code.recording
"""


def said(code: str) -> list[str]:
    """What a Python without site prints that has loaded what records, and does this then."""
    words = [sys.executable, "-S", "-c", LOADS + code]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def test_the_recorder_loads_nothing_slow_that_it_does_not_need() -> None:
    loaded = set(said("print(*sys.modules, sep='\\n')"))
    assert "orjson" in loaded
    assert loaded & SLOW == set()


def test_what_is_no_json_is_told_as_by_json_itself() -> None:
    code = r"""
import orjson
text = '{"a": 1,\n  x}'
for read in (orjson.loads, __import__("json").loads):
    try:
        read(text)
    except (orjson.JSONDecodeError, ValueError) as error:
        print(isinstance(error, ValueError), str(error).partition(": ")[2])
"""
    assert said(code) == ["True line 2 column 3 (char 11)"] * 2


def test_who_asks_later_gets_pythons_own_modules() -> None:
    code = """
import dataclasses, json, uuid, zoneinfo
print(dataclasses.fields(dataclasses.make_dataclass("A", ["x"]))[0].name, json.loads("[1]"), uuid.UUID(int=1))
"""
    assert said(code) == ["x [1] 00000000-0000-0000-0000-000000000001"]


def test_what_pathlib_was_loaded_without_is_loaded_when_somebody_needs_it() -> None:
    code = """
from pathlib import Path, PurePath, PureWindowsPath
print(PurePath("/a b").as_uri(), PurePath("a.py").match("*.py"), PureWindowsPath("C:/a").drive)
import fnmatch, ntpath, warnings, urllib.parse
print(fnmatch.fnmatchcase("ab", "a?"), ntpath.sep, urllib.parse.quote("a b"), warnings.warn.__name__)
print(sorted(path.name for path in Path(r"%s").glob("test_lea*.py")))
"""
    assert said(code % Path(__file__).parent) == [
        "file:///a%20b True C:",
        "True \\ a%20b warn",
        "['test_lean.py']",
    ]


def test_a_time_is_of_pythons_own_class_wherever_it_was_imported() -> None:
    code = """
import datetime, pickle, _strptime
from otel_replay import clock
moment = datetime.datetime.strptime("2026-01-02", "%Y-%m-%d")
print(clock.datetime is datetime.datetime, pickle.loads(pickle.dumps(moment)) == moment, datetime.MAXYEAR)
"""
    assert said(code) == ["True True 9999"]


def test_an_orjson_of_any_release_that_may_be_installed_finds_what_it_asks_for(tmp_path: Path) -> None:
    """Where it does not, the process ends by a signal. Those before 3.11 ask for a UUID, not the class."""
    asks = "import uuid\nprint(hasattr(uuid, 'UUID'), type(uuid.NAMESPACE_DNS).__name__, uuid.__spec__)\n"
    (tmp_path / "orjson.py").write_text(asks)
    code = f"import sys; sys.path[:0] = {[str(tmp_path), str(ROOT)]!r}\n"
    code += "from otel_replay.zero_code.lean import load_lean\nload_lean()\nimport uuid\nprint(uuid.UUID)\n"
    words = [sys.executable, "-S", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["True _NoValue None", "<class 'uuid.UUID'>"]
