"""Any Python value becomes an AnyValue by the stated rules, and comes back from JSON as it went in."""

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import io
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
import orjson
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_replay import values
from otel_replay.values import ORJSON_OPTIONS, Notes, from_json, is_native_exact, normalise, to_json

unhurried = settings(deadline=None)


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
    (None, None),
    (b"ab", b"ab"), (bytearray(b"ab"), b"ab"), (memoryview(b"abcd")[::2], b"ac"),
    (big, "9223372036854775808"), (-big - 1, "-9223372036854775809"), (10**30, "1" + "0" * 30),
    (Text("a"), "a"), (Number(5), 5), (Real(1.5), 1.5), ("\udc80é", "\\udc80é"),
    (Colour.RED, "red"), (Colour.PAIR, [1, 2]), (Level.HIGH, 3),
    (dt.datetime(2024, 5, 1, 12, 0, 0, 5, utc), "2024-05-01T12:00:00.000005+00:00"), (dt.date(2024, 5, 1),
    "2024-05-01"),
    (dt.time(12, 30), "12:30:00"), (dt.timedelta(days=1, microseconds=5), "PT86400.000005S"),
    (dt.timedelta(seconds=-1.5), "-PT1.5S"), (dt.timedelta(), "PT0S"),
    (decimal.Decimal("1.10"), "1.10"), (fractions.Fraction(1, 3), "1/3"), (1 + 2j, "(1+2j)"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"), (pathlib.PurePosixPath("a/b"), "a/b"),
    (Folder(), "/a/b"),
    (collections.UserString("u"), "u"), (Point(1, 2), {"x": 1, "y": 2}), (Model(), {"x": [1, 2]}),
    (slotted, {"a": 1}),
    (Table("t", [1]), {"name": "t", "cells": [1]}), (collections.OrderedDict(a=1), {"a": 1}),
    (types.MappingProxyType({"a": 1}), {"a": 1}), (collections.ChainMap({"a": 1}), {"a": 1}),
    ((1, (2,)), [1, [2]]), (collections.deque([1]), [1]), (range(3), [0, 1, 2]), (array.array("d", [1.5]),
    [1.5]),
    (range(10**30), f"range(0, {10**30})"), ({3, "b", 1, "a"}, [1, 3, "a", "b"]), (frozenset({2, 1}), [1, 2]),
    ({"a": 1}.keys(), ["a"]), ({"a": 1}.items(), [["a", 1]]), (collections.UserList([1]), [1]),
    (ValueError("no"), "ValueError: no"), (KeyError(), "KeyError"), (a_function, f"{__name__}.a_function"),
    (len, "len"),
    (int, "int"), (dt.datetime, "datetime.datetime"), (math, "math"), ([].append, "list.append"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), PLAIN, ids=repr)
def test_a_value_of_the_standard_library_follows_its_rule(value, expected):
    assert same(normalise(value), expected)


FRAME = pd.DataFrame({"rpm": [1000, 2000], "ve": [0.5, None]})
RECORDS = np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
FOREIGN = [
    (np.bool_(True), True), (np.int8(-1), -1), (np.uint64(big), str(big)), (np.float64(1.0), 1.0),
    (np.float32(0.1), 0.10000000149011612), (np.float16(0.1), 0.0999755859375), (np.longdouble(0.5), 0.5),
    (np.complex64(1 + 2j), "(1+2j)"), (np.str_("a"), "a"), (np.bytes_(b"a"), b"a"), (np.void(b"ab"), b"ab"),
    (np.datetime64("2024-05-01T00:00:00.000000001"), "2024-05-01T00:00:00.000000001"), (np.datetime64("NaT"),
    None),
    (np.timedelta64(25, "h"), "PT90000S"), (np.timedelta64(-1, "ns"), "-PT0.000000001S"),
    (np.timedelta64("NaT"), None),
    (np.timedelta64(3, "Y"), "P3Y"), (np.timedelta64(7), "7 generic time units"), (np.array(3), 3),
    (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]), (np.array([]), []), (np.array([1, None, {2}], object),
    [1, None, [2]]),
    (np.array(["a"]), ["a"]), (np.array([b"a"]), [b"a"]), (np.array([1j]), ["1j"]), (np.array([0.5], "g"),
    [0.5]),
    (np.array([big], np.uint64), [str(big)]), (np.array(["2024-05-01", "NaT"], "M8[D]"), ["2024-05-01",
    None]),
    (np.ma.array([[1, 2]], mask=[[False, True]]), [[1, None]]), (np.ma.masked, None),
    (RECORDS, [{"a": 1, "b": 2.5}]),
    (np.array([[1j]]).view(np.matrix), [["1j"]]), (np.arange(2000), list(range(2000))),
    (pd.NA, None), (pd.NaT, None), (pd.Timestamp("2024-05-01 00:00:00.000000001"),
    "2024-05-01T00:00:00.000000001"),
    (pd.Timedelta("1.5s"), "PT1.5S"), (pd.Timedelta(1, "ns"), "PT0.000000001S"), (pd.Period("2024-05"),
    "2024-05"),
    (pd.Interval(0, 1), "(0, 1]"), (pd.Categorical(["a", "b"]), ["a", "b"]), (pd.Index([1, 2]), [1, 2]),
    (pd.array([1, None], dtype="Int64"), [1, None]), (pd.Series([1, 2]), [1, 2]),
    (pd.Series([1], index=["a"]), {"a": 1}),
    (pd.Series([1, 2], index=["a", "a"]), {"index": ["a", "a"], "values": [1, 2]}),
    (FRAME, {"rpm": [1000, 2000], "ve": [0.5, math.nan]}),
    (FRAME.set_index("rpm"), {"index": [1000, 2000], "ve": [0.5, math.nan]}),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"a": [1], "a#2": [2]}),
    (pd.DataFrame({"index": [1]}, index=["x"]), {"index": ["x"], "index#2": [1]}),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), FOREIGN, ids=repr)
