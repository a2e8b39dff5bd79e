"""Real frameworks under `otel-replay run`, one environment each: `make test-frameworks`.

They are apart from the other tests, for they are large, and some want what others cannot have. Each program
runs plain and recorded against models on loopback; the run must tell its agents, generations and tool calls,
each once. `make test-frameworks ONLY="crewai dspy"` takes some. An environment is removed when it was tried,
unless `--keep` is said.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from models import models
from store_kit import Recorded

from otel_replay.analysis.causes import causes_of
from otel_replay.dialects.reading import Meaning, read_span

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PLACE = ROOT / ".venv-frameworks"
_KEPT_VARIABLES = ("PATH", "LANG", "TMPDIR", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "SSL_CERT_FILE")
_INSTALL_SECONDS, _RUN_SECONDS = 1800, 300

_OFFICIAL = "opentelemetry.instrumentation.genai."
_OPENINFERENCE = "openinference.instrumentation."
_OPENLLMETRY = "opentelemetry.instrumentation."
_ALIKE = "name and arguments"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the run of a framework's program tells.

    Attributes
    ----------
    scopes:
        Who records its generations.
    generations:
        How many there are, without those in which another one lies.
    asks:
        Whether a generation's answer asks for the tool; DSPy asks in a text of its own.
    call_id:
        The id of the tool call; None where the framework's instrumentor tells none; `-`: the tool is a
        function of the program's own, and no tool call is recorded.
    cause:
        How the generation that asked for the tool call is known; None where it is not.
    agents:
        The agents that have names.
    tokens:
        Of each generation that tells some: those that went in, those that came out.
    """

    scopes: frozenset[str]
    generations: int = 2
    asks: bool = True
    call_id: str | None = "call_1"
    cause: str | None = "id"
    agents: frozenset[str] = field(default_factory=frozenset)
    tokens: tuple[int, int] = (40, 12)


EXPECTED = {
    "agno": Expected(scopes=frozenset({_OFFICIAL + "openai"}), agents=frozenset({"guide"})),
    "bedrock": Expected(scopes=frozenset({_OFFICIAL + "bedrock"}), call_id="-", cause=None),
    "crewai": Expected(scopes=frozenset({_OFFICIAL + "openai"}), call_id=None, cause=_ALIKE),
    "dspy": Expected(
        scopes=frozenset({_OFFICIAL + "dspy"}),
        generations=3,
        asks=False,
        call_id=None,
        cause=_ALIKE,
        agents=frozenset({"dspy.ReAct"}),
    ),
    "llama-index": Expected(
        scopes=frozenset({_OPENINFERENCE + "openai", _OPENINFERENCE + "llama_index"}),
        generations=4,  # two of them prepare a call, and tell no tokens
        call_id=None,
        cause=_ALIKE,
    ),
    "openllmetry-anthropic": Expected(
        scopes=frozenset({_OPENLLMETRY + "anthropic"}),
        call_id="-",
        cause=None,
        tokens=(150, 12),  # what was cached counts
    ),
    "openllmetry-langchain": Expected(
        scopes=frozenset({_OPENLLMETRY + "langchain"}), agents=frozenset({"guide"})
    ),
}


