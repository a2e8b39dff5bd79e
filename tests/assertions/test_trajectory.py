"""The order of tool calls, in every mode."""

from __future__ import annotations

import itertools

import pytest
from analysis.story import Story
from hypothesis import given
from hypothesis import strategies as st

from assertions.runs import calls
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import Call, Result, approx, tool
from otel_replay.assertions.pairing import inversions, pair_all, pair_in_order, pair_steps
from otel_replay.assertions.trajectory import Trajectory, calls_of
from otel_replay.errors import UsageError

MODES = ("strict", "unordered", "subset", "superset", "causal")


def lines_of(result: Result) -> list[str]:
    """The text of a failure, line by line."""
    assert result.failure is not None
    return result.failure.text.splitlines()


def passing(expected, *made, **how) -> str:
    """The modes in which a run with these calls is as expected."""
    run = calls(*made)
    wanted = calls_of([*expected])
    return " ".join(mode for mode in MODES if Trajectory(wanted, mode=mode, **how).check(run))


@pytest.mark.parametrize(
    ("expected", "made", "modes"),
    [
        ("abc", "abc", "strict unordered subset superset causal"),
        ("abc", "acb", "unordered subset superset"),
        ("abc", "ab", "subset"),
        ("abc", "abcd", "superset"),
        ("abc", "axbc", "superset"),
        ("abc", "abx", ""),
        ("", "", "strict unordered subset superset causal"),
        ("", "a", "superset"),
        ("a", "", "subset"),
        ("aab", "aba", "unordered subset superset"),
        ("ab", "aab", "superset"),
        ("aab", "ab", "subset"),
        (["a", ["b", "c"], "d"], "acbd", "unordered subset superset causal"),
        (["a", ["b", "c"], "d"], "abcd", "strict unordered subset superset causal"),
        (["a", ["b", "c"], "d"], "bacd", "unordered subset superset"),
        (["a", {"b"}, "d*"], ["a", "b", "delete"], "strict unordered subset superset causal"),
    ],
)
def test_which_run_is_as_expected(expected, made, modes: str) -> None:
    assert passing(expected, *made) == modes


@pytest.mark.parametrize(
    ("expected", "made", "how", "passes"),
    [
        ({"q": "x"}, {"q": "x"}, {}, True),
        ({"q": "x"}, {"q": "y"}, {}, False),
        ({"q": "x"}, {"q": "y"}, {"arguments": "ignore"}, True),
        ({"n": 1}, {"n": 1.0}, {}, True),
        ({"n": 1}, {"n": True}, {}, False),
        ({"n": 1.0}, {"n": 1.0000001}, {}, False),
        ({"n": 1.0}, {"n": 1.0000001}, {"rel": 1e-3}, True),
        ({"n": 10}, {"n": 10.5}, {"abs": 0.5}, True),
        ({"n": 10}, {"n": 10.6}, {"abs": 0.5}, False),
        ({"n": approx(10, abs=1)}, {"n": 10.6}, {}, True),
        ({"n": [1, {"m": 2}]}, {"n": [1, {"m": 2.1}]}, {"abs": 0.2}, True),
        ({"n": [1, 2]}, {"n": [1]}, {}, False),
        ({"q": "x", "top": 3}, {"q": "x"}, {}, False),
        ({"q": "x", "top": 3}, {"q": "x"}, {"arguments": "subset"}, True),
        ({"q": "x", "top": 3}, {"q": "x"}, {"arguments": "superset"}, False),
        ({"q": "x"}, {"q": "x", "top": 3}, {"arguments": "superset"}, True),
        ({"q": "x"}, {"q": "x", "top": 3}, {"arguments": "subset"}, False),
        ({"q": "x"}, {"q": "y", "top": 3}, {"arguments": "superset"}, False),
        (None, {"q": "y"}, {}, False),
        ({"q": "x"}, "text", {"arguments": "subset"}, False),
    ],
)
def test_arguments_are_compared_as_asked(expected, made, how, passes: bool) -> None:
    run = calls(("search", made))
    assert Trajectory((Call("search", expected),), **how).check(run).passed is passes


def test_a_tool_without_arguments_takes_any() -> None:
    assert Trajectory(calls_of(["search"])).check(calls(("search", {"q": "x"})))


def test_the_failure_shows_both_orders_what_is_missing_and_what_came_nearest() -> None:
    run = calls("plan", ("search", {"q": "weather", "top": 4}), "answer", "extra")
    expected = calls_of(["plan", ("search", {"q": "weather", "top": 3}), "answer"])
    result = Trajectory(expected).check(run)
    assert result.failure is not None
    assert result.failure.text.splitlines() == [
        "trajectory([plan, search(q='weather', top=3), answer], mode='strict'): "
        "1 expected call is missing or out of place; 2 calls were not expected",
        "  expected: plan, search(q='weather', top=3), answer",
        "  made:     plan(), search(q='weather', top=4), answer(), extra()",
        "  missing: search(q='weather', top=3); nearest is search(q='weather', top=4): "
        "expected top = 3, found 4",
        "    run calls  9ms",
        "    ✓ execute_tool plan  1ms",
        "    ✗ execute_tool search  1ms  ← not expected here",
        "    ✓ execute_tool answer  1ms",
        "    ✗ execute_tool extra  1ms  ← not expected here",
    ]