def test_a_value_of_numpy_or_pandas_follows_its_rule(value, expected):
    assert same(normalise(value), expected)


def test_a_long_double_that_is_no_double_stays_text():
    value = np.longdouble(1) + np.finfo(np.longdouble).eps
    expected = str(value) if np.finfo(np.longdouble).eps < np.finfo(float).eps else float(value)
    assert normalise(value) == expected


def same(left: object, right: object) -> bool:
    """Equal in value, type and order; NaN equals NaN, and -0.0 is not 0.0."""
    return repr(left) == repr(right)


class Tensor:
    """As torch's tensors are, to us; `numpy` fails as it does for bfloat16."""

    __module__ = "torch"

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        raise TypeError("Got unsupported ScalarType BFloat16")

    def tolist(self):
        return [[1.5]]


class Parameter(Tensor):
    __module__ = "torch.nn.parameter"

    def numpy(self):
        return np.array([2.5])


class PolarsSeries:
    __module__ = "polars.series.series"

    def to_list(self):
        return [1]


class PolarsFrame:
    __module__ = "polars.dataframe.frame"

    def to_dict(self, *, as_series):
        return {"a": [as_series]}


class Array:
    """As an array of jax is, to us."""

    dtype = "float32"

    def __array__(self):
        return np.array([0.5])


PolarsSeries.__name__ = "Series"
PolarsFrame.__name__ = "DataFrame"


def test_tensors_and_arrays_of_other_libraries_are_recognised_by_their_names():
    some = [Tensor(), Parameter(), PolarsSeries(), PolarsFrame(), Array()]
    assert normalise(some) == [[[1.5]], [2.5], [1], {"a": [False]}, [0.5]]


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


# --- large values ---


def kept_in(blobs: dict[str, tuple[bytes, str]]):
    """A place for blobs that names them by their number."""

    def keep(data: bytes, media_type: str) -> dict[str, values.AnyValue]:
        name = str(len(blobs))
        blobs[name] = (data, media_type)
        return {"otel_replay.blob": name, "size_bytes": len(data), "media_type": media_type}

    return keep


def test_long_text_and_bytes_become_blobs_only_above_the_limit():
    blobs: dict[str, tuple[bytes, str]] = {}
    fits, text, data = "é" * 32_768, "é" * 32_769, b"x" * 65_537
    result = normalise([fits, text, data, data[1:]], keep_blob=kept_in(blobs))
    assert result[0] == fits
    assert result[1]["size_bytes"] == 65_538
    assert result[3] == data[1:]
    assert blobs == {
        "0": (text.encode(), "text/plain; charset=utf-8"),
        "1": (data, "application/octet-stream"),
    }


def test_large_arrays_become_npy_files():
    blobs: dict[str, tuple[bytes, str]] = {}
    large = np.arange(1025, dtype=np.float32).reshape(5, 205)
    result = normalise({"small": np.arange(1024), "large": large}, keep_blob=kept_in(blobs))
    assert result["small"] == list(range(1024))
    assert (result["large"]["dtype"], result["large"]["shape"]) == ("float32", [5, 205])
    data, media_type = blobs["0"]
    assert media_type == "application/x-npy"
    assert np.array_equal(np.load(io.BytesIO(data)), large)


def test_masks_and_objects_of_large_arrays_are_kept_in_the_list():
    blobs: dict[str, tuple[bytes, str]] = {}
    masked = np.ma.array(np.arange(2000), mask=[True] + [False] * 1999)
    objects = np.array([None] * 2000, dtype=object)
    assert normalise(masked, keep_blob=kept_in(blobs))[:2] == [None, 1]
    assert normalise(objects, keep_blob=kept_in(blobs)) == [None] * 2000
    assert blobs == {}


