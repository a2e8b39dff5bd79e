"""Child processes of every kind join the run that they were started in, each with a journal of its own."""

import pytest

from otel_replay.records import Close, SpanStart
from otel_replay.storage.verify import verify

METHODS = ("fork", "spawn", "forkserver")

WORKERS = """
    import multiprocessing, os, sys
    from concurrent.futures import ProcessPoolExecutor
    import otel_replay

    def work(name):
        otel_replay.decision(name, "in a child", {"pid": os.getpid()})
        with otel_replay.task(f"in {name}"):
            otel_replay.decision(f"{name} INSIDE", "")
        return name

    def main(method):
        context = multiprocessing.get_context(method)
        with otel_replay.start_run("r", run_id="r") as run:
            with run.task("parent"):
                processes = [context.Process(target=work, args=(f"P{n}",)) for n in range(3)]
                for process in processes: process.start()
                for process in processes: process.join()
                assert [p.exitcode for p in processes] == [0] * 3
                with context.Pool(2) as pool:
                    assert pool.map(work, ["Q0", "Q1", "Q2", "Q3"]) == ["Q0", "Q1", "Q2", "Q3"]
                    pool.close()
                    pool.join()
                with ProcessPoolExecutor(2, mp_context=context) as pool:
                    assert list(pool.map(work, ["E0", "E1", "E2", "E3"])) == ["E0", "E1", "E2", "E3"]
                otel_replay.decision("PARENT", "")

    if __name__ == "__main__":
        main(sys.argv[1])
    """


@pytest.mark.parametrize("method", METHODS)
def test_processes_of_multiprocessing_and_of_pools_join_the_run(store, python, method):
    python(WORKERS, method)
    recorded = store.run("r")
    assert recorded.bad_lines == []
    names = ["P0", "P1", "P2", "Q0", "Q1", "Q2", "Q3", "E0", "E1", "E2", "E3"]
    decided = {d.action for d in recorded.decisions}
    assert decided == {"PARENT", *names, *(f"{name} INSIDE" for name in names)}
    owners, parents = recorded.owners(), recorded.parents()
    above = "task parent" if method == "fork" else "process program.py"
    for name in names:
        assert owners[name] == parents[f"task in {name}"] == above
        assert owners[f"{name} INSIDE"] == f"task in {name}"
    if method != "fork":
        assert parents["process program.py"] == "run r"
    assert {span.trace_id for span in recorded.spans} == {recorded.span("run r").trace_id}
    pids = {d.values["pid"] for d in recorded.decisions if d.values}
    journals = recorded.files.journals()
    assert {int(path.stem.split("-")[1]) for path in journals} >= pids
    # Every process closed its journal, and the run's files hold them all.
    assert len(recorded.of(Close)) == len(journals)
    assert recorded.files.header.counts["decisions"] == 23
    assert recorded.files.status() == "finished"
    assert verify(recorded.files) == []


PARENT = """
    import os, subprocess, sys
    import otel_replay

    with otel_replay.start_run("r", run_id="r") as run:
        with run.task("parent"):
            for kind in sys.argv[1:]:
                env = otel_replay.child_environment() if kind.startswith("told ") else None
                subprocess.run([sys.executable, "-W", "error", "child.py", kind], check=True, env=env)
            otel_replay.decision("PARENT", "")
    """

CHILD = """
import os, subprocess, sys
import otel_replay

kind = sys.argv[1].removeprefix("told ")
if kind == "decides":
    otel_replay.decision("CHILD", "", {"pid": os.getpid()})
    otel_replay.decision("CHILD", "again")
    with otel_replay.task("t"):
        otel_replay.decision("INSIDE", "")
elif kind == "starts":
    with otel_replay.start_run("child", attributes={"a": 1}) as run:
        assert run.run_id == "r"
        otel_replay.decision("CHILD", "")
    with otel_replay.start_run("again") as run:
        assert run.run_id == "r"
elif kind == "starts its own":
    with otel_replay.start_run("own", run_id="own"):
        otel_replay.decision("OWN", "")
elif kind == "decides after":
    with otel_replay.start_run("first"):
        pass
    otel_replay.decision("AFTER", "")
elif kind == "grandchild":
    otel_replay.decision("BETWEEN", "")
    with otel_replay.task("deep"):
        told = otel_replay.child_environment()
        subprocess.run([sys.executable, "child.py", "decides"], check=True, env=told)
elif kind == "nothing":
    pass
elif kind == "fails":
    with otel_replay.start_run("child"):
        otel_replay.decision("CHILD", "")
        sys.exit(0)
elif kind == "dies":
    otel_replay.decision("CHILD", "")
    os.kill(os.getpid(), 9)
elif kind == "exits at once":
    otel_replay.decision("CHILD", "")
    os._exit(0)
"""


