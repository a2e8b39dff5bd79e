"""`export`: which files it writes, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

REAL = Path(__file__).parent.parent / "corpus" / "session_replay-1.0" / "real.json"


def test_one_call_writes_all_that_was_asked_for(call, keep, tuning, tmp_path: Path) -> None:
    """A page, a paper, a table of the same run."""
    keep(tuning)
    places = {form: tmp_path / f"run.{form}" for form in ("html", "pdf", "csv")}
    done = call(
        "export", "latest", *(word for form, path in places.items() for word in (f"--{form}", str(path)))
    )
    assert (done.code, done.out) == (0, "")
    assert done.err.count("Wrote 12 decisions to ") == 3
    assert places["html"].read_bytes().startswith(b"<!doctype html>")
    assert places["pdf"].read_bytes().startswith(b"%PDF-")
    assert places["csv"].read_bytes() == call("dump", "latest", "--format", "csv").raw


def test_what_is_written_can_be_chosen(call, tmp_path: Path) -> None:
    """As in `view`, from a file too; the page says how many of all these are."""
    out = tmp_path / "run.html"
    done = call("export", str(REAL), "--html", str(out), "--action", "GRADIENT", "--where", "gradient>2")
    assert done.code == 0
    assert "of 119 chosen" in out.read_text()
    assert "AFR_CORRECTION" not in out.read_text()


def test_the_grid_is_what_the_options_say(call, tmp_path: Path) -> None:
    """And what no decision has is refused."""
    out = tmp_path / "run.html"
    options = ["--axes", "rpm,kpa", "--value", "afr_error_pct"]
    assert call("export", str(REAL), "--html", str(out), *options).code == 0
    assert '"row":"rpm","column":"kpa"' in out.read_text()
    for wrong in (["--axes", "rpm"], ["--axes", "a,b"], ["--value", "none"]):
        refused = call("export", str(REAL), "--html", str(tmp_path / "other.html"), *wrong)
        assert refused.code == 2
        assert "--axes" in refused.err
    assert not (tmp_path / "other.html").exists()


def test_what_cannot_be_done_is_told(call, keep, tuning, tmp_path: Path, monkeypatch) -> None:
    """Nothing to write, nowhere to write it, no package to write it with."""
    keep(tuning)
    assert "--html FILE" in call("export", "latest").err
    assert call("export", "latest", "--csv", str(tmp_path / "none" / "a.csv")).code == 2
    monkeypatch.setitem(sys.modules, "fpdf", None)
    monkeypatch.delitem(sys.modules, "otel_replay.exporting.paper", raising=False)
    done = call("export", "latest", "--pdf", str(tmp_path / "a.pdf"))
    assert done.code == 2
    assert "pip install 'otel-replay[pdf]'" in done.err
    assert not (tmp_path / "a.pdf").exists()


def test_one_file_cannot_be_two_forms(call, keep, tuning, tmp_path):
    """Nor under two names."""
    keep(tuning)
    done = call("export", "latest", "--html", str(tmp_path / "a"), "--csv", f"{tmp_path}/./a")
    assert done.code == 2
    assert "the same one" in done.err
    assert not (tmp_path / "a").exists()
