"""What spans cost: processor time of the same calls with and without OpenTelemetry, in turns within one process.

    python benchmarks/speed/tracing.py [--rounds N]

Writes benchmarks/results/tracing.json. "on" has the SDK's tracer provider with its batch processor as it comes, whose
exporter throws the spans away: what an exporter does is not the library's. "spans lost" are those that the processor's
queue had no room for. "off" is what a call costs where nobody traces; spans cannot
be taken out of the library, so it is told as the measured time of one call of `start_span` times the calls made.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from timeit import repeat

import numpy as np

from benchmarks.common.record import record
from ctxprune.cli._demo_database import make_database
from ctxprune.policies import TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag import Passage, Passages
from ctxprune.sql.database.database import Database
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.utils import tracing

LICENSE = Path(__file__).resolve().parents[2] / "LICENSE"
QUERY = "Who may distribute a modified work, and under which conditions?"
QUESTION = "How many orders were shipped to Germany?"
PASSAGES, CHARACTERS = 10, 1_000
SHORT = 300  # contexts of two sentences each, in one batch
_DRAWS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    spans = {"package absent": seconds_of_a_span()}  # before anything here imports OpenTelemetry
    provider, counter = make_provider()
    spans["package without a provider"] = seconds_of_a_span()
    set_provider(provider)
    spans["on, with the SDK"] = seconds_of_a_span(10_000)
    texts, pruner, cheap = read_passages(), Pruner(), Pruner("lexical.v1", TokenBudget(10))
    short = [Passage(f"The bridge is long {number}. It opened in 1933.") for number in range(SHORT)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.sqlite"
        make_database(path)
        with Database(path) as database:
            pipeline = Pipeline(database)
            calls = {
                f"prune of {PASSAGES} passages": lambda: pruner.prune(QUERY, Passages(texts)),
                f"lexical prune of {SHORT} short contexts": lambda: cheap.prune_batch("When did it open?", short),
                "ask": lambda: pipeline.ask(QUESTION),
            }
            figures = {name: measure(call, options.rounds, counter, spans) for name, call in calls.items()}
            # Only now: counting them takes time, too.
            made = count_made(provider)
            for name, call in calls.items():
                figures[name]["spans lost"] = count_lost(call, counter, made)
    provider.shutdown()
    figures["nanoseconds of one span"] = {name: round(seconds * 1e9) for name, seconds in spans.items()}
    record("tracing", figures, seed=0, data={"LICENSE": "as committed", "demo database": "seed 0"})


def measure(call, rounds: int, counter: Counter, spans: dict[str, float]) -> dict[str, object]:
    """Processor time of a call with and without spans, in turns that begin with either."""
    for traced in (True, False, True, False):
        seconds_of(call, traced=traced)  # warm
    counter.flush()
    counter.spans = 0
    pairs = []
    for number in range(rounds):
        first = seconds_of(call, traced=number % 2 == 0)
        second = seconds_of(call, traced=number % 2 == 1)
        pairs.append((first, second) if number % 2 == 0 else (second, first))
    counter.flush()
    on, off = np.array(pairs).T
    # Medians: others use the same processor, so that some calls take twice as long.
    drawn = np.random.default_rng(0).integers(rounds, size=(_DRAWS, rounds))
    shares = np.median((on - off)[drawn], axis=1) / np.median(off)
    per_call = counter.spans / rounds
    return {
        "rounds": rounds,
        "spans": per_call,
        "processor ms, off": round(float(np.median(off)) * 1e3, 2),
        "processor ms, on": round(float(np.median(on)) * 1e3, 2),
        "on, percent": round(float(np.median(on - off) / np.median(off)) * 100, 2),
        "on, percent, 95 % interval": [round(float(np.quantile(shares, at)) * 100, 2) for at in (0.025, 0.975)],
        "off, percent": {
            name: round(per_call * seconds / float(np.median(off)) * 100, 4)
            for name, seconds in spans.items()
            if not name.startswith("on")
        },
    }


def count_made(provider) -> list[object]:
    """The spans that end from now on, whether they are exported or not."""
    from opentelemetry.sdk.trace import SpanProcessor

    made: list[object] = []

    class Made(SpanProcessor):
        def on_end(self, span) -> None:
            made.append(span)

    provider.add_span_processor(Made())
    return made


def count_lost(call, counter: Counter, made: list[object]) -> int:
    """Spans of one call that were made and did not come to the exporter."""
    counter.flush()
    made.clear()
    counter.spans = 0
    call()
    counter.flush()
    return len(made) - counter.spans


def seconds_of(call, *, traced: bool) -> float:
    """Processor time of one call."""
    with nullcontext() if traced else muted():
        gc.collect()
        gc.disable()  # a collection falls into the one or the other by chance
        start = time.process_time()
        call()
        seconds = time.process_time() - start
        gc.enable()
        return seconds


@contextmanager
def muted():
    """As if no provider were set, which cannot be taken back."""
    known = tracing._current_tracer
    tracing._current_tracer = lambda: None
    try:
        yield
    finally:
        tracing._current_tracer = known


def seconds_of_a_span(number: int = 100_000) -> float:
    """Of one span without attributes, the least of five repeats."""

    def one() -> None:
        with tracing.start_span("ctxprune.benchmark"):
            pass

    return min(repeat(one, timer=time.process_time, number=number, repeat=5)) / number


class Counter:
    """An exporter that counts spans and throws them away."""

    def __init__(self) -> None:
        self.spans, self.flush = 0, lambda: None

    def export(self, spans):
        from opentelemetry.sdk.trace.export import SpanExportResult

        self.spans += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass

    def force_flush(self, _timeout_millis: int = 30_000) -> bool:
        return True


def make_provider():
    """A provider that is not set yet, and the exporter behind it."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider, counter = TracerProvider(), Counter()
    provider.add_span_processor(BatchSpanProcessor(counter))
    counter.flush = provider.force_flush
    return provider, counter


def set_provider(provider) -> None:
    from opentelemetry import trace

    trace.set_tracer_provider(provider)


def read_passages() -> list[str]:
    """Passages of English that are in every checkout."""
    text = LICENSE.read_text(encoding="utf-8")
    return [text[start : start + CHARACTERS] for start in range(0, PASSAGES * CHARACTERS, CHARACTERS)]


if __name__ == "__main__":
    main()
