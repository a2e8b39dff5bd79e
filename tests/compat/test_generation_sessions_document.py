"""Every example of the generation server's document, by the real `curl`, on a server as a user starts it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from generation_kit import ProcessServer

PAGE = Path(__file__).parents[2] / "docs" / "compat" / "generation-sessions.md"
REQUEST = {
    "prompt": "add a small ladybug in the lower right corner...",
    "target_sector": "BR",
    "focus_sector": "TL",
    "size": "32x32",
}


class Shell:
    """A shell in the folder in which the server was started."""

    def __init__(self, server: ProcessServer) -> None:
        self.server = server
        self.folder = server.folder

    def __call__(self, script: str) -> str:
        """What a script of the document prints; the server's port stands in for 8001."""
        script = script.replace("localhost:8001", f"localhost:{self.server.port}")
        quiet = 'set -e -o pipefail\ncurl() { command curl -sS --fail-with-body --noproxy "*" "$@"; }\n'
        done = subprocess.run(
            ["bash", "-c", quiet + script],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, script: str) -> Any:
        """The JSON document that a script prints."""
        return json.loads(self(script))


@pytest.fixture
def shell(serve_generations: Callable[..., ProcessServer], tmp_path: Path) -> Shell:
    """The server runs, and `generation_request.json` is there."""
    (tmp_path / "generation_request.json").write_text(json.dumps(REQUEST))
    return Shell(serve_generations())


GENERATE = """curl -X POST http://localhost:8001/generate \
  -H "Content-Type: application/json" \
  -d @generation_request.json"""


def test_the_document_from_its_beginning_to_its_end(shell: Shell) -> None:
    """Its commands in its order, and what it says that they answer."""
    made = shell.json("curl -X POST http://localhost:8001/session/start")
    assert re.fullmatch(r"session_[0-9]{10}", made["session_id"])
    assert made == {"session_id": made["session_id"], "status": "recording"}
    mine = shell.json('curl -X POST "http://localhost:8001/session/start?session_id=my_experiment"')
    assert mine == {"session_id": "my_experiment", "status": "recording"}

    for _ in range(2):
        shell(f"{GENERATE} > generated.png")
    images = [
        path.read_bytes()
        for path in sorted((shell.folder / "generation/sessions/my_experiment").glob("*.png"))
    ]
    assert (shell.folder / "generated.png").read_bytes() == images[1]

    listed = shell.json("curl http://localhost:8001/session/list")
    assert listed == {"sessions": [made["session_id"], "my_experiment"]}

    got = shell.json("curl http://localhost:8001/session/my_experiment")
    assert list(got)[:3] == ["session_id", "created_at", "sequence"]
    entry = got["sequence"][0]
    assert list(entry)[:6] == ["index", "filename", "target_sector", "focus_sector", "prompt", "timestamp"]
    assert entry["filename"] == "0000_BR.png"
    assert entry["prompt"] == REQUEST["prompt"]
    assert got["created_at"] <= entry["timestamp"]
    assert got == json.loads((shell.folder / "generation/sessions/my_experiment/metadata.json").read_bytes())

    replaying = shell.json("curl -X POST http://localhost:8001/session/replay/my_experiment")
    assert replaying == {"session_id": "my_experiment", "status": "replaying", "total_generations": 2}
    for number, image in enumerate(images):
        shell("curl -D headers http://localhost:8001/session/replay/next > image.png")
        assert (shell.folder / "image.png").read_bytes() == image
        headers = (shell.folder / "headers").read_text().lower().splitlines()
        assert {"x-sector: br", f"x-prompt: {REQUEST['prompt'].lower()}", f"x-index: {number}"} <= set(
            headers
        )
    for _ in range(2):
        complete = shell.json("curl http://localhost:8001/session/replay/next")
        assert complete == {"status": "complete", "image": None}
    assert shell.json("curl -X POST http://localhost:8001/session/replay/stop") == {"status": "stopped"}


def test_experiments_are_replayed_frame_by_frame(shell: Shell) -> None:
    """The first use case: what is left of the ten frames says that the session is complete."""
    shell('curl -X POST "http://localhost:8001/session/start?session_id=experiment_01"')
    for _ in range(3):
        shell(f"{GENERATE} > generated.png")
    shell(
        """
        curl -X POST http://localhost:8001/session/replay/experiment_01
        for i in {1..10}; do
          curl http://localhost:8001/session/replay/next > "frame_$i.png"
        done
        """
    )
    frames = [(shell.folder / f"frame_{number}.png").read_bytes() for number in range(1, 11)]
    kept = shell.folder / "generation/sessions/experiment_01"
    assert frames[:3] == [path.read_bytes() for path in sorted(kept.glob("*.png"))]
    assert {json.loads(frame)["status"] for frame in frames[3:]} == {"complete"}


def test_a_session_that_tar_has_packed_is_replayed_elsewhere(shell: Shell) -> None:
    """The second use case, and file management: `tar`, `ls`, `rm -rf` on the folder are all that it takes."""
    shell('curl -X POST "http://localhost:8001/session/start?session_id=bug_report_xyz"')
    shell(f"{GENERATE} > generated.png")
    shell("tar -czf bug_report_xyz.tar.gz generation/sessions/bug_report_xyz/")
    assert shell("ls generation/sessions/") == "bug_report_xyz\n"
    shell("rm -rf generation/sessions/bug_report_xyz")
    assert shell.json("curl http://localhost:8001/session/list") == {"sessions": []}
    shell("tar -xzf bug_report_xyz.tar.gz")
    shell("curl -X POST http://localhost:8001/session/replay/bug_report_xyz")
    shell("curl http://localhost:8001/session/replay/next > image.png")
    assert (shell.folder / "image.png").read_bytes() == (shell.folder / "generated.png").read_bytes()


def test_every_command_of_our_page_runs(shell: Shell) -> None:
    """One after the other, as they stand there; an answer that is an error fails."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 10
    for block in blocks:
        shell(block)
    assert (shell.folder / "frame.png").read_bytes().startswith(b"\x89PNG")
    listed = shell.json("curl http://localhost:8001/session/list")["sessions"]
    assert {"my_experiment", "from_the_server", "test_A"} <= set(listed)
    assert "from_tar" not in listed
