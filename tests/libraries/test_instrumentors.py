"""Which instrumentor records a library: one, the best there is, and the program's own choice before ours."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer, says
from store_kit import Store

from otel_replay.libraries.instrumentors import records_itself, ways
from otel_replay.libraries.table import LIBRARIES, Library, Other, named

HOOKED = """
import otel_replay
otel_replay.record_libraries(disabled=["httpx", "httpx2"])
"""
RUN = """
with otel_replay.start_run("hooked"):
    with openai.OpenAI() as client:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "secret hello"}])
"""

ROWS = [row for row in LIBRARIES if row.place == "instrumentors"]


@pytest.fixture
def asked(python: Callable[..., object], store: Store, model_server: Callable[..., ModelServer]) -> Callable:
    """Runs a program that asks the model, and gives the names of the scopes of what was recorded."""

    def run(program: str, **more: Any) -> list[str]:
        server = model_server([says("hello back")])
        env = {**server.environment, **more.pop("env", {})}
        done = python(program, env=env, flags=(), **more)
        assert "Attempting to" not in done.stderr
        spans = store.run().spans
        marks = {"gen_ai.operation.name", "openinference.span.kind"}
        return [span.scope.name for span in spans if marks & span.attributes.keys()]

    return run


OFFICIAL = "opentelemetry.instrumentation.genai.openai"
OPENINFERENCE = "openinference.instrumentation.openai"


def test_a_program_that_starts_its_run_itself_is_recorded_by_the_official_one(asked: Callable) -> None:
    assert asked(f"{HOOKED}\nimport openai\n{RUN}") == [OFFICIAL]


def test_a_library_that_was_imported_before_is_recorded_too(asked: Callable) -> None:
    assert asked(f"import openai\n{HOOKED}\n{RUN}") == [OFFICIAL]


@pytest.mark.parametrize("first", ["the program", "ours"])
def test_an_instrumentor_that_the_program_switches_on_stays_the_only_one(asked: Callable, first: str) -> None:
    switch = f"from {OFFICIAL} import OpenAIInstrumentor\nOpenAIInstrumentor().instrument()\n"
    order = [switch, HOOKED] if first == "the program" else [f"{HOOKED}\nimport openai\n", switch]
    assert asked("\n".join([*order, "import openai, otel_replay", RUN])) == [OFFICIAL]


def test_a_library_that_is_to_be_left_alone_is(asked: Callable) -> None:
    alone = {"OTEL_REPLAY_DISABLED_LIBRARIES": "openai"}
    assert asked(f"{HOOKED}\nimport openai\n{RUN}", env=alone) == []


def test_an_instrumentor_that_fails_leaves_the_program_alone(asked: Callable) -> None:
    broken = f"""
import {OFFICIAL} as it
def fail(self, **_): raise RuntimeError("broken")
it.OpenAIInstrumentor._instrument = fail
"""
    assert asked(f"{broken}\n{HOOKED}\nimport openai\n{RUN}") == []


@pytest.mark.parametrize("content", ["full", "none"])
def test_content_is_told_only_where_it_is_to_be_kept(asked: Callable, store: Store, content: str) -> None:
    asked(f"{HOOKED}\nimport openai\n{RUN}", env={"OTEL_REPLAY_CONTENT": content})
    assert (b"secret hello" in store.bytes()) is (content == "full")


def test_what_the_program_says_of_content_holds(asked: Callable, store: Store) -> None:
    told = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"}
    asked(f"{HOOKED}\nimport openai\n{RUN}", env=told)
    assert b"secret hello" not in store.bytes()


def test_a_folder_of_the_programs_own_is_not_taken_for_a_library(
    python: Callable[..., object], tmp_path: Path
) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("name = 'mine'")
    said = python(
        f"{HOOKED}\nimport agents\n"
        "from otel_replay.libraries.installing import states\n"
        "print(agents.name, states()['openai-agents'])"
    )
    assert said.stdout == "mine not recorded: `agents` is a module of the program's own\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_library_has_a_way_to_be_recorded(row: Library) -> None:
    assert row.native or row.others
    assert len({way.distribution for way in row.others}) == len(row.others)
    families = [way.family for way in row.others]
    order = ["OpenTelemetry", "OpenInference", "OpenLLMetry"]
    assert families == sorted(families, key=order.index)


@pytest.mark.parametrize("name", ["openai", "anthropic", "openai-agents", "langchain", "google-genai"])
def test_instrumentors_are_where_the_table_says(name: str) -> None:
    from importlib import import_module

    row = named(name)
    assert row is not None
    found: list[Other] = ways(row)
    assert found[0].family == "OpenTelemetry"
    for way in found:
        assert callable(getattr(import_module(way.module), way.instrumentor))


def test_what_was_tried_beyond_an_instrumentors_own_range_is_what_is_installed_here() -> None:
    """The table's word for it is only as good as the tests that ran it."""
    tried = {(row.package, way.tried) for row in ROWS for way in row.others if way.tried}
    assert tried == {("google-genai", version("google-genai").partition(".")[0])}


@pytest.mark.parametrize(
    ("too_old", "expected"),
    [(["genai-openai"], OPENINFERENCE), (["genai-openai", "openai"], OPENINFERENCE), ([], OFFICIAL)],
)
def test_an_instrumentor_that_is_made_for_other_versions_is_passed_over(
    asked: Callable, tmp_path: Path, too_old: list[str], expected: str
) -> None:
    for name in too_old:
        info = tmp_path / "older" / f"opentelemetry_instrumentation_{name.replace('-', '_')}-1.dist-info"
        info.mkdir(parents=True)
        told = f"Name: opentelemetry-instrumentation-{name}\nVersion: 1\nProvides-Extra: instruments\n"
        (info / "METADATA").write_text(f"{told}Requires-Dist: openai<1; extra == 'instruments'\n")
    older = f"import sys; sys.path.insert(0, {str(tmp_path / 'older')!r})"
    assert asked(f"{older}\n{HOOKED}\nimport openai\n{RUN}") == [expected]


ONLY = """
import otel_replay.libraries.instrumentors as instrumentors
installed = instrumentors.ways
instrumentors.ways = lambda row: [way for way in installed(row) if way.family == "{}"]
"""
FAMILIES = {"OpenInference": OPENINFERENCE, "OpenLLMetry": "opentelemetry.instrumentation.openai"}


@pytest.mark.parametrize("family", FAMILIES)
def test_where_only_somebody_elses_is_installed_it_records(asked: Callable, family: str) -> None:
    (scope,) = asked(f"{ONLY.format(family)}\n{HOOKED}\nimport openai\n{RUN}")
    assert scope.startswith(FAMILIES[family])


@pytest.mark.parametrize("first", ["the program", "ours"])
@pytest.mark.parametrize("family", FAMILIES)
def test_somebody_elses_that_the_program_switches_on_is_the_only_one(
    asked: Callable, family: str, first: str
) -> None:
    switch = f"from {FAMILIES[family]} import OpenAIInstrumentor\nOpenAIInstrumentor().instrument()\n"
    order = [switch, HOOKED] if first == "the program" else [f"{HOOKED}\nimport openai\n", switch]
    (scope,) = asked("\n".join([*order, "import openai, otel_replay", RUN]))
    assert scope.startswith(FAMILIES[family])


def test_libraries_that_record_themselves_are_known() -> None:
    assert {row.name for row in ROWS if records_itself(row)} == {"anthropic", "mcp", "pydantic-ai"}
