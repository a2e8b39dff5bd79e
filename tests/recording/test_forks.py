"""After a fork both processes go on recording, in the middle of whatever was open."""

import pytest

from otel_replay.storage.verify import verify

FORK = """
    import os, signal, sys, threading
    import otel_replay

    with otel_replay.start_run("r", run_id="r") as run:
        otel_replay.decision("BEFORE", "")
        with run.task("t") as task:
            otel_replay.decision("OPEN", "")
            pid = os.fork()
            who = "PARENT" if pid else "CHILD"
            otel_replay.decision(f"{who}", "", {"pid": os.getpid()})
            task.set(who.lower(), 1)
            with run.task(f"{who} inside"):
                otel_replay.decision(f"{who} INSIDE", "")
            if not pid and sys.argv[1] == "_exit":
                os._exit(0)
            if not pid and sys.argv[1] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if pid:
                os.waitpid(pid, 0)
                otel_replay.decision("WAITED", "")
        otel_replay.decision(f"{who} AFTER", "")
        if not pid and sys.argv[1] == "exit":
            sys.exit(0)
    """


@pytest.mark.parametrize("leave", ["_exit", "kill", "exit", "return"])
def test_after_a_fork_in_the_middle_of_a_span_both_processes_go_on(store, python, leave):
    python(FORK, leave)
    recorded = store.run()
    assert recorded.bad_lines == []
    owners = recorded.owners()
    expected = {
        "BEFORE": "run r",
        "OPEN": "task t",
        "PARENT": "task t",
        "CHILD": "task t",
        "PARENT INSIDE": "task PARENT inside",
        "CHILD INSIDE": "task CHILD inside",
        "WAITED": "task t",
        "PARENT AFTER": "run r",
    }
    if leave in {"exit", "return"}:
        expected["CHILD AFTER"] = "run r"
    assert owners == expected
    parents = recorded.parents()
    assert parents["task PARENT inside"] == parents["task CHILD inside"] == "task t"
    assert len(recorded.files.journals()) == 2
    assert recorded.files.status() == "finished"
    assert recorded.files.header.counts["decisions"] == len(expected)
    # The end of the process that started the span counts, and what both said about it is there.
    assert recorded.span("task t").attributes["parent"] == 1
    assert len(recorded.span("task t").events) == 4


def test_a_child_of_a_fork_that_outlives_the_run_is_counted_when_it_ends(store, python):
    done = python(
        """
        import os, sys
        import otel_replay

        read, write = os.pipe()
        with otel_replay.start_run("r", run_id="r"):
            pid = os.fork()
            if not pid:
                os.read(read, 1)
                otel_replay.decision("CHILD", "the run is over")
                sys.exit(0)
        os.write(write, b"x")
        assert os.waitpid(pid, 0)[1] == 0
        """
    )
    recorded = store.run()
    assert recorded.owners() == {"CHILD": "run r"}
    assert recorded.files.header.counts["decisions"] == 1, done.stderr
    assert recorded.files.status() == "finished"
    assert verify(recorded.files) == []


def test_a_fork_while_other_threads_record_never_hangs_and_never_tears_a_line(store, python):
    python(
        """
        import os, sys, threading
        import otel_replay

        stop = threading.Event()

        def work(number):
            count = 0
            while not stop.is_set():
                with otel_replay.task(f"t{number}"):
                    otel_replay.decision(f"T{number}", str(count), {"n": count, "text": "x" * 300})
                count += 1
            counts[number] = count

        counts = {}
        with otel_replay.start_run("r", run_id="r"):
            threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
            for thread in threads: thread.start()
            for number in range(30):
                pid = os.fork()
                if not pid:
                    otel_replay.decision(f"C{number}", "", {"n": number})
                    with otel_replay.task("child"), otel_replay.start_run("joined") as run:
                        assert run.run_id == "r"
                        otel_replay.decision(f"J{number}", "")
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
            stop.set()
            for thread in threads: thread.join()
            otel_replay.decision("COUNTS", "", {str(n): count for n, count in counts.items()})
        """,
        flags=("-W", "error", "-W", "ignore:This process:DeprecationWarning"),
    )
    recorded = store.run()
    assert recorded.bad_lines == []
    actions = [d.action for d in recorded.decisions]
    assert {f"C{n}" for n in range(30)} | {f"J{n}" for n in range(30)} <= set(actions)
    counts = next(d.values for d in recorded.decisions if d.action == "COUNTS")
    for number, count in counts.items():
        reasons = [d.reason for d in recorded.decisions if d.action == f"T{number}"]
        assert reasons == [str(step) for step in range(count)]


