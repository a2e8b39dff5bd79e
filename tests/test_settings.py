"""Settings: from the environment, overridden by what is given; a wrong one is told and does no harm."""

import dataclasses
import re
from pathlib import Path

import pytest

import otel_replay
from otel_replay.settings import OTHER_VARIABLES, VARIABLES, Settings, Variable, misspelt, read_settings


def test_without_an_environment_everything_has_its_default():
    assert read_settings({}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "setting", "value"),
    [
        ("OTEL_REPLAY_STORE", "/somewhere/else", "store", Path("/somewhere/else")),
        ("OTEL_REPLAY_RUN_ID", "nightly", "run_id", "nightly"),
        ("OTEL_REPLAY_DISABLED", "true", "disabled", True),
        ("OTEL_REPLAY_DISABLED", " YES ", "disabled", True),
        ("OTEL_REPLAY_DISABLED", "0", "disabled", False),
        ("OTEL_REPLAY_JOURNAL", "write", "journal_mode", "write"),
        ("OTEL_REPLAY_SYNC_SECONDS", "0", "sync_seconds", 0.0),
        ("OTEL_REPLAY_SYNC_SECONDS", "2.5", "sync_seconds", 2.5),
        ("OTEL_REPLAY_REDACT", "off", "redact", False),
        ("OTEL_REPLAY_REDACT_KEYS", "vin, plate ,,", "redact_keys", ("vin", "plate")),
        ("OTEL_REPLAY_DECISIONS_AS_LOGS", "on", "decisions_as_logs", True),
        ("OTEL_REPLAY_PROJECTIONS", "no", "projections", False),
    ],
)
def test_each_variable_fills_its_setting(name, text, setting, value):
    settings = read_settings({name: text})
    assert getattr(settings, setting) == value
    assert settings == dataclasses.replace(Settings(), **{setting: value})
    assert settings.problems == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OTEL_REPLAY_DISABLED", "maybe"),
        ("OTEL_REPLAY_JOURNAL", "memory"),
        ("OTEL_REPLAY_SYNC_SECONDS", "often"),
        ("OTEL_REPLAY_SYNC_SECONDS", "-1"),
        ("OTEL_REPLAY_SYNC_SECONDS", "nan"),
        ("OTEL_REPLAY_SYNC_SECONDS", "inf"),
        ("OTEL_REPLAY_REDACT", "2"),
    ],
)
def test_a_value_that_makes_no_sense_is_told_and_the_default_stands_in(name, text):
    settings = read_settings({name: text})
    [problem] = settings.problems
    assert problem.startswith(f"{name}={text!r}")
    assert "using" in problem
    assert dataclasses.replace(settings, problems=()) == Settings()


def test_an_empty_variable_is_as_none_at_all():
    assert read_settings({variable.name: "" for variable in VARIABLES}) == Settings()


def test_what_is_given_counts_and_none_is_not_given():
    environ = {"OTEL_REPLAY_STORE": "/a", "OTEL_REPLAY_JOURNAL": "write"}
    settings = read_settings(environ, store="/b", journal_mode=None)
    assert (settings.store, settings.journal_mode) == (Path("/b"), "write")


def test_there_is_one_variable_for_each_setting_with_the_default_it_says():
    assert {variable.setting for variable in VARIABLES} == {
        field.name for field in dataclasses.fields(Settings)
    } - {"problems"}
    for variable in VARIABLES:
        assert isinstance(variable, Variable)
        assert variable.name.startswith("OTEL_REPLAY_")
        assert variable.meaning
        default = getattr(Settings(), variable.setting)
        if variable.default:
            assert variable.read(variable.default) == default
        else:
            assert default in (None, ())


@pytest.mark.usefixtures("fresh_opentelemetry")
def test_a_wrong_setting_is_told_on_the_log_once_and_the_run_is_recorded(store, monkeypatch, caplog):
    monkeypatch.setenv("OTEL_REPLAY_JOURNAL", "tape")
    for _ in range(3):
        with otel_replay.start_run("r"):
            otel_replay.decision("A", "")
    assert [len(run.decisions) for run in store.runs()] == [1, 1, 1]
    assert caplog.text.count("OTEL_REPLAY_JOURNAL='tape' is not mmap or write; using 'mmap'") == 1


