"""Recording and replaying agent loops as harness-rs does, on our recorder: its names, its files.

recorder = SessionRecorder("session.jsonl")        # a hook of the loop: recorder.fire(Event.Heartbeat(0))
events = read_session("session.jsonl")
model = replay_as_mock(events)                     # answers as it did, to what it was asked
print(SessionStats.from_events(events), *map(format_event_short, events), sep="\\n")
"""

from __future__ import annotations

from otel_replay.compat.harness_events import (
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
    Session,
    SessionEvent,
    SkippedLine,
    Start,
    ToolCall,
    ToolResult,
    Usage,
    decode_event,
    encode_event,
    read_session,
)
from otel_replay.compat.harness_recorder import Context, Event, SessionRecorder
from otel_replay.compat.harness_replay import (
    MockModel,
    MockResponse,
    replay_as_mock,
    replay_as_mock_via_events,
)
from otel_replay.compat.harness_text import SessionStats, format_event_short

__all__ = [
    "SessionRecorder",
    "read_session",
    "replay_as_mock",
    "replay_as_mock_via_events",
    "SessionStats",
    "format_event_short",
    "MockModel",
    "MockResponse",
    "Context",
    "Event",
    "Session",
    "SkippedLine",
    "SessionEvent",
    "Start",
    "PreModel",
    "PostModel",
    "PreTool",
    "PostTool",
    "Sensor",
    "PreCompact",
    "PostCompact",
    "Heartbeat",
    "End",
    "ModelOutput",
    "ToolCall",
    "Usage",
    "Action",
    "ToolResult",
    "decode_event",
    "encode_event",
]
