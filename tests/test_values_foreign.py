"""Values of numpy, pandas and their like are kept exactly, and large ones beside the journal."""

import io
import math

import numpy as np
import pandas as pd
import pytest

from otel_replay import values
from otel_replay.values import Notes, normalise


def same(left: object, right: object) -> bool:
    """Equal in value, type and order; NaN equals NaN, and -0.0 is not 0.0."""
    return repr(left) == repr(right)


big = 2**63
FRAME = pd.DataFrame({"rpm": [1000, 2000], "ve": [0.5, None]})
RECORDS = np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
FOREIGN = [
    (np.bool_(True), True), (np.int8(-1), -1), (np.uint64(big), str(big)), (np.float64(1.0), 1.0),
    (np.float32(0.1), 0.10000000149011612), (np.float16(0.1), 0.0999755859375), (np.longdouble(0.5), 0.5),
    (np.complex64(1 + 2j), "(1+2j)"), (np.str_("a"), "a"), (np.bytes_(b"a"), b"a"), (np.void(b"ab"), b"ab"),
    (np.datetime64("2024-05-01T00:00:00.000000001"), "2024-05-01T00:00:00.000000001"),
    (np.datetime64("NaT"), None), (np.timedelta64(25, "h"), "PT90000S"),
    (np.timedelta64(-1, "ns"), "-PT0.000000001S"), (np.timedelta64("NaT"), None),
    (np.timedelta64(3, "Y"), "P3Y"), (np.timedelta64(7), "7 generic time units"), (np.array(3), 3),
    (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]), (np.array([]), []),
    (np.array([1, None, {2}], object), [1, None, [2]]), (np.array(["a"]), ["a"]),
    (np.array([b"a"]), [b"a"]), (np.array([1j]), ["1j"]), (np.array([0.5], "g"), [0.5]),
    (np.array([big], np.uint64), [str(big)]),
    (np.array(["2024-05-01", "NaT"], "M8[D]"), ["2024-05-01", None]),
    (np.ma.array([[1, 2]], mask=[[False, True]]), [[1, None]]), (np.ma.masked, None),
    (RECORDS, [{"a": 1, "b": 2.5}]), (np.array([[1j]]).view(np.matrix), [["1j"]]),
    (np.arange(2000), list(range(2000))), (pd.NA, None), (pd.NaT, None),
    (pd.Timestamp("2024-05-01 00:00:00.000000001"), "2024-05-01T00:00:00.000000001"),
    (pd.Timedelta("1.5s"), "PT1.5S"), (pd.Timedelta(1, "ns"), "PT0.000000001S"),
    (pd.Period("2024-05"), "2024-05"), (pd.Interval(0, 1), "(0, 1]"),
    (pd.Categorical(["a", "b"]), ["a", "b"]), (pd.Index([1, 2]), [1, 2]),
    (pd.array([1, None], dtype="Int64"), [1, None]), (pd.Series([1, 2]), [1, 2]),
    (pd.Series([1], index=["a"]), {"a": 1}),
    (pd.Series([1, 2], index=["a", "a"]), {"index": ["a", "a"], "values": [1, 2]}),
    (FRAME, {"rpm": [1000, 2000], "ve": [0.5, math.nan]}),
    (FRAME.set_index("rpm"), {"index": [1000, 2000], "ve": [0.5, math.nan]}),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"a": [1], "a#2": [2]}),
    (pd.DataFrame({"index": [1]}, index=["x"]), {"index": ["x"], "index#2": [1]}),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), FOREIGN)
def test_a_value_of_numpy_or_pandas_follows_its_rule(value, expected):
    assert same(normalise(value), expected)


def test_a_long_double_that_is_no_double_stays_text():
    value = np.longdouble(1) + np.finfo(np.longdouble).eps
    expected = str(value) if np.finfo(np.longdouble).eps < np.finfo(float).eps else float(value)
    assert normalise(value) == expected


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
