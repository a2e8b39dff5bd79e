"""Sets up telemetry of its own after its imports, as programs do, and asks a model once."""

import sys

import anthropic
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
told = ConsoleSpanExporter(out=sys.stdout, formatter=lambda span: f"exported {span.name}\n")
provider.add_span_processor(SimpleSpanProcessor(told))
trace.set_tracer_provider(provider)

with anthropic.Anthropic() as client:
    hello = [{"role": "user", "content": "stream a story"}]
    print(client.messages.create(model="claude-test", max_tokens=9, messages=hello).content[0].text)
