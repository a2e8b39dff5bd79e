"""harness-rs's session log: the original's tests in Python, its lines to the letter, and what is mended."""

from __future__ import annotations

import json

import pytest

from otel_replay.compat.harness import (
    Action,
    End,
    Heartbeat,
    ModelOutput,
    PostCompact,
    PostModel,
    PostTool,
    PreCompact,
    PreModel,
    PreTool,
    Sensor,
    SessionStats,
    Start,
    ToolCall,
    ToolResult,
    Usage,
    decode_event,
    encode_event,
    format_event_short,
    read_session,
    replay_as_mock,
)
from otel_replay.compat.harness_text import debug_text
from otel_replay.errors import FormatError, StoreError

OUTPUT = ModelOutput(text="hi", usage=Usage(), stop_reason="end-turn")
SAMPLE = [
    Start(ts_ms=0, source="Startup"),
    Heartbeat(ts_ms=1, iter=0),
    PreModel(ts_ms=2, history_len=1, tools_count=3),
    PostModel(ts_ms=100, output=OUTPUT),
    End(ts_ms=110),
]
CALL = ModelOutput(
    tool_calls=[ToolCall(id="c1", name="read", args={"path": "x", "a": 1})],
    usage=Usage(input_tokens=100, output_tokens=20),
    stop_reason="tool-use",
    reasoning="because",
)


def test_stats_compute_correctly():
    stats = SessionStats.from_events(SAMPLE)
    assert (stats.events, stats.model_calls, stats.iters, stats.duration_ms) == (5, 1, 1, 110)


def test_round_trip_via_json():
    parsed = [decode_event(encode_event(event)) for event in SAMPLE]
    assert parsed == SAMPLE
    assert parsed[3].output.text == "hi"


def test_stats_of_tools_tokens_compactions_and_times_that_go_back():
    events = [
        Heartbeat(ts_ms=50, iter=4),
        PostModel(ts_ms=60, output=CALL),
        PreTool(ts_ms=61, action=Action(tool="t", call_id="c", args=None)),
        PostCompact(ts_ms=62, stage="snip"),
        PostModel(ts_ms=40, output=CALL),
    ]
    assert SessionStats.from_events(events) == SessionStats(
        events=5,
        model_calls=2,
        tool_calls=1,
        iters=5,
        input_tokens=200,
        output_tokens=40,
        stages_run=1,
        duration_ms=-10,
    )
    assert SessionStats.from_events([]) == SessionStats()


LINES = [
    (
        Start(ts_ms=0, source="Startup"),
        '{"kind":"start","ts_ms":0,"source":"Startup"}',
        "session start (Startup)",
    ),
    (Heartbeat(ts_ms=1, iter=0), '{"kind":"heartbeat","ts_ms":1,"iter":0}', "iter 0"),
    (
        PreModel(ts_ms=2, history_len=1, tools_count=3),
        '{"kind":"pre_model","ts_ms":2,"history_len":1,"tools_count":3}',
        "→ model (history=1, tools=3)",
    ),
    (
        PostModel(ts_ms=3, output=OUTPUT),
        '{"kind":"post_model","ts_ms":3,"output":{"text":"hi","tool_calls":[],"usage":{"input_tokens":0,'
        '"output_tokens":0,"cached_input_tokens":0},"stop_reason":"end-turn"}}',
        '← model: "hi" [0/0 tok]',
    ),
    (
        PostModel(ts_ms=3, output=CALL),
        '{"kind":"post_model","ts_ms":3,"output":{"text":null,"tool_calls":[{"id":"c1","name":"read","args":'
        '{"a":1,"path":"x"}}],"usage":{"input_tokens":100,"output_tokens":20,"cached_input_tokens":0},'
        '"stop_reason":"tool-use","reasoning":"because"}}',
        "← model: 1 tool_call(s) [100/20 tok]",
    ),
    (
        PreTool(ts_ms=4, action=Action(tool="read", call_id="c1", args={"path": "ä", "n": 1.0})),
        '{"kind":"pre_tool","ts_ms":4,"action":{"tool":"read","call_id":"c1","args":{"n":1.0,"path":"ä"}}}',
        '  → tool read args={"n":1.0,"path":"ä"}',
    ),
    (
        PostTool(ts_ms=5, call_id="c1", result=ToolResult(ok=False, content="gone")),
        '{"kind":"post_tool","ts_ms":5,"call_id":"c1","result":{"ok":false,"content":"gone","trace":null}}',
        "  ← tool c1 ok=false",
    ),
    (
        Sensor(ts_ms=6, id="lint", signals=2),
        '{"kind":"sensor","ts_ms":6,"id":"lint","signals":2}',
        "  ⚑ sensor lint: 2 signal(s)",
    ),
    (
        PreCompact(ts_ms=7, stage="budget-reduce"),
        '{"kind":"pre_compact","ts_ms":7,"stage":"budget-reduce"}',
        "  ⇩ pre-compact BudgetReduce",
    ),
    (
        PostCompact(ts_ms=8, stage="microcompact"),
        '{"kind":"post_compact","ts_ms":8,"stage":"microcompact"}',
        "  ⇧ post-compact Microcompact",
    ),
    (End(ts_ms=9), '{"kind":"end","ts_ms":9}', "session end"),
]