def main() -> int:
    """Check the frameworks that are asked for; says of each what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="FRAMEWORK", help=f"of {', '.join(EXPECTED)}")
    parser.add_argument("--keep", action="store_true", help="leave the environments for the next time")
    parser.add_argument("--place", type=Path, default=PLACE, help="where the environments are made")
    asked = parser.parse_args()
    unknown = set(asked.names) - EXPECTED.keys()
    if unknown:
        parser.error(f"no such framework: {', '.join(sorted(unknown))}; there are {', '.join(EXPECTED)}")
    failed = []
    for name in asked.names or EXPECTED:
        environment = asked.place / name
        try:
            python = _installed(name, environment)
            wrong = list(_checked(name, python))
        except (subprocess.SubprocessError, OSError) as error:
            wrong = [f"could not be tried: {error}"]
        finally:
            if not asked.keep:
                shutil.rmtree(environment, ignore_errors=True)
        print(f"{name}: {'; '.join(wrong) or 'as expected'}", flush=True)
        failed += [name] if wrong else []
    return 1 if failed else 0


def _installed(name: str, environment: Path) -> Path:
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=_INSTALL_SECONDS)
    required = HERE / "requirements" / f"{name}.txt"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "-e", str(ROOT), "-r", str(required)], check=True, timeout=_INSTALL_SECONDS)
    return python


def _checked(name: str, python: Path) -> Iterator[str]:
    """What is not as expected."""
    expected = EXPECTED[name]
    with tempfile.TemporaryDirectory() as folder, models() as model:
        program = [str(python), str(HERE / "programs.py"), name, model.url]
        env = {one: os.environ[one] for one in _KEPT_VARIABLES if one in os.environ}
        env |= {"HOME": folder, "OTEL_REPLAY_STORE": f"{folder}/store"}
        plain = _started(program, folder, env)
        recorded = _started([str(python), "-m", "otel_replay", "run", "--", *program], folder, env)
        if plain.returncode or recorded.returncode:
            yield f"ended with {plain.returncode}, recorded with {recorded.returncode}"
            yield recorded.stderr[-2000:]
            return
        if plain.stdout != recorded.stdout:
            yield f"said {recorded.stdout!r}, plain {plain.stdout!r}"
        (run,) = Path(folder, "store", "runs").iterdir()
        yield from _differences(expected, Recorded(run))


def _started(command: list[str], folder: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=_RUN_SECONDS, check=False
    )


def _differences(expected: Expected, run: Recorded) -> Iterator[str]:
    read = [(span, read_span(span.name, span.attributes)) for span in run.spans]
    generations = {span.span_id: (span, means) for span, means in read if means.kind == "generation"}
    parents = {span.parent_id for span, _ in generations.values()}
    inner = [means for span_id, (_, means) in generations.items() if span_id not in parents]
    scopes = {span.scope.name for span, _ in generations.values() if span.scope}
    found: dict[str, tuple[Any, Any]] = {
        "recorded by": (scopes, expected.scopes),
        "generations": (len(inner), expected.generations),
        "tokens": (
            {(one.usage.input_tokens, one.usage.output_tokens) for one in inner} - {(None, None)},
            {expected.tokens},
        ),
        "asked for": (_asked_for(inner), [("distance", {"to": "Rome"})] if expected.asks else []),
        "tool calls": (
            [(one.tool_name, one.tool_arguments, one.tool_result, one.tool_call_id) for one in _of(read)],
            [] if expected.call_id == "-" else [("distance", {"to": "Rome"}, {"km": 1430}, expected.call_id)],
        ),
        "agents": (
            {means.agent_name for _, means in read if means.kind == "agent" and means.agent_name},
            expected.agents,
        ),
        "causes": ([cause.by for cause in causes_of(run.located).values()], _causes(expected)),
        "lost": (run.lost, 0),
    }
    for what, (is_so, should_be) in found.items():
        if is_so != should_be:
            yield f"{what}: {is_so}, expected {should_be}"
    if not any("1430 km." in str(one.output_messages) for one in inner):
        yield "no generation tells the answer"


def _causes(expected: Expected) -> list[str]:
    return [] if expected.cause is None else [expected.cause]


def _of(read: list[tuple[Any, Meaning]]) -> list[Meaning]:
    return [means for _, means in read if means.kind == "tool call"]


def _asked_for(generations: list[Meaning]) -> list[tuple[str, Any]]:
    return [
        (part["name"], part["arguments"])
        for means in generations
        for message in means.output_messages or ()
        for part in message["parts"]
        if part["type"] == "tool_call"
    ]


if __name__ == "__main__":
    sys.exit(main())
