"""Where a run was made is no difference: two places are told in one line, from what Jaeger says too."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffing.runs import step, tuned
from otel_replay.attributes import RUN_ID
from otel_replay.diffing import diff
from otel_replay.diffing.places import is_place, placeless

CORPUS = Path(__file__).parents[1] / "corpus"
LAPTOP, CI = CORPUS / "jaeger-2" / "laptop.json", CORPUS / "jaeger-2" / "ci.json"
HERE = {
    "host.name": "laptop",
    "process.working_directory": "/opt/ann/tuner",
    "process.command_args": ["/usr/bin/python", "/opt/ann/tuner/tune.py", "--out=/opt/ann/x.csv"],
    "otel_replay.environment": {"PATH": "/usr/bin", "HOME": "/opt/ann", "LANG": "C"},
    "vcs.ref.head.revision": "a" * 40,
    "limit": 7,
}
THERE = {
    "host.name": "ci",
    "process.working_directory": "/srv/build",
    "process.command_args": ["/opt/python/bin/python", "/srv/build/tune.py", "--out=/srv/x.csv"],
    "otel_replay.environment": {"PATH": "/opt/python/bin", "HOME": "/root", "LANG": "C", "CI": "true"},
    "vcs.ref.head.revision": "b" * 40,
    "limit": 7,
}


def test_two_places_are_one_line_and_no_difference() -> None:
    found = diff(tuned(step(after=1), **HERE), tuned(step(after=1), **THERE))
    assert found.equal
    assert found.places == (
        "host.name",
        "otel_replay.environment.CI",
        "otel_replay.environment.HOME",
        "otel_replay.environment.PATH",
        "process.command_args",
        "process.working_directory",
        "vcs.ref.head.revision",
    )
    assert "7 facts of the places differ, which is no difference" in found.markdown().replace("\\", "")


def test_all_attributes_compares_them_like_anything_else() -> None:
    found = diff(tuned(step(after=1), **HERE), tuned(step(after=1), **THERE), all_attributes=True)
    (changed,) = found.findings
    names = {change.name.partition(".PATH")[0] for change in changed.changes}
    assert {"host.name", "otel_replay.environment", "process.command_args.1"} <= names
    assert found.places == ()


def test_what_was_asked_of_the_program_is_a_difference_wherever_it_ran() -> None:
    other = [*HERE["process.command_args"][:2], "--out=/srv/y.csv"]
    found = diff(tuned(**HERE), tuned(**{**THERE, "process.command_args": other}))
    (changed,) = found.findings
    assert [(one.name, one.before, one.after) for one in changed.changes] == [
        ("process.command_args.2", "--out=x.csv", "--out=y.csv")
    ]
    assert "process.command_args" not in found.places


@pytest.mark.parametrize("name", ["process.exit.code", "otel_replay.process.signal", "limit", "hostile"])
def test_how_a_program_ended_is_no_place(name: str) -> None:
    assert not is_place(name)
    assert diff(tuned(**{**HERE, name: 0}), tuned(**{**HERE, name: 1})).changed


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("/a/b/c.py", "c.py"),
        ("--out=/a/b.csv", "--out=b.csv"),
        ("~/x/y", "y"),
        ("../x/y", "y"),
        ("C:\\tuner\\tune.py", "tune.py"),
        ("data/x.csv", "data/x.csv"),
        ("80/20", "80/20"),
        ("https://example.com/a/b", "https://example.com/a/b"),
        ("tune --id tune-7 /a/tune-7.json", "tune --id RUN RUN.json"),
        ("tune --id tune-70 --seed xtune-7", "tune --id tune-70 --seed xtune-7"),
        ('["/a/python","-m","tune"]', ["python", "-m", "tune"]),
        ('["broken', '["broken'),
        (["/a/python", 3], ["python", 3]),
    ],
)
def test_a_command_is_compared_without_directories_and_run_ids(written: object, shown: object) -> None:
    assert placeless(written, "tune-7") == shown


@pytest.mark.parametrize(
    ("a", "b", "differs"),
    [
        (("tune-7", "--id tune-7"), ("tune-8", "--id tune-8"), False),
        (("tune-7", "--than tune-8"), ("tune-8", "--than tune-7"), True),
        (("tune-7", "--than tune-7"), ("tune-8", "--than tune-7"), True),
        (("1", "--limit 1"), ("2", "--limit 2"), True),
        (("1.5", "--limit=1.5"), ("2.5", "--limit=2.5"), True),
    ],
)
def test_only_its_own_id_is_left_out_of_a_command_and_no_number(a, b, differs: bool) -> None:
    runs = []
    for run_id, command in (a, b):
        told = {RUN_ID: run_id, "process.command_line": f"tune {command}"}
        runs.append(tuned(step(after=1), **told))
        runs[-1].run_id = run_id
    found = diff(*runs)
    assert bool(found) is differs
    assert found.places == (() if differs else ("process.command_line",))


def test_files_of_jaeger_from_two_machines_differ_in_what_was_done_alone() -> None:
    found = diff(LAPTOP, CI)
    (changed,) = found.findings
    assert [(one.name, one.before, one.after) for one in changed.changes] == [("values.n", 1, 2)]
    assert found.places == (
        "host.name",
        "otel_replay.environment",
        "process.command_args",
        "process.working_directory",
    )
