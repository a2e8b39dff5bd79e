"""JSON that is too deep for orjson is what orjson would write."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from otel_replay.formats.deep_json import _parts, dumps

SAMPLE = {
    "a": [1, -0.5, None, True, 'ü\n"', {}, []],
    "": {"b": [[[]], [{}, {"c": ()}]], 'quote"d': ["x", {"y": {"z": 1e300}}]},
}


def nested(depth: int, kind: str = "map") -> Any:
    """A value that many containers deep."""
    value: Any = "within"
    for _ in range(depth):
        value = {"k": value} if kind == "map" else [1, value]
    return value


@pytest.mark.parametrize("indented", [False, True])
def test_it_is_what_orjson_writes(indented: bool) -> None:
    """To the byte."""
    written = b"".join(_parts(SAMPLE, indented, 0))
    assert written == orjson.dumps(SAMPLE, option=orjson.OPT_INDENT_2 if indented else 0)


@pytest.mark.parametrize("kind", ["map", "list"])
@pytest.mark.parametrize("depth", [10, 253, 254, 255, 900])
def test_any_depth_is_written_and_read_back(depth: int, kind: str) -> None:
    """Also where orjson refuses."""
    value = nested(depth, kind)
    for option in (0, orjson.OPT_INDENT_2, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE):
        written = dumps(value, option)
        assert orjson.loads(written) == value
        assert written.endswith(b"\n") == bool(option & orjson.OPT_APPEND_NEWLINE)


def test_it_does_not_end_with_pythons_stack() -> None:
    """Nothing in it calls itself."""
    written = dumps(nested(100_000))
    assert (written.count(b"{"), written.count(b"}")) == (100_000, 100_000)


def test_what_cannot_be_json_is_refused_as_by_orjson() -> None:
    """Whether it is deep or not."""
    for depth in (1, 300):
        with pytest.raises(TypeError, match="not JSON serializable"):
            dumps(nested(depth) | {"other": object()})
