"""Which part of otel_replay may know which, and what it may need from outside: the tables of the layers."""

from __future__ import annotations

GROUND = frozenset(
    {
        *(
            "answering",
            "attribute_registry",
            "attributes",
            "clock",
            "content",
            "content_errors",
            "errors",
            "interruptions",
            "uninterrupted",
            "json_bytes",
            "late",
            "light",
            "log",
            "orjson_loading",
            "own_modules",
        ),
        *("program", "records", "settings", "version"),
        *("redaction", "redaction_names", "redaction_rules"),
        *("values", "values_foreign", "values_json", "wording"),
    }
)
"""Modules beside the packages: what everything stands on."""

MAY_IMPORT: dict[str, frozenset[str]] = {
    "ground": frozenset(),
    "formats": frozenset({"ground"}),
    "storage": frozenset({"ground", "formats"}),
    # the recording side
    "otel": frozenset({"ground", "formats", "storage"}),
    "recording": frozenset({"ground", "formats", "storage", "otel"}),
    # hooking into programs that know nothing of it
    "hooks": frozenset({"ground", "storage", "otel", "recording"}),
    "libraries": frozenset({"ground", "storage", "otel", "recording", "hooks"}),
    "rules": frozenset({"ground", "storage", "otel", "recording", "hooks"}),
    "zero_code": frozenset(
        {"ground", "formats", "storage", "otel", "recording", "hooks", "libraries", "rules"}
    ),
    "doctor": frozenset({"ground", "libraries"}),
    "half_imported": frozenset(),
    "public names": frozenset({"half_imported", "recording", "otel", "replay", "libraries"}),
    # the reading side
    "dialects": frozenset({"ground", "formats"}),
    "analysis": frozenset({"ground", "formats", "storage", "dialects"}),
    "sender": frozenset({"ground", "formats", "storage"}),
    "importing": frozenset({"ground", "formats", "storage"}),
    "opening": frozenset({"ground", "formats", "storage", "importing"}),
    "replay": frozenset({"ground", "formats", "storage", "dialects", "analysis"}),
    "exporting": frozenset({"ground", "formats", "storage", "dialects", "analysis"}),
    "loading": frozenset({"ground", "formats", "storage", "dialects", "analysis", "importing", "opening"}),
    "queries": frozenset({"ground", "formats", "storage", "dialects", "analysis"}),
    "assertions": frozenset({"ground", "formats", "storage", "dialects", "analysis", "loading", "queries"}),
    "checking": frozenset({"ground", "storage", "analysis", "queries", "assertions"}),
    "diffing": frozenset({"ground", "formats", "storage", "dialects", "analysis", "loading", "exporting"}),
    "sql": frozenset({"ground", "formats", "storage", "dialects", "analysis", "loading"}),
    "cli": frozenset(
        {
            *("ground", "formats", "storage", "dialects", "analysis"),
            *("importing", "opening", "exporting", "sender", "replay"),
            *("loading", "queries", "assertions", "checking", "diffing", "sql"),
        }
    ),
    "python -m": frozenset({"cli"}),
    # above both sides
    "generations": frozenset({"ground", "formats", "storage", "otel", "recording", "public names"}),
    "testing": frozenset(
        {
            *("ground", "storage", "otel", "recording", "hooks"),
            *("analysis", "opening", "loading", "queries", "assertions", "diffing", "cli"),
        }
    ),
    "pytest_plugin": frozenset({"testing"}),
    "web": frozenset({"ground", "formats", "storage", "dialects", "analysis", "exporting"}),
    "compat": frozenset(
        {
            *("ground", "formats", "storage", "otel", "recording", "public names"),
            *("dialects", "analysis", "importing", "exporting", "sender"),
            *("replay", "cli", "generations", "web"),
        }
    ),
}
"""What each part may import besides itself. Two that do not name each other are siblings."""

