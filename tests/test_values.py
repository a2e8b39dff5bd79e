"""Any Python value becomes an AnyValue by the stated rules, and none of them ever raises."""

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import math
import pathlib
import re
import subprocess
import sys
import threading
import types
import typing
import uuid

import numpy as np
import pytest

from otel_replay import values
from otel_replay.values import Notes, normalise


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


class Text(str):
    __slots__ = ()

    def __str__(self):
        return "something else"


class Number(int):
    def __int__(self):
        return 99


class Real(float):
    pass


@dataclasses.dataclass
class Table:
    name: str
    cells: list[object]
    later: int = dataclasses.field(init=False, repr=False)


class Slotted:
    __slots__ = ("a", "b")
    __attrs_attrs__ = (types.SimpleNamespace(name="a"), types.SimpleNamespace(name="b"))


class Model:
    """As pydantic's models are, to us."""

    def model_dump(self):
        return {"x": (1, 2)}


class Folder:
    def __fspath__(self):
        return "/a/b"


class Point(typing.NamedTuple):
    x: int
    y: int


def a_function():
    """Has a name."""


slotted = Slotted()
slotted.a = 1
utc = dt.timezone.utc
big = 2**63

PLAIN = [
    ("text", "text"), (True, True), (7, 7), (-(2**63), -(2**63)), (big - 1, big - 1), (1.0, 1.0),
    (None, None), (b"ab", b"ab"), (bytearray(b"ab"), b"ab"), (memoryview(b"abcd")[::2], b"ac"),
    (big, "9223372036854775808"), (-big - 1, "-9223372036854775809"), (10**30, "1" + "0" * 30),
    (Text("a"), "a"), (Number(5), 5), (Real(1.5), 1.5), ("\udc80é", "\\udc80é"), (Colour.RED, "red"),
    (Colour.PAIR, [1, 2]), (Level.HIGH, 3),
    (dt.datetime(2024, 5, 1, 12, 0, 0, 5, utc), "2024-05-01T12:00:00.000005+00:00"),
    (dt.date(2024, 5, 1), "2024-05-01"), (dt.time(12, 30), "12:30:00"),
    (dt.timedelta(days=1, microseconds=5), "PT86400.000005S"), (dt.timedelta(seconds=-1.5), "-PT1.5S"),
    (dt.timedelta(), "PT0S"), (decimal.Decimal("1.10"), "1.10"), (fractions.Fraction(1, 3), "1/3"),
    (1 + 2j, "(1+2j)"), (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (pathlib.PurePosixPath("a/b"), "a/b"), (Folder(), "/a/b"), (collections.UserString("u"), "u"),
    (Point(1, 2), {"x": 1, "y": 2}), (Model(), {"x": [1, 2]}), (slotted, {"a": 1}),
    (Table("t", [1]), {"name": "t", "cells": [1]}), (collections.OrderedDict(a=1), {"a": 1}),
    (types.MappingProxyType({"a": 1}), {"a": 1}), (collections.ChainMap({"a": 1}), {"a": 1}),
    ((1, (2,)), [1, [2]]), (collections.deque([1]), [1]), (range(3), [0, 1, 2]),
    (array.array("d", [1.5]), [1.5]), (range(10**30), f"range(0, {10**30})"),
    ({3, "b", 1, "a"}, [1, 3, "a", "b"]), (frozenset({2, 1}), [1, 2]), ({"a": 1}.keys(), ["a"]),
    ({"a": 1}.items(), [["a", 1]]), (collections.UserList([1]), [1]), (ValueError("no"), "ValueError: no"),
    (KeyError(), "KeyError"), (a_function, f"{__name__}.a_function"), (len, "len"), (int, "int"),
    (dt.datetime, "datetime.datetime"), (math, "math"), ([].append, "list.append"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), PLAIN)
def test_a_value_of_the_standard_library_follows_its_rule(value, expected):
    assert same(normalise(value), expected)


def same(left: object, right: object) -> bool:
    """Equal in value, type and order; NaN equals NaN, and -0.0 is not 0.0."""
    return repr(left) == repr(right)


def test_nothing_is_imported_for_a_value():
    """These two modules are at the bottom: the standard library and orjson, no more."""
    program = (
        "import sys; import otel_replay.values, otel_replay.redaction; "
        "print([name for name in ('numpy', 'pandas', 'opentelemetry.sdk', 'torch') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


# --- keys ---


def test_keys_that_are_no_text_become_text_and_none_is_lost():
    notes = Notes()
    value = {1: "one", "1": "own", None: 0, 2.0: 2, (1, 2): 3, Colour.RED: 4, np.int64(7): 5, b"k": 6}
    assert normalise(value, notes=notes) == {
        "1#2": "one", "1": "own", "None": 0, "2.0": 2, "(1, 2)": 3, "red": 4, "7": 5, "b'k'": 6,
    }  # fmt: skip
    assert notes == {"key_collision": 1, "key_as_text": 6}


def test_equal_keys_are_numbered_and_text_keeps_its_name():
    value = {1: "a", "1": "b", np.int8(2): "c", "1#2": "d", dt.date(2024, 5, 1): "e", "2024-05-01": "f"}
    assert normalise(value) == {
        "1#3": "a",
        "1": "b",
        "2": "c",
        "1#2": "d",
        "2024-05-01#2": "e",
        "2024-05-01": "f",
    }


def test_half_characters_in_keys_are_escaped_like_any_text():
    notes = Notes()
    assert normalise({"\ud800": 1, "\\ud800": 2}, notes=notes) == {"\\ud800#2": 1, "\\ud800": 2}
    assert notes == {"surrogate_text": 1, "key_collision": 1}


# --- what cannot be kept exactly ---


class Hostile:
    """Raises wherever it is touched."""

    def __repr__(self):
        raise RuntimeError("no")

    def __getattribute__(self, name):
        raise RuntimeError("no")


class HostileType(type):
    def __getattribute__(cls, name):
        raise RuntimeError("no")


class EndlessKeys(collections.abc.Mapping):
    def __getitem__(self, key):
        return key

    def __len__(self):
        return 3

    def __iter__(self):
        number = 0
        while True:
            yield f"k{number}"
            number += 1


class BadKeys(dict):
    def keys(self):
        raise RuntimeError("no")

    def __iter__(self):
        raise RuntimeError("no")


class BadMapping(EndlessKeys):
    def __iter__(self):
        raise RuntimeError("no")

    def __repr__(self):
        return "<BadMapping at 0x7f00>"


class Rabbit:
    """Each dump holds a new one."""

    def model_dump(self):
        return {"again": Rabbit()}


class BadRepr:
    def __repr__(self):
        return 5


class Named:
    def __repr__(self):
        return "<Named object at 0x7f0123456789AB x>"


def test_what_no_rule_knows_is_its_repr_without_the_address():
    notes = Notes()
    assert normalise(Named(), notes=notes) == "<Named object x>"
    assert normalise(object(), notes=notes) == "<object object>"
    assert notes == {"by_repr": 2}


def test_iterators_are_not_consumed():
    numbers = iter([1, 2])
    lines = (number for number in range(3))
    assert normalise([numbers, lines])[0] == "<list_iterator object>"
    assert list(numbers) == [1, 2]
    assert list(lines) == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Hostile(), "<unprintable Hostile>"),
        (BadRepr(), "<unprintable BadRepr>"),
        (BadMapping(), "<BadMapping>"),
        (HostileType("Odd", (), {})(), "<Odd object>"),
        (BadKeys(a=1), {"a": 1}),
        ({"a": Hostile(), "b": 1}, {"a": "<unprintable Hostile>", "b": 1}),
        ({Hostile: 1}, {f"{__name__}.Hostile": 1}),
    ],
    ids=["hostile", "bad repr", "bad mapping", "hostile type", "bad keys", "inside", "as key"],
)
def test_a_hostile_object_costs_only_itself(value, expected):
    notes = Notes()
    result = normalise(value, notes=notes)
    assert type(result) is type(expected)
    if isinstance(expected, str) and "Odd" in expected:
        assert "unprintable" in result or "Odd" in result
    else:
        assert result == expected


