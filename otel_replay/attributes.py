"""The names of semantic attributes: every one that otel-replay writes or reads, once.

GenAI names follow the OpenTelemetry GenAI semantic conventions (their own repository, in development), the
file and service names OpenTelemetry's general conventions. Names of ours start with `otel_replay.`.
What each means stands in `attribute_registry`: a process that records does not load that.
"""

from __future__ import annotations

RUN_ID = "otel_replay.run.id"
RUN_NAME = "otel_replay.run.name"
RUN_PARENT_ID = "otel_replay.run.parent_id"
SPAN_TYPE = "otel_replay.span.type"
SESSION_ID = "session.id"
TASK_METADATA = "otel_replay.task.metadata"
TEST_CASE_NAME = "test.case.name"
TEST_CASE_STATUS = "test.case.result.status"
TEST_SUITE_NAME = "test.suite.name"
TEST_OUTCOME = "otel_replay.test.outcome"
TEST_REASON = "otel_replay.test.reason"
TEST_RERUNS = "otel_replay.test.reruns"
TEST_WORKER = "otel_replay.test.worker"
REPORTED_DURATION = "otel_replay.duration_ms"

SEARCH_PREFIX = "otel_replay.search."
TRIAL_PREFIX = "otel_replay.trial."

IMPORT_FORMAT = "otel_replay.import.format"
IMPORT_SOURCE = "otel_replay.import.source"
IMPORT_SHA256 = "otel_replay.import.sha256"
IMPORT_REST = "otel_replay.import.rest"

RESOURCES_ELAPSED_MS = "otel_replay.resources.elapsed_ms"
RESOURCES_CPU_MS = "otel_replay.resources.cpu_ms"
RESOURCES_RSS_BYTES = "otel_replay.resources.rss_bytes"

ACTION = "otel_replay.action"
REASON = "otel_replay.reason"
VALUES = "otel_replay.values"
CELL = "otel_replay.cell"

FILE_PATH = "file.path"
FILE_SIZE = "file.size"
FILE_LINES = "otel_replay.file.lines"

CHECKPOINT_NAME = "otel_replay.checkpoint.name"
CHECKPOINT_SHA256 = "otel_replay.checkpoint.sha256"
CHECKPOINT_SIZE = "otel_replay.checkpoint.size_bytes"

ARTIFACT_NAME = "otel_replay.artifact.name"
ARTIFACT_PATH = "otel_replay.artifact.path"
ARTIFACT_SHA256 = "otel_replay.artifact.sha256"
ARTIFACT_SIZE = "otel_replay.artifact.size_bytes"
ARTIFACT_MEDIA_TYPE = "otel_replay.artifact.media_type"

GENERATION_INDEX = "otel_replay.generation.index"
GENERATION_LABEL = "otel_replay.generation.label"
GENERATION_DETAILS_PREFIX = "otel_replay.generation.details."
MEMORY_SERIES = "otel_replay.memory.series"
MEMORY_SEQUENCE = "otel_replay.memory.sequence"
MEMORY_ACTION = "otel_replay.memory.action"
MEMORY_FRAMES = "otel_replay.memory.frames"
MEMORY_DURATION = "otel_replay.memory.duration_ms"
MEMORY_INPUT_SHA256 = "otel_replay.memory.input.sha256"
MEMORY_OUTPUT_SHA256 = "otel_replay.memory.output.sha256"
MEMORY_ERROR = "otel_replay.memory.error"

BLOB = "otel_replay.blob"
CONTINUATION_OF = "otel_replay.continuation.of"
CONTINUATION_INDEX = "otel_replay.continuation.index"
INTERRUPTED = "otel_replay.interrupted"
CODE_FUNCTION = "code.function.name"
CODE_FILE_PATH = "code.file.path"
CODE_LINE_NUMBER = "code.line.number"
THREAD_NAME = "thread.name"