@pytest.mark.usefixtures("fresh_opentelemetry")
@pytest.mark.parametrize(
    "settings", [Settings(redact_keys=("",)), Settings(journal_mode="?"), Settings(sync_seconds=-1)]
)
def test_settings_that_are_given_and_make_no_sense_do_no_harm(store, settings):
    with otel_replay.start_run("r", settings=dataclasses.replace(settings, store=store.root)):
        otel_replay.decision("A", "")
    assert sum(len(run.decisions) for run in store.runs()) in (0, 1)


@pytest.mark.usefixtures("fresh_opentelemetry")
def test_more_names_of_secrets_may_be_given(store, monkeypatch):
    monkeypatch.setenv("OTEL_REPLAY_REDACT_KEYS", "vin")
    with otel_replay.start_run("r"):
        otel_replay.decision("A", "", {"vin": "WVWZZZ1JZXW000001", "rpm": 1})
    assert store.run().decisions[0].values == {"vin": "[redacted]", "rpm": 1}
    assert b"WVWZZZ1JZXW" not in store.bytes()


@pytest.mark.usefixtures("fresh_opentelemetry")
def test_redaction_may_be_switched_off(store, monkeypatch):
    monkeypatch.setenv("OTEL_REPLAY_REDACT", "false")
    with otel_replay.start_run("r"):
        otel_replay.decision("A", "", {"password": "hunter2"})
    assert store.run().decisions[0].values == {"password": "hunter2"}


@pytest.mark.usefixtures("fresh_opentelemetry")
def test_without_projections_only_the_header_is_written_at_the_end(store, monkeypatch):
    monkeypatch.setenv("OTEL_REPLAY_PROJECTIONS", "false")
    with otel_replay.start_run("r"):
        otel_replay.decision("A", "")
    names = {path.name for path in store.run().files.directory.iterdir()}
    assert "run.json" in names
    assert not names & {"session_replay.json", "manifest.json"}
    assert store.run().files.header.counts["decisions"] == 1


def test_a_misspelt_variable_is_told_on_the_log_once_with_the_name_that_was_meant(store, monkeypatch, caplog):
    monkeypatch.setenv("OTEL_REPLAY_SYNC_SECOND", "0")
    for _ in range(3):
        with otel_replay.start_run("r"):
            pass
    assert [record.getMessage() for record in caplog.records] == [
        "OTEL_REPLAY_SYNC_SECOND is none of our variables, and does nothing: "
        "did you mean OTEL_REPLAY_SYNC_SECONDS?"
    ]


def test_one_that_is_like_none_of_ours_is_told_as_well():
    (told,) = misspelt({"OTEL_REPLAY_XYZZY": "1", "OTEL_REPLAY_STORE": "s", "PATH": "p"})
    assert told.endswith("see docs/settings.md")


READ_BY_TOOLS = ("collector", "bench", "deploy", "tests/e2e", "otel_replay/cli")


def test_the_variables_of_the_tooling_are_no_mistakes():
    """Each of them is read by something, and whatever is read is one of them or a setting."""
    root = Path(__file__).parent.parent
    paths = [path for folder in READ_BY_TOOLS for path in (root / folder).rglob("*") if path.is_file()]
    paths += [root / "docker-compose.yml", root / "Makefile", *(root / "otel_replay").rglob("*.py")]
    texts = {
        path: path.read_text(encoding="utf-8", errors="replace") for path in paths if path.suffix != ".pyc"
    }
    del texts[root / "otel_replay" / "settings.py"]
    found = re.compile(r"(?<![A-Z_])OTEL_REPLAY_[A-Z0-9_]*[A-Z0-9]")
    read = {name for text in texts.values() for name in found.findall(text)}
    assert misspelt(dict.fromkeys(read, "1")) == []
    assert OTHER_VARIABLES - read == set()