def test_what_stops_the_program_is_not_swallowed():
    class Stop:
        def __repr__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        normalise([Stop()])


def test_a_cycle_is_named_and_counted():
    inner: dict[str, object] = {}
    outer = [inner, 1]
    inner["outer"] = outer
    table = Table("t", [])
    table.cells.append(table)
    objects = np.array([None], dtype=object)
    objects[0] = objects
    notes = Notes()
    assert normalise(outer, notes=notes) == [{"outer": "<cycle>"}, 1]
    assert normalise(table, notes=notes) == {"name": "t", "cells": ["<cycle>"]}
    assert normalise(objects, notes=notes) == ["<cycle>"]
    assert notes == {"cycle": 3}


def test_the_same_object_twice_is_no_cycle():
    shared = [1]
    assert normalise([shared, shared]) == [[1], [1]]


def nested(depth: int) -> object:
    """A list in a list, so many times."""
    value: object = 5
    for _ in range(depth):
        value = [value]
    return value


def test_sixty_four_levels_are_kept_and_the_next_is_a_short_repr():
    notes = Notes()
    assert normalise(nested(64), notes=notes) == nested(64)
    assert notes == {}
    result = normalise(nested(65), notes=notes)
    assert notes == {"too_deep": 1}
    for _ in range(64):
        result = result[0]
    assert result == "[5]"


@pytest.mark.parametrize("value", [nested(100_000), Rabbit()], ids=["nested", "rabbit"])
def test_endless_nesting_ends(value):
    notes = Notes()
    assert isinstance(normalise(value, notes=notes), (list, dict))
    assert notes["too_deep"] == 1


def test_endless_and_exploding_values_end_with_a_mark(monkeypatch):
    monkeypatch.setattr(values, "MAX_ITEMS", 1000)
    notes = Notes()
    endless = normalise(EndlessKeys(), notes=notes)
    assert list(endless)[:2] == ["k0", "k1"]
    assert endless["<omitted>"] == "<omitted>"
    shared = [1]
    for _ in range(60):
        shared = [shared, shared]
    assert "<omitted>" in str(normalise(shared, notes=notes))
    assert notes["omitted"] > 0


def test_a_list_of_any_ordinary_length_is_kept_entire():
    assert normalise(list(range(200_000))) == list(range(200_000))


def test_an_integer_that_python_will_not_print_is_kept_in_hexadecimal():
    assert int(normalise(7**9000), 16) == 7**9000


def test_a_value_that_changes_while_it_is_read_does_not_raise():
    value = {str(number): [number] for number in range(1000)}
    stop = threading.Event()

    def churn():
        number = 1000
        while not stop.is_set():
            value[str(number)] = [number]
            del value[str(number - 1000)]
            number += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        assert all(isinstance(normalise(value), dict) for _ in range(50))
    finally:
        stop.set()
        thread.join()


def test_every_name_that_is_counted_stands_in_the_documentation():
    source = pathlib.Path(values.__file__).read_text(encoding="utf-8")
    page = (pathlib.Path(__file__).parent.parent / "docs" / "values.md").read_text(encoding="utf-8")
    counted = re.findall(r'count\("(\w+)"\)', source)
    assert len(counted) >= 10
    assert [name for name in counted if f"`{name}`" not in page] == []
