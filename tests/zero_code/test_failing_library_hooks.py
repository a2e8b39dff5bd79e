"""Whatever fails in a hook of ours in a library, the program gets what it gets without us."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import pytest

import otel_replay
from tests.zero_code.conftest import PYTHON, Recorded
from tests.zero_code.hook_places import hooks

PACKAGE = Path(otel_replay.__file__).parent
TESTS = Path(__file__).parents[1]

PROGRAMS = {
    "optuna": """
        import optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        def objective(trial):
            x = trial.suggest_float("x", -1, 1)
            trial.report(x, 0)
            if trial.should_prune():
                raise optuna.TrialPruned
            if trial.number == 2:
                raise ValueError("mine")
            if trial.number == 4:
                trial.study.stop()
            return x * x
        def body():
            sampler, pruner = optuna.samplers.RandomSampler(seed=1), optuna.pruners.NopPruner()
            study = optuna.create_study(sampler=sampler, pruner=pruner)
            study.enqueue_trial({"x": 0.5})
            study.optimize(objective, n_trials=9, catch=(ValueError,))
            study.tell(study.ask(), 3.0)
            return [(one.number, one.state.name, one.value) for one in study.trials], study.best_params
    """,
    "hyperopt": """
        import numpy
        from hyperopt import fmin, hp, rand
        def body():
            chance = numpy.random.default_rng(1)
            space = hp.uniform("x", -1, 1)
            return fmin(abs, space, algo=rand.suggest, max_evals=3, rstate=chance, show_progressbar=False)
    """,
    "sklearn": """
        import numpy
        from sklearn.experimental import enable_halving_search_cv
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import HalvingGridSearchCV
        x = numpy.arange(36.0).reshape(12, 3)
        def body():
            grid = {"alpha": [0.1, 1, 2]}
            search = HalvingGridSearchCV(Ridge(), grid, cv=2, random_state=1, min_resources=4)
            return search.fit(x, x @ [1, 2, 3]).best_params_
    """,
    "joblib": """
        from joblib import Parallel, delayed
        def body():
            given = []
            for how in ("threading", "loky"):
                given.append(Parallel(n_jobs=2, backend=how)(delayed(divmod)(n, 2) for n in range(3)))
            try:
                Parallel(n_jobs=2, backend="threading")(delayed(divmod)(n, 0) for n in range(3))
            except ZeroDivisionError as error:
                given.append(error)
            return given
    """,
    "multiprocessing": """
        import concurrent.futures, multiprocessing
        def body():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                given = [pool.map(abs, [1, -2]), pool.apply_async(abs, (4,)).get(), *pool.imap(abs, [5])]
            with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                return given, pool.submit(abs, -4).result(), type(pool.submit(abs, "x").exception())
    """,
    "processes": """
        import subprocess
        def body():
            given = [subprocess.run(["false"]).returncode, os.system("exit 0")]
            given.append(os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1])
            given.append(os.spawnv(os.P_WAIT, "/bin/true", ["true"]))
            try:
                subprocess.run(["no-such-program"])
            except FileNotFoundError as error:
                return given, error
    """,
    "process_ends": """
        import asyncio, subprocess
        async def later():
            return await (await asyncio.create_subprocess_exec("false")).wait()
        def body():
            return subprocess.run(["true"]).returncode, asyncio.run(later())
    """,
    "files": """
        def body():
            open("a.csv", "w").close()
            os.makedirs("b", exist_ok=True)
            os.chdir("b")
            open("../a.csv").close()
            os.chdir("..")
            return sorted(os.listdir(".")).count("a.csv")
    """,
    "log_records": """
        import logging
        def body():
            try:
                1 / 0
            except ZeroDivisionError:
                return logging.getLogger("mine").info("failed", extra={"x": object}, exc_info=True)
        logging.getLogger().setLevel("INFO")
        logging.getLogger("mine").addHandler(logging.NullHandler())
    """,
    "openai_agents_calls": """
        from agents import RunContextWrapper
        from agents.tool_context import ToolContext
        from openai.types.responses import ResponseFunctionToolCall
        call = ResponseFunctionToolCall(arguments="{}", call_id="c1", name="look", type="function_call")
        def body():
            return ToolContext.from_agent_context(RunContextWrapper(None), "c1", call).tool_call_id
    """,
}
"""For each module with hooks, a program that comes by all of them: `body()` gives the same each time."""

THRICE = """
import os
{program}
if __name__ == "__main__":
    for when in ("", "begins", "ends"):
        os.environ["BREAK_WHEN_IT"] = when
        print(body())
