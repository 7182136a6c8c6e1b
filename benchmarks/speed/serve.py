"""The HTTP service under load, with the bundled model, on loopback.

    python benchmarks/speed/serve.py overhead|batching|overload|soak [--seconds N]

Writes its part of benchmarks/results/serve.json. Requests hold one to five sentences of a book and a question, no two
alike unless said. Service and clients share the machine's cores, so the rates are lower bounds.

overhead: one client; by turns a call of the library in this process and the same request to the service.
batching: 32 clients; by turns a service that shares runs and one that does not, both started before; the ratio is the
median over rounds. "differ": no two requests alike; "popular": drawn from 64 requests, the n-th as often as 1/n;
"repeated": one request, so that what is left is HTTP. Processor time of the service a request is told beside, since
other work on the machine disturbs it less (`chrt -r 5 python …` gives the service the cores it has on an idle one).
"bound": the model's processor time for a token in a window of so many, which hardly depends on how many there are: it
has no fixed cost that a shared run would save. `library_per_second` is what two threads prune of "differ" in runs of 16
without HTTP and clients, `model_per_second` what the model alone does; a service cannot answer more.
overload: ten times as many requests as the service answers, for a minute, over up to 500 connections.
soak: eight clients of all endpoints for ten minutes; growth is that of memory from the third minute to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import itertools
import json
import random
import shlex
import sqlite3
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean, median
from time import monotonic, perf_counter, process_time
from typing import TYPE_CHECKING, Any

from benchmarks.common.parts import say
from benchmarks.common.record import RESULTS, SHARED, record
from benchmarks.common.service import Connection, Service, Tally
from ctxprune import Pruner
from ctxprune.models.pruner import PrunerModel, load_pruner
from ctxprune.models.windows import Tokens, Window
from ctxprune.rag import Passage, sentence_spans
from ctxprune.serve.routes.prune import PruneRequest, plan
from ctxprune.serve.scoring import make_scorer, run_tasks
from ctxprune.serve.settings import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.common.service import Reply

BOOK = SHARED / "data" / "rag" / "long_text" / "nietzsche_beyond_good_and_evil.txt.gz"
SEED = 0
CLIENTS = 32
ROUNDS = 3
OPEN = 500
POPULAR = 64
SHARED_RUN = 16
WINDOWS = (16, 32, 64, 128, 256)  # tokens
SHOP = """
CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT, population INTEGER);
INSERT INTO city VALUES ('São Paulo', 'Brazil', 12300000), ('Paris', 'France', 2100000), ('Lyon', 'France', 520000);
"""
PLAIN = "[limits]\nconcurrency = 64\nqueue = 256\n"


def main() -> None:
    parts: dict[str, Callable[[Path, float], object]] = {
        "overhead": overhead,
        "batching": batching,
        "overload": overload,
        "soak": soak,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(parts))
    parser.add_argument("--seconds", type=float, default=0.0, help="of overload and soak; default 60 and 600")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = parts[options.part](Path(folder), options.seconds)
    path = RESULTS / "serve.json"
    before = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.exists() else {}
    command = shlex.join(["python", "benchmarks/speed/serve.py", *sys.argv[1:]])
    figures = {**before, options.part: {"command": command, **found}}
    data = {BOOK.name: hashlib.sha256(BOOK.read_bytes()).hexdigest()[:16]}
    record("serve", {part: figures[part] for part in parts if part in figures}, seed=SEED, data=data)


def sentences() -> list[str]:
    """Those of the book of 20 to 200 characters."""
    text = gzip.decompress(BOOK.read_bytes()).decode("utf-8", "replace")
    found = (" ".join(text[start:end].split()) for start, end in sentence_spans(text[20_000:300_000]))
    return [sentence for sentence in found if 20 <= len(sentence) <= 200]


def requests(seed: int) -> Iterator[dict[str, str]]:
    """Bodies for /v1/prune without end, no two alike."""
    rng, pool = random.Random(seed), sentences()
    for number in itertools.count():
        start = rng.randrange(len(pool) - 5)
        chosen = pool[start : start + rng.randint(1, 5)]
        about = " ".join(rng.choice(chosen).split()[:6])
        yield {"query": f"What is said in {number} of {about}?", "text": " ".join(chosen)}


def ms(seconds: float) -> float:
    return round(seconds * 1e3, 2)


def overhead(folder: Path, _seconds: float) -> dict[str, object]:
    found: dict[str, object] = {}
    for scorer in ("cascade.v1", "lexical.v1"):
        with Service(folder, scorer, f'[model]\nscorer = "{scorer}"\n') as service:
            found[scorer] = asyncio.run(_overhead(service.port, Pruner(scorer)))
            say(f"{scorer}: {found[scorer]}")
    return found


async def _overhead(port: int, pruner: Pruner) -> dict[str, object]:
    connection, bodies = Connection(port), requests(SEED)
    library, service = [], []
    for number in range(230):
        asked = next(bodies)
        start = perf_counter()
        expected = pruner.prune(asked["query"], Passage(asked["text"]))
        took = perf_counter() - start
        reply = await connection.post("/v1/prune", json.dumps(asked).encode())
        if json.loads(reply.body)["output"] != expected.output:
            raise SystemExit(f"the service answers otherwise than the library: {asked}")
        if number >= 30:  # both are warm
            library.append(took)
            service.append(reply.seconds)
    connection.close()
    return {
        "requests": len(library),
        "library_p50_ms": ms(median(library)),
        "service_p50_ms": ms(median(service)),
        "overhead_p50_ms": ms(median(service) - median(library)),
        "overhead_p50_of_pairs_ms": ms(median(b - a for a, b in zip(library, service, strict=True))),
    }


def batching(folder: Path, _seconds: float) -> dict[str, object]:
    """On against off, with the bundled model and with BM25 alone."""
    found: dict[str, Any] = {"clients": CLIENTS, "rounds": ROUNDS}
    off = f"{PLAIN}[batching]\nenabled = false\n"
    with Service(folder, "on", PLAIN) as shared, Service(folder, "off", off) as single:
        for name, stream in (("differ", differing), ("popular", popular), ("repeated", repeated)):
            bodies = stream()
            for service in (single, shared):
                asyncio.run(_round(service, bodies, 50))  # warms it
            rows = [_pair(shared, single, bodies) for _ in range(ROUNDS)]
            found[name] = {
                "on_per_second": round(median(row["on"]["per_second"] for row in rows), 1),
                "off_per_second": round(median(row["off"]["per_second"] for row in rows), 1),
                "ratio": round(median(row["on"]["per_second"] / row["off"]["per_second"] for row in rows), 2),
                "on_cpu_ms_a_request": round(median(row["on"]["cpu_ms"] for row in rows), 2),
                "off_cpu_ms_a_request": round(median(row["off"]["cpu_ms"] for row in rows), 2),
                "on_p50_ms": round(median(row["on"]["p50_ms"] for row in rows), 1),
                "off_p50_ms": round(median(row["off"]["p50_ms"] for row in rows), 1),
            }
            say(f"{name}: {found[name]}")
            if name == "differ":  # the others are mostly answered without a run
                runs = shared.metric("ctxprune_batch_requests_count")
                found["requests_a_run"] = round(shared.metric("ctxprune_batch_requests_sum") / runs, 1)
    return {**found, "bound": _bound(found["differ"]["off_per_second"])}


def _bound(off_per_second: float) -> dict[str, object]:
    """What sharing runs could gain at best."""
    model, scorer = load_pruner(), make_scorer(ModelConfig())
    tokens = {size: _cpu_ms(model, [Window([*range(1000, 1000 + size)], 8)] * 100) * 1e3 / size for size in WINDOWS}
    asked = list(itertools.islice(requests(SEED), 160))
    windows = [window for one in asked for window in windows_of(model, one)]

    def read() -> None:
        for window in windows:
            model.run_with_states(window)

    def prune_all() -> None:
        tasks = [plan(PruneRequest.model_validate(one), scorer, "") for one in asked]
        for start in range(0, len(tasks), SHARED_RUN):
            run_tasks(tasks[start : start + SHARED_RUN], scorer)

    library = _per_second(prune_all, len(asked))
    return {
        "model_us_a_token": {str(size): round(us, 1) for size, us in tokens.items()},
        "model_ms_a_request": round(_cpu_ms(model, windows) * len(windows) / len(asked), 2),
        "model_per_second": round(_per_second(read, len(asked)), 1),
        "library_per_second": round(library, 1),
        "ratio_at_best": round(library / off_per_second, 2),
    }


def _per_second(work: Callable[[], None], count: int) -> float:
    """How often a second two threads, one a core, do what `work` does `count` times."""
    work()
    start = perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: work(), range(2 * ROUNDS)))
    return 2 * ROUNDS * count / (perf_counter() - start)


def windows_of(model: PrunerModel, asked: dict[str, str]) -> list[Window]:
    """What the model reads of a request."""
    question, *units = model.encode([asked["query"], *(unit.text for unit in Passage(asked["text"]).units)])
    return model.windows(question, [Tokens([], units)], "passage")


def _cpu_ms(model: PrunerModel, windows: list[Window]) -> float:
    """Processor milliseconds a window."""
    for window in windows[:20]:  # it is warm
        model.run_with_states(window)
    start = process_time()
    for window in windows:
        model.run_with_states(window)
    return (process_time() - start) * 1e3 / len(windows)


def differing() -> Iterator[bytes]:
    return (json.dumps(asked).encode() for asked in requests(SEED))


def popular() -> Iterator[bytes]:
    rng = random.Random(SEED)
    pool = [json.dumps(asked).encode() for asked in itertools.islice(requests(SEED + 1), POPULAR)]
    weights = [1 / (rank + 1) for rank in range(POPULAR)]
    while True:
        yield from rng.choices(pool, weights, k=1000)


def repeated() -> Iterator[bytes]:
    return itertools.repeat(json.dumps(next(requests(SEED + 2))).encode())


def _pair(shared: Service, single: Service, bodies: Iterator[bytes]) -> dict[str, dict[str, float]]:
    return {name: asyncio.run(_round(service, bodies, 100)) for name, service in (("off", single), ("on", shared))}


async def _round(service: Service, bodies: Iterator[bytes], size: int) -> dict[str, float]:
    """All clients ask until `size` requests are answered."""
    batch, tally = iter(list(itertools.islice(bodies, size))), Tally()

    async def client() -> None:
        connection = Connection(service.port)
        for body in batch:
            tally.add(await connection.post("/v1/prune", body))
        connection.close()

    cpu, start = service.cpu(), perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    seconds = perf_counter() - start
    if set(tally.statuses) != {200}:
        raise SystemExit(f"not all were answered: {tally.statuses}")
    return {
        "per_second": size / seconds,
        "cpu_ms": (service.cpu() - cpu) / size * 1e3,
        "p50_ms": median(tally.seconds) * 1e3,
    }


def overload(folder: Path, seconds: float) -> dict[str, object]:
    limits = "[limits]\nconcurrency = 32\nqueue = 32\n"
    with Service(folder, "overload", limits) as service:
        asyncio.run(_round(service, differing(), 50))
        capacity = asyncio.run(_round(service, differing(), 300))["per_second"]
        before = service.memory()
        found = asyncio.run(_flood(service, capacity, seconds or 60.0))
        peak = service.memory("VmHWM")
        asyncio.run(_round(service, differing(), 100))  # it serves as before
    return {
        "capacity_per_second": round(capacity, 1),
        **found,
        "memory_before_mb": round(before, 1),
        "memory_peak_mb": round(peak, 1),
    }


async def _flood(service: Service, capacity: float, seconds: float) -> dict[str, object]:
    """Requests at ten times the capacity, over `OPEN` connections at most; each answer is checked."""
    tally, wrong, mixed = Tally(), 0, 0
    idle: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()
    peak_waiting = 0

    async def ask(number: int) -> None:
        nonlocal wrong, mixed
        connection = idle.pop() if idle else Connection(service.port)
        text = f"Bridge {number} is long. It opened in {number + 1000}, bridge {number}. Cats sleep."
        asked = {"query": f"When did bridge {number} open?", "text": text, "top_k": 1}
        reply = await connection.post("/v1/prune", json.dumps(asked).encode(), f"r{number}")
        idle.append(connection)
        tally.add(reply)
        mixed += reply.status != 0 and reply.id != f"r{number}"
        if reply.status == 200:
            answer = json.loads(reply.body)
            wrong += answer["query"] != asked["query"] or f" {number}" not in answer["output"]

    start, sent = monotonic(), 0
    while (now := monotonic() - start) < seconds:
        while sent < 10 * capacity * now and len(tasks) < OPEN:
            tasks.add(task := asyncio.ensure_future(ask(sent)))
            task.add_done_callback(tasks.discard)
            sent += 1
        peak_waiting = max(peak_waiting, len(tasks))
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    for connection in idle:
        connection.close()
    return {
        "seconds": round(monotonic() - start, 1),
        "sent": sent,
        "times_capacity": round(sent / seconds / capacity, 1),
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "lost": sent - sum(count for status, count in tally.statuses.items() if status),
        "wrong": wrong,
        "mixed_up": mixed,
        "answered_p50_ms": ms(median(tally.seconds)),
        "open_at_once_at_most": peak_waiting,
    }


def soak(folder: Path, seconds: float) -> dict[str, object]:
    seconds = seconds or 600.0
    database = folder / "shop.sqlite"
    with sqlite3.connect(database) as connection:
        connection.executescript(SHOP)
    connection.close()
    config = '[[databases]]\nname = "shop"\npath = "shop.sqlite"\n'
    with Service(folder, "soak", config) as service:
        tally, samples = asyncio.run(_soak(service, seconds))
    early = [mb for at, mb in samples if 0.2 * seconds <= at < 0.3 * seconds]
    late = [mb for at, mb in samples if at >= 0.9 * seconds]
    return {
        "seconds": seconds,
        "clients": 8,
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "memory_after_warm_up_mb": round(fmean(early), 1),
        "memory_at_the_end_mb": round(fmean(late), 1),
        "growth_percent": round(100 * (fmean(late) / fmean(early) - 1), 2),
        "memory_mb_each_30_s": [round(mb, 1) for at, mb in samples if at % 30 < 5],
    }


async def _soak(service: Service, seconds: float) -> tuple[Tally, list[tuple[float, float]]]:
    tally, samples, start = Tally(), [], monotonic()

    async def client(seed: int) -> None:
        connection, bodies, rng = Connection(service.port), requests(seed), random.Random(seed)
        while monotonic() - start < seconds:
            path, body = _any(rng, next(bodies))
            reply: Reply = await connection.post(path, json.dumps(body).encode())
            tally.add(reply)
        connection.close()

    async def watch() -> None:
        while (at := monotonic() - start) < seconds:
            samples.append((at, service.memory()))
            await asyncio.sleep(5)

    await asyncio.gather(watch(), *(client(seed) for seed in range(8)))
    return tally, samples


def _any(rng: random.Random, asked: dict[str, str]) -> tuple[str, dict[str, object]]:
    """A request to one of the endpoints."""
    question = {
        "database": "shop",
        "question": rng.choice(["How many cities are in France?", "Which city is largest?"]),
    }
    return rng.choice(
        [
            ("/v1/prune", asked),
            ("/v1/prune", {**asked, "budget": rng.randrange(20, 200), "on_empty": "drop"}),
            ("/v1/rerank", {"query": asked["query"], "documents": asked["text"].split(". ")}),
            ("/v1/sql/link", question),
            ("/v1/sql/ask", {**question, "stream": rng.random() < 0.5}),
        ]
    )


if __name__ == "__main__":
    main()
