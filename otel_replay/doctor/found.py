"""For each library of the table: whether it is installed, by which means it is recorded, or why it is not."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from otel_replay.libraries.installing import BY_US, disabled_by, too_old
from otel_replay.libraries.table import LIBRARIES, Library
from otel_replay.settings import Settings

__all__ = ["Found", "examine"]

State = Literal["on", "off", "not installed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One library.

    Attributes
    ----------
    name:
        As settings know it.
    version:
        Of what is installed here; empty where nothing is.
    state:
        `on`: recorded when a program imports it.
    means:
        Whose code records it: `otel-replay`, its own OpenTelemetry, an instrumentor with its version.
    why:
        Why it is not recorded, and what to do about it; or what else is worth knowing.
    records:
        What is recorded of it.
    """

    name: str
    version: str
    state: State
    means: str = ""
    why: str = ""
    records: str = ""


def examine(settings: Settings) -> list[Found]:
    """Every library of the table, as programs of this Python would be recorded with these settings."""
    return [_examined(library, settings) for library in LIBRARIES]


def _examined(library: Library, settings: Settings) -> Found:
    installed = _version(library.package) if library.package else platform.python_version()
    if installed is None:
        return _found(library, "", "not installed")
    off = _why_off(library, settings)
    if off:
        return _found(library, installed, "off", why=off)
    if library.place != "instrumentors":
        return _found(library, installed, "on", means=BY_US, why=_besides(library))
    return _by_others(library, installed)


def _why_off(library: Library, settings: Settings) -> str:
    if settings.disabled:
        return "recording is switched off: OTEL_REPLAY_DISABLED"
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OpenTelemetry is switched off: OTEL_SDK_DISABLED"
    variable = disabled_by(library)
    if variable:
        return f"named in {variable}"
    if library.name == "logging" and settings.log_level > 50:
        return "OTEL_REPLAY_LOG_LEVEL is off"
    return too_old(library)


def _by_others(library: Library, installed: str) -> Found:
    from otel_replay.libraries.instrumentors import records_itself, refuses, ways

    if records_itself(library):
        return _found(library, installed, "on", means="its own OpenTelemetry")
    installed_ways = ways(library)
    fit = [way for way in installed_ways if not refuses(library, way)]
    if fit:
        way, *more = fit
        also = f"{', '.join(other.distribution for other in more)}: installed too, left off" if more else ""
        told = f"{way.family}: {way.distribution} {_version(way.distribution)}"
        return _found(library, installed, "on", means=told, why=also)
    if library.fallback:
        better = f"more is told with: pip install {library.others[0].distribution}"
        return _found(library, installed, "on", means=BY_US, why=better)
    if installed_ways:
        told = f"{installed_ways[0].distribution} is made for {refuses(library, installed_ways[0])}"
        return _found(library, installed, "off", why=told)
    why = f"it records itself from {library.native} on" if library.native else "no instrumentor is installed"
    if library.others:
        why += f"; pip install {library.others[0].distribution}"
    return _found(library, installed, "off", why=why)


def _besides(library: Library) -> str:
    there = [other.distribution for other in library.others if _version(other.distribution) is not None]
    return f"stays off where the program switches {there[0]} on" if there else ""


def _found(library: Library, installed: str, state: State, *, means: str = "", why: str = "") -> Found:
    return Found(
        name=library.name, version=installed, state=state, means=means, why=why, records=library.records
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
