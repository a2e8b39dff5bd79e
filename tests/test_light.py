"""Light classes behave as dataclasses do, and load nothing of what those are made with."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from types import MappingProxyType

import pytest

from otel_replay.light import NamedTuple, defaults_of, light, names_of, replace


@light(frozen=True, kw_only=True)
class Limit:
    """A class of values, as the package has them."""

    name: str
    value: float = 7.0


@light()
class Range:
    """One that may be changed, and whose values may be given by their places."""

    low: int
    high: int = 10


@light(frozen=True, kw_only=True, slots=True)
class Point:
    """One whose instances have room for their values alone."""

    x: int
    y: int = 0
    rest: object = MappingProxyType({})


class Below(Point):
    """One below it, which has its values from there."""


class Row(NamedTuple):
    """A tuple whose items have names."""

    name: str
    count: int


def test_an_instance_with_slots_has_room_for_its_values_alone_and_is_kept_and_copied() -> None:
    point = Point(x=1)
    assert (point.x, point.y, Point.__slots__) == (1, 0, ("x", "y", "rest"))
    assert not hasattr(point, "__dict__")
    assert dataclasses.replace(point, y=2) == replace(point, y=2) == Point(x=1, y=2) != point
    other = Range(1)
    assert pickle.loads(pickle.dumps(other)) == other
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]  # that is what is tried
    assert copy.copy(Point(x=5, rest=None)) == Point(x=5, rest=None)
    below = Below(x=6, rest=None)
    assert copy.copy(below) == pickle.loads(pickle.dumps(below)) == below != Point(x=6, rest=None)
    assert (names_of(Point), defaults_of(Point)["y"]) == (("x", "y", "rest"), 0)


def test_the_first_instance_with_slots_and_the_hundredth_are_made_alike() -> None:
    @light(frozen=True, slots=True)
    class Place:
        row: int
        column: int = 3

    made = [Place(1, column=2) for _ in range(100)] + [Place(1, 2), Place(row=1, column=2)]
    assert len(set(made)) == 1
    assert [Place(1).column for _ in range(40)] == [3] * 40
    for wrong in ({}, {"row": 1, "depth": 2}):
        with pytest.raises(TypeError):
            Place(**wrong)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made[-1].row = 2  # type: ignore[misc]  # that is what is tried


def test_what_is_wrong_with_the_first_instance_with_slots_is_told() -> None:
    @light(frozen=True, slots=True, kw_only=True)
    class Place:
        row: int
        column: int = 3

    for wrong in ({"column": 2}, {"row": 1, "depth": 2}):
        with pytest.raises(TypeError, match=r"row|depth"):
            Place(**wrong)
    with pytest.raises(TypeError, match="without a name"):
        Place(1)  # type: ignore[misc]  # that is what is tried


def test_a_tuple_with_names_is_one() -> None:
    row = Row("a", 2)
    assert (row, row.name, row._replace(count=3)) == (("a", 2), "a", Row("a", 3))
    assert pickle.loads(pickle.dumps(row)) == row
    assert "items have names" in (Row.__doc__ or "")


def test_values_are_given_by_name_and_have_defaults() -> None:
    limit = Limit(name="clamp")
    assert (limit.name, limit.value) == ("clamp", 7.0)
    assert repr(limit) == "Limit(name='clamp', value=7.0)"


def test_values_may_be_given_by_place_where_the_class_lets_them() -> None:
    assert (Range(1).high, Range(1, 2).high, Range(1, high=3).high) == (10, 2, 3)


@pytest.mark.parametrize("wrong", [{}, {"name": "a", "nothing": 1}])
def test_a_value_that_lacks_or_is_not_known_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=r"lacks, or does not know: (name|nothing)"):
        Limit(**wrong)


def test_too_many_values_and_values_given_twice_are_refused() -> None:
    with pytest.raises(TypeError, match="3 values without a name"):
        Range(1, 2, 3)
    with pytest.raises(TypeError, match="low twice"):
        Range(1, low=1)
    with pytest.raises(TypeError, match="without a name"):
        Limit("clamp")


def test_equal_values_make_equal_instances_of_one_class_alone() -> None:
    assert Limit(name="a") == Limit(name="a", value=7.0)
    assert hash(Limit(name="a")) == hash(Limit(name="a", value=7.0))
    assert Limit(name="a") != Limit(name="b")
    assert Range(1) != (1, 10)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Range(1))


def test_a_frozen_one_is_not_changed_and_others_are() -> None:
    limit, wide = Limit(name="a"), Range(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="'value' of Limit"):
        limit.value = 8.0
    wide.high = 11
    assert wide == Range(1, 11)


def test_dataclasses_and_pickle_take_them_for_their_own() -> None:
    limit = Limit(name="a")
    assert dataclasses.is_dataclass(limit)
    assert [field.name for field in dataclasses.fields(limit)] == ["name", "value"]
    assert dataclasses.asdict(limit) == {"name": "a", "value": 7.0}
    assert dataclasses.replace(limit, value=9.0) == replace(limit, value=9.0) == Limit(name="a", value=9.0)
    assert pickle.loads(pickle.dumps(limit)) == limit


def test_nothing_that_is_slow_to_load_is_loaded_for_them() -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        "from otel_replay.light import light\n"
        "import otel_replay.log\n"
        "print(sorted({'dataclasses', 'inspect', 'logging', 'typing'} & (set(sys.modules) - before)))\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_what_is_told_without_logging_goes_to_standard_error() -> None:
    program = (
        "import sys; sys.modules['logging'] = None\n"
        "from otel_replay import log\n"
        "log.warning('%s was not kept', 'a line')\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "a line was not kept\n")


def test_what_is_told_with_logging_names_the_place_that_told_it(caplog: pytest.LogCaptureFixture) -> None:
    from otel_replay import log

    log.error("run %s exists", "a")
    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == ("otel_replay", "ERROR", "run a exists")
    assert record.funcName == "test_what_is_told_with_logging_names_the_place_that_told_it"
