"""Which decisions a person gets who asks for some."""

import pytest

from otel_replay.analysis.selection import Selection, cell_rule
from otel_replay.records import Decision


def decision(action="CLAMPING_START", reason="Clamping to +/- 7%", cell=None, time_ns=100):
    return Decision(time_ns=time_ns, span_id="", action=action, reason=reason, cell=cell)


def test_without_a_wish_everything_fits():
    assert Selection().matches(decision())
    assert not Selection()


@pytest.mark.parametrize("wanted", ["CLAMPING", "clamping", "ING_ST", "CLAMPING_START"])
def test_an_action_matches_as_part_of_a_word_and_in_any_case(wanted):
    assert Selection(action=wanted).matches(decision())
    assert Selection(action=wanted)


def test_another_action_does_not_match():
    assert not Selection(action="SMOOTHING").matches(decision())


def test_a_reason_matches_like_an_action():
    assert Selection(reason="clamping TO").matches(decision())
    assert not Selection(reason="gradient").matches(decision())


@pytest.mark.parametrize(
    ("rule", "cell"),
    [
        ("rpm=3500", {"rpm": 3500, "kpa": 95}),
        ("rpm=3500", {"rpm": 3500.0}),
        ("rpm=3500.0", {"rpm": 3500}),
        ("rpm=3500", {"rpm": "3500"}),
        ("RPM=3500", {"rpm": 3500}),
        ("rpm=3500", {"RPM": 3500}),
        ("rpm = 3500", {"rpm": 3500}),
        ("cylinder=f", {"cylinder": "f"}),
        ("closed=true", {"closed": True}),
        ("closed=null", {"closed": None}),
        ("at.row=2", {"at": {"row": 2}}),
        ("at.row=2", {"at.row": 2}),
        ("formula=a=b", {"formula": "a=b"}),
        ("id=9007199254740993", {"id": 9007199254740993}),
        ("name=", {"name": ""}),
    ],
)
def test_a_cell_matches_by_its_value_whatever_its_type(rule, cell):
    assert Selection(cell=(cell_rule(rule),)).matches(decision(cell=cell))


@pytest.mark.parametrize(
    ("rule", "cell"),
    [
        ("rpm=3500", {"rpm": 350}),
        ("rpm=3500", {"rpm_index": 3500}),
        ("rpm=1", {"rpm": True}),
        ("cylinder=f", {"cylinder": "F"}),
        ("rpm=3500", None),
        ("rpm=3500", [3500]),
        ("rpm=f", {"rpm": 15}),
        ("id=9007199254740993", {"id": 9007199254740992}),
        ("at.row=2", {"at": [2]}),
    ],
)
def test_another_cell_does_not_match(rule, cell):
    assert not Selection(cell=(cell_rule(rule),)).matches(decision(cell=cell))


def test_every_rule_must_hold():
    rules = (cell_rule("rpm=3500"), cell_rule("kpa=95"))
    assert Selection(cell=rules).matches(decision(cell={"rpm": 3500, "kpa": 95}))
    assert not Selection(cell=rules).matches(decision(cell={"rpm": 3500, "kpa": 65}))


@pytest.mark.parametrize("text", ["rpm", "=3500", "", " =1"])
def test_what_is_no_rule_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="rpm=3500"):
        cell_rule(text)


def test_both_ends_of_a_time_window_are_inside():
    window = Selection(since_ns=100, until_ns=200)
    assert [time_ns for time_ns in (99, 100, 150, 200, 201) if window.matches(decision(time_ns=time_ns))] == [
        100,
        150,
        200,
    ]
