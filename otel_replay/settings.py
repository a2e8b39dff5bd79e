"""Every setting, where it comes from and what it does without one: one table, read from the environment once.

`docs/settings.md` is made from `VARIABLES`. A value that makes no sense is told once, through `problems`,
and the default stands in: a wrong setting must not stop the program that is recorded.
"""

from __future__ import annotations

import os
from pathlib import Path

from otel_replay.light import light

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = [
    "HOOKS_VARIABLE",
    "OTHER_VARIABLES",
    "REPLAY_VARIABLE",
    "RUN_ID_VARIABLE",
    "RUN_OWNER_VARIABLE",
    "STORE_VARIABLE",
    "VARIABLES",
    "Settings",
    "Variable",
    "misspelt",
    "read_settings",
]

RUN_ID_VARIABLE = "OTEL_REPLAY_RUN_ID"
STORE_VARIABLE = "OTEL_REPLAY_STORE"
REPLAY_VARIABLE = "OTEL_REPLAY_REPLAY"
HOOKS_VARIABLE = "OTEL_REPLAY_HOOKS"
RUN_OWNER_VARIABLE = "OTEL_REPLAY_RUN_OWNER"


@light(frozen=True)
class Variable:
    """One environment variable: its name, the setting it fills, how it is read, and what it means."""

    name: str
    setting: str
    read: Callable[[str], Any]
    default: str
    meaning: str


@light(frozen=True, kw_only=True)
class Settings:
    """How to record. Sizes are in bytes, times in seconds.

    What no variable says is for runs that hardly ever stay. `sync_seconds` below 0: not before the process ends.
    `projections` None: a run's end stands in its journal alone, and all that is derived is left to who keeps it.
    """

    store: Path = Path(".otel-replay")
    run_id: str | None = None
    disabled: bool = False
    journal_mode: str = "mmap"
    sync_seconds: float = 1.0
    redact: bool = True
    redact_keys: tuple[str, ...] = ()
    decisions_as_logs: bool = False
    projections: bool | None = True
    resources: bool = False
    replay: str | None = None
    hooks: str | None = None
    run_owner: int = 0
    environment: tuple[str, ...] = ()
    content: str = "full"
    disabled_libraries: tuple[str, ...] = ()
    propagate: bool = False
    files_include: tuple[str, ...] = ()
    files_exclude: tuple[str, ...] = ()
    log_level: int = 20
    problems: tuple[str, ...] = ()


def _boolean(text: str) -> bool:
    value = text.strip().lower()
    if value in {"true", "1", "yes", "on"}:
        return True
    if value in {"false", "0", "no", "off"}:
        return False
    raise ValueError("is not true or false")


def _journal_mode(text: str) -> str:
    if text not in {"mmap", "write"}:
        raise ValueError("is not mmap or write")
    return text


def _content(text: str) -> str:
    if text not in {"full", "hashes", "none"}:
        raise ValueError("is not full, hashes or none")
    return text


_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50, "off": 1_000}


def _level(text: str) -> int:
    value = _LEVELS.get(text.strip().lower())
    if value is None:
        raise ValueError(f"is none of {', '.join(_LEVELS)}")
    return value


def _lower_names(text: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in _names(text))


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86_400:
        raise ValueError("is not a number of seconds from 0 to 86400")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


