"""The JSON form of a value gives back exactly what it was given, and orjson alone writes the same."""

import collections
import enum
import math

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_replay.values import ORJSON_OPTIONS, from_json, is_native_exact, normalise, to_json

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


class BadMapping(collections.abc.Mapping):
    def __getitem__(self, key):
        raise KeyError(key)

    def __len__(self):
        return 1

    def __iter__(self):
        raise RuntimeError("no")

    def __repr__(self):
        return "<BadMapping at 0x7f00>"


def same(left: object, right: object) -> bool:
    """Equal in value, type and order; NaN equals NaN, and -0.0 is not 0.0."""
    return repr(left) == repr(right)


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
            st.just(object()), st.sampled_from([len, int, pd.NaT, np.float32(1.5)]),
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