def test_a_forked_child_that_starts_a_run_joins_as_any_other_child(store, python):
    python(
        """
        import multiprocessing, otel_replay

        def work():
            with otel_replay.start_run("child") as run:
                assert run.run_id == "r", run.run_id
                otel_replay.decision("CHILD", "")
            with otel_replay.start_run("own", run_id="own"):
                otel_replay.decision("OWN", "")

        with otel_replay.start_run("r", run_id="r"), otel_replay.task("t"):
            process = multiprocessing.get_context("fork").Process(target=work)
            process.start()
            process.join()
            assert process.exitcode == 0
        """
    )
    recorded = store.run("r")
    assert recorded.parents() == {"run r": "-", "task t": "run r", "run child": "task t"}
    assert recorded.owners() == {"CHILD": "run child"}
    own = store.run("own")
    assert own.owners() == {"OWN": "run own"}
    assert own.files.header.parent_run_id == "r"


def test_a_pool_made_before_the_run_records_nothing_and_breaks_nothing(store, python):
    python(
        """
        import multiprocessing, otel_replay

        def work(n):
            otel_replay.decision("CHILD", "")
            return n

        pool = multiprocessing.get_context("fork").Pool(1)
        pool.map(work, [1])
        with otel_replay.start_run("r"):
            assert pool.map(work, [1, 2]) == [1, 2]
        pool.close()
        pool.join()
        """
    )
    assert store.run().decisions == []


def test_once_a_run_has_begun_nothing_is_imported_that_a_fork_could_leave_half_done(python):
    """An import that goes on in one thread while another one forks never ends in the child."""
    python(
        """
        import sys
        import otel_replay

        run = otel_replay.start_run("r")
        before = set(sys.modules)

        @otel_replay.tool
        def use(x):
            otel_replay.decision("A", "", {"a": 1}, {"b": object()})
            otel_replay.checkpoint("c", {})
            otel_replay.artifact("a", b"bytes")
            otel_replay.file_read("/nowhere")
            otel_replay.heartbeat()
            otel_replay.child_environment()
            with otel_replay.task("t"), otel_replay.agent("a"), otel_replay.generation("m"):
                pass

        use(1)
        ours = ("otel_replay", "opentelemetry")
        new = {name for name in set(sys.modules) - before if name.startswith(ours)}
        assert not new, new
        run.end()
        """
    )


def test_a_program_that_forks_has_no_thread_of_ours_until_it_records_again(store, python):
    """Python 3.12 and 3.13 count the threads when a fork is over, and warn."""
    python(
        """
        import os, warnings
        import otel_replay

        def threads():
            return len(os.listdir("/proc/self/task"))

        warnings.simplefilter("error")
        alone = threads()
        with otel_replay.start_run("r"):
            otel_replay.decision("BEFORE", "")
            assert threads() > alone
            for _ in range(20):
                pid = os.fork()
                if not pid:
                    os._exit(0)
                assert threads() == alone
                os.waitpid(pid, 0)
                otel_replay.decision("AFTER", "")
                assert threads() > alone
        """
    )
    assert [one.action for one in store.run().decisions] == ["BEFORE", *["AFTER"] * 20]