def test_a_swap_names_both_calls() -> None:
    result = Trajectory(calls_of(["a", ["b", "c"], "d"]), mode="causal").check(calls(*"abdc"))
    assert result.failure is not None
    lines = result.failure.text.splitlines()
    assert lines[0].endswith(": 1 pair of calls has swapped")
    assert "  swapped: c must come before d" in lines
    assert any("✗ execute_tool d" in line and "too early" in line for line in lines)


def test_a_run_says_itself_which_calls_wait_for_each_other() -> None:
    golden = calls_of(calls("plan", ["search", "fetch"], "answer"))
    assert [(call.tool, call.step) for call in golden] == [
        ("plan", 0), ("search", 1), ("fetch", 1), ("answer", 2),
    ]  # fmt: skip
    assert Trajectory(golden, mode="causal").check(calls("plan", "fetch", "search", "answer"))
    assert not Trajectory(golden, mode="causal").check(calls("fetch", "plan", "search", "answer"))
    assert calls_of(calls("a", "b"), among=tool("b")) == (Call("b", None, 0),)


def test_only_the_calls_that_are_asked_for_count() -> None:
    assert Trajectory(calls_of(["b"]), among=tool("b")).check(calls("a", "b"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: calls_of([3]), "3 is no call"),
        (lambda: Trajectory((), mode="loose"), "`loose` is none of strict"),
        (lambda: Trajectory((), arguments="some"), "`some` is none of exact"),
        (
            lambda: Trajectory((Call("a"),) * 2_000_001).check(calls("a", "b")),
            "too many to pair",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_calls_may_be_written_as_yaml_has_them() -> None:
    assert calls_of([{"tool": "a"}, {"tool": "b", "arguments": {"q": 1}}, ("c", None), Call("d", 3)]) == (
        Call("a", None, 0, False),
        Call("b", {"q": 1}, 1),
        Call("c", None, 2),
        Call("d", 3, 3),
    )


# -- what is said, and where a call just fits ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "made", "how", "differs"),
    [
        ({"n": approx(10, abs=1)}, {"n": 12}, {}, "expected n = 10±1, found 12"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {}, "expected a.b = 1, found 2"),
        ({"a": {"b": 1}}, {"a": {}}, {}, "expected a.b, found none"),
        ({"a": {}}, {"a": {"b": 1}}, {}, "found a.b, expected none"),
        ({"a": 1}, {}, {}, "expected a, found none"),
        ({}, {"a": 1}, {}, "found a, expected none"),
        ({".a": 1}, {".a": 2}, {}, "expected .a = 1, found 2"),
        ({"a": [1, 2]}, {"a": [1]}, {}, "expected a with 2 items, found 1"),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, {}, "expected a.1.b = 2, found 3"),
        ({"a": [1]}, {"a": "1"}, {}, "expected a = [1], found '1'"),
        ({"a": 1, "b": 1, "c": 1, "d": 1}, dict.fromkeys("abcd", 2), {}, "expected a = 1, found 2; expected b = 1, found 2; expected c = 1, found 2"),
        ({"n": 100}, {"n": 102}, {"rel": 0.01}, "expected n = 100, found 102"),
    ],
)  # fmt: skip
def test_the_nearest_call_says_in_what_it_differs(expected, made, how, differs: str) -> None:
    result = Trajectory((Call("a", expected),), **how).check(calls(("a", made)))
    missing = next(line for line in lines_of(result) if "missing: " in line)
    assert missing.endswith(f"; nearest is {Call('a', made)}: {differs}")


def test_arguments_that_are_no_map_are_told_as_such() -> None:
    said = lines_of(Trajectory((Call("a", 7),)).check(calls(("a", 8))))
    assert "  missing: a(7); nearest is a('8'): expected arguments 7, found '8'" in said


def test_a_number_may_be_off_by_just_as_much_as_is_allowed() -> None:
    for made, how in ((101, {"rel": 0.01}), (99, {"abs": 1}), (100.3, {"abs": 0.3})):
        assert Trajectory((Call("a", {"n": 100}),), **how).check(calls(("a", {"n": made})))


def test_the_nearest_is_the_one_that_differs_least_of_the_same_tool() -> None:
    run = calls(("b", {"x": 1}), ("a", {"x": 2, "y": 2}), ("a", {"x": 1, "y": 2}), ("a", {"x": 2, "y": 1}))
    said = lines_of(Trajectory((Call("a", {"x": 1, "y": 1}),)).check(run))
    assert "  missing: a(x=1, y=1); nearest is a(x=1, y=2): expected y = 1, found 2" in said
    none = lines_of(Trajectory((Call("c", {"x": 1}),)).check(run))
    assert "  missing: c(x=1)" in none
    moved = lines_of(Trajectory(calls_of(["a", "b"])).check(calls("b", "a")))
    assert "  missing: a; nearest is a(): it came at another place" in moved


