"""What a program logs is in its run; its own levels, handlers and output stay as they are."""

from __future__ import annotations

import io
import logging
import logging.config
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store_kit import Recorded, Store

import otel_replay
from libraries.conftest import Recording
from otel_replay.hooks import guard
from otel_replay.records import LogEntry, Scope


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of the program, with a level and no handlers; the root logger is as before at the end."""
    made = logging.getLogger("tuner.fit")
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    made.setLevel(logging.DEBUG)
    yield made
    root.setLevel(level)
    root.handlers[:] = handlers
    made.disabled = False
    made.setLevel(logging.NOTSET)


def logs(run: Recorded) -> list[LogEntry]:
    """The log records of a run."""
    return run.of(LogEntry)


@pytest.mark.parametrize(
    ("level", "number"),
    [(20, 9), (25, 11), (30, 13), (40, 17), (50, 21), (70, 24)],
)
def test_a_log_record_is_told_with_its_level(
    logger: logging.Logger, recorded: Recording, level: int, number: int
) -> None:
    (entry,) = logs(recorded(lambda: logger.log(level, "fit %d of %d", 1, 2)))
    assert (entry.body, entry.severity) == ("fit 1 of 2", number)
    assert entry.severity_text == logging.getLevelName(level)


def test_it_says_who_logged_and_where(logger: logging.Logger, recorded: Recording) -> None:
    def program() -> None:
        with otel_replay.task("fit"):
            logger.warning("out of range", extra={"cell": {"rpm": 2000}})

    run = recorded(program)
    (entry,) = logs(run)
    task = run.span("task fit")
    assert (entry.span_id, entry.trace_id) == (task.span_id, task.trace_id)
    assert entry.attributes["code.function.name"] == "program"
    assert entry.attributes["code.file.path"] == __file__
    assert entry.attributes["cell"] == {"rpm": 2000}
    assert {scope.name for scope in run.of(Scope)} >= {"tuner.fit"}


def test_an_exception_stands_in_it(logger: logging.Logger, recorded: Recording) -> None:
    def program() -> None:
        try:
            raise KeyError("rpm")
        except KeyError:
            logger.exception("no such column")

    (entry,) = logs(recorded(program))
    assert entry.attributes["exception.type"] == "KeyError"
    assert entry.attributes["exception.message"] == "'rpm'"
    assert "in program" in entry.attributes["exception.stacktrace"]


def test_what_the_program_keeps_back_is_not_recorded(logger: logging.Logger, recorded: Recording) -> None:
    def odd(record: logging.LogRecord) -> bool:
        return "odd" not in record.getMessage()

    def program() -> None:
        logger.setLevel(logging.WARNING)
        logger.info("below its level")
        logger.addFilter(odd)
        logger.warning("odd one")
        logger.removeFilter(odd)
        logging.disable(logging.ERROR)
        logger.error("all are off")
        logging.disable(logging.NOTSET)
        logger.warning("this one")

    assert [entry.body for entry in logs(recorded(program))] == ["this one"]


@pytest.mark.parametrize(("level", "told"), [("debug", ["d", "i", "w"]), ("warning", ["w"]), ("off", [])])
def test_a_setting_says_from_which_level_on(
    logger: logging.Logger,
    recorded: Recording,
    monkeypatch: pytest.MonkeyPatch,
    level: str,
    told: list[str],
) -> None:
    monkeypatch.setenv("OTEL_REPLAY_LOG_LEVEL", level)

    def program() -> None:
        logger.debug("d")
        logger.info("i")
        logger.warning("w")

    assert [entry.body for entry in logs(recorded(program))] == told


def test_configuring_logging_anew_changes_nothing(logger: logging.Logger, recorded: Recording) -> None:
    def program() -> None:
        logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()], force=True)
        logger.info("after basicConfig")
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
        logger.info("after dictConfig")

    assert [entry.body for entry in logs(recorded(program))] == ["after basicConfig", "after dictConfig"]


def test_the_output_is_as_before(
    logger: logging.Logger, recorded: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also what logging says of a handler that fails: its stack has no lines of its own or of ours."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                raise OSError("no room")
            except OSError:
                self.handleError(record)

    def output() -> tuple[str, list[str]]:
        stream = io.StringIO()
        format_ = "%(levelname)s %(name)s %(funcName)s %(lineno)d %(message)s"
        logging.basicConfig(level=logging.INFO, stream=stream, format=format_, force=True)
        logging.getLogger().addHandler(Broken())
        logger.info("%s", "one")
        logger.info("%d", "no number")
        return stream.getvalue(), capsys.readouterr().err.splitlines()

    plain = output()
    got = []
    recorded(lambda: got.append(output()))
    # The last lines of a stack are the test's own callers, which differ.
    assert got[0][0] == plain[0]
    assert [line for line in got[0][1] if "otel_replay" in line] == []
    assert got[0][1][-3:] == plain[1][-3:]


def test_a_program_that_only_logs_does_not_load_opentelemetry(
    store: Store,
    tmp_path: Path,
    python_run: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    python_run(
        "import logging, sys\n"
        "logging.basicConfig(level=logging.INFO, stream=sys.stdout)\n"
        "logging.getLogger('tuner').info('fit %d', 7)\n"
        "open('out.csv', 'w').close()\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
    )
    run = store.run()
    (entry,) = logs(run)
    assert (entry.body, entry.severity) == ("fit 7", 9)
    assert {span.span_id: span.name for span in run.spans}[entry.span_id] == "process program.py"


def test_our_own_log_is_left_out(recorded: Recording) -> None:
    assert logs(recorded(lambda: logging.getLogger("otel_replay").warning("of ours"))) == []


def test_a_hook_that_fails_changes_nothing(
    logger: logging.Logger, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    class Seeing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    def broken(_: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr("otel_replay.libraries.log_entries.write", broken)
    handler = Seeing()
    logger.addHandler(handler)
    recorded(lambda: logger.info("all the same"))
    logger.removeHandler(handler)
    assert seen == ["all the same"]
    assert guard.FAILURES.pop("recording a log record") == 1


def test_a_message_that_cannot_be_made_is_told_as_it_is(logger: logging.Logger, recorded: Recording) -> None:
    def program() -> None:
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)
        logger.info("%d", "no number")

    (entry,) = logs(recorded(program))
    assert entry.body.startswith("%d (TypeError")


def test_a_message_that_has_no_text_and_an_exception_that_is_none_are_told_all_the_same(
    logger: logging.Logger, recorded: Recording
) -> None:
    class Wordless:
        def __str__(self) -> str:
            raise ValueError("no words")

    def program() -> None:
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)
        logger.info(Wordless())
        record = logger.makeRecord(logger.name, logging.INFO, "tuner.py", 1, "odd", (), None)
        record.exc_info = True  # type: ignore[assignment]  # as some factories leave it
        logger.handle(record)

    bodies = [entry.body for entry in logs(recorded(program))]
    assert str(bodies[0]).endswith("Wordless (ValueError: no words)")
    assert bodies[1:] == ["odd"]
    assert "recording a log record" not in guard.FAILURES
