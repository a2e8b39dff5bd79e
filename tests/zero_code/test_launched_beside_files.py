"""The command line beside files of the user's that are called like Python's own modules."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.zero_code.conftest import PYTHON, environment

OWN = "import os\nwith open(os.environ['ASKED_FOR'], 'a') as stream:\n    stream.write(__name__ + ' ')\n"
"""What such a file does: it notes that it was imported, and has nothing of what Python's own has."""

NAMES = sorted(
    name for name in sys.stdlib_module_names - set(sys.builtin_module_names) if find_spec(name) is not None
)


class Beside:
    """A folder with a file for each of Python's modules, and one with a package to try Python with."""

    def __init__(self, folder: Path) -> None:
        self.asked_for = folder / "asked for"
        self.files, self.trial = folder / "files", folder / "trial"
        self.env = environment(folder / "store", ASKED_FOR=str(self.asked_for), PYTHONPATH=str(self.trial))
        for place in (self.files, self.trial / "nothing"):
            place.mkdir(parents=True)
        for name in ("__init__.py", "__main__.py"):
            (self.trial / "nothing" / name).write_text("")

    def start(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Start a Python with these words in the folder."""
        return subprocess.run(
            [PYTHON, *words],
            cwd=self.files,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def fill(self, **env: str) -> None:
        """Write the files, but for those that a Python that does nothing asks for: it may not start."""
        for name in NAMES:
            (self.files / f"{name}.py").write_text(OWN)
        for _ in NAMES:
            self.asked_for.unlink(missing_ok=True)
            done = self.start("-X", "importtime", "-m", "nothing", **env)
            asked = self.asked_for.read_text().split() if self.asked_for.exists() else []
            if done.returncode == 0 and not asked:
                return
            for name in {*asked, *_named(done.stderr, self.files)}:
                (self.files / f"{name}.py").unlink(missing_ok=True)
        pytest.fail(f"Python does not start beside these files: {done.stderr}")


def _named(told: str, folder: Path) -> set[str]:
    """Modules of the folder that a Python that could not start speaks of."""
    return {name for name in NAMES if f"{folder / name}.py" in told}


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    return Beside(tmp_path)


def test_python_dash_m_takes_no_module_from_the_folder_that_it_is_given_in(beside: Beside):
    """`uuid.py` there ended it in a segmentation fault, `signal.py` in an error of ours."""
    beside.fill()
    assert (beside.files / "uuid.py").exists()
    done = beside.start("-m", "otel_replay", "run", "--name", "beside", "--", "/bin/echo", "said")
    assert (done.stdout, done.stderr, done.returncode) == ("said\n", "", 0)
    listed = beside.start("-m", "otel_replay", "list", "--json")
    assert (listed.stderr, listed.returncode) == ("", 0)
    assert '"beside"' in listed.stdout
    assert not beside.asked_for.exists()


def test_what_pythonpath_has_for_the_program_is_not_for_the_command_line(beside: Beside):
    path = f"{beside.files}:{beside.trial}"
    beside.fill(PYTHONPATH=path)
    done = beside.start("-m", "otel_replay", "run", "--", "/bin/echo", "said", PYTHONPATH=path)
    assert (done.stdout, done.stderr, done.returncode) == ("said\n", "", 0)
    assert not beside.asked_for.exists()


def test_a_folder_that_is_gone_is_no_reason_to_fail(beside: Beside, tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f'rmdir "{gone}"; exec "{PYTHON}" -m otel_replay --version'
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=gone, env=beside.env, capture_output=True, text=True, timeout=60
    )
    assert (done.stderr, done.returncode) == ("", 0)
