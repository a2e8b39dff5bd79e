"""orjson is loaded whatever a program has put in the place of what it asks for: it ended by SIGSEGV there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otel_replay.storage.store import Store

ROOT = Path(__file__).parent.parent
ASKED = ["dataclasses", "datetime", "enum", "json", "uuid", "zoneinfo"]
STUBS = {
    "nothing in it": "types.ModuleType(NAME)",
    "something else in it": "types.SimpleNamespace(UUID=None, datetime=2, datetime_CAPI=object())",
    "a mock": "unittest.mock.MagicMock()",
    "none": "None",
    "what has no members": "object()",
    "what raises": "Raises()",
}
USED = """
print(orjson.dumps({"a": [1, 2.5, None]}).decode(), sys.modules[NAME] is stub)
try:
    orjson.loads("[1,")
except ValueError as error:
    print(type(error).__name__)
"""


def python(code: str, *words: str) -> list[str]:
    """The lines that a new Python prints; it must end well."""
    told = subprocess.run([sys.executable, *words, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


@pytest.mark.parametrize("stub", STUBS)
def test_no_process_ends_by_a_signal_for_what_a_program_puts_in_the_place_of_pythons_own(
    stub: str,
) -> None:
    code = (
        "import sys, types, unittest.mock, inspect, zoneinfo, json, os\n"
        "class Raises:\n"
        "    def __getattr__(self, name): raise RuntimeError(name)\n"
        f"for NAME in {ASKED!r}:\n"
        "    child = os.fork()\n"
        "    if not child: break\n"
        "    assert os.waitpid(child, 0)[1] == 0, NAME\n"
        "else:\n"
        "    sys.exit()\n"
        f"stub = sys.modules[NAME] = {STUBS[stub]}\n"
        "from otel_replay.orjson_loading import orjson\n" + USED + "sys.stdout.flush()\nos._exit(0)\n"
    )
    assert python(code) == ['{"a":[1,2.5,null]} True', "JSONDecodeError"] * len(ASKED)


def test_a_module_of_the_programs_own_beside_it_is_no_end_by_a_signal_either(tmp_path: Path) -> None:
    (tmp_path / "uuid.py").write_text("mine = True\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from otel_replay.orjson_loading import orjson\n"
        "import uuid; print(orjson.dumps(1), uuid.mine)\n"
    )
    assert python(code) == ["b'1' True"]


def test_what_a_program_has_in_the_place_of_orjson_stays_there_and_is_not_what_records() -> None:
    code = (
        "import sys, types\n"
        "NAME = 'orjson'\n"
        "stub = sys.modules[NAME] = types.ModuleType(NAME)\n"
        "from otel_replay.orjson_loading import orjson\n" + USED
    )
    assert python(code) == ['{"a":[1,2.5,null]} True', "JSONDecodeError"]


def test_the_one_that_the_program_has_loaded_is_taken() -> None:
    code = "import orjson as theirs\nfrom otel_replay.orjson_loading import orjson\nprint(orjson is theirs)\n"
    assert python(code) == ["True"]


def test_one_that_another_thread_is_loading_is_waited_for() -> None:
    """Where it was taken away meanwhile the program's own import ended by a KeyError."""
    code = """
import sys, threading
begun, go_on = threading.Event(), threading.Event()
class Waits:
    def find_spec(self, name, path=None, target=None):
        if name == "orjson.orjson" and not begun.is_set():
            begun.set()
            go_on.wait(30)
def load():
    try:
        import orjson as loaded
        print(loaded.dumps([1]).decode())
    except BaseException as error:
        print(repr(error))
sys.meta_path.insert(0, Waits())
program = threading.Thread(target=load)
program.start()
begun.wait(30)
def let_it_go_on(frame, event, argument):
    # As soon as what records asks for it.
    if event == "call" and frame.f_code.co_name == "_in_its_place":
        go_on.set()
sys.setprofile(let_it_go_on)
from otel_replay.orjson_loading import orjson
sys.setprofile(None)
go_on.set()
program.join()
print(sys.modules["orjson"] is orjson)
"""
    assert python(code) == ["[1]", "True"]


def test_it_is_not_taken_away_in_the_middle_of_being_loaded() -> None:
    """What a hook of the program's asks for then is told, and can be asked for later."""
    code = """
import sys
class Asks:
    def find_spec(self, name, path=None, target=None):
        if name == "orjson.orjson":
            try:
                import otel_replay.orjson_loading
            except ImportError as error:
                print(error)
sys.meta_path.insert(0, Asks())
import orjson as loaded
from otel_replay.orjson_loading import orjson
print(loaded is orjson)
"""
    assert python(code) == ["orjson is being loaded: what records asks for it in the middle of that", "True"]


def test_it_knows_pythons_own_classes_where_they_are_loaded_late() -> None:
    """As where a lazy module is in the place: it is asked for its members, as the program would."""
    code = (
        "import importlib.util, sys\n"
        "spec = importlib.util.find_spec('uuid')\n"
        "spec.loader = importlib.util.LazyLoader(spec.loader)\n"
        "sys.modules['uuid'] = lazy = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(lazy)\n"
        "from otel_replay.orjson_loading import orjson\n"
        "print(orjson.dumps(lazy.UUID(int=1)).decode())\n"
    )
    assert python(code) == ['"00000000-0000-0000-0000-000000000001"']


def test_decisions_of_a_program_with_a_stub_are_recorded(tmp_path: Path) -> None:
    """Through the API, with a text that is kept beside the journal, and with more than a few of them."""
    code = (
        "import sys, types, uuid\n"
        "stub = sys.modules['uuid'] = types.ModuleType('uuid'); stub.uuid4 = uuid.uuid4\n"
        "import otel_replay\n"
        f"with otel_replay.start_run('x', store={str(tmp_path)!r}):\n"
        "    for number in range(1100): otel_replay.decision('KEEP', 'why ' * 20000 * (not number))\n"
    )
    assert python(code) == []
    (run,) = Store(tmp_path).runs()
    kinds = [type(found.record).__name__ for found in Store(tmp_path).resolve(run.run_id).records()]
    assert kinds.count("Decision") == 1100
