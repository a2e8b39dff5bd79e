"""`otel-replay find`."""

from __future__ import annotations

import json

from cli.conftest import tuning_story


def test_each_item_that_is_meant_has_a_line(call, keep, tuning) -> None:
    keep(tuning)
    result = call("find", "latest", "decision(CLAMPING_START), task")
    assert result.code == 0
    assert [any(word in line for line in result.plain) for word in ("CLAMPING_START", "task ")] == [
        True,
        True,
    ]
    assert not any("AFR_CORRECTION" in line for line in result.plain)


def test_the_count_is_a_number_and_none_is_a_no(call, keep, tuning) -> None:
    keep(tuning)
    some = call("find", "latest", "decision(CLAMPING_APPLIED)", "--count")
    none = call("find", "latest", "tool", "--count")
    assert (some.code, some.out) == (0, "3\n")
    assert (none.code, none.out) == (1, "0\n")


def test_where_nothing_fits_the_nearest_is_told_and_the_name_that_was_meant(call, keep, tuning) -> None:
    keep(tuning)
    result = call("find", "latest", "decision(CLAMPING_APPLIED)[celll.rpm = 3500]")
    assert result.code == 1
    head, nearest, *conditions = result.err.splitlines()
    assert head.startswith("None of ")
    assert nearest.endswith(" > CLAMPING_APPLIED rpm=3500 kpa=65")
    assert conditions == [
        "  ✓ be a decision",
        "  ✓ be called CLAMPING_APPLIED",
        "  ✗ expected to have celll.rpm = 3500, found celll.rpm = not there (did you mean `cell.rpm`?)",
    ]


def test_programs_get_one_document(call, keep, tuning) -> None:
    keep(tuning)
    result = call("find", "latest", "decision(CLAMPING_START)", "--json")
    document = result.json
    assert (document["count"], document["selector"]) == (1, "decision(CLAMPING_START)")
    [item] = document["items"]
    assert (item["kind"], item["name"], item["path"][-1]) == ("decision", "CLAMPING_START", "CLAMPING_START")
    counted = call("find", "latest", "decision(CLAMPING_START)", "--json", "--count").json
    assert "items" not in counted


def test_of_several_runs_each_line_begins_with_the_run(call, keep) -> None:
    for name in ("tune-1", "tune-2", "other"):
        keep(tuning_story(name))
    ways = [("tune-1", "tune-2"), ("tune-*",), ("tune-2", "tune-1")]
    for names in ways:
        result = call("find", *names, "decision(CLAMPING_START)")
        assert result.code == 0
        runs = [line.split()[0] for line in result.plain]
        assert runs == list(names) or (names == ("tune-*",) and sorted(runs) == ["tune-1", "tune-2"])
        assert all("CLAMPING_START" in line for line in result.plain)
    every = call("find", "--all", "decision(CLAMPING_START)", "--count")
    assert sorted(every.plain) == ["other  1", "tune-1  1", "tune-2  1"]
    assert call("find", "tune-*", "tool").code == 1


def test_of_several_runs_programs_get_one_document(call, keep, tmp_path) -> None:
    for name in ("tune-1", "tune-2"):
        keep(tuning_story(name))
    found = call("find", "tune-1", "tune-2", "decision(CLAMPING_START)", "--json").json
    assert [one["run_id"] for one in found["items"]] == ["tune-1", "tune-2"]
    assert (found["count"], found["unreadable"]) == (2, [])
    assert found["runs"] == [{"run_id": "tune-1", "count": 1}, {"run_id": "tune-2", "count": 1}]


def test_a_run_that_cannot_be_read_does_not_keep_the_others_from_being_searched(call, keep) -> None:
    keep(tuning_story("tune-1"))
    result = call("find", "tune-1", "nobody", "decision(CLAMPING_START)")
    assert result.code == 2
    assert [line.split()[0] for line in result.plain] == ["tune-1"]
    assert result.err.startswith("not read: nobody: ")


def test_a_selector_that_is_none_is_pointed_at(call, keep, tuning) -> None:
    keep(tuning)
    result = call("find", "latest", "tas[name=x] decision")
    assert result.code == 2
    assert result.err.splitlines() == [
        "error: `tas` is not a kind of item",
        "    tas[name=x] decision",
        "    ^^^",
        "hint: did you mean `task`?",
    ]


def test_a_file_of_jaeger_is_searched_as_it_is_and_what_it_says_is_escaped(call, tmp_path) -> None:
    span = {
        "traceID": "a1",
        "spanID": "1",
        "operationName": "evil \x1b[31m name",
        "startTime": 1_700_000_000_000_000,
        "duration": 1500,
        "tags": [],
    }
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"data": [{"spans": [span], "processes": {}}]}))
    result = call("find", str(path), "span[duration > 1ms]")
    assert result.code == 0
    assert "\x1b[31m" not in result.out
    assert "name" in result.out


def test_a_run_that_is_not_there_is_could_not(call) -> None:
    assert call("find", "nothing", "decision").code == 2