@pytest.fixture
def family(python, tmp_path):
    (tmp_path / "child.py").write_text(CHILD)

    def run(*kinds, **how):
        return python(PARENT, *kinds, **how)

    return run


def test_a_child_process_that_only_decides_joins_by_itself(store, family):
    family("decides")
    recorded = store.run()
    assert recorded.parents() == {
        "run r": "-",
        "task parent": "run r",
        "process child.py": "run r",
        "task t": "process child.py",
    }
    assert recorded.owners() == {"CHILD": "process child.py", "INSIDE": "task t", "PARENT": "task parent"}
    assert recorded.files.header.counts == {"decisions": 4, "spans": 4, "events": 0, "logs": 0}
    assert [close.how for close in recorded.of(Close)] == ["exit", "ended"]
    assert recorded.files.header.name == "r"


def test_a_child_process_that_starts_a_run_joins_its_parents(store, family):
    family("starts", "starts")
    recorded = store.run()
    assert [span.name for span in recorded.spans].count("run child") == 2
    assert {recorded.parents()[name] for name in ("run child", "run again")} == {"run r"}
    assert recorded.owners()["CHILD"] == "run child"
    assert recorded.files.status() == "finished"
    assert recorded.files.header.attributes == {}


def test_a_child_process_that_names_a_run_has_its_own(store, family):
    family("starts its own")
    assert store.run("own").owners() == {"OWN": "run own"}
    assert store.run("r").owners() == {"PARENT": "task parent"}


def test_what_a_child_decides_after_its_run_is_kept(store, family):
    family("decides after")
    recorded = store.run()
    assert "AFTER" in recorded.owners()
    assert recorded.bad_lines == []


def test_with_child_environment_a_child_stands_below_the_current_span(store, family):
    family("told decides", "told grandchild")
    recorded = store.run()
    parents = recorded.parents()
    assert parents["task deep"] == "process child.py"
    assert recorded.owners()["BETWEEN"] == "process child.py"
    starts = {start.span_id: start for start in recorded.of(SpanStart)}
    processes = [start for start in starts.values() if start.name == "process child.py"]
    assert sorted(starts[start.parent_id].name for start in processes) == [
        "task deep",
        "task parent",
        "task parent",
    ]


def test_a_child_that_records_nothing_leaves_nothing(store, family):
    family("nothing")
    assert len(store.run().files.journals()) == 1


def test_a_child_that_leaves_early_leaves_what_it_recorded(store, family):
    family("fails", "exits at once")
    recorded = store.run()
    assert [d.action for d in recorded.decisions].count("CHILD") == 2
    assert recorded.files.status() == "finished"
    assert recorded.files.header.counts["decisions"] == 3


def test_a_child_that_is_killed_takes_nothing_along_but_its_own_end(store, python, tmp_path):
    (tmp_path / "child.py").write_text(CHILD)
    python(PARENT.replace("check=True", "check=False"), "dies")
    recorded = store.run()
    assert recorded.owners() == {"CHILD": "process child.py", "PARENT": "task parent"}
    assert recorded.bad_lines == []
    assert recorded.files.status() == "finished"
    assert recorded.files.header.counts["open_spans"] == 1


def test_a_child_that_outlives_the_run_is_counted_when_it_ends(store, python, tmp_path):
    (tmp_path / "child.py").write_text(
        "import sys, otel_replay\n"
        "otel_replay.decision('BEFORE', '')\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "otel_replay.decision('AFTER', '')\n"
    )
    python(
        """
        import os, subprocess, sys
        import otel_replay

        with otel_replay.start_run("r", run_id="r"):
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            child = subprocess.Popen([sys.executable, "child.py"], **pipes)
            assert child.stdout.readline() == b"ready\\n"
        from otel_replay.storage.run_files import RunFiles
        from pathlib import Path
        files = RunFiles(Path(os.environ["OTEL_REPLAY_STORE"], "runs", "r"))
        assert files.status() == "finished"
        assert files.header.counts["decisions"] == 1, files.header
        child.communicate(b"go on\\n")
        assert child.returncode == 0
        """
    )
    recorded = store.run()
    assert recorded.owners() == {"BEFORE": "process child.py", "AFTER": "process child.py"}
    assert recorded.files.header.counts == {"decisions": 2, "spans": 2, "events": 0, "logs": 0}
    assert verify(recorded.files) == []


