"""What may be wrong with an environment, one function a question: each says what it found."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from otel_replay.settings import Settings

__all__ = ["Check", "examine"]

_LEAST_SDK = (1, 45)
_LITTLE_BYTES = 1 << 30
_TOO_LITTLE_BYTES = 64 << 20
_PATIENCE_SECONDS = 2.0
_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)
_HOOKED = "import sys; sys.exit('otel_replay.zero_code.bootstrap' not in sys.modules)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One answer.

    Attributes
    ----------
    about:
        What was looked at: `store`.
    state:
        `ok`; `warning`: recording works, and something is worth knowing; `error`: it will not work.
    told:
        What was found.
    hint:
        What to do about it.
    """

    about: str
    state: Literal["ok", "warning", "error"]
    told: str
    hint: str = ""


def examine(settings: Settings, environ: Mapping[str, str], hooks_path: str) -> list[Check]:
    """All checks.

    Parameters
    ----------
    settings, environ:
        What programs would be recorded with.
    hooks_path:
        The folder that `otel-replay run` puts on `PYTHONPATH`.
    """
    return [
        *_recording(settings, environ),
        *_sdk(),
        *_hooks(environ, hooks_path),
        *_store(settings.store),
        *(Check(about="settings", state="warning", told=problem) for problem in settings.problems),
        *_exporters(environ),
        *_endpoints(environ),
        *_collisions(),
    ]


def _recording(settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    if settings.disabled:
        yield Check(
            about="recording",
            state="error",
            told="switched off by OTEL_REPLAY_DISABLED",
            hint="unset it to record",
        )
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield Check(
            about="recording",
            state="error",
            told="switched off by OTEL_SDK_DISABLED",
            hint="unset it to record",
        )


def _sdk() -> Iterator[Check]:
    found = {}
    for package in ("opentelemetry-api", "opentelemetry-sdk"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            yield Check(
                about="OpenTelemetry",
                state="error",
                told=f"{package} is missing",
                hint="pip install otel-replay",
            )
            return
    told = ", ".join(f"{name} {number}" for name, number in found.items())
    if any(_numbers(number) < _LEAST_SDK for number in found.values()):
        hint = 'pip install "opentelemetry-sdk>=1.45,<2"'
        yield Check(about="OpenTelemetry", state="error", told=f"{told}: too old", hint=hint)
    elif len(set(found.values())) > 1:
        hint = f"pip install opentelemetry-api=={found['opentelemetry-sdk']}"
        yield Check(
            about="OpenTelemetry", state="warning", told=f"{told}: not made for each other", hint=hint
        )
    else:
        yield Check(about="OpenTelemetry", state="ok", told=told)


def _hooks(environ: Mapping[str, str], hooks_path: str) -> Iterator[Check]:
    """Whether a Python that is started from here finds the hooks: tried out."""
    path = os.pathsep.join(part for part in (hooks_path, environ.get("PYTHONPATH", "")) if part)
    child = {**environ, "PYTHONPATH": path, "OTEL_REPLAY_HOOKS": "\n", "OTEL_REPLAY_DISABLED": "true"}
    child.pop("OTEL_REPLAY_RUN_ID", None)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _HOOKED], env=child, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield Check(about="hooks", state="error", told=f"{sys.executable} cannot be started: {error}")
        return
    if done.returncode:
        yield Check(
            about="hooks",
            state="error",
            told=f"{sys.executable} does not load them: {done.stderr.strip()[-200:] or 'it says nothing'}",
            hint="is it a frozen or embedded Python that leaves PYTHONPATH alone?",
        )
    else:
        yield Check(about="hooks", state="ok", told=f"loaded by {sys.executable}")
    own = find_spec("sitecustomize")
    if own is not None and own.origin is not None and Path(own.origin).parent != Path(hooks_path):
        yield Check(about="hooks", state="ok", told=f"{own.origin} is imported after ours")


def _store(folder: Path) -> Iterator[Check]:
    place = folder.absolute()
    there = next(part for part in (place, *place.parents) if part.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = shutil.disk_usage(there).free
    except OSError as error:
        told = f"{place} cannot be written: {error.strerror or error}"
        yield Check(
            about="store", state="error", told=told, hint="choose one with --store or OTEL_REPLAY_STORE"
        )
        return
    told = f"{place}, {free / (1 << 30):,.1f} GiB free"
    if free < _TOO_LITTLE_BYTES:
        yield Check(about="store", state="error", told=told, hint="a run needs room: delete old ones")
    elif free < _LITTLE_BYTES:
        yield Check(about="store", state="warning", told=told, hint="`otel-replay pack` makes runs small")
    else:
        yield Check(about="store", state="ok", told=told)


def _exporters(environ: Mapping[str, str]) -> Iterator[Check]:
    for signal in ("traces", "logs"):
        variable = f"OTEL_{signal.upper()}_EXPORTER"
        known = {entry.name for entry in entry_points(group=f"opentelemetry_{signal}_exporter")}
        for name in (part.strip() for part in environ.get(variable, "").split(",")):
            if name and name not in known | {"none", "otlp"}:
                yield Check(
                    about="exporters",
                    state="warning",
                    told=f"{variable} names `{name}`, which is not installed",
                    hint="OpenTelemetry switches all of a program's telemetry off for it",
                )


def _endpoints(environ: Mapping[str, str]) -> Iterator[Check]:
    for variable in _ENDPOINTS:
        given = environ.get(variable, "").strip()
        if not given:
            continue
        try:
            parts = urlsplit(given if "://" in given else f"//{given}")
            port = parts.port or (443 if parts.scheme == "https" else 80)
            with socket.create_connection((parts.hostname or "", port), _PATIENCE_SECONDS):
                yield Check(
                    about="endpoint", state="ok", told=f"{variable}: {parts.hostname}:{port} is listening"
                )
        except (OSError, ValueError) as error:
            yield Check(
                about="endpoint",
                state="warning",
                told=f"{variable}: {_without_secrets(given)} cannot be reached: {error}",
                hint="runs are recorded all the same; `otel-replay send` passes them on later",
            )


def _without_secrets(url: str) -> str:
    return url.rpartition("@")[2]


def _collisions() -> Iterator[Check]:
    """Instrumentors of several makers under one name: `opentelemetry-instrument` switches all of them on."""
    makers: dict[str, set[str]] = {}
    for entry in entry_points(group="opentelemetry_instrumentor"):
        if entry.dist is not None:
            makers.setdefault(entry.name, set()).add(entry.dist.name)
    for name, distributions in sorted(makers.items()):
        if len(distributions) > 1:
            yield Check(
                about="instrumentors",
                state="warning",
                told=f"`{name}` is the name of {' and '.join(sorted(distributions))}",
                hint="`otel-replay run` takes one; `opentelemetry-instrument` takes all, and each call is "
                f"recorded twice: uninstall one, or set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={name}",
            )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
