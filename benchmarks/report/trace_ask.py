"""An example of a trace: one question on the sample database, as the command line draws it and as spans.

    python benchmarks/report/trace_ask.py        # benchmarks/results/trace_ask.md

In place of a chat model stands one with fixed answers, of which the second misspells a column.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from benchmarks.common.record import RESULTS
from ctxprune.cli._demo_database import make_database
from ctxprune.llm.base import ChatAnswer, ChatModel
from ctxprune.sql import ChatGenerator, Database, Pipeline, SketchGenerator
from ctxprune.sql.pipeline.trace_text import draw_trace

QUESTION = "How many customers are there in each city of Germany?"
_FROM = "FROM customer JOIN city ON customer.city_id = city.city_id WHERE city.iso_code = 'DE'"
ANSWERS = (
    f"SELECT city.name, COUNT(*) {_FROM} GROUP BY city.name",
    f"SELECT city.nam, COUNT(*) {_FROM} GROUP BY city.nam",
)
_SHOWN = re.compile(r"ctxprune\.(?!seconds)|gen_ai\.usage|db\.(query\.text|response)|error\.type")
_PAGE = """# The trace of one question

Written by `benchmarks/report/trace_ask.py`; the chat model has fixed answers.

As `ctxprune sql ask --show-trace` draws it:

```text
{tree}
```

As OpenTelemetry gets it, without some of the attributes; no value is among them:

```text
{spans}
```
"""


class FixedModel(ChatModel):
    """Gives the answers in turn."""

    fingerprint = name = "fixed-answers"

    def __init__(self) -> None:
        self.calls = 0

    def complete(self, _messages, sampling):
        self.calls += 1
        return [
            ChatAnswer(f"```sql\n{ANSWERS[(self.calls + turn) % len(ANSWERS)]}\n```", 0 if turn else 900, 40)
            for turn in range(sampling.n)
        ]


def main() -> None:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.sqlite"
        make_database(path)
        with Database(path) as database:
            pipeline = Pipeline(database, generators=[ChatGenerator(FixedModel()), SketchGenerator()])
            pipeline.ask(QUESTION)  # indexes values and loads what the first question needs
            exporter.clear()
            answer = pipeline.ask(QUESTION)
    spans = "\n".join(draw_spans(exporter.get_finished_spans()))
    text = _PAGE.format(tree=draw_trace(answer), spans=spans)
    (RESULTS / "trace_ask.md").write_text(text, encoding="utf-8")
    sys.stderr.write("wrote benchmarks/results/trace_ask.md\n")


def draw_spans(spans, parent=None, depth=0):
    """Lines of the spans below one."""
    own = [span for span in spans if (span.parent.span_id if span.parent else None) == parent]
    for span in sorted(own, key=lambda span: span.start_time):
        shown = {name: value for name, value in span.attributes.items() if _SHOWN.match(name)}
        ms = (span.end_time - span.start_time) / 1e6
        yield f"{'  ' * depth}{span.name}  {ms:.1f} ms  " + ", ".join(
            f"{name}={value}" for name, value in shown.items()
        )
        yield from draw_spans(spans, span.context.span_id, depth + 1)


if __name__ == "__main__":
    main()