MAY_NEED: dict[str, frozenset[str]] = {
    "ground": frozenset({"orjson"}),
    "formats": frozenset(),
    "storage": frozenset({"backports.zstd", "compression"}),
    "otel": frozenset({"opentelemetry"}),
    "recording": frozenset({"opentelemetry", "typing_extensions"}),
    "hooks": frozenset({"opentelemetry"}),
    "libraries": frozenset({"opentelemetry"}),
    "rules": frozenset({"tomli"}),
    "zero_code": frozenset({"opentelemetry", "orjson"}),
    "doctor": frozenset(),
    "half_imported": frozenset(),
    "public names": frozenset(),
    "dialects": frozenset({"orjson"}),
    "analysis": frozenset(),
    "sender": frozenset({"google.protobuf", "google.rpc", "grpc", "opentelemetry.proto", "orjson"}),
    "importing": frozenset({"orjson"}),
    "opening": frozenset(),
    "replay": frozenset({"orjson"}),
    "exporting": frozenset({"fpdf", "orjson"}),
    "loading": frozenset(),
    "queries": frozenset(),
    "diffing": frozenset({"orjson"}),
    "assertions": frozenset(),
    "checking": frozenset({"tomli", "yaml"}),
    "sql": frozenset({"duckdb", "orjson"}),
    "cli": frozenset({"click", "orjson", "rich", "textual", "tomli"}),
    "python -m": frozenset(),
    "generations": frozenset({"PIL"}),
    "testing": frozenset({"opentelemetry", "pytest"}),
    "pytest_plugin": frozenset({"pytest"}),
    "web": frozenset({"orjson", "starlette", "uvicorn"}),
    "compat": frozenset({"typing_extensions", "click", "opentelemetry", "starlette"}),
}
"""Packages of others that each part may import."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    **{
        (f"otel_replay.cli.{command}", f"otel_replay.{module}"): "the command of what stands above both sides"
        for command, modules in {
            "serve": (
                *("compat.generation_sessions", "compat.generation_sessions_asking"),
                *("compat.generation_sessions_files", "generations.choosing"),
                *("web.run_pages", "web.serving"),
            ),
            "trace": ("compat.harness_events", "compat.harness_runs", "compat.harness_text"),
            "doctor": ("doctor.checks", "doctor.found"),
            "run": ("zero_code.asked", "zero_code.dry_run", "zero_code.launching"),
            "start": ("zero_code.asked", "zero_code.launching"),
            "compare_generations": ("compat.generation_sessions_files", "generations.comparison"),
        }.items()
        for module in modules
    },
    ("otel_replay.answering", "otel_replay.replay.invited"): (
        "a program whose environment names a recording is answered from it with its first call"
    ),
    ("otel_replay.cli.demo_runs.agent", "otel_replay"): "a program that records itself, by the public names",
    ("otel_replay.cli.demo_runs.tuning", "otel_replay"): "a program that records itself, by the public names",
    ("otel_replay.formats.otlp_protobuf_read", "opentelemetry.proto"): "the official messages, and no SDK",
    ("otel_replay.formats.otlp_protobuf_read", "google.protobuf"): "what the official messages raise",
    ("otel_replay.formats.otlp_protobuf_file", "opentelemetry.proto"): "the official messages, and no SDK",
    ("otel_replay.formats.otlp_protobuf_file", "google.protobuf"): "what the official messages raise",
}
"""Imports that the tables do not allow, each with its reason."""

LATE: dict[tuple[str, str], str] = {
    ("otel_replay.answering", "otel_replay.replay.invited"): (
        "only a program whose environment names a recording loads what replays it"
    ),
    ("otel_replay.recording.joining", "otel_replay.recording.run"): (
        "a child process joins with the first thing that it records, and few processes are children"
    ),
    (
        "otel_replay.otel.span_methods",
        "otel_replay.otel.log_events",
    ): "needed only where a setting asks for it",
    ("otel_replay.storage.store", "otel_replay.storage.listing"): (
        "a program that only records does not load what lists runs"
    ),
}
"""Imports inside functions that may close a ring of modules, each with its reason."""