def test_without_a_place_for_blobs_nothing_is_cut():
    text, large = "x" * 100_000, np.arange(5000)
    assert normalise([text, large, text.encode()]) == [text, list(range(5000)), text.encode()]


def test_when_a_blob_cannot_be_kept_the_value_stays_entire():
    def full(data: bytes, media_type: str) -> dict[str, values.AnyValue]:
        raise OSError("no space left on device")

    notes = Notes()
    text, large = "x" * 100_000, np.arange(2000)
    assert normalise([text, large], notes=notes, keep_blob=full) == [text, list(range(2000))]
    assert notes == {"blob_not_kept": 2}


# --- JSON ---

ANY_VALUE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.binary(max_size=8),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.text(max_size=4), st.sampled_from(["$float", "$bytes", "$map", "$"])),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@unhurried
@given(ANY_VALUE)
@example({"$float": "NaN"})
@example({"$map": [["$map", 1]]})
@example([-0.0, 1.0, 1, math.nan, math.inf, -math.inf, 5e-324])
def test_json_gives_back_what_it_was_given(value):
    line = orjson.dumps(to_json(value), option=ORJSON_OPTIONS)
    assert line.endswith(b"\n")
    assert same(from_json(orjson.loads(line)), value)


@unhurried
@given(ANY_VALUE)
def test_an_any_value_is_normal_already(value):
    assert same(normalise(value), value)


NATIVE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8), st.uuids(), st.sampled_from([*Colour, *Level]), st.text(max_size=4).map(Text),
        st.integers(-5, 5).map(Number),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=4), inner, max_size=3),
        st.dictionaries(st.text(max_size=4), inner, max_size=3).map(collections.OrderedDict),
    ),
    max_leaves=12,
)  # fmt: skip


@unhurried
@given(NATIVE)
@example({"$float": "NaN"})
def test_what_orjson_writes_by_itself_reads_as_the_rules_would_have_it(value):
    """So a line may be written without the rules, when `is_native_exact` says so of it."""
    line = orjson.dumps(value, option=ORJSON_OPTIONS)
    if is_native_exact(line) or b'{"$' not in line:
        assert same(from_json(orjson.loads(line)), normalise(value))


@pytest.mark.parametrize("value", [math.nan, math.inf, {"$float": "NaN"}, {"x": [{"$bytes": "eA=="}]}])
def test_lines_that_orjson_cannot_write_exactly_are_told(value):
    assert not is_native_exact(orjson.dumps(value))
    assert not is_native_exact(orjson.dumps(value).translate(None, b"0123456789."))


@pytest.mark.parametrize("value", [{"a": 1.5}, {"b": 2, "$a": 1}, ['{"$'], "{$"])
def test_ordinary_lines_are_exact(value):
    assert is_native_exact(orjson.dumps(value))


def test_an_integer_above_64_bits_in_a_line_is_its_text():
    assert from_json(orjson.loads(b"[9223372036854775808,9223372036854775807]")) == [
        "9223372036854775808",
        2**63 - 1,
    ]


@pytest.mark.parametrize(
    "broken",
    [
        {"$float": "nan"}, {"$float": 1}, {"$bytes": "?"}, {"$bytes": 5}, {"$bytes": "é"}, {"$map": []},
        {"$map": [[1, 2]]}, {"$map": [["a", 1], ["b", 2]]}, {"$map": 5},
    ],
)  # fmt: skip
def test_an_escape_that_we_never_write_is_an_error_and_no_guess(broken):
    with pytest.raises(ValueError, match=r"\$"):
        from_json({"inside": [broken]})


@pytest.mark.parametrize("value", [{"$unknown": 1}, {"$float": "NaN", "b": 1}])
def test_what_only_looks_like_an_escape_is_itself(value):
    assert from_json(value) == value


@unhurried
@given(
    st.recursive(
        st.one_of(
            st.integers(), st.floats(), st.text(st.characters(), max_size=4), st.decimals(), st.fractions(),
            st.complex_numbers(), st.datetimes(), st.timedeltas(), st.uuids(), st.binary(max_size=4),
            st.builds(BadMapping),
            st.just(object()), st.sampled_from([Named(), Model(), len, int, pd.NaT, np.float32(1.5)]),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.one_of(st.integers(), st.text(max_size=2), st.none(),
            st.tuples(st.booleans())), inner),
            st.lists(inner, max_size=3).map(tuple),
        ),
        max_leaves=10,
    )
)  # fmt: skip
def test_whatever_comes_in_json_goes_out(value):
    result = normalise(value)
    assert same(from_json(orjson.loads(orjson.dumps(to_json(result)))), result)
