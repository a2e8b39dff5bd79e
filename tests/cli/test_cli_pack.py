"""`otel-replay pack` and `unpack`, and a pack in place of a run."""

import os

import pytest

import otel_replay


@pytest.fixture
def packed(call, keep, tuning, tmp_path):
    """A pack of a run that is in no store any more."""
    keep(tuning)
    path = tmp_path / "tuning.orpack"
    assert call("pack", tuning.run_id, "-o", str(path)).code == 0
    assert call("delete", tuning.run_id, "--yes").code == 0
    return path


def test_packing_says_what_was_written_and_how_large_it_is(call, keep, tuning, tmp_path, monkeypatch):
    keep(tuning)
    monkeypatch.chdir(tmp_path)
    result = call("pack", "latest")
    assert result.code == 0
    assert result.out == ""
    assert result.err.startswith(f"Wrote {tuning.run_id}.orpack, ")
    assert os.stat(f"{tuning.run_id}.orpack").st_mode & 0o777 == 0o600


def test_unpacking_brings_the_run_back_into_the_store(call, packed, tuning):
    result = call("unpack", str(packed))
    assert result.code == 0
    assert result.err.startswith(f"Unpacked {tuning.run_id}, ")
    assert call("verify", tuning.run_id).code == 0
    again = call("unpack", str(packed))
    assert again.code == 2
    assert "is there already" in again.err
    assert f"otel-replay delete {tuning.run_id}" in again.err


def test_unpacking_into_a_folder_leaves_the_store_alone(call, packed, tuning, tmp_path):
    assert call("unpack", str(packed), "--to", str(tmp_path / "here")).code == 0
    assert (tmp_path / "here" / tuning.run_id / "run.json").is_file()
    assert call("list", "--json").json["runs"] == []
    assert call("show", str(tmp_path / "here" / tuning.run_id)).code == 0


@pytest.mark.parametrize("command", ["show", "summary", "view", "dump", "verify"])
def test_a_command_that_reads_a_run_takes_a_pack_in_its_place(call, packed, tuning, command, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(packed.parent / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (packed.parent / "temporary").mkdir()
    result = call(command, str(packed))
    assert result.code == 0
    assert tuning.run_id in result.out or "AFR_CORRECTION" in result.out
    assert list((packed.parent / "temporary").iterdir()) == []


def test_calls_are_answered_from_a_pack_too(call, tmp_path, store):
    run = otel_replay.start_run("loop", run_id="loop", store=store.root)
    with run, run.tool_call("read_cell", {"rpm": 3500}) as tool:
        tool.result({"afr": 12.41})
    pack = str(tmp_path / "loop.orpack")
    assert call("pack", "loop", "-o", pack).code == 0
    assert call("delete", "loop", "--yes").code == 0
    assert [told["name"] for told in call("replay", pack, "--json").json["calls"]] == ["read_cell"]
    assert call("trace", pack, "--json").json["stats"]["tool_calls"] == 1


def test_a_damaged_pack_is_told_by_verify(call, packed):
    packed.write_bytes(packed.read_bytes()[:-9])
    result = call("verify", str(packed))
    assert result.code == 1
    assert result.lines[0].startswith("✗ tuning.orpack")
    assert "cut off" in result.out
    document = call("verify", str(packed), "--json")
    assert document.code == 1
    assert document.json["runs"][0]["findings"][0]["path"] == str(packed)
    assert call("show", str(packed)).code == 2


def test_a_pack_is_not_recovered_in_place(call, packed):
    result = call("recover", str(packed))
    assert result.code == 2
    assert "otel-replay unpack" in result.err


def test_a_limit_on_the_size_is_held(call, packed):
    result = call("unpack", str(packed), "--max-size", "0.000001")
    assert result.code == 2
    assert "--max-size" in result.err
    assert call("unpack", str(packed), "--max-files", "1").code == 2
    assert call("list", "--json").json["runs"] == []


@pytest.mark.parametrize("name", ["nothing.orpack", "."])
def test_what_is_no_pack_is_told(call, name):
    result = call("unpack", name)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err