def test_with_runs_side_by_side_the_environment_names_none(store, python, tmp_path):
    (tmp_path / "child.py").write_text("import otel_replay; otel_replay.decision('CHILD', '')")
    python(
        """
        import os, subprocess, sys, threading
        import otel_replay

        names = ("OTEL_REPLAY_RUN_ID", "TRACEPARENT")
        go_on, started = threading.Event(), threading.Event()

        def other():
            with otel_replay.start_run("other", run_id="other"):
                started.set()
                assert go_on.wait(100)

        before = dict(os.environ)
        with otel_replay.start_run("one", run_id="one"):
            assert os.environ["OTEL_REPLAY_RUN_ID"] == "one"
            with otel_replay.start_run("inner", run_id="inner"):
                assert os.environ["OTEL_REPLAY_RUN_ID"] == "inner"
            assert os.environ["OTEL_REPLAY_RUN_ID"] == "one"
            import contextvars
            thread = contextvars.Context().run(threading.Thread, target=other)
            contextvars.Context().run(thread.start)
            assert started.wait(100)
            assert not any(name in os.environ for name in names)
            subprocess.run([sys.executable, "child.py"], check=True)
            told = otel_replay.child_environment()
            assert told["OTEL_REPLAY_RUN_ID"] == "one"
            subprocess.run([sys.executable, "child.py"], check=True, env=told)
            go_on.set()
            thread.join()
            assert os.environ["OTEL_REPLAY_RUN_ID"] == "one"
        assert dict(os.environ) == before
        """
    )
    assert store.run("one").owners() == {"CHILD": "process child.py"}
    assert store.run("other").owners() == {}
    assert store.run("other").files.header.parent_run_id == ""


def test_an_environment_that_names_a_run_which_is_not_there_begins_it(store, python):
    python(
        "import otel_replay; otel_replay.decision('A', '')",
        env={"OTEL_REPLAY_RUN_ID": "nightly", "TRACEPARENT": f"00-{'ab' * 16}-{'cd' * 8}-01"},
    )
    recorded = store.run("nightly")
    assert [d.action for d in recorded.decisions] == ["A"]
    span = recorded.span("process program.py")
    assert (span.trace_id, span.parent_id) == ("ab" * 16, "cd" * 8)
    assert recorded.files.status() == "finished"


@pytest.mark.parametrize("parent", ["", "nonsense", f"00-{'0' * 32}-{'0' * 16}-01"])
@pytest.mark.parametrize("run_id", ["../up", "a b", "x" * 200])
def test_an_environment_that_makes_no_sense_is_no_harm(store, python, run_id, parent):
    python(
        "import otel_replay\notel_replay.decision('A', '')\nwith otel_replay.start_run('s'): pass",
        env={"OTEL_REPLAY_RUN_ID": run_id, "TRACEPARENT": parent},
    )
    assert sum(len(run.decisions) for run in store.runs()) == 1


def test_a_child_is_sampled_as_its_parent_is(store, python, tmp_path):
    (tmp_path / "child.py").write_text(
        "import otel_replay\n"
        "from opentelemetry import trace\n"
        "with otel_replay.task('t') as task:\n"
        "    assert not task._span.get_span_context().trace_flags.sampled\n"
    )
    python(
        """
        import os, subprocess, sys
        import otel_replay

        with otel_replay.start_run("r") as run:
            assert os.environ["TRACEPARENT"].endswith("-00"), os.environ["TRACEPARENT"]
            assert otel_replay.child_environment()["TRACEPARENT"].endswith("-00")
            subprocess.run([sys.executable, "child.py"], check=True)
        """,
        env={"OTEL_TRACES_SAMPLER": "parentbased_always_off"},
    )
    assert "task t" in store.run().parents()


@pytest.mark.slow
def test_eight_processes_write_one_run_and_lose_nothing(store, python):
    python(
        """
        import multiprocessing, otel_replay

        def work(number):
            for step in range(5_000):
                otel_replay.decision(f"D{number}", str(step), {"n": step})

        if __name__ == "__main__":
            with otel_replay.start_run("r", run_id="r"):
                context = multiprocessing.get_context("fork")
                processes = [context.Process(target=work, args=(n,)) for n in range(8)]
                for process in processes: process.start()
                for process in processes: process.join()
        """
    )
    recorded = store.run()
    assert recorded.bad_lines == []
    for number in range(8):
        steps = [d.values["n"] for d in recorded.decisions if d.action == f"D{number}"]
        assert steps == list(range(5_000))
    assert recorded.files.header.counts["decisions"] == 40_000
    assert verify(recorded.files) == []
