"""Records are encoded alike by orjson and, in a small process that has not loaded it, by the interpreter."""

from __future__ import annotations

import collections
import enum
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_replay import json_bytes
from otel_replay.values import ORJSON_OPTIONS

ROOT = Path(__file__).parent.parent
TEXT = st.text(st.characters(exclude_categories=()))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner) | st.tuples(inner, inner),
    max_leaves=12,
)


class Colour(str, enum.Enum):
    RED = "red"


class Number(int):
    pass


Point = collections.namedtuple("Point", "x y")


def own(value: Any, option: int = ORJSON_OPTIONS) -> bytes:
    """A value encoded as in a process that has not loaded orjson."""
    made = json_bytes._own(json_bytes._refuse, json_bytes._SCALARS, nan=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_bytes, "_orjson", lambda: None)
        return made(value, None, option)


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def test_the_options_are_those_of_orjson():
    assert json_bytes.WITH_NEWLINE == orjson.OPT_APPEND_NEWLINE
    assert json_bytes.PASS_DATETIME == orjson.OPT_PASSTHROUGH_DATETIME
    assert json_bytes.PASS_DATACLASS == orjson.OPT_PASSTHROUGH_DATACLASS


@given(PLAIN)
def test_what_the_interpreter_encodes_is_read_back_as_what_orjson_encodes(value: Any) -> None:
    try:
        line = own(value)
    except TypeError:
        # Refused by both, or a float that is no number, of which orjson makes a null: the rules know it.
        try:
            assert b"null" in orjson.dumps(value, None, ORJSON_OPTIONS)
        except TypeError:
            return
        return
    expected = orjson.dumps(value, None, ORJSON_OPTIONS)
    assert orjson.loads(line) == orjson.loads(expected)
    assert repr(orjson.loads(line)) == repr(orjson.loads(expected))  # -0.0 is not 0.0


@given(st.lists(st.integers() | TEXT) | st.dictionaries(TEXT, TEXT))
def test_what_holds_no_float_is_the_same_to_the_byte(value: Any) -> None:
    try:
        expected = orjson.dumps(value, None, ORJSON_OPTIONS)
    except TypeError:
        with pytest.raises(TypeError):
            own(value)
    else:
        assert own(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(math.nan, math.inf, 2**64, -(2**63) - 1, b"bytes", "\ud800", {"\ud800": 1}, {1: "one"}),
        *(Colour.RED, Number(1), Point(1, 2), {Colour.RED: 1}, {1, 2}, object(), [deep(300)]),
        collections.OrderedDict(a=1),
    ],
    ids=repr,
)
def test_what_the_two_might_encode_differently_goes_by_the_rules(value: Any):
    with pytest.raises(TypeError):
        own(value)
    with pytest.raises(TypeError):
        own({"values": [value]})


def test_numbers_at_the_ends_of_their_range_are_kept():
    for number in (2**64 - 1, -(2**63), 1e308, 5e-324, 1e16, 1e-7, -0.0):
        assert repr(orjson.loads(own([number]))) == repr([number])


def python(code: str) -> str:
    """What a Python that has loaded nothing of orjson prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout


def test_a_small_process_does_without_orjson_and_one_that_records_much_loads_it():
    told = python(
        "import sys\n"
        "from otel_replay import json_bytes\n"
        "def loaded(): return 'orjson' in sys.modules\n"
        "lines = {json_bytes.dumps({'a': 1}) for _ in range(999)}\n"
        "print(lines, loaded())\n"
        "print(json_bytes.dumps({'a': 1}), loaded(), json_bytes.dumps is sys.modules['orjson'].dumps)\n"
    )
    assert told.splitlines() == ["""{b'{"a":1}'} False""", """b'{"a":1}' True True"""]


def test_orjson_is_taken_as_soon_as_the_program_has_loaded_it():
    told = python(
        "from otel_replay import json_bytes\n"
        "json_bytes.dumps(1)\n"
        "import orjson\n"
        "print(json_bytes.dumps(1), json_bytes.dumps is orjson.dumps)\n"
        "print(json_bytes.dumps_with_bytes([b'x']))\n"
    )
    assert told.splitlines() == ["b'1' True", """b'["x"]'"""]


def test_a_module_of_the_programs_that_is_called_so_is_left_alone():
    told = python(
        "import sys, types\n"
        "sys.modules['orjson'] = types.ModuleType('orjson')\n"
        "from otel_replay import json_bytes\n"
        "print([json_bytes.dumps([1]) for _ in range(1001)][-1])\n"
    )
    assert told == "b'[1]'\n"


def test_orjson_is_not_loaded_while_an_import_goes_on(tmp_path: Path):
    """A half of what it needs may be there then, and that ends in a crash."""
    (tmp_path / "deciding.py").write_text(
        "import sys\n"
        "from otel_replay import json_bytes\n"
        "for _ in range(1500): json_bytes.dumps(1)\n"
        "print('orjson' in sys.modules)\n"
    )
    told = python(
        f"import sys; sys.path.append({str(tmp_path)!r}); import deciding\n"
        "from otel_replay import json_bytes\n"
        "for _ in range(500): json_bytes.dumps(1)\n"
        "print('orjson' in sys.modules)\n"
    )
    assert told.split() == ["False", "True"]