VARIABLES: tuple[Variable, ...] = (
    Variable(STORE_VARIABLE, "store", Path, ".otel-replay", "folder of the store"),
    Variable(RUN_ID_VARIABLE, "run_id", str, "", "the run that this process joins; set for child processes"),
    Variable("OTEL_REPLAY_DISABLED", "disabled", _boolean, "false", "record nothing; the API costs next to nothing"),
    Variable(
        "OTEL_REPLAY_JOURNAL",
        "journal_mode",
        _journal_mode,
        "mmap",
        "`mmap`: copy records into a mapped file; `write`: one write(2) for each, for network file systems",
    ),
    Variable(
        "OTEL_REPLAY_SYNC_SECONDS",
        "sync_seconds",
        _seconds,
        "1",
        "how often journals are forced to the disk (against power failure; kill -9 needs none); 0: only at the end",
    ),
    Variable("OTEL_REPLAY_REDACT", "redact", _boolean, "true", "take secrets out before anything is written"),
    Variable("OTEL_REPLAY_REDACT_KEYS", "redact_keys", _names, "", "more key names whose values are secret, with commas"),
    Variable(
        "OTEL_REPLAY_DECISIONS_AS_LOGS",
        "decisions_as_logs",
        _boolean,
        "false",
        "also emit decisions as OpenTelemetry log records with an event name",
    ),
    Variable(
        "OTEL_REPLAY_PROJECTIONS",
        "projections",
        _boolean,
        "true",
        "write session_replay.json and manifest.json at the end of a run",
    ),
    Variable(
        "OTEL_REPLAY_RESOURCES",
        "resources",
        _boolean,
        "false",
        "measure each decision: time and processor time since the one before, memory (tens of µs each)",
    ),
    Variable(
        REPLAY_VARIABLE,
        "replay",
        str,
        "",
        "the recorded run that calls are answered from; set by `otel-replay replay` for the program that it starts",
    ),
    Variable(
        HOOKS_VARIABLE,
        "hooks",
        str,
        "",
        "what to hook into a program that is recorded without an edit; set by `otel-replay run` for what it starts",
    ),
    Variable(
        RUN_OWNER_VARIABLE,
        "run_owner",
        int,
        "0",
        "the process that makes the run's directory, for which those that join it wait; set by `otel-replay run`",
    ),
    Variable(
        "OTEL_REPLAY_ENVIRONMENT",
        "environment",
        _names,
        "",
        "more variables, or patterns with `*`, that `otel-replay run` keeps of the program's environment",
    ),
    Variable(
        "OTEL_REPLAY_CONTENT",
        "content",
        _content,
        "full",
        "messages, tool arguments and results in the journal: whole (`full`), as `hashes`, or none of them (`none`)",
    ),
    Variable(
        "OTEL_REPLAY_DISABLED_LIBRARIES",
        "disabled_libraries",
        _lower_names,
        "",
        "libraries to leave alone, with commas (names: docs/libraries.md); `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` counts too",
    ),
    Variable(
        "OTEL_REPLAY_PROPAGATE",
        "propagate",
        _boolean,
        "false",
        "let recorded HTTP requests carry `traceparent` to whom they ask",
    ),
    Variable(
        "OTEL_REPLAY_FILES_INCLUDE",
        "files_include",
        _names,
        "",
        "patterns of files to record, with commas (`*.csv,/data/*`), also where they are left out by default; no others then",
    ),
    Variable("OTEL_REPLAY_FILES_EXCLUDE", "files_exclude", _names, "", "patterns of files not to record, with commas; they go first"),
    Variable(
        "OTEL_REPLAY_LOG_LEVEL",
        "log_level",
        _level,
        "info",
        "log records of the program from this level on are recorded: `debug` … `critical`, `off`",
    ),
)  # fmt: skip


_PREFIX = "OTEL_REPLAY_"

_OTHERS = """
    DEBUG TOKEN GRPC_PORT HTTP_PORT ENGINES STACK
    COLLECTOR_ARCHIVE_DIR COLLECTOR_GRPC COLLECTOR_HEALTH COLLECTOR_HTTP COLLECTOR_LOG_LEVEL
    COLLECTOR_MEMORY_MIB COLLECTOR_MEMORY_SPIKE_MIB COLLECTOR_METRICS_HOST COLLECTOR_METRICS_LEVEL
    COLLECTOR_METRICS_PORT COLLECTOR_QUEUE_BYTES COLLECTOR_QUEUE_DIR
    JAEGER_DATA_DIR JAEGER_FSYNC JAEGER_GRPC JAEGER_HEALTH JAEGER_HTTP JAEGER_INSECURE JAEGER_KEEP
    JAEGER_LOG_LEVEL JAEGER_MAX_TRACES JAEGER_MEMORY_MIB JAEGER_MEMORY_SPIKE_MIB JAEGER_PORT
    JAEGER_QUERY_GRPC JAEGER_QUERY_HTTP JAEGER_UI
"""
OTHER_VARIABLES = frozenset(_PREFIX + name for name in _OTHERS.split())
"""What the command line, the containers and the real engines read: no settings, and no mistakes either."""


_KNOWN = OTHER_VARIABLES | {variable.name for variable in VARIABLES}


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that is named like ours and is none."""
    unknown = [name for name in environ if name.startswith(_PREFIX) and name not in _KNOWN]
    if not unknown:
        return []
    from difflib import get_close_matches  # hardly ever needed

    told = []
    for name in sorted(unknown):
        near = get_close_matches(name, _KNOWN, n=1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else "see docs/settings.md"
        told.append(f"{name} is none of our variables, and does nothing: {hint}")
    return told


def read_settings(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Settings from the environment, overridden by what is given and not None.

    Parameters
    ----------
    environ:
        The environment; `os.environ` by default.
    given:
        Fields of :class:`Settings`.
    """
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    problems = misspelt(source)
    for variable in VARIABLES:
        text = source.get(variable.name, "")
        if not text:
            continue
        try:
            values[variable.setting] = variable.read(text)
        except ValueError as error:
            problems.append(f"{variable.name}={text!r} {error}; using {variable.default!r}")
    values.update({name: value for name, value in given.items() if value is not None})
    if "store" in values:
        values["store"] = Path(values["store"])
    return Settings(problems=tuple(problems), **values)
