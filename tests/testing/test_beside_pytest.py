"""pytest finds the recorder imported already, as in a recorded session, and says nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# As pytest does by itself with a plugin that is not installed as editable.
_CONFTEST = "import pytest; pytest.register_assert_rewrite('otel_replay')"
_SESSION = (
    "import otel_replay, pytest, sys; sys.exit(pytest.main(['-q', '-W', 'error', '-p', 'no:cacheprovider']))"
)


def test_pytest_does_not_warn_that_the_recorder_was_imported_before_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")
    command = [sys.executable, "-c", _SESSION]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # others may have warnings of their own
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=alone)
    assert done.returncode == 0, done.stdout + done.stderr