"""

CALLED = {
    "joblib": ("title_of", "place_here"),
    "multiprocessing": ("traceparent_here",),
    "process_ends": ("_tell",),
    "log_records": ("_tell",),
    "openai_agents_calls": ("_note",),
}
"""What functions call that stand in the place of a library's: they must not be broken themselves."""

ELSEWHERE = {
    "http_aiohttp": "libraries/test_http.py",
    "http_httpx": "libraries/test_http.py",
    "http_urllib3": "libraries/test_http.py",
    "mcp_calls": "libraries/test_mcp.py",
    "mcp_client": "libraries/test_mcp.py",
    "openai_calls": "libraries/test_instrumentors_fail.py",
    "ray_tune": "libraries/ray_check.py",
}
"""Hooks whose failures are injected where there is a server for them, or an environment."""

BREAK = """

import os as _os


def _breaking(function, moment):
    def called(*args, **kwargs):
        if _os.environ.get("BREAK_WHEN_IT") == moment:
            raise RuntimeError("injected")
        return function(*args, **kwargs)

    return called


if "watch" in globals():
    _watch = watch

    def watch(owner, name, begin, doing, **more):
        _watch(owner, name, _breaking(begin, "begins"), doing, **more)


if "listen" in globals():
    _listen = listen

    def listen(event, listener, doing):
        _listen(event, _breaking(listener, "begins"), doing)


if "carried" in globals():
    import otel_replay.hooks.carrying as _carrying

    _carrying.place_here = _breaking(_carrying.place_here, "begins")

for _name in {called!r}:
    globals()[_name] = _breaking(globals()[_name], "begins")
for _class in [one for one in globals().values() if isinstance(one, type) and one.__module__ == __name__]:
    for _name in ("returned", "raised", "tell", "sum_up", "decided"):
        if hasattr(_class, _name):
            setattr(_class, _name, _breaking(getattr(_class, _name), "ends"))
"""


def test_every_hook_in_a_library_has_a_test_in_which_it_fails() -> None:
    """A module with a hook that is in neither list has none."""
    assert set(hooks()) == {*PROGRAMS, *ELSEWHERE}
    for module, place in ELSEWHERE.items():
        assert "inject" in (TESTS / place).read_text(encoding="utf-8"), module


@pytest.mark.slow
@pytest.mark.parametrize("module", PROGRAMS)
def test_a_hook_in_a_library_that_fails_changes_nothing(recorded: Recorded, module: str) -> None:
    """What a call gives is the same with hooks that work, that fail before it, and that fail after it."""
    shadow = recorded.folder / "shadow" / "otel_replay"
    shutil.copytree(PACKAGE, shadow, ignore=shutil.ignore_patterns("__pycache__"))
    place = shadow / "libraries" / f"{module}.py"
    place.write_text(place.read_text() + BREAK.format(called=CALLED.get(module, ())))
    recorded.script(THRICE.format(program=textwrap.dedent(PROGRAMS[module])))
    done = recorded.run(PYTHON, "program.py", env={"PYTHONPATH": str(shadow.parent)})
    assert done.returncode == 0, done.stderr
    working, *broken = done.stdout.splitlines()
    assert broken == [working] * 2
    assert "Traceback" not in done.stderr
    assert "injected" in done.stderr
