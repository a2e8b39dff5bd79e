"""Attribute names of others that are read and never written: those of ours are in `otel_replay.attributes`.

Sources: the GenAI conventions and their older versions, OpenInference semantic conventions 0.1.42,
OpenLLMetry's semantic conventions 0.5.1, the MCP conventions, and what the packages in
`tests/corpus/dialects` wrote.
"""

from __future__ import annotations

# -- what a span is
OPENINFERENCE_KIND = "openinference.span.kind"
TRACELOOP_KIND = "traceloop.span.kind"
MCP_METHOD = "mcp.method.name"
LLM_REQUEST_TYPE = "llm.request.type"
