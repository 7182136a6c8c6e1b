"""What the service adds to a request of a LiteLLM proxy with 20 kB of a tool's result.

    python benchmarks/speed/serve_gateway.py [--requests N]

Writes benchmarks/results/serve_gateway.json. One client, over loopback; each request holds a question and one result of
20,000 characters of a book, no two alike but for "sent again", which repeats results with one more message behind them,
as an agent does with each further call, and "the same request". Wall milliseconds depend on what else the machine does
(where it does much, `chrt -r 5 python …` gives the service the cores that it has on an idle one; the pauses are for
that); processor milliseconds are those of the service with its worker processes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import tempfile
import urllib.request
from pathlib import Path
from statistics import quantiles
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

from benchmarks.common.record import SHARED, record
from benchmarks.common.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

BOOK = SHARED / "data" / "rag" / "long_text" / "nietzsche_beyond_good_and_evil.txt.gz"
SIZE = 20_000
QUESTION = "What does he say about the free spirit?"
PAUSE = 0.05  # seconds between requests
Message = dict[str, str]
PATH = "/beta/litellm_basic_guardrail_api"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    book = gzip.decompress(BOOK.read_bytes()).decode("utf-8", "replace")
    step = (len(book) - SIZE) // options.requests
    texts = [book[start * step : start * step + SIZE] for start in range(options.requests)]
    figures: dict[str, Any] = {"requests": options.requests, "characters": SIZE}
    with tempfile.TemporaryDirectory() as folder, Service(Path(folder), "gateway", "") as service:
        send(service, texts[0][: SIZE - 1], "model")  # a worker process is there
        again = [{"role": "assistant", "content": "He does not say."}]
        figures["model"] = measure(service, texts, "model")
        figures["model, sent again"] = measure(service, texts, "model", again)
        figures["model, the same request"] = measure(service, texts, "model", again)
        figures["words"] = measure(service, texts, "words")
    data = {BOOK.name: hashlib.sha256(BOOK.read_bytes()).hexdigest()[:16]}
    record("serve_gateway", figures, seed=None, data=data)


def measure(service: Service, texts: Sequence[str], scorer: str, more: Sequence[Message] = ()) -> dict[str, float]:
    """Milliseconds a request."""
    before = family_cpu(service)
    walls = []
    for text in texts:
        sleep(PAUSE)
        start = perf_counter()
        if send(service, text, scorer, more)["action"] != "GUARDRAIL_INTERVENED":
            raise SystemExit("a result was not cut")
        walls.append((perf_counter() - start) * 1e3)
    cuts = quantiles(walls, n=20)
    spent = (family_cpu(service) - before) * 1e3 / len(texts)
    return {"p50 ms": round(cuts[9], 1), "p95 ms": round(cuts[18], 1), "processor ms": round(spent, 1)}


def send(service: Service, text: str, scorer: str, more: Sequence[Message] = ()) -> dict[str, Any]:
    """The answer to one request, with more messages behind the result."""
    messages = [{"role": "user", "content": QUESTION}, {"role": "tool", "tool_call_id": "1", "content": text}, *more]
    params = {"limit": 1_000, "scorer": scorer}
    body = {
        "texts": [message["content"] for message in messages],
        "structured_messages": messages,
        "additional_provider_specific_params": params,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{service.port}{PATH}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        answer: dict[str, Any] = json.load(reply)
    return answer


def family_cpu(service: Service) -> float:
    """Processor seconds so far of the service and its worker processes."""
    children = [
        int(pid)
        for task in Path(f"/proc/{service.process.pid}/task").glob("*/children")
        for pid in task.read_text().split()
    ]
    return service.cpu() + sum(_cpu(pid) for pid in children)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