@pytest.mark.parametrize(("event", "line", "short"), LINES, ids=[line[0].kind for line in LINES])
def test_an_event_is_written_read_and_shown_as_by_the_original(event, line, short):
    assert encode_event(event).decode() == line + "\n"
    assert decode_event(line) == event
    assert format_event_short(event) == short


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", '""'),
        ('it\'s "so" \\', '"it\'s \\"so\\" \\\\"'),
        ("a\nb\tc\r\0", '"a\\nb\\tc\\r\\0"'),
        ("\x1b[31m\x7f", '"\\u{1b}[31m\\u{7f}"'),
        ("e\u0301 ❤\ufe0f 🔧", '"e\\u{301} ❤\\u{fe0f} 🔧"'),
        ("a\u00a0b\u200b\u2028", '"a\\u{a0}b\\u{200b}\\u{2028}"'),
    ],
)
def test_text_is_quoted_as_rust_does(text, shown):
    assert debug_text(text) == shown


def test_only_sixty_letters_are_shown():
    event = PostModel(ts_ms=0, output=ModelOutput(text="ä" * 61))
    assert format_event_short(event) == f'← model: "{"ä" * 60}" [0/0 tok]'
    assert format_event_short(PostModel(ts_ms=0, output=ModelOutput())) == '← model: "" [0/0 tok]'


def test_what_rust_leaves_out_or_adds_is_read():
    event = decode_event(
        '{"ts_ms":3,"kind":"post_model","later":1,"output":{"tool_calls":[],'
        '"usage":{"input_tokens":1,"output_tokens":2},"stop_reason":"max-tokens"}}'
    )
    assert event.output == ModelOutput(usage=Usage(input_tokens=1, output_tokens=2), stop_reason="max-tokens")


BAD = [
    ("{this is not valid json", "not JSON"),
    ("[]", "not a JSON object"),
    ('{"kind":"begin","ts_ms":0}', "no kind 'begin'"),
    ('{"ts_ms":0}', "no kind None"),
    ('{"kind":"start","ts_ms":0}', "has no source"),
    ('{"kind":"heartbeat","ts_ms":"0","iter":0}', "ts_ms is not a whole number"),
    ('{"kind":"heartbeat","ts_ms":0,"iter":-1}', "iter is below 0"),
    (
        '{"kind":"post_model","ts_ms":0,"output":{"tool_calls":[{"id":1}]}}',
        "output.tool_calls[0].id is not text",
    ),
    ('{"kind":"post_tool","ts_ms":0,"call_id":"c","result":{"ok":1}}', "result.ok is not true or false"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_a_damaged_line_is_skipped_and_named_and_refused_for_replay(tmp_path, line, reason):
    path = tmp_path / "session.jsonl"
    good = [encode_event(event).decode() for event in SAMPLE]
    path.write_text("".join([good[0], line, "\n\n", *good[1:]]))
    session = read_session(path)
    assert list(session) == SAMPLE
    assert [skipped.number for skipped in session.skipped] == [2]
    assert reason in session.skipped[0].reason
    with pytest.raises(FormatError, match=r"line 2 of \S+session.jsonl` is damaged"):
        replay_as_mock(session)
    with pytest.raises(FormatError, match="line 2"):
        read_session(path, strict=True)


def test_a_torn_last_line_and_bytes_that_are_no_text_are_damaged_lines_too(tmp_path):
    path = tmp_path / "session.jsonl"
    path.write_bytes(encode_event(SAMPLE[0]) + b"\xff\xfe\n" + encode_event(SAMPLE[1])[:-9])
    session = read_session(path)
    assert list(session) == SAMPLE[:1]
    assert [skipped.number for skipped in session.skipped] == [2, 3]


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreError):
        read_session(tmp_path / "nothing.jsonl")


def test_every_line_is_json_that_says_its_kind_first():
    for event, _, _ in LINES:
        assert next(iter(json.loads(encode_event(event)))) == "kind"


@pytest.mark.parametrize("part", ["history", "tools", "parameters"])
@pytest.mark.parametrize("value", [None, 5, True, "text", {"a": 1}])
def test_a_request_of_another_shape_is_replayed_as_it_stands(part, value):
    """The line is ours to add to, so a program of somebody else may write anything there."""
    request = {"history": [], "tools": [], "parameters": {}, part: value}
    asked = PreModel(ts_ms=1, history_len=1, tools_count=0, request=request)
    model = replay_as_mock([asked, PostModel(ts_ms=2, output=OUTPUT)])
    assert model.complete(request).text == "hi"
    model.verify()
