"""How fast JSON documents and logs are read and written, and how much memory that takes.

    python benchmarks/speed/json_logs.py [--megabytes N]

Writes benchmarks/results/json_logs.json. Texts of 50 MB are made here with a fixed seed; each is read, half of its
units are kept, and what is left is written; one process each, one thread. `json.loads` on the same text beside it,
which does not say where anything is. Peak is VmHWM of the process, the text included.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.common.record import record
from ctxprune.rag import JsonDocument, Log

SEED = 0


def records(state):
    """A list of objects with one level of nesting, as services answer."""
    number = state.randrange(10**6)
    return {
        "id": number,
        "name": f"Person {number}",
        "score": number / 8,
        "tags": ["a", "b"],
        "geo": {"lat": 1.5, "lon": state.random()},
    }


def deep(state):
    """The same, three levels down."""
    return {"id": state.randrange(10**6), "a": [{"b": {"c": [records(state)]}}]}


def json_text(make, size):
    state = random.Random(SEED)
    count = size // len(json.dumps(make(state)))
    return f'{{"took": 3, "hits": [{", ".join(json.dumps(make(state)) for _ in range(count))}]}}'


def numbers(size):
    state = random.Random(SEED)
    return f"[{', '.join(str(state.randrange(10**5)) for _ in range(size // 7))}]"


def log_text(size):
    state = random.Random(SEED)
    forms = (
        'INFO  [worker-{}] http: 10.0.{}.{} "GET /api/users/{} HTTP/1.1" 200 in {} ms',
        "DEBUG [worker-{}] cache: miss for key user:{}:{} shard {} ttl {}",
        "WARN  [worker-{}] db: connection to /var/run/pg{} slow, {} ms, {} waiting, {} open",
        "ERROR [worker-{}] pay: charge {} of account {} refused\nValueError: code {}\n  at pay.py:{}",
    )
    lines = []
    while size > 0:
        form = state.choices(forms, weights=(60, 30, 9, 1))[0]
        time_of_day = f"2026-03-{state.randrange(1, 29):02} {state.randrange(24):02}:{state.randrange(60):02}:07,123"
        lines.append(f"{time_of_day} {form.format(*(state.randrange(1000) for _ in range(5)))}")
        size -= len(lines[-1]) + 1
    return "\n".join(lines)


TEXTS = {
    "json, flat records": lambda size: json_text(records, size),
    "json, deep records": lambda size: json_text(deep, size),
    "json, numbers": numbers,
    "log": log_text,
}


def measured(name, size):
    text = TEXTS[name](size)
    start = time.process_time()
    context = Log(text) if name == "log" else JsonDocument(text)
    read = time.process_time() - start
    start = time.process_time()
    context.render(range(0, len(context.units), 2))
    written = time.process_time() - start
    figures = {
        "megabytes": round(len(text) / 1e6, 1),
        "units": len(context.units),
        "read_mb_per_s": round(len(text) / 1e6 / read, 1),
        "write_seconds": round(written, 2),
        "peak_megabytes": round(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024),
    }
    if name == "log":
        return figures | {"templates": len(context.patterns)}
    start = time.process_time()
    json.loads(text)
    return figures | {"json_loads_mb_per_s": round(len(text) / 1e6 / (time.process_time() - start), 1)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--child", choices=TEXTS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measured(options.child, options.megabytes * 10**6)))
        return
    figures = {}
    for name in TEXTS:
        command = [sys.executable, __file__, "--child", name, "--megabytes", str(options.megabytes)]
        figures[name] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        sys.stderr.write(f"{name}: {figures[name]}\n")
    record("json_logs", figures, seed=SEED, data={})


if __name__ == "__main__":
    main()
