"""Files of rules with something changed in them: what an editor underlines, `check` refuses, and no more."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from checking.test_rule_files import ONE_OF_EACH, SCHEMA
from otel_replay.analysis.items import Items
from otel_replay.assertions.table import RULES
from otel_replay.checking.reading import read_files
from otel_replay.errors import FormatError

WHOLE: list[dict[str, Any]] = [
    {
        "$schema": "x",
        "version": 1,
        "name": "all",
        "description": "why",
        "rules": [{name: said, "name": "mine", "description": "d", "severity": "warning"}],
    }
    for name, said in ONE_OF_EACH.items()
]
WORDS = st.sampled_from(
    [
        "name",
        "severity",
        "rules",
        "include",
        "what",
        "times",
        "approx",
        "abs",
        "tool",
        "run",
        "on",
        "",
        "1",
        "among",
    ]
)
JUNK = st.one_of(
    st.sampled_from(
        [None, True, False, 0, 1, -1, 2.5, -0.5, 10**30, 1e300, "", "5s", "tool(a)", "exact", "error"]
    ),
    st.sampled_from([[], {}, ["tool(a)"], ["tool(a)", 2], [[]], [1, 2], {"approx": 1}, {"approx": "x"}]),
    st.sampled_from(
        [{"approx": 1, "abs": -1}, {"tool": 1}, {"tool": "a", "arguments": {}}, {"run": 5}, "finished"]
    ),
)


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(place for key, one in below for place in places(one, (*above, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A file of one rule with one or two things exchanged, taken away, renamed, or added."""
    document = copy.deepcopy(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from([place for place in places(document) if place]))
        inside: Any = document
        for key in way:
            inside = inside[key]
        what = draw(st.sampled_from(["exchange", "take away", "rename", "add"]))
        if what == "exchange":
            inside[last] = copy.deepcopy(draw(JUNK))
        elif what == "take away":
            del inside[last]
        elif isinstance(inside, list):
            inside.append(copy.deepcopy(draw(JUNK)))
        elif what == "rename":
            inside[draw(WORDS)] = inside.pop(last)
        else:
            inside[draw(WORDS | st.sampled_from(sorted(RULES)))] = copy.deepcopy(draw(JUNK))
    return document


BEYOND_THE_SCHEMA = (
    "is no selector", "is not a kind", "is missing", "selector", "is no function", "is no name of a value",
    "compares by size", "a sign is missing", "a total needs", "no number is between", "there is no file",
    "no conditions", "has no rules", "a name is missing",
)  # fmt: skip
"""What editors cannot know: selectors have their own grammar, numbers are compared, files are elsewhere."""


@settings(max_examples=200, deadline=None)
@given(mutated())
@example({"rules": ["finished"], "name": 5})
@example({"rules": ["finished"], "description": ["x"]})
@example({"include": 5})
@example({"include": {"a": 1}, "rules": ["finished"]})
@example({"rules": [{"trajectory": {"run": 5}}]})
@example({"rules": [{"between": ["tool(a)", 3, 1]}]})
def test_editors_and_the_reader_accept_the_same_files(tmp_path_factory, document: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        rules = read_files([path], lambda _: Items(items=[]))
        refused = None
    except FormatError as error:
        refused = error
    if refused is None:
        assert rules
        assert [error.message for error in SCHEMA.iter_errors(document)] == []
    elif SCHEMA.is_valid(document):
        assert any(said in refused.message for said in BEYOND_THE_SCHEMA), refused.message
