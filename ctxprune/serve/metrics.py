"""What Prometheus reads at /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Metrics"]

# Edges of histograms, about three to a factor of ten: an answer takes 3 ms alone and 30 seconds at most by default.
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_LEFT_OUT = (
    b"# ctxprune_tokens, ctxprune_guardrail_texts and ctxprune_stage_duration_seconds are for keys that have"
    b" metrics = true\n"
)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The service's metrics, in registries of their own: of its load, and of the work on requests, which reveals
    something of their contents.

    Args:
        inside: Says how many requests are being worked on.
        waiting: Says how many wait for their turn.
    """

    def __init__(self, inside: Callable[[], int], waiting: Callable[[], int]) -> None:
        prometheus = require("prometheus_client", "serve")
        self._registry = prometheus.CollectorRegistry()
        self._inner = prometheus.CollectorRegistry()
        common, inner = {"registry": self._registry}, {"registry": self._inner}
        self._tokens = prometheus.Counter(
            "ctxprune_tokens", "Tokens that came into a stage and out of it.", ["direction", "stage"], **inner
        )
        self._requests = prometheus.Histogram(
            "ctxprune_request_duration_seconds",
            "From a request's first byte to the end of its answer.",
            ["route", "status"],
            buckets=_SECONDS,
            **common,
        )
        self._stages = prometheus.Histogram(
            "ctxprune_stage_duration_seconds", "Of one stage of the work.", ["stage"], buckets=_SECONDS, **inner
        )
        self._texts = prometheus.Counter(
            "ctxprune_guardrail_texts", "Texts of a LiteLLM proxy, by what was done with them.", ["result"], **inner
        )
        self._batches = prometheus.Histogram(
            "ctxprune_batch_requests", "Requests that shared one run of the scorer.", buckets=_SIZES, **common
        )
        for name, text, read in (
            ("ctxprune_requests_in_progress", "Requests that are being worked on.", inside),
            ("ctxprune_requests_waiting", "Requests that wait for their turn.", waiting),
        ):
            prometheus.Gauge(name, text, **common).set_function(read)
        self._render = prometheus.generate_latest

    def request(self, route: str, status: int, seconds: float) -> None:
        """One request ended; 499 where the client went away."""
        self._requests.labels(route, str(status)).observe(seconds)

    def batch(self, size: int) -> None:
        """So many requests shared a run."""
        self._batches.observe(size)

    def stages(self, seconds: Mapping[str, float]) -> None:
        """Time by stage."""
        for stage, value in seconds.items():
            self._stages.labels(stage).observe(value)

    def tokens(self, stage: str, into: int, out: int) -> None:
        """Tokens before and after a stage; of a model's, of its prompts and answers."""
        self._tokens.labels("in", stage).inc(into)
        self._tokens.labels("out", stage).inc(out)

    def texts(self, counts: Mapping[str, int]) -> None:
        """So many texts of a proxy's request were cut, or passed through, by the reason."""
        for result, count in counts.items():
            self._texts.labels(result).inc(count)

    def text(self, *, whole: bool) -> bytes:
        """Those of the load in Prometheus's text format, and the others where all are asked for."""
        text: bytes = self._render(self._registry)
        return text + (self._render(self._inner) if whole else _LEFT_OUT)
