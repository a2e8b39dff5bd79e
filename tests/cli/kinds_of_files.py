"""One run in every kind of file that a run can be named by; see `test_cli_kinds`."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backports import zstd

from otel_replay.formats.assemble import assemble
from otel_replay.formats.otlp_json import span_lines
from otel_replay.formats.otlp_json_read import read_document
from otel_replay.formats.otlp_protobuf import traces_request
from otel_replay.formats.spans import Span
from otel_replay.storage.pack import pack
from otel_replay.storage.run_files import RunFiles

__all__ = ["KINDS", "Make", "dumped", "framed", "jaeger_of", "protobuf_of"]

Make = Callable[[Path, Path], Path]
"""Makes a file in a folder, of the run in another folder; gives its name."""


def framed(*requests: bytes) -> bytes:
    """Requests as the Collector's file exporter writes them with `format: proto` or compressed."""
    return b"".join(len(request).to_bytes(4, "big") + request for request in requests)


def protobuf_of(lines: bytes) -> list[bytes]:
    """The requests of OTLP JSON lines, as Protobuf."""
    return [traces_request([span]) for span in _spans(lines)]


def jaeger_of(lines: bytes) -> bytes:
    """The spans of OTLP JSON lines as Jaeger's pages download them."""
    spans = [_jaeger_span(span) for span in _spans(lines)]
    processes = {"p1": {"serviceName": "tuner", "tags": []}}
    trace = {"traceID": spans[0]["traceID"], "spans": spans, "processes": processes}
    return json.dumps({"data": [trace]}).encode()


def _spans(lines: bytes) -> list[Span]:
    return [item for item in read_document(lines) if isinstance(item, Span)]


def _jaeger_span(span: Span) -> dict[str, Any]:
    parents = [{"refType": "CHILD_OF", "traceID": span.trace_id, "spanID": span.parent_id}]
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "operationName": span.name,
        "references": parents if span.parent_id else [],
        "startTime": span.start_ns // 1000,
        "duration": (span.end_ns - span.start_ns) // 1000,
        "processID": "p1",
        "tags": [
            {"key": name, "type": "string", "value": str(text)} for name, text in span.attributes.items()
        ],
        "logs": [
            {
                "timestamp": moment.time_ns // 1000,
                "fields": [
                    {"key": "event", "type": "string", "value": f"decision {moment.action}"},
                    {"key": "otel_replay.action", "type": "string", "value": moment.action},
                ],
            }
            for moment in span.events
            if hasattr(moment, "action")
        ],
    }


def dumped(run: Path) -> bytes:
    """What `dump --format otlp` writes of the run in a folder."""
    return b"".join(span_lines(assemble(RunFiles(run).records())))


def _of_otlp(name: str, change: Callable[[bytes], bytes]) -> Make:
    def make(run: Path, folder: Path) -> Path:
        path = folder / name
        path.write_bytes(change(dumped(run)))
        return path

    return make


def _replay(run: Path, folder: Path) -> Path:
    return Path(shutil.copy(run / "session_replay.json", folder / "replay.json"))


def _pack(run: Path, folder: Path) -> Path:
    path = folder / "run.orpack"
    pack(RunFiles(run), path)
    return path


def _journal(run: Path, folder: Path) -> Path:
    (journal,) = (run / "journal").glob("*.jsonl")
    return Path(shutil.copy(journal, folder / "left.jsonl"))


def _folder(run: Path, folder: Path) -> Path:
    """As the Collector rotates its archive: a run stands in several parts."""
    spans = _spans(dumped(run))
    archive = folder / "archive"
    archive.mkdir()
    (archive / "traces-2026-11-21T10-00-00.000.jsonl").write_bytes(b"".join(span_lines(spans[:1])))
    (archive / "traces.jsonl.gz").write_bytes(gzip.compress(b"".join(span_lines(spans[1:]))))
    (archive / "README.md").write_text("what this is")
    return archive


def _document(lines: bytes) -> bytes:
    """One document on many lines."""
    parts = [part for line in lines.splitlines() for part in json.loads(line)["resourceSpans"]]
    return json.dumps({"resourceSpans": parts}, indent=2).encode()


def _one_message(lines: bytes) -> bytes:
    return traces_request(_spans(lines))


KINDS: dict[str, Make] = {
    "a run's directory": lambda run, _: run,
    "the journal in a run": lambda run, _: next((run / "journal").glob("*.jsonl")),
    "a journal by itself": _journal,
    "a pack": _pack,
    "session_replay": _replay,
    "OTLP JSON lines": _of_otlp("trace.jsonl", lambda lines: lines),
    "an OTLP JSON document": _of_otlp("trace.json", _document),
    "what Jaeger's API answers": _of_otlp(
        "answer.json", lambda lines: json.dumps({"result": json.loads(_document(lines))}).encode()
    ),
    "OTLP JSON lines in gzip": _of_otlp("trace.jsonl.gz", gzip.compress),
    "OTLP JSON lines in Zstandard": _of_otlp("trace.jsonl.zst", zstd.compress),
    "a Protobuf message": _of_otlp("trace.binpb", _one_message),
    "a Protobuf message in gzip": _of_otlp("trace.pb.gz", lambda lines: gzip.compress(_one_message(lines))),
    "a Protobuf archive": _of_otlp("traces.proto", lambda lines: framed(*protobuf_of(lines))),
    "a Protobuf archive in gzip": _of_otlp(
        "traces.proto.gz", lambda lines: gzip.compress(framed(*protobuf_of(lines)))
    ),
    "a compressed Protobuf archive": _of_otlp(
        "traces.proto.zst", lambda lines: framed(*map(zstd.compress, protobuf_of(lines)))
    ),
    "a compressed archive": _of_otlp(
        "traces.jsonl.zst", lambda lines: framed(*map(zstd.compress, lines.splitlines()))
    ),
    "Jaeger JSON": _of_otlp("jaeger.json", jaeger_of),
    "a folder of archives": _folder,
}
"""Every kind of file, and how it is made."""
