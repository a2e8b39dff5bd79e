"""`otel-replay show`."""

import pytest
from analysis.story import Story

from otel_replay.cli.terminal import width

COLUMNS = [30, 60, 100, 200]


def test_a_run_is_a_tree_on_a_time_scale_with_its_decisions(call, keep, tuning):
    keep(tuning)
    result = call("show", "latest")
    assert result.code == 0
    assert result.lines[0] == f"tuning  {tuning.run_id}  finished"
    assert "3 spans · 12 decisions" in result.lines[1]
    assert any(line.startswith("├─ task bin samples") and "█" in line for line in result.lines)
    assert any(line.startswith("└─ task clamp") and line.endswith("ms") for line in result.lines)
    assert sum("◆ AFR_CORRECTION" in line for line in result.lines) == 3
    assert "… 5 more AFR_CORRECTION" in result.out
    assert "rpm=3500 kpa=65" in result.out
    assert "clamp=10.0" in result.out


def test_bars_stand_where_the_spans_were(call, keep, tuning):
    keep(tuning)
    lines = [line for line in call("show", "latest").lines if "task" in line]
    assert lines[0].index("█") < lines[1].index("█")


def test_moments_stand_between_the_spans_as_they_happened(call, keep):
    story = Story()
    run = story.run()
    story.end(story.task("first", run))
    story.decide(run, "BETWEEN")
    story.end(story.task("second", run))
    story.end(run)
    keep(story)
    out = call("show", "latest").out
    assert out.index("task first") < out.index("BETWEEN") < out.index("task second")


def test_an_http_request_is_its_status_and_its_url(call, keep):
    story = Story()
    run = story.run()
    asked = {"http.request.method": "GET", "url.full": "https://example.com/cells", "server.port": 443}
    story.end(story.start("GET", run, **asked, **{"http.response.status_code": 404}))
    story.end(story.start("GET", run, **asked))
    story.end(run)
    keep(story)
    result = call("show", "latest")
    answered, unanswered = [line.strip(" │") for line in result.lines if "example.com" in line]
    assert (answered, unanswered) == ("404 https://example.com/cells", "https://example.com/cells")


def test_a_program_is_its_command_and_how_it_ended(call, keep):
    """And not twenty attributes: they stand in the run's own data."""
    story = Story()
    args = {
        "process.command_args": ["python", "tune.py", "-n", "2", "a b"],
        "process.pid": 12,
        "host.name": "lathe",
    }
    commit = {"vcs.ref.head.name": "main", "vcs.ref.head.revision": "0123456789"}
    run = story.run("tune", **args, **commit)
    started = {"process.command_args": ["make", "-s"]}
    story.happen(run, "process start", **started, **{"process.working_directory": "/src"})
    ended = {"process.exit.code": 2, "otel_replay.process.duration_ms": 1500.0}
    story.happen(run, "process end", **started, **ended, **{"process.pid": 13})
    story.happen(run, "file written", **{"otel_replay.file.others": 1234})
    story.end(run)
    keep(story)
    told = [line.strip() for line in call("show", "latest").lines]
    assert any(line.endswith('python tune.py -n 2 "a b"  pid 12  main 0123456') for line in told)
    assert any("process start  in /src  make -s" in line for line in told)
    assert any("process end  exit code 2  1.50 s  make -s" in line for line in told)
    assert any("file written  and 1,234 that are not listed" in line for line in told)
    assert "lathe" not in "".join(told)


def test_long_names_that_differ_at_their_end_are_told_apart(call, keep):
    story = Story()
    run = story.run()
    names = [
        f"tests/test_tables.py::test_a_table_that_is_smoothed_keeps_its_{edge}_edge"
        for edge in ("upper", "lower")
    ]
    for name in names:
        story.end(story.start(f"task {name}", run, **{"test.case.name": name}))
    story.end(run)
    keep(story)
    lines = [line for line in call("show", "latest").lines if "test_tables" in line or "edge" in line]
    assert len(lines) == 2
    assert "upper_edge " in lines[0]
    assert "lower_edge " in lines[1]
    assert all("task tests/" in line for line in lines)


@pytest.mark.parametrize("columns", COLUMNS)
def test_no_row_is_wider_than_the_terminal(call, keep, columns):
    story = Story()
    run = story.run("日本語のとても長い名前" * 3, note="😀" * 40)
    for depth in range(12):
        run = story.task(f"😀 level {depth}", run)
        story.decide(run, "ACTION" * 5, "reason " * 20, values={"値" * 10: "値" * 30}, cell={"名": 1})
        story.happen(run, "file read", **{"file.path": "/a/very/long/path" * 9})
    keep(story, how="interrupted")
    result = call("show", "latest", columns=columns)
    tree = result.plain[2:]
    assert max(width(line) for line in tree) <= columns
    assert "level 11" in call("show", "latest", columns=200).out


def test_what_a_run_died_in_is_named_and_recovery_is_offered(call, keep):
    story = Story()
    story.task("smooth", story.run())
    keep(story, how="interrupted")
    result = call("show", "latest")
    assert result.code == 0
    assert "died while 2 spans were open: run tuning, task smooth" in result.out
    assert "▒" in result.out
    assert f"otel-replay recover {story.run_id}" in result.err


def test_a_failed_span_says_why(call, keep):
    story = Story()
    run = story.run()
    task = story.task("divide", run)
    story.end(task, "error", "ZeroDivisionError: division by zero")
    story.end(run, "error", "ZeroDivisionError: division by zero")
    keep(story, how="failed", message="ZeroDivisionError: division by zero")
    result = call("show", "latest")
    assert result.code == 0, "that a run failed is an answer, not a failure of the command"
    assert "✗ ZeroDivisionError: division by zero" in result.out


