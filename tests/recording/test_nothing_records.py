"""Where nothing records, recording costs next to nothing: no import, no file, no call in between."""

import inspect

import pytest

from otel_replay import task


def test_where_nothing_records_a_decorated_function_is_called_straight():
    depths = []

    @task
    def function():
        depths.append(len(inspect.stack(0)))

    function()
    function.__wrapped__()
    assert depths[0] <= depths[1] + 2


NOTHING = """
    import sys
    import otel_replay

    @otel_replay.task
    def plain(x): return x

    @otel_replay.tool("t")
    async def coroutine(x): return x

    @otel_replay.generation
    def generator(x): yield x

    @otel_replay.agent("a")
    async def async_generator(x): yield x

    async def main():
        assert await coroutine(1) == 1
        assert [item async for item in async_generator(1)] == [1]

    import asyncio
    for _ in range(3):
        assert plain(1) == 1
        assert list(generator(1)) == [1]
        asyncio.run(main())
        with otel_replay.task("b") as block:
            block.set("a", 1)
        otel_replay.decision("A", "r", values={"a": 1}, cell=object())
        otel_replay.checkpoint("c", object())
        otel_replay.artifact("a", "/nowhere")
        otel_replay.file_read("/nowhere")
        otel_replay.file_write("/nowhere")
        otel_replay.heartbeat(a=1)
        assert otel_replay.child_environment({"A": "b"}) == {"A": "b"}
    loaded = [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
    assert not loaded, loaded
    """


def test_where_nothing_records_the_sdk_is_not_imported_and_nothing_is_written(python, tmp_path):
    python(NOTHING)
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


@pytest.mark.parametrize("variable", ["OTEL_REPLAY_DISABLED", "OTEL_SDK_DISABLED"])
def test_where_recording_is_switched_off_nothing_is_written_even_with_a_run(python, tmp_path, variable):
    program = NOTHING.replace("import asyncio\n", "import asyncio\n    run = otel_replay.start_run('off')\n")
    if variable == "OTEL_SDK_DISABLED":
        program = program.replace("assert not loaded, loaded", "")
    python(program, env={variable: "true"})
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


def test_the_package_is_imported_without_opentelemetry(python):
    python("import sys, otel_replay; assert not [n for n in sys.modules if n.startswith('opentelemetry')]")