def test_of_long_trajectories_the_beginning_is_told() -> None:
    names = [f"t{number:02}" for number in range(40)]
    said = lines_of(
        Trajectory(calls_of(names), mode="superset").check(calls(*reversed([f"u{n:02}" for n in range(40)])))
    )
    assert said[1] == f"  expected: {', '.join(names[:30])}"
    assert said[2] == f"  made:     {', '.join(f'u{n:02}()' for n in range(39, 9, -1))}"
    assert [line.split()[1] for line in said if line.startswith("  missing: ")] == names[:5]
    swapped = lines_of(Trajectory(calls_of(names), mode="causal").check(calls(names[-1], *names[:-1])))
    assert sum(line.startswith("  swapped: ") for line in swapped) == 5


def test_a_recorded_run_is_expected_with_its_arguments() -> None:
    golden = calls(("a", {"x": 1}), ["b", "c"], "d")
    assert Trajectory(calls_of(golden)).check(golden)
    assert not Trajectory(calls_of(golden)).check(calls(("a", {"x": 2}), ["b", "c"], "d"))
    assert calls_of([Call("a", None, 3, False)]) == (Call("a", None, 0, False),)


def test_a_call_that_begins_as_another_ends_waits_for_it_and_one_that_never_ends_waits_for_none() -> None:
    run = calls("a", "b")
    run[2].start_ns = run[1].end_ns  # type: ignore[assignment]  # it has ended
    assert [call.step for call in calls_of(run)] == [0, 1]
    story = Story()
    above = story.run()
    story.tool_call("a", above)
    story.tool_call("b", above)
    assert [call.step for call in calls_of(build_items(story, status="running"))] == [0, 1]


def test_a_call_is_written_as_a_person_writes_it() -> None:
    assert str(Call("a", None)) == "a()"
    assert str(Call("a", "text")) == "a('text')"
    assert str(Call("a", {"q": "x", "n": 1})) == "a(q='x', n=1)"
    assert str(Call("a", None, 0, False)) == "a"
    rule = Trajectory(calls_of(["a"]), mode="subset", arguments="ignore")
    tolerant = Trajectory((Call("a", {"n": approx(10, abs=1)}),))
    assert str(tolerant) == "trajectory([a(n=10±1)], mode='strict')"
    assert str(rule) == "trajectory([a], mode='subset', arguments='ignore')"


def test_calls_that_wait_for_none_may_be_paired_with_whichever_lets_the_order_hold() -> None:
    """Paired with the first that fits, `*b` would take the last call, and `*c*` the one before it."""
    expected = calls_of([["a*", "*b"], "*c*"])
    run = calls("ab", "ac", "bcb")
    assert Trajectory(expected, mode="causal").check(run)
    assert not Trajectory(expected, mode="causal").check(calls("ab", "bcb", "xy"))


# -- pairing -------------------------------------------------------------------------------------------------

FITS = st.integers(0, 4).flatmap(
    lambda made: st.lists(st.lists(st.booleans(), min_size=made, max_size=made), max_size=4).map(
        lambda rows: (rows, made)
    )
)


def every_pairing(fits, made):
    """All ways to pair, by trying."""
    for columns in itertools.product([None, *range(made)], repeat=len(fits)):
        used = [column for column in columns if column is not None]
        pairs = {row: column for row, column in enumerate(columns) if column is not None}
        if len(set(used)) == len(used) and all(fits[row][column] for row, column in pairs.items()):
            yield pairs


@given(FITS)
def test_as_many_are_paired_as_can_be(case) -> None:
    fits, made = case
    pairings = list(every_pairing(fits, made))
    found = pair_all(fits, made)
    assert found in pairings
    assert len(found) == max(map(len, pairings))
    in_order = [pairs for pairs in pairings if list(pairs.values()) == sorted(pairs.values())]
    found = pair_in_order(fits, made)
    assert found in in_order
    assert len(found) == max(map(len, in_order))


@given(FITS, st.data())
def test_a_run_is_in_order_if_any_pairing_is(case, data) -> None:
    fits, made = case
    steps = sorted(data.draw(st.lists(st.integers(0, 2), min_size=len(fits), max_size=len(fits))))
    found = pair_steps(fits, made, steps)
    pairings = list(every_pairing(fits, made))
    assert found in pairings
    assert len(found) == max(map(len, pairings))
    in_order = [
        pairs for pairs in pairings if len(pairs) == len(fits) == made and not inversions(pairs, steps)
    ]
    assert (len(found) == len(fits) == made and not inversions(found, steps)) is bool(in_order)


def test_an_inversion_is_told_once_for_each_call_that_came_too_late() -> None:
    assert inversions({0: 0, 1: 1, 2: 2}, [0, 1, 2]) == []
    assert inversions({0: 2, 1: 0, 2: 1}, [0, 1, 2]) == [(0, 2)]
    assert inversions({0: 1, 1: 0}, [0, 0]) == []
    assert inversions({0: 3, 1: 0, 2: 1, 3: 2}, [0, 1, 1, 1]) == [(0, 1)]
    assert inversions({0: 1, 1: 2, 2: 0}, [0, 1, 2]) == [(0, 2), (1, 2)]
    assert inversions({}, []) == []
