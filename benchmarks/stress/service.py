"""The HTTP service with 20 abusive clients beside 8 honest ones, on loopback: how long do the honest ones wait?

    python benchmarks/stress/service.py [--seconds N]     # benchmarks/stress/service.json

The service runs as a process, with the bundled model and its default limits. The honest clients are alone, then the
abusive ones come, three times by turns; the ratio is the median. What each of these does stands in `abuse.py`. "two
keys": they have a key of their own; "one key": they have that of the honest ones, so that nothing but the cost of a
request tells them apart. Each honest client asks for a few sentences to be pruned, pauses for 50 ms, and asks again; an
answer that is not right counts as an error. Memory is the resident one of the service and its child processes together,
looked at ten times a second. `/healthz` is asked ten times a second, too, over connections of its own. The abusive
clients share the machine's cores, with a somewhat lower priority (nice 5), since elsewhere they would have others.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median
from time import monotonic

from benchmarks.common.record import record
from benchmarks.common.service import Connection, Service, Tally

HONEST, ABUSER = "key-of-the-honest", "key-of-the-abusers"
CLIENTS = 8
ROUNDS = 3
PAUSE_SECONDS = 0.05
SEED = 0
ABUSE = Path(__file__).with_name("abuse.py")
PLACES = ("Arden", "Brook", "Carse", "Delft", "Esk", "Forth", "Garry", "Humber")


def config(keys: int) -> str:
    names = {"honest": HONEST, "abuser": ABUSER}
    lines = [
        f'[[keys]]\nname = "{name}"\nsha256 = "{hashlib.sha256(key.encode()).hexdigest()}"\n'
        for name, key in list(names.items())[:keys]
    ]
    return "".join(lines)


def question(rng: random.Random) -> tuple[bytes, str]:
    """A request, and a word that a right answer holds."""
    place, year = rng.choice(PLACES), rng.randrange(1200, 2000)
    sentences = [f"The bridge of {place} opened in {year}, after four years of work."]
    others = rng.sample(PLACES, rng.randrange(1, 5))
    sentences += [f"People in {other} keep {rng.randrange(2, 90)} sheep and sell wool each spring." for other in others]
    rng.shuffle(sentences)
    asked = {"query": f"When did the bridge of {place} open?", "text": " ".join(sentences), "top_k": 1}
    return json.dumps(asked).encode(), str(year)


async def honest(port: int, seed: int, until: float, tally: Tally) -> int:
    """Answers that were wrong."""
    rng, connection, wrong = random.Random(seed), Connection(port, HONEST), 0
    while monotonic() < until:
        body, year = question(rng)
        reply = await connection.post("/v1/prune", body)
        tally.add(reply)
        wrong += reply.status == 200 and year not in json.loads(reply.body)["output"]
        await asyncio.sleep(PAUSE_SECONDS)
    connection.close()
    return wrong


async def watch(service: Service, until: float, health: list[float], memory: list[float]) -> None:
    while monotonic() < until:
        start = monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        if b" 200 " not in await reader.readline():
            raise SystemExit("the service is not healthy")
        health.append(monotonic() - start)
        writer.close()
        memory.append(service.family_memory())
        await asyncio.sleep(0.1)


async def measure(service: Service, seconds: float) -> dict[str, object]:
    tally, health, memory = Tally(), [], []
    until = monotonic() + seconds
    clients = [honest(service.port, SEED + number, until, tally) for number in range(CLIENTS)]
    *wrong, _ = await asyncio.gather(*clients, watch(service, until, health, memory))
    return {
        "answers": len(tally.seconds),
        "errors": sum(count for status, count in tally.statuses.items() if status != 200) + sum(wrong),
        "p50_ms": percentile(tally.seconds, 50),
        "p95_ms": percentile(tally.seconds, 95),
        "p99_ms": percentile(tally.seconds, 99),
        "healthz_p95_ms": percentile(health, 95),
        "healthz_worst_ms": percentile(health, 100),
        "memory_mb": round(max(memory), 1),
    }


def percentile(seconds: list[float], share: int) -> float:
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1e3, 1)


def compare(folder: Path, keys: int, seconds: float) -> dict[str, object]:
    """Rounds of alone and beside, since other work on the machine comes and goes."""
    with Service(folder, f"keys{keys}", config(keys)) as service:
        asyncio.run(measure(service, 3.0))  # warms it
        key = ABUSER if keys > 1 else HONEST
        rounds = [play(service, key, seconds) for _ in range(ROUNDS)]
    return {
        "p95_ratio": round(median(beside["p95_ms"] / alone["p95_ms"] for alone, beside, _ in rounds), 2),
        "errors": sum(part["errors"] for alone, beside, _ in rounds for part in (alone, beside)),
        "memory_mb": max(beside["memory_mb"] for _, beside, _ in rounds),
        "rounds": [{"alone": alone, "beside": beside} for alone, beside, _ in rounds],
        "abuse": totals([outcomes for _, _, outcomes in rounds]),
    }


def play(service: Service, key: str, seconds: float) -> tuple[dict[str, float], dict[str, float], dict[str, object]]:
    words = [sys.executable, str(ABUSE), str(service.port), str(seconds + 4), key]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as abuse:
        abuse.stdout.readline()
        alone = asyncio.run(measure(service, seconds))
        abuse.stdin.write(b"go\n")
        abuse.stdin.flush()
        asyncio.run(measure(service, 3.0))  # until all of them have begun
        beside = asyncio.run(measure(service, seconds))
        outcomes = json.loads(abuse.communicate(timeout=seconds + 60)[0])
    asyncio.run(measure(service, 3.0))  # until what they left is done
    return alone, beside, outcomes


def totals(rounds: list[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for outcomes in rounds:
        for name, ended in outcomes.items():
            counts.setdefault(name, Counter()).update(ended)
    return {name: dict(ended) for name, ended in sorted(counts.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement; default 20")
    seconds = parser.parse_args().seconds
    figures: dict[str, object] = {"honest": CLIENTS, "abusive": 20, "seconds": seconds, "rounds": ROUNDS}
    with tempfile.TemporaryDirectory() as folder:
        for name, keys in (("two keys", 2), ("one key", 1)):
            figures[name] = compare(Path(folder), keys, seconds)
            sys.stderr.write(f"{name}: {json.dumps(figures[name])}\n")
    record("../stress/service", figures, seed=SEED, data={})


if __name__ == "__main__":
    main()