PROCESS_COMMAND_ARGS = "process.command_args"
PROCESS_EXECUTABLE_NAME = "process.executable.name"
PROCESS_EXECUTABLE_PATH = "process.executable.path"
PROCESS_EXIT_CODE = "process.exit.code"
PROCESS_PID = "process.pid"
PROCESS_RUNTIME_NAME = "process.runtime.name"
PROCESS_RUNTIME_VERSION = "process.runtime.version"
PROCESS_WORKING_DIRECTORY = "process.working_directory"
PROCESS_SIGNAL = "otel_replay.process.signal"
PROCESS_DURATION_MS = "otel_replay.process.duration_ms"
HOST_ARCH = "host.arch"
HOST_NAME = "host.name"
OS_TYPE = "os.type"
VCS_HEAD_NAME = "vcs.ref.head.name"
VCS_REVISION = "vcs.ref.head.revision"
VCS_DIRTY = "otel_replay.vcs.dirty"
ENVIRONMENT = "otel_replay.environment"
PYTHONS = "otel_replay.pythons"
PACKAGES = "otel_replay.packages"
NOT_HOOKED = "otel_replay.not_hooked"
RULE_PROBLEMS = "otel_replay.rules.problems"
OUTPUT_TAIL_PREFIX = "otel_replay.output."

ERROR_TYPE = "error.type"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"

HTTP_METHOD = "http.request.method"
HTTP_METHOD_ORIGINAL = "http.request.method_original"
HTTP_RESEND_COUNT = "http.request.resend_count"
HTTP_STATUS = "http.response.status_code"
NETWORK_PROTOCOL_VERSION = "network.protocol.version"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
URL_FULL = "url.full"

FILE_OPENS = "otel_replay.file.opens"
FILE_OTHERS = "otel_replay.file.others"
PROCESS_COMMAND_LINE = "process.command_line"

CHUNK = "otel_replay.chunk"
CHUNKS = "otel_replay.chunks"
EXCEPTION_STATE = "otel_replay.exception.state"
REPLAYED_FROM = "otel_replay.replayed_from"

GEN_AI_OPERATION = "gen_ai.operation.name"
GEN_AI_PROVIDER = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL = "gen_ai.request.model"
GEN_AI_REQUEST_PREFIX = "gen_ai.request."
GEN_AI_RESPONSE_PREFIX = "gen_ai.response."
GEN_AI_RESPONSE_MODEL = "gen_ai.response.model"
GEN_AI_RESPONSE_ID = "gen_ai.response.id"
GEN_AI_FINISH_REASONS = "gen_ai.response.finish_reasons"
GEN_AI_INPUT_MESSAGES = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES = "gen_ai.output.messages"
GEN_AI_SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
GEN_AI_TOOL_DEFINITIONS = "gen_ai.tool.definitions"
GEN_AI_INPUT_TOKENS = "gen_ai.usage.input_tokens"
GEN_AI_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_PREFIX = "gen_ai.usage."
GEN_AI_TOOL_NAME = "gen_ai.tool.name"
GEN_AI_TOOL_CALL_ID = "gen_ai.tool.call.id"
GEN_AI_TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
GEN_AI_TOOL_RESULT = "gen_ai.tool.call.result"
GEN_AI_AGENT_NAME = "gen_ai.agent.name"
GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id"

DECISION_EVENT_PREFIX = "decision "
FILE_READ_EVENT = "file read"
FILE_WRITE_EVENT = "file write"
FILE_WRITTEN_EVENT = "file written"
CHECKPOINT_EVENT = "checkpoint"
ARTIFACT_EVENT = "artifact"
HEARTBEAT_EVENT = "heartbeat"
PROCESS_EVENT = "process start"
PROCESS_END_EVENT = "process end"
CHUNK_EVENT = "chunk"
EXCEPTION_EVENT = "exception"

LOG_EVENT_NAMES = {
    FILE_READ_EVENT: "otel_replay.file.read",
    FILE_WRITE_EVENT: "otel_replay.file.write",
    FILE_WRITTEN_EVENT: "otel_replay.file.written",
    CHECKPOINT_EVENT: "otel_replay.checkpoint",
    ARTIFACT_EVENT: "otel_replay.artifact",
    HEARTBEAT_EVENT: "otel_replay.heartbeat",
    PROCESS_EVENT: "otel_replay.process.start",
    PROCESS_END_EVENT: "otel_replay.process.end",
    CHUNK_EVENT: "otel_replay.chunk",
}
"""Our span events as log records: span event name -> `event_name`."""
LOG_DECISION_EVENT = "otel_replay.decision"
