"""The registry of semantic attributes: every name that otel-replay writes or reads, once.

GenAI names follow the OpenTelemetry GenAI semantic conventions (their own repository, in development), the
file and service names OpenTelemetry's general conventions. Names of ours start with `otel_replay.`.
`docs/attributes.md` is made from `REGISTRY`.
"""

from __future__ import annotations

from otel_replay.light import light

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


@light(frozen=True)
class Attribute:
    """One row of the registry. `on` says where the attribute stands; a name that ends with `.*` is a prefix."""

    name: str
    type: str
    on: str
    meaning: str
    source: str = "otel-replay"


_GENAI = "GenAI conventions"
_SEMCONV = "semantic conventions"

REGISTRY: tuple[Attribute, ...] = (
    Attribute(RUN_ID, "string", "every span and log record", "the run that it belongs to"),
    Attribute(RUN_NAME, "string", "run", "the name that the run was started with"),
    Attribute(RUN_PARENT_ID, "string", "run", "the run inside which this one was started"),
    Attribute(SPAN_TYPE, "string", "run, task, process", "`run`, `task` or `process` (a child process): what no other convention says"),
    Attribute(SESSION_ID, "string", "any span", "session; names the run of a span from outside", _SEMCONV),
    Attribute(TEST_CASE_NAME, "string", "task", "a test's node id", _SEMCONV),
    Attribute(TEST_CASE_STATUS, "string", "task", "how a test came out: `pass` or `fail`", _SEMCONV),
    Attribute(TEST_SUITE_NAME, "string", "task", "the file that a test stands in", _SEMCONV),
    Attribute(TEST_OUTCOME, "string", "task", "pytest's word for how a test came out: `passed`, `failed`, `error`, `skipped`, `xfailed`, `xpassed`; `interrupted` where it did not"),
    Attribute(TEST_REASON, "string", "task", "why a test was left out, or the end of what pytest told of its failure"),
    Attribute(TEST_RERUNS, "int", "task", "how often a test was run again because it had failed (pytest-rerunfailures)"),
    Attribute(TEST_WORKER, "string", "task", "the worker of pytest-xdist that ran a test"),
    Attribute(TASK_METADATA, "map", "task", "what a program says of a task when it begins and when it ends"),
    Attribute(REPORTED_DURATION, "double", "task, tool call", "how long it took by the program's own measure, where it gave one"),
    Attribute(SEARCH_PREFIX + "*", "any", "task of a search", "of a search over parameters: `library`, `name`, `algorithm`, `pruner`, `direction`, `jobs`, `most_trials`; at its end `trials`, `best_trial`, `best_value`, `best_params`"),
    Attribute(TRIAL_PREFIX + "*", "any", "task of a trial", "of one trial of a search: `number`, `state`, `value`, `params`"),
    Attribute(IMPORT_FORMAT, "string", "header of an imported run", "format of the file that it was read from"),
    Attribute(IMPORT_SOURCE, "string", "header of an imported run", "name of that file"),
    Attribute(IMPORT_SHA256, "string", "header of an imported run", "sha256 of that file"),
    Attribute(IMPORT_REST, "map", "header of an imported run", "what else the file said of the run"),
    Attribute(ACTION, "string", "decision", "what was decided, e.g. `AFR_CORRECTION`; makes an event a decision"),
    Attribute(REASON, "string", "decision", "why, for a person"),
    Attribute(VALUES + ".*", "any", "decision", "values of the decision (before, after), one attribute for each"),
    Attribute(VALUES, "any", "decision", "the values where they are not a map with keys"),
    Attribute(CELL + ".*", "any", "decision", "the subject of the decision, such as rpm and kpa of a table cell"),
    Attribute(CELL, "any", "decision", "the subject where it is not a map with keys"),
    Attribute(RESOURCES_ELAPSED_MS, "double", "decision", "milliseconds since the process's last decision (`OTEL_REPLAY_RESOURCES`)"),
    Attribute(RESOURCES_CPU_MS, "double", "decision", "processor milliseconds of all its threads since then"),
    Attribute(RESOURCES_RSS_BYTES, "int", "decision", "memory that the process holds (resident), in bytes"),
    Attribute(FILE_PATH, "string", "file read, file write, file written", "path as the program named it", _SEMCONV),
    Attribute(FILE_SIZE, "int", "file read, file write, file written", "size in bytes, where the file is there; of a written one as it was left", _SEMCONV),
    Attribute(FILE_LINES, "int", "file read, file write", "number of lines, where the program said it"),
    Attribute(FILE_OPENS, "int", "file read, file write", "the 10th, 100th, 1000th … time that the file was opened in the same span; what lies between is not told"),
    Attribute(FILE_OTHERS, "int", "file written", "how often files were opened to be written beyond those that are told of at the end (10,000 in a process); such an event has no path"),
    Attribute(CHECKPOINT_NAME, "string", "checkpoint", "name of the snapshot"),
    Attribute(CHECKPOINT_SHA256, "string", "checkpoint", "sha256 of the state's canonical JSON, and its blob"),
    Attribute(CHECKPOINT_SIZE, "int", "checkpoint", "size of that JSON in bytes"),
    Attribute(ARTIFACT_NAME, "string", "artifact", "name of the output"),
    Attribute(ARTIFACT_PATH, "string", "artifact", "path that the bytes were read from"),
    Attribute(ARTIFACT_SHA256, "string", "artifact", "sha256 of the bytes, and their blob"),
    Attribute(ARTIFACT_SIZE, "int", "artifact", "size in bytes"),
    Attribute(ARTIFACT_MEDIA_TYPE, "string", "artifact", "media type, guessed from the name unless given"),
    Attribute(GENERATION_INDEX, "int", "generation", "number of the image in its album, from 0"),
    Attribute(GENERATION_LABEL, "string", "generation", "the part of the image that it is about, as in its file's name"),
    Attribute(GENERATION_DETAILS_PREFIX + "*", "any", "generation", "what else the caller said of it"),
    Attribute(MEMORY_SERIES, "string", "call of a memory", "id of the series of calls that this one belongs to (a memory session)"),
    Attribute(MEMORY_SEQUENCE, "int", "call of a memory", "number of the call in its series, from 0"),
    Attribute(MEMORY_ACTION, "map", "call of a memory", "what was done: `kind` (`put`, `find`, `ask`, `checkpoint`, `call`) and its parameters"),
    Attribute(MEMORY_FRAMES, "int[]", "call of a memory", "frames that were made or found, in that order"),
    Attribute(MEMORY_DURATION, "int", "call of a memory", "how long it took, in milliseconds, as the program said or as measured"),
    Attribute(MEMORY_INPUT_SHA256, "string", "call of a memory", "sha256 of the input as it was kept"),
    Attribute(MEMORY_OUTPUT_SHA256, "string", "call of a memory", "sha256 of what must be the same in a replay"),
    Attribute(MEMORY_ERROR, "string", "call of a memory", "how the call failed; empty where it did not"),
    Attribute(BLOB, "string", "inside any value", "sha256 of a blob that holds what is too large to stand here"),
    Attribute(CONTINUATION_OF, "string", "continuation span", "id of the span whose events this one carries on"),
    Attribute(CONTINUATION_INDEX, "int", "continuation span", "number of the continuation"),
    Attribute(INTERRUPTED, "boolean", "span", "the process died while the span was open; its end is the last sign of life"),
    Attribute(CODE_FUNCTION, "string", "task, tool call, generation, agent, log record", "qualified name of the decorated function; the function that logged", _SEMCONV),
    Attribute(CODE_FILE_PATH, "string", "log record", "the file that logged", _SEMCONV),
    Attribute(CODE_LINE_NUMBER, "int", "log record", "the line there", _SEMCONV),
    Attribute(THREAD_NAME, "string", "log record", "the thread that logged, if not the main one", _SEMCONV),
    Attribute(EXCEPTION_TYPE, "string", "log record, exception", "type of an exception", _SEMCONV),
    Attribute(EXCEPTION_MESSAGE, "string", "log record, exception", "what it says", _SEMCONV),
    Attribute(EXCEPTION_STACKTRACE, "string", "log record, exception", "its traceback", _SEMCONV),
    Attribute(PROCESS_COMMAND_ARGS, "string[]", "run, process, process start, process end", "program and arguments, without secrets", _SEMCONV),
    Attribute(PROCESS_EXECUTABLE_NAME, "string", "run", "name of the program", _SEMCONV),
    Attribute(PROCESS_EXECUTABLE_PATH, "string", "run, process", "where the program is", _SEMCONV),
    Attribute(PROCESS_EXIT_CODE, "int", "run, process end", "how the program ended: its exit code; 128 and the signal's number where one ended it", _SEMCONV),
    Attribute(PROCESS_PID, "int", "run, process, process end", "the program's process id", _SEMCONV),
    Attribute(PROCESS_RUNTIME_NAME, "string", "process", "the interpreter: `cpython`", _SEMCONV),
    Attribute(PROCESS_RUNTIME_VERSION, "string", "process", "its version", _SEMCONV),
    Attribute(PROCESS_WORKING_DIRECTORY, "string", "run, process start", "where it runs; of a started process if not where the program does", _SEMCONV),
    Attribute(PROCESS_SIGNAL, "string", "run, process end", "the signal that ended the program: `SIGKILL`"),
    Attribute(PROCESS_DURATION_MS, "double", "process end", "milliseconds from its start until the program knew of its end"),
    Attribute(HOST_ARCH, "string", "run", "the machine's processor: `amd64`", _SEMCONV),
    Attribute(HOST_NAME, "string", "run", "the machine's name", _SEMCONV),
    Attribute(OS_TYPE, "string", "run", "the operating system: `linux`", _SEMCONV),
    Attribute(VCS_HEAD_NAME, "string", "run", "the branch of git that was checked out", _SEMCONV),
    Attribute(VCS_REVISION, "string", "run", "the commit that was checked out", _SEMCONV),
    Attribute(VCS_DIRTY, "boolean", "run", "whether files of that commit had been changed"),
    Attribute(ENVIRONMENT, "map", "run", "variables of the program's environment that are on a list, secrets taken out"),
    Attribute(PYTHONS, "map[]", "run", "the Python interpreters that were hooked into: `executable`, `version`, `processes`"),
    Attribute(PACKAGES, "map", "run", "packages that the program imported, with their versions"),
    Attribute(NOT_HOOKED, "string", "run", "why the program, or a process of it, was not hooked into"),
    Attribute(RULE_PROBLEMS, "string[]", "run", "functions that were not recorded although a rule asks for it, and rules that match none"),
    Attribute(OUTPUT_TAIL_PREFIX + "*", "string", "run", "`stdout` and `stderr`: the ends of what the program wrote (`run --capture`)"),
    Attribute(ERROR_TYPE, "string", "any span, file read, file written", "type of the exception that ended the span; of a file that is not there `FileNotFoundError`", _SEMCONV),
    Attribute(HTTP_METHOD, "string", "HTTP request", "`GET`, …; `_OTHER` for one that the conventions do not know", _SEMCONV),
    Attribute(HTTP_METHOD_ORIGINAL, "string", "HTTP request", "the method as it was sent, where that is not the one above", _SEMCONV),
    Attribute(HTTP_RESEND_COUNT, "int", "HTTP request", "how often it was sent before, or on the way (redirects of aiohttp)", _SEMCONV),
    Attribute(HTTP_STATUS, "int", "HTTP request", "status of the answer; from 400 on the span has failed", _SEMCONV),
    Attribute(NETWORK_PROTOCOL_VERSION, "string", "HTTP request", "version of HTTP", _SEMCONV),
    Attribute(SERVER_ADDRESS, "string", "HTTP request", "whom it went to", _SEMCONV),
    Attribute(SERVER_PORT, "int", "HTTP request", "port there", _SEMCONV),
    Attribute(URL_FULL, "string", "HTTP request", "where it went, without secrets", _SEMCONV),
    Attribute(PROCESS_COMMAND_LINE, "string", "process start, process end", "the command, where it was given to a shell", _SEMCONV),
    Attribute(CHUNK, "any", "chunk", "one item of what a generation or a tool gave bit by bit"),
    Attribute(CHUNKS, "int", "generation, tool call", "how many items a stream gave until its end; absent where it was left before"),
    Attribute(EXCEPTION_STATE, "map", "exception", "`args` and `fields` of an exception that ended a call, as far as they are plain values"),
    Attribute(REPLAYED_FROM, "string", "generation, tool call", "this call was not made: the run and the span that it was answered from"),
    Attribute(GEN_AI_OPERATION, "string", "generation, tool call, agent", "`chat`, `execute_tool`, `invoke_agent`, …", _GENAI),
    Attribute(GEN_AI_PROVIDER, "string", "generation", "who serves the model, e.g. `openai`", _GENAI),
    Attribute(GEN_AI_REQUEST_MODEL, "string", "generation", "the model that was asked for", _GENAI),
    Attribute(GEN_AI_REQUEST_PREFIX + "*", "any", "generation", "request parameters: `temperature`, `max_tokens`, `seed`, …", _GENAI),
    Attribute(GEN_AI_RESPONSE_PREFIX + "*", "any", "generation", "what else is known of the answer: `time_to_first_chunk`, …", _GENAI),
    Attribute(GEN_AI_RESPONSE_MODEL, "string", "generation", "the model that answered", _GENAI),
    Attribute(GEN_AI_RESPONSE_ID, "string", "generation", "the answer's id", _GENAI),
    Attribute(GEN_AI_FINISH_REASONS, "string[]", "generation", "why it stopped", _GENAI),
    Attribute(GEN_AI_INPUT_MESSAGES, "any", "generation", "messages sent: `[{role, parts: […]}]`", _GENAI),
    Attribute(GEN_AI_OUTPUT_MESSAGES, "any", "generation", "messages received", _GENAI),
    Attribute(GEN_AI_SYSTEM_INSTRUCTIONS, "any", "generation", "system instructions sent apart from the messages", _GENAI),
    Attribute(GEN_AI_TOOL_DEFINITIONS, "any", "generation", "tools that the model was offered", _GENAI),
    Attribute(GEN_AI_USAGE_PREFIX + "*", "int", "generation", "token counts: `input_tokens`, `output_tokens`, …", _GENAI),
    Attribute(GEN_AI_TOOL_NAME, "string", "tool call", "name of the tool", _GENAI),
    Attribute(GEN_AI_TOOL_CALL_ID, "string", "tool call", "the call's id, as the model gave it", _GENAI),
    Attribute(GEN_AI_TOOL_ARGUMENTS, "any", "tool call", "arguments of the call", _GENAI),
    Attribute(GEN_AI_TOOL_RESULT, "any", "tool call", "what the tool answered", _GENAI),
    Attribute(GEN_AI_AGENT_NAME, "string", "agent", "name of the agent", _GENAI),
    Attribute(GEN_AI_CONVERSATION_ID, "string", "any span", "conversation; names the run of a span from outside", _GENAI),
)  # fmt: skip
