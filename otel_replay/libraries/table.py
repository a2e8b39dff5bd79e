"""The libraries that are recorded by themselves, and which import switches each on."""

from __future__ import annotations

__all__ = ["LIBRARIES", "Library", "Other", "named"]

# Plain classes: each process of a recorded program loads this table, and no more for it.


class Other:
    """An instrumentation by somebody else that records the same library.

    Attributes
    ----------
    distribution:
        Its name on PyPI.
    module:
        Where it has its instrumentor: `opentelemetry.instrumentation.requests`.
    instrumentor:
        The instrumentor's class there.
    family:
        Whose it is, for a person: `OpenTelemetry`, `OpenInference`, `OpenLLMetry`.
    tried:
        A major version of the library that it does not claim, and that our tests run it with; empty: none.
    """

    __slots__ = ("distribution", "family", "instrumentor", "module", "tried")

    def __init__(
        self,
        *,
        distribution: str,
        module: str,
        instrumentor: str,
        family: str = "OpenTelemetry",
        tried: str = "",
    ) -> None:
        self.tried = tried
        self.distribution = distribution
        self.module = module
        self.instrumentor = instrumentor
        self.family = family


class Library:
    """One library.

    Attributes
    ----------
    name:
        What it is called in settings, in lower case: mostly its name on PyPI.
    module:
        The module whose import switches it on; empty: nothing needs to be imported (files, subprocess).
    place:
        The module of this package that has `install(module)`, which hooks into it. It may return by which
        means the library is recorded, for `doctor`; without that it is by ours.
    records:
        What is recorded of it, for a person.
    package:
        Its name on PyPI, where that is not `name`; empty for what comes with Python.
    least:
        The oldest version that is hooked into: `2.3`; empty: any.
    others:
        Who else may record it, the best first. Where one of them does, ours stays off; `instrumentors`
        switches on the first that is installed.
    fallback:
        For `instrumentors`: the module of this package that records it where none of them is installed.
    native:
        The oldest version that records itself by OpenTelemetry, which then goes before `others`; empty: none.
    aliases:
        Further names under which `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` knows it.
    """

    __slots__ = (
        "aliases",
        "fallback",
        "least",
        "module",
        "name",
        "native",
        "others",
        "package",
        "place",
        "records",
    )

    def __init__(
        self,
        *,
        name: str,
        module: str,
        place: str,
        records: str,
        package: str | None = None,
        least: str = "",
        others: tuple[Other, ...] = (),
        native: str = "",
        fallback: str = "",
        aliases: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.module = module
        self.place = place
        self.records = records
        self.package = name if package is None else package
        self.least = least
        self.others = others
        self.native = native
        self.fallback = fallback
        self.aliases = aliases


def _official(name: str, instrumentor: str, tried: str = "") -> tuple[Other, ...]:
    # Named after the library, as all of them are.
    distribution = f"opentelemetry-instrumentation-{name}"
    inner = name.replace("genai-", "genai.", 1) if name.startswith("genai-") else name
    module = f"opentelemetry.instrumentation.{inner.replace('-', '_')}"
    return (Other(distribution=distribution, module=module, instrumentor=instrumentor, tried=tried),)


def _openinference(name: str, instrumentor: str) -> tuple[Other, ...]:
    distribution = f"openinference-instrumentation-{name}"
    module = f"openinference.instrumentation.{name.replace('-', '_')}"
    family = "OpenInference"
    return (Other(distribution=distribution, module=module, instrumentor=instrumentor, family=family),)


def _openllmetry(name: str, instrumentor: str) -> tuple[Other, ...]:
    distribution = f"opentelemetry-instrumentation-{name}"
    module = f"opentelemetry.instrumentation.{name.replace('-', '_')}"
    family = "OpenLLMetry"
    return (Other(distribution=distribution, module=module, instrumentor=instrumentor, family=family),)


_GENERATIONS = "generations: messages, usage, finish reasons"
_AGENTS = "agents, their generations and tool calls"


_TUNERS = (
    Library(
        name="optuna",
        module="optuna",
        place="optuna",
        records="studies and trials; suggested values, reports, pruning and new bests as decisions",
        least="4",
    ),
    Library(
        name="scikit-learn",
        module="sklearn.model_selection._search",
        place="sklearn",
        records="searches over parameters: candidates, folds and scores, the best candidate",
        aliases=("sklearn",),
    ),
    Library(
        name="hyperopt",
        module="hyperopt",
        place="hyperopt",
        records="fmin: evaluations as trials, what was chosen, losses and new bests as decisions",
    ),
    Library(
        name="ray",
        module="ray.tune",
        place="ray_tune",
        records="Tune: trials, their configurations, results and stops, new bests as decisions",
    ),
    Library(
        name="joblib",
        module="joblib",
        place="joblib",
        records="nothing of its own: what its workers do stands below the call",
    ),
    Library(
        name="multiprocessing",
        module="multiprocessing.process",
        place="multiprocessing",
        package="",
        records="nothing of its own: what processes and pools do stands below who asked for it",
    ),
)

LIBRARIES: tuple[Library, ...] = (
    *_TUNERS,
    Library(
        name="urllib3",
        module="urllib3.connectionpool",
        place="http_urllib3",
        records="each HTTP request, retries and redirects of their own",
        others=_official("urllib3", "URLLib3Instrumentor"),
        aliases=("requests",),
    ),
    Library(
        name="requests",
        module="requests.sessions",
        place="http_requests",
        records="each HTTP request (it makes them with urllib3: one span for each)",
        others=_official("requests", "RequestsInstrumentor"),
    ),
    Library(
        name="httpx",
        module="httpx",
        place="http_httpx",
        records="each HTTP request, redirects of their own",
        others=_official("httpx", "HTTPXClientInstrumentor"),
    ),
    Library(
        name="httpx2",
        module="httpx2",
        place="http_httpx",
        records="each HTTP request, redirects of their own",
        others=(
            Other(
                distribution="opentelemetry-instrumentation-httpx",
                module="opentelemetry.instrumentation.httpx",
                instrumentor="HTTPX2ClientInstrumentor",
            ),
        ),
    ),
    Library(
        name="aiohttp",
        module="aiohttp.client",
        place="http_aiohttp",
        records="each HTTP request with its redirects",
        others=_official("aiohttp-client", "AioHttpClientInstrumentor"),
        aliases=("aiohttp-client",),
    ),
    Library(
        name="openai",
        module="openai",
        place="instrumentors",
        fallback="openai_calls",
        records=_GENERATIONS,
        others=(
            *_official("genai-openai", "OpenAIInstrumentor"),
            *_official("openai-v2", "OpenAIInstrumentor"),
            *_openinference("openai", "OpenAIInstrumentor"),
            *_openllmetry("openai", "OpenAIInstrumentor"),
        ),
    ),
    Library(
        name="anthropic",
        module="anthropic",
        place="instrumentors",
        records=_GENERATIONS,
        native="1.14",
        others=(
            *_official("genai-anthropic", "AnthropicInstrumentor"),
            *_openinference("anthropic", "AnthropicInstrumentor"),
            *_openllmetry("anthropic", "AnthropicInstrumentor"),
        ),
    ),
    Library(
        name="google-genai",
        module="google.genai",
        place="instrumentors",
        records=_GENERATIONS,
        others=(
            *_official("google-genai", "GoogleGenAiSdkInstrumentor", tried="3"),
            *_openinference("google-genai", "GoogleGenAIInstrumentor"),
        ),
    ),
    Library(
        name="boto3",
        module="boto3",
        place="instrumentors",
        records="generations of Bedrock",
        others=(
            *_official("genai-bedrock", "BedrockInstrumentor"),
            *_openllmetry("bedrock", "BedrockInstrumentor"),
        ),
        aliases=("bedrock",),
    ),
    Library(
        name="pydantic-ai",
        package="pydantic-ai-slim",
        module="pydantic_ai",
        place="instrumentors",
        records=_AGENTS,
        native="1",
    ),
    Library(
        name="openai-agents",
        module="agents",
        place="instrumentors",
        records=_AGENTS,
        others=(
            *_official("genai-openai-agents", "OpenAIAgentsInstrumentor"),
            *_openinference("openai-agents", "OpenAIAgentsInstrumentor"),
            *_openllmetry("openai-agents", "OpenAIAgentsInstrumentor"),
        ),
        aliases=("openai_agents",),
    ),
    Library(
        name="langchain",
        package="langchain-core",
        module="langchain_core",
        place="instrumentors",
        records=f"{_AGENTS}; LangGraph's too",
        others=(
            *_official("genai-langchain", "LangChainInstrumentor"),
            *_openinference("langchain", "LangChainInstrumentor"),
            *_openllmetry("langchain", "LangchainInstrumentor"),
        ),
        aliases=("langgraph",),
    ),
    Library(
        name="llama-index",
        package="llama-index-core",
        module="llama_index.core",
        place="instrumentors",
        records=_AGENTS,
        others=(
            *_official("genai-llama-index", "LlamaIndexInstrumentor"),
            *_openinference("llama-index", "LlamaIndexInstrumentor"),
            *_openllmetry("llamaindex", "LlamaIndexInstrumentor"),
        ),
        aliases=("llama_index",),
    ),
    Library(
        name="crewai",
        module="crewai",
        place="instrumentors",
        records=_AGENTS,
        others=(
            *_openinference("crewai", "CrewAIInstrumentor"),
            *_openllmetry("crewai", "CrewAIInstrumentor"),
        ),
    ),
    Library(
        name="dspy",
        module="dspy",
        place="instrumentors",
        records=_AGENTS,
        others=(
            *_official("genai-dspy", "DSPyInstrumentor"),
            *_openinference("dspy", "DSPyInstrumentor"),
        ),
    ),
    Library(
        name="agno",
        module="agno",
        place="instrumentors",
        records=_AGENTS,
        others=(
            *_official("genai-agno", "AgnoInstrumentor"),
            *_openinference("agno", "AgnoInstrumentor"),
        ),
    ),
    Library(
        name="mcp",
        module="mcp",
        place="instrumentors",
        records="requests of clients and servers, tool calls with them",
        native="2.0",
        others=_openllmetry("mcp", "McpInstrumentor"),
    ),
    Library(
        name="logging",
        module="logging",
        place="log_records",
        records="log records that the program's own levels let through, from `OTEL_REPLAY_LOG_LEVEL` on",
        package="",
    ),
    Library(
        name="files",
        module="",
        place="files",
        records="files that the program opens, as `file read` and `file write`",
        package="",
    ),
    Library(
        name="subprocess",
        module="",
        place="processes",
        records="programs that the program starts, as `process start` and `process end`",
        package="",
    ),
)


def named(name: str) -> Library | None:
    """The library of this name, or of this further name."""
    wanted = name.strip().lower()
    return next((row for row in LIBRARIES if wanted == row.name or wanted in row.aliases), None)
