"""`otel-replay doctor`: what is recorded here, by which means, what is not and why, and what may be wrong."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Call
from otel_replay.doctor import checks, found
from otel_replay.libraries.table import LIBRARIES
from otel_replay.settings import read_settings


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes packages that are installed, as far as their metadata says."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def install(name: str, version: str, entry_points: str = "") -> None:
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)

    return install


def library(name: str) -> found.Found:
    """What is found of one library."""
    return next(one for one in found.examine(read_settings()) if one.name == name)


def test_every_library_of_the_table_is_told(call: Call) -> None:
    document = call("doctor", "--json").json
    assert [one["name"] for one in document["libraries"]] == [row.name for row in LIBRARIES]
    states = {one["name"]: one["state"] for one in document["libraries"]}
    assert {states[name] for name in ("httpx", "requests", "logging", "files", "optuna")} == {"on"}
    assert document["python"] == sys.executable


def test_people_get_a_line_for_each_library_that_is_installed(call: Call) -> None:
    result = call("doctor")
    lines = [line for line in result.lines if "httpx2" in line]
    assert "by otel-replay" in lines[0]
    assert any("hooks: loaded by" in line for line in result.lines)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("OTEL_REPLAY_DISABLED_LIBRARIES", "httpx", "OTEL_REPLAY_DISABLED_LIBRARIES"),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "httpx", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"),
        ("OTEL_REPLAY_DISABLED", "true", "recording is switched off"),
        ("OTEL_SDK_DISABLED", "true", "OpenTelemetry is switched off"),
    ],
)
def test_what_is_switched_off_says_by_which_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    one = library("httpx")
    assert (one.state, told in one.why) == ("off", True)


def test_a_missing_instrumentor_is_named_with_the_command(packages: Any) -> None:
    packages("crewai", "1.15.30")
    one = library("crewai")
    assert (one.state, one.version) == ("off", "1.15.30")
    assert "pip install openinference-instrumentation-crewai" in one.why


def test_of_two_instrumentors_the_one_that_is_taken_is_named(packages: Any) -> None:
    packages("crewai", "1.15.30")
    packages("openinference-instrumentation-crewai", "1.1.21")
    packages("opentelemetry-instrumentation-crewai", "0.62.4")
    one = library("crewai")
    assert one.means == "OpenInference: openinference-instrumentation-crewai 1.1.21"
    assert "opentelemetry-instrumentation-crewai: installed too, left off" in one.why


def test_a_version_that_is_too_old_says_which_is_needed(packages: Any) -> None:
    packages("optuna", "3.6.1")
    one = library("optuna")
    assert (one.state, one.why) == ("off", "version 3.6.1 is too old: 4 at least")


def test_instrumentors_of_one_name_are_told(packages: Any, call: Call) -> None:
    for maker in ("openinference", "opentelemetry"):
        entry = "[opentelemetry_instrumentor]\ncrewai = nothing:Nothing\n"
        packages(f"{maker}-instrumentation-crewai", "1.0", entry)
    told = [one for one in call("doctor", "--json").json["checks"] if one["about"] == "instrumentors"]
    assert any("`crewai`" in one["told"] and "recorded twice" in one["hint"] for one in told)


def test_a_store_that_cannot_be_written_is_an_error(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call("--store", str(tmp_path / "file" / "store"), "doctor", "--json", use_store=False)
    assert result.code == 1
    (check,) = [one for one in result.json["checks"] if one["about"] == "store"]
    assert check["state"] == "error"
    assert "OTEL_REPLAY_STORE" in check["hint"]


def test_a_misspelt_variable_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_REPLAY_STOER", "/tmp")
    (check,) = [one for one in call("doctor", "--json").json["checks"] if one["about"] == "settings"]
    assert "OTEL_REPLAY_STORE?" in check["told"]


def test_an_endpoint_is_asked_whether_it_is_there(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://me:s3cr3t@127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        (there,) = checks._endpoints({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    (gone,) = checks._endpoints({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    assert (there.state, gone.state) == ("ok", "warning")
    assert "s3cr3t" not in gone.told


def test_an_exporter_that_is_not_installed_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otel_replay,nothing")
    (check,) = [one for one in call("doctor", "--json").json["checks"] if one["about"] == "exporters"]
    assert "`nothing`" in check["told"]


def test_a_python_that_leaves_its_path_alone_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolated = tmp_path / "python"
    isolated.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "$@"\n')
    isolated.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(isolated))
    told = list(checks._hooks({}, str(tmp_path)))
    assert told[0].state == "error"
    assert "PYTHONPATH" in told[0].hint
