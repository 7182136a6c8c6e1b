"""Spans of requests hang in the caller's trace, and those of the work in the request's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from recorded_spans import Spans

from .conftest import SOME, Client

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01", "baggage": "secret=hunter2"}
TEXT = "The bridge is long. It opened in 1933."


def test_a_request_takes_over_the_callers_trace(client: Client, spans: Spans) -> None:
    body = {"query": "When did it open?", "text": TEXT, "budget": 10}
    assert client.post("/v1/prune", body, headers=CALLER).status_code == 200
    assert spans.tree()[:2] == ["POST /v1/prune", ".ctxprune.prune.choose"]
    (root,) = spans.all("POST /v1/prune")
    assert root.kind.name == "SERVER"
    assert f"{root.parent.span_id:016x}" == PARENT
    assert {f"{span.context.trace_id:032x}" for span in spans.all()} == {TRACE}
    assert dict(root.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/prune",
        "http.response.status_code": 200,
    }
    assert "hunter2" not in spans.text()
    assert "bridge" not in spans.text()


def test_a_question_is_a_part_of_its_request(client: Client, spans: Spans) -> None:
    body = {"database": "shop", "question": "How many cities are there?"}
    assert client.post("/v1/sql/ask", body, headers=CALLER).status_code == 200
    tree = spans.tree()
    assert tree[0] == "POST /v1/sql/ask"
    begin = tree.index(".ctxprune.ask")  # the service reflects the database before
    assert tree[begin + 1] == "..ctxprune.ask.screen"
    assert {f"{span.context.trace_id:032x}" for span in spans.all() if span.name.startswith("ctxprune.ask")} == {TRACE}


def test_requests_at_the_same_time_keep_apart(client: Client, spans: Spans) -> None:
    import asyncio

    async def several() -> None:
        body = {"query": "When did it open?", "text": TEXT}
        headers = [{"traceparent": f"00-{number:032x}-{number:016x}-01"} for number in range(1, 9)]
        await asyncio.gather(*(client.aask("POST", "/v1/prune", json=body, headers=given) for given in headers))

    client.loop.run_until_complete(several())
    found = spans.all("ctxprune.prune.choose")
    assert {span.context.trace_id for span in found} == set(range(1, 9))
    parents = {span.context.span_id: span.context.trace_id for span in spans.all("POST /v1/prune")}
    assert all(parents[span.parent.span_id] == span.context.trace_id for span in found)


def test_refused_requests_are_no_errors_of_the_service(client: Client, spans: Spans) -> None:
    assert client.post("/v1/prune", {"query": "?"}, key="wrong").status_code == 401
    assert client.post("/v1/sql/ask", {"database": "no", "question": "?"}, key=SOME).status_code == 422
    assert client.get("/no/such/secret").status_code == 404
    assert [span.name for span in spans.all()] == ["POST /v1/prune", "POST /v1/sql/ask", "GET other"]
    assert {span.status.status_code.name for span in spans.all()} == {"UNSET"}


def test_the_method_of_a_span_is_one_of_few(client: Client, spans: Spans) -> None:
    for method in ("SECRET4711", "PROPFIND", "post"):
        client.ask(method, "/no")
    assert [span.name for span in spans.all()] == ["HTTP other", "HTTP other", "POST other"]
    assert [span.attributes["http.request.method"] for span in spans.all()] == ["_OTHER", "_OTHER", "POST"]


def test_an_observer_alone_needs_no_opentelemetry() -> None:
    code = (
        "import sys\n"
        "from ctxprune.serve.spans import start_request_span\n"
        "from ctxprune.utils.tracing import NO_SPAN, observe_spans\n"
        "class Told:\n"
        "    def start(self, name, attributes): return self\n"
        "    def end(self, attributes, error): pass\n"
        "with observe_spans(Told()), start_request_span('GET', '/', {}) as span:\n"
        "    assert span is NO_SPAN\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("value", ["", "00-0-0-00", "x" * 5_000, "00-" + "f" * 32 + "-" + "0" * 16 + "-01", "ÿ\u00e9"])
def test_a_damaged_header_begins_a_trace_of_its_own(client: Client, spans: Spans, value: str) -> None:
    headers = {"traceparent": value.encode("latin-1")}
    assert client.post("/v1/prune", {"query": "When?", "text": TEXT}, headers=headers).status_code == 200
    assert spans.all("POST /v1/prune")[0].parent is None


def test_a_span_that_middleware_made_stands_for_the_request(client: Client, spans: Spans, shop: Path) -> None:
    from opentelemetry import trace

    async def framework() -> None:
        with trace.get_tracer("framework").start_as_current_span("outer"):
            await client.aask("POST", "/v1/prune", json={"query": "When?", "text": TEXT}, headers=CALLER)

    client.loop.run_until_complete(framework())
    assert spans.tree()[:2] == ["outer", ".ctxprune.prune.choose"]
