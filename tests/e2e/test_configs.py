"""The committed configurations: the engines accept them, and page, files and versions agree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path

import pytest

from .engines import ROOT, built, jaeger

FOLDER = ROOT / "collector"
CONFIGS = [FOLDER / name for name in ("config.yaml", "jaeger.yaml", "jaeger-badger.yaml")]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
README = (FOLDER / "README.md").read_text(encoding="utf-8")

VARIABLE = re.compile(r"\$\{env:(\w+):-([^}]*)\}")
USED = {found for config in CONFIGS for found in VARIABLE.findall(config.read_text(encoding="utf-8"))}


def compose_service(name: str) -> str:
    """The lines of one service in docker-compose.yml."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n|  #.*\n)+)", COMPOSE, re.M)
    assert found, name
    return found[1]


def compose_environment(name: str) -> dict[str, str]:
    """The variables that a service sets, with compose's own defaults filled in."""
    lines = re.findall(r"^      ([A-Z_]+): (.+)$", compose_service(name), re.M)
    return {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for key, value in lines}


def test_every_variable_is_on_the_page_with_its_default() -> None:
    """And the page names none that the configurations do not read."""
    rows = re.findall(r"^\| `(OTEL_REPLAY_\w+)` \| (?:`([^`]*)`)? ?\|", README, re.M)
    assert sorted(rows) == sorted(USED)


def test_every_address_is_loopback_unless_told_otherwise() -> None:
    """Nothing listens to the network by default."""
    addresses = [default for _, default in USED if re.fullmatch(r"[\w.]+:\d+", default)]
    assert len(addresses) == 8
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_every_file_is_on_the_page() -> None:
    """What a newcomer finds is explained there, but for the modules that the two commands are made of."""
    known = set(re.findall(r"`([\w.-]+/?)`", README))
    parts = {
        "README.md",
        "__init__.py",
        "errors.py",
        "toolchain.py",
        "compile.py",
        "engine.py",
        "processes.py",
    }
    found = {f"{path.name}/" if path.is_dir() else path.name for path in FOLDER.iterdir()}
    assert found - parts - {"__pycache__/"} <= known


def test_compose_publishes_on_loopback_alone() -> None:
    """Whoever wants more writes an override file, and knows it."""
    published = re.findall(r'^      - "(.*:\d+)"$', COMPOSE, re.M)
    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_compose_mounts_the_committed_configurations_and_sets_what_they_read() -> None:
    """A variable with a typing error would silently leave the default in place."""
    mounted = re.findall(r"^      - \./(\S+?):(\S+):ro$", COMPOSE, re.M)
    assert [(ROOT / source).is_file() for source, _ in mounted] == [True] * 4
    settings = compose_environment("collector") | compose_environment("jaeger")
    assert {name for name in settings if name.startswith("OTEL_REPLAY_")} <= {name for name, _ in USED}


@pytest.mark.engines
@pytest.mark.parametrize(
    ("service", "binary", "configs"),
    [("collector", 0, CONFIGS[:1]), ("jaeger", 1, CONFIGS[1:]), ("jaeger", 1, CONFIGS[1:2])],
)
@pytest.mark.parametrize("in_compose", [False, True])
def test_the_engines_accept_their_configurations(
    tmp_path: Path, service: str, binary: int, configs: list[Path], in_compose: bool
) -> None:
    """With the defaults, and with what compose sets (its folders moved into the test's)."""
    settings = compose_environment(service) if in_compose else {}
    for name, value in settings.items():
        if name.endswith("_DIR"):
            settings[name] = f"{tmp_path}{value}"
    command = [str(built()[binary]), "validate"]
    for config in configs:
        command += ["--config", str(config)]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_lock_file_has_what_the_manifest_names_in_the_version_of_the_image() -> None:
    """builder.yaml, go.mod and the image in docker-compose.yml are one version of the Collector."""
    manifest = re.findall(r"gomod: (\S+) (v\S+)", (FOLDER / "builder.yaml").read_text(encoding="utf-8"))
    locked = re.findall(r"^\t(\S+) (v\S+)", (FOLDER / "otelcol" / "go.mod").read_text(encoding="utf-8"), re.M)
    assert len(manifest) > 20
    assert set(manifest) <= set(locked)
    assert {version for module, version in manifest if "/provider/" not in module} == {"v0.159.0"}
    assert "opentelemetry-collector-contrib:0.159.0" in COMPOSE


def test_the_links_of_the_web_page_lead_to_the_run() -> None:
    """From the run id, wherever it stands, to the viewer; from any trace to its OTLP JSON."""
    page = json.loads((FOLDER / "jaeger-ui.json").read_text(encoding="utf-8"))
    run, search, raw = page["linkPatterns"]
    assert run["key"] == search["key"] == "otel_replay.run.id"
    assert run["url"].endswith("/runs/#{otel_replay.run.id}")
    assert run["text"] == "otel-replay show #{otel_replay.run.id}"
    assert "rawTraces=true&raw_traces=true" in raw["url"]


@pytest.mark.engines
def test_jaeger_serves_the_configuration_of_the_page(tmp_path: Path) -> None:
    """It is put into the page that Jaeger serves, where the page's program reads it."""
    with jaeger(tmp_path) as store, urllib.request.urlopen(store.url) as page:
        text = page.read().decode()
    held = re.search(r"JAEGER_CONFIG = (\{.*\});", text)
    assert held
    assert json.loads(held[1]) == json.loads((FOLDER / "jaeger-ui.json").read_text(encoding="utf-8"))
