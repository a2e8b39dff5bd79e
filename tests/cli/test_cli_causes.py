"""What asked for a tool call stands wherever calls are shown, and how that is known; no journal has it."""

from __future__ import annotations

import json

import pytest
from dialects.corpus import FOLDER

ID, ALIKE = "pydantic-ai-openai-v2", "openinference-llamaindex"


@pytest.fixture
def imported(call):
    """Imports a file of the corpus; the run is the latest one then."""

    def bring_in(name: str) -> None:
        assert call("import", str(FOLDER / f"{name}.jsonl")).code == 0

    return bring_in


@pytest.mark.parametrize(("name", "told"), [(ID, "chat small-1 +1"), (ALIKE, "OpenAI.achat +5")])
@pytest.mark.parametrize("columns", [60, 80, 150])
def test_show_says_it_at_any_width(call, imported, name, told, columns):
    imported(name)
    by = "id" if name == ID else "name and arguments"
    lines = call("show", "latest", columns=columns).plain
    (line,) = [line for line in lines if "cause by" in line]
    assert f"cause by {by}: {told}" in line
    assert len(line.rstrip()) <= columns


def test_the_documents_of_show_and_find_name_the_span(call, imported):
    imported(ALIKE)
    document = call("show", "latest", "--json").json
    (tool,) = [span for span in document["spans"] if span["kind"] == "tool call"]
    assert tool["cause"]["by"] == "name and arguments"
    (asker,) = [span for span in document["spans"] if span["span_id"] == tool["cause"]["span_id"]]
    assert (asker["kind"], asker["name"]) == ("generation", tool["cause"]["name"])
    assert all("cause" not in span for span in document["spans"] if span is not tool)
    (found,) = call("find", "latest", "tool", "--json").json["items"]
    assert found["cause"] == tool["cause"]
    assert "cause by name and arguments: OpenAI.achat" in call("find", "latest", "tool").out


def test_of_a_call_whose_cause_is_not_known_documents_say_null(call, imported):
    imported("mcp-native")
    tools = [one for one in call("show", "latest", "--json").json["spans"] if one["kind"] == "tool call"]
    assert [one["cause"] for one in tools] == [None] * 4
    assert "cause" not in call("show", "latest").out


def test_a_dump_ends_with_the_causes(call, imported):
    """What was recorded stands before them, and has none."""
    imported(ALIKE)
    objects = [json.loads(line) for line in call("dump", "latest", "--format", "jsonl").out.splitlines()]
    *recorded, cause = objects
    names = {one["span_id"]: one["name"] for one in recorded if one["kind"] == "span"}
    assert (names[cause["span_id"]], names[cause["generation"]]) == ("FunctionTool.acall", "OpenAI.achat")
    assert (cause["kind"], cause["by"]) == ("cause", "name and arguments")
    assert "cause" not in {one["kind"] for one in recorded}


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        ("tool[cause]", 1),
        ("tool[!cause]", 0),
        ("tool[cause.by = id]", 0),
        ('tool[cause.by = "name and arguments"]', 1),
        ("tool[cause.name = *achat]", 1),
        ("generation[cause]", 0),
    ],
)
def test_selectors_know_it(call, imported, selector, count):
    imported(ALIKE)
    assert call("find", "latest", selector, "--count").out == f"{count}\n"
    assert call("show", "latest", "--select", selector).code == (0 if count else 1)


def test_the_recorded_files_do_not_have_it(call, imported, store):
    imported(ALIKE)
    call("show", "latest")
    texts = [path.read_bytes() for path in store.root.rglob("*") if path.is_file()]
    assert texts
    assert not any(b"name and arguments" in text for text in texts)