def test_generations_and_tools_tell_what_they_did(call, keep):
    story = Story()
    run = story.run()
    generation = story.generation("gpt-x", run)
    story.end(
        generation,
        **{
            "gen_ai.usage.input_tokens": 1_812,
            "gen_ai.usage.output_tokens": 96,
            "gen_ai.response.finish_reasons": ["tool_calls"],
            "gen_ai.input.messages": [{"role": "user", "parts": ["x" * 5_000]}],
        },
    )
    tool = story.tool_call("search", run)
    story.end(tool, **{"gen_ai.tool.call.arguments": {"words": "tank"}, "gen_ai.tool.call.result": 5})
    keep(story, how="interrupted")
    out = call("show", "latest").out
    assert "1,812 + 96 tokens, tool_calls" in out
    assert "words=tank = 5" in out
    assert "xxx" not in out


@pytest.mark.parametrize(("events", "shown"), [("all", 8), ("2", 2), ("none", 0), ("0", 0)])
def test_so_many_events_as_asked_for(call, keep, tuning, events, shown):
    keep(tuning)
    out = call("show", "latest", "--events", events).out
    assert sum("◆ AFR_CORRECTION" in line for line in out.splitlines()) == shown
    if not shown:
        assert "8 AFR_CORRECTION" in out


def test_odd_numbers_of_events_are_refused(call, keep, tuning):
    keep(tuning)
    result = call("show", "latest", "--events", "many")
    assert result.code == 2
    assert "`all` or `none`" in result.err


def test_depth_and_limit_fold_the_rest_into_a_count(call, keep, tuning):
    keep(tuning)
    assert "task" not in next(line for line in call("show", "latest", "--depth", "1").lines if "█" in line)
    result = call("show", "latest", "--limit", "2")
    assert "… 1 more task clamp; 4 decisions and events in them" in result.out
    assert "1 of 3 spans are not shown" in result.err


def many_spans(count):
    story = Story()
    run = story.run()
    for number in range(count):
        span = story.tool_call("search", run)
        story.decide(span)
        story.end(span, "error" if number == count - 7 else "ok", "lost")
    story.end(run)
    return story


def test_five_thousand_spans_fit_on_a_few_screens_and_the_failed_one_is_there(call, keep):
    keep(many_spans(5_000))
    result = call("show", "latest", columns=100)
    assert 200 <= len(result.lines) <= 220
    assert sum("✗ lost" in line for line in result.plain) == 1
    assert "4,801 more execute_tool search" in result.out
    assert "◆ 1" in result.out


def test_a_chain_of_five_thousand_spans_can_be_shown(call, keep):
    story = Story()
    span = story.run()
    for number in range(5_000):
        span = story.task(str(number), span)
    keep(story, how="interrupted")
    result = call("show", "latest", columns=60)
    assert result.code == 0
    assert len(result.lines) < 220
    assert max(map(width, result.plain[3:])) <= 60
    assert len(call("show", "latest", "--json").json["spans"]) == 200


def test_json_has_the_spans_flat_with_their_parents(call, keep, tuning):
    keep(tuning)
    document = call("show", "latest", "--json").json
    spans = document["spans"]
    assert [span["name"] for span in spans] == ["run tuning", "task bin samples", "task clamp"]
    assert spans[1]["parent_id"] == spans[0]["span_id"]
    assert spans[1]["counts"] == {"AFR_CORRECTION": 8}
    assert spans[2]["events"][0]["values"] == {"limit": 10.0}
    assert document["counts"]["decisions"] == 12


def test_recorded_text_cannot_reach_the_terminal_unescaped(call, keep):
    hostile = "\x1b[2J\x1b]0;owned\x07\u202e[bold]\r\n"
    story = Story()
    run = story.run(hostile, **{hostile: hostile})
    story.decide(run, hostile, hostile, values={hostile: hostile}, cell={hostile: [hostile]})
    story.happen(run, hostile, **{hostile: hostile})
    story.happen(run, "exception", **{"exception.type": hostile, "exception.message": hostile})
    story.end(run, "error", hostile)
    keep(story, name=hostile, how="failed", message=hostile)
    for command in (
        ["show", "latest"],
        ["view", "latest"],
        ["summary", "latest"],
        ["list"],
        ["verify", "latest"],
    ):
        result = call(*command)
        assert result.code == 0, result.err
        text = result.out + result.err
        assert not any(character in text for character in "\x1b\x07\u202e\r")
        assert "\\e[2J" in text
        assert "[bold]" in text


def test_a_run_without_spans_can_be_shown(call, keep):
    keep(Story())
    assert call("show", "latest").code == 0
    assert call("summary", "latest").code == 0
    assert call("view", "latest").code == 0


def test_damaged_lines_are_told(call, keep, tuning):
    directory = keep(tuning)
    journal = directory / "journal" / "home.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[4] = b"garbage\n"
    journal.write_bytes(b"".join(lines))
    result = call("show", "latest")
    assert result.code == 0
    assert "1 damaged line was passed over" in result.out
    assert "verify" in result.err


def test_on_a_terminal_without_unicode_the_tree_is_plain_text(call, keep, tuning):
    keep(tuning)
    result = call("show", "latest", encoding="ascii")
    assert result.code == 0
    assert "|- task bin samples" in result.out
    assert "#" in result.out
