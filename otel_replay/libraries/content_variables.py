"""Says to instrumentors whether they are to tell messages, in the variables that each of them reads.

The setting `OTEL_REPLAY_CONTENT` holds for what is kept in a run: `full` and `hashes` need the messages to be
told. Variables that the program's environment has already stay as they are.
"""

from __future__ import annotations

import os

__all__ = ["ask_for_content"]

_TELL = {
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
    "TRACELOOP_TRACE_CONTENT": "true",
}
_TELL_NOT = {
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT",
    "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "metadata_only",
    "TRACELOOP_TRACE_CONTENT": "false",
    "OPENINFERENCE_HIDE_INPUTS": "true",
    "OPENINFERENCE_HIDE_OUTPUTS": "true",
}
_ALWAYS = {
    # What recording adds to a program must not change what it sends to the model's provider.
    "ANTHROPIC_OPEN_TELEMETRY_PROPAGATION": "false",
}
_BY_DISTRIBUTION = {
    # Older than the current conventions unless it is told.
    "opentelemetry-instrumentation-openai-v2": {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
}


def ask_for_content(content: str, distribution: str) -> None:
    """Set the variables for a way to record, where nobody has set them.

    Parameters
    ----------
    content:
        The setting: `full`, `hashes` or `none`.
    distribution:
        The package that is about to be switched on.
    """
    wanted = _TELL_NOT if content == "none" else _TELL
    for name, value in {**wanted, **_ALWAYS, **_BY_DISTRIBUTION.get(distribution, {})}.items():
        os.environ.setdefault(name, value)
