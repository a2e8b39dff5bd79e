"""Makes `corpus/collector-0.159/signals.proto` and `signals.proto.zst` with a real Collector.

Sends what `traces.proto.zst` holds, a log record and a metric to a Collector of `collector/otelcol`, whose
file exporters write all three signals into one file, as Protobuf, plain and compressed:

    PYTHONPATH=tests python tests/importing/make_collector_archives.py tests/corpus/collector-0.159
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from e2e.engines import built, free_ports, wait_until
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_replay.importing.requests import read_requests

_CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters:
  file/plain:
    path: "{folder}/signals.proto"
    format: proto
    rotation: {{max_megabytes: 100}}
  file/zst:
    path: "{folder}/signals.proto.zst"
    format: proto
    compression: zstd
    rotation: {{max_megabytes: 100}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file/plain, file/zst]}}
    logs: {{receivers: [otlp], exporters: [file/plain, file/zst]}}
    metrics: {{receivers: [otlp], exporters: [file/plain, file/zst]}}
"""


def _post(port: int, signal: str, body: bytes) -> None:
    url = f"http://127.0.0.1:{port}/v1/{signal}"
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-protobuf"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def _listens(port: int) -> bool:
    try:
        _post(port, "traces", b"")
    except urllib.error.URLError:
        return False
    return True


def _send_all(port: int, corpus: Path) -> None:
    with (corpus / "traces.proto.zst").open("rb") as stream:
        traces = list(read_requests(stream, []))
    span = ExportTraceServiceRequest.FromString(traces[0]).resource_spans[0].scope_spans[0].spans[0]
    logs = ExportLogsServiceRequest()
    entry = logs.resource_logs.add().scope_logs.add().log_records.add()
    entry.time_unix_nano = span.start_time_unix_nano
    entry.trace_id, entry.span_id = span.trace_id, span.span_id
    entry.body.string_value = "said beside it"
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = "runs"
    metric.sum.data_points.add().as_int = 1
    for message in traces:
        _post(port, "traces", message)
    _post(port, "logs", logs.SerializeToString())
    _post(port, "metrics", metrics.SerializeToString())


def main(corpus: Path) -> None:
    """Write both files."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(_CONFIG.format(port=port, folder=folder))
        process = subprocess.Popen([built()[0], "--config", config])
        try:
            wait_until(lambda: _listens(port), "the Collector listens")
            _send_all(port, corpus)
        finally:
            process.terminate()
            process.wait()
        for name in ("signals.proto", "signals.proto.zst"):
            (corpus / name).write_bytes((Path(folder) / name).read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
