"""Value indexes in one Redis that eight processes publish and read at once: are their answers those of one process?

    python benchmarks/stress/redis_index.py                # benchmarks/results/redis_index.json
    python benchmarks/stress/redis_index.py --questions 50

A sample of the questions of Spider train, whose databases are the larger ones, each asked of the index of its
database. Redis is started for it (tests/servers), on this machine. "in memory" is one process with the index of its
own; the answers of all others are compared with its, hit for hit. Each of the eight publishes the index of a database
anew and asks its questions at once, database by database; the time of publishing counts in look-ups per second.
Milliseconds are of one look-up. Beside the figures stands how much else the machine had to do: eight processes and
Redis share its cores.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from benchmarks.common.record import SHARED, record
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.redis_index import RedisIndex

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # the servers and generators of the tests

from servers import Redis

WORKERS = 8


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--questions", type=int, default=400)
    words = words.parse_args()
    benchmark = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    questions = defaultdict(list)
    for item in sample_items(benchmark.present, words.questions):
        questions[item.db_id].append(item.question)
    with tempfile.TemporaryDirectory() as root, Redis() as server:
        folder = Path(root)
        values = build(benchmark, questions, folder)
        expected, alone = ask({name: ValueIndex.open(folder / name) for name in questions}, questions)
        publishing = publish(questions, folder, server.url)
        answers, one = ask({name: RedisIndex(server.url, name) for name in questions}, questions)
        figures = {
            "values": values,
            "questions": sum(map(len, questions.values())),
            "indexes": len(questions),
            "published": publishing,
            "in memory": alone,
            "one reader": one | {"equal": equal(answers, expected)},
            f"{WORKERS} writers and readers": together(questions, folder, server.url, expected),
            "load average": round(os.getloadavg()[0], 1),
        }
    record("redis_index", figures, seed=0, data={"spider train": benchmark.fingerprint})


def build(benchmark, questions, folder):
    """Save the index of each database, and say how many values they hold."""
    values = 0
    for name in questions:
        with Database(benchmark.databases[name], name=name, isolated=False) as database:
            index = ValueIndex.build(database)
        index.save(folder / name)
        values += len(index)
    return values


def publish(questions, folder, url):
    """Publish each index once: seconds, and MiB of the arrays and of the same in Redis."""
    client = RedisIndex(url, "any").server.client
    before, start = client.info("memory")["used_memory"], time.perf_counter()
    size = 0
    for name in questions:
        index = ValueIndex.open(folder / name)
        RedisIndex(url, name).publish(index)
        size += index.contents()[1].nbytes
    seconds = time.perf_counter() - start
    used = client.info("memory")["used_memory"] - before
    return {"seconds": round(seconds, 2), "arrays_mib": mib(size), "redis_mib": mib(used)}


def ask(indexes, questions):
    """The answers of each database, as text, and how fast they came."""
    answers, times = {}, []
    start = time.perf_counter()
    for name, mine in questions.items():
        answers[name] = [timed(indexes[name], question, times) for question in mine]
    return answers, speed(times, time.perf_counter() - start)


def together(questions, folder, url, expected):
    """All workers at once."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        list(pool.map(abs, range(WORKERS * 4)))  # all have started
        start = time.perf_counter()
        done = list(pool.map(work, range(WORKERS), repeat(questions), repeat(folder), repeat(url), repeat(expected)))
        seconds = time.perf_counter() - start
    times = [ms for mine, _same in done for ms in mine]
    published = WORKERS * len(questions)
    return speed(times, seconds) | {"published": published, "equal": sum(same for _mine, same in done)}


def work(_number, questions, folder, url, expected):
    """What one worker does: times in ms, and how many answers are equal."""
    times, same = [], 0
    for name, mine in questions.items():
        shared = RedisIndex(url, name)
        shared.publish(ValueIndex.open(folder / name))
        answers = [timed(shared, question, times) for question in mine]
        same += equal({name: answers}, expected)
    return times, same


def timed(index, question, times):
    start = time.perf_counter()
    hits = index.lookup(question)
    times.append(1e3 * (time.perf_counter() - start))
    return repr(hits)


def equal(answers, expected):
    return sum(a == b for name in answers for a, b in zip(answers[name], expected[name], strict=True))


def speed(times, seconds):
    ordered = sorted(times)
    return {
        "look-ups": len(times),
        "per_second": round(len(times) / seconds, 1),
        "p50_ms": round(median(times), 2),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
    }


def mib(size):
    return round(size / 2**20, 1)


if __name__ == "__main__":
    main()
