"""Runs a check on many made inputs: each within a limit of time, none may fail otherwise than with an error of ours.

    figures = fuzz("json", make, check, count=10_000)

`make(state)` gives one input from a seeded `random.Random`; `check(input)` reads it, the first time within
`refusable()`, and raises AssertionError where something that must hold does not. An error of ours is a refusal there,
and a failure anywhere else: what we wrote ourselves must be readable. Input number n is the same in every run:
`made("json", make, n)`. Time is that of the process, which other load on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from contextlib import contextmanager

from benchmarks.common.record import record
from ctxprune.errors import CtxpruneError

INPUTS = 10_000
LIMIT = 2.0  # seconds for one input
SHOWN = 5
ODD = (
    "\x00", "\ufeff", "\ud800", "\u2028", "\u202e", "\r", "\r\n", "\t", "\x1b[31m", "é", "İ", "ﬁ", "𝕏", "\u0301",
    "日本",
    '"', "'", "\\", "\\u12", "<", ">", "&", "&amp;", "{", "}", "[", "]", ",", ":", "|", ";", "%s", "NaN", "-0", "1e999",
)  # fmt: skip


class OverLimitError(Exception):
    """The check took too long."""


class RefusedError(Exception):
    """The input was refused with an error of ours."""


def main(name, kinds, *, description, further=None):
    """The command line of a script whose `kinds` maps names to `(make, check)`; results/NAME.json if all of it is run.

    `further()` gives more figures for the results.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=INPUTS)
    parser.add_argument("--kind", choices=kinds, action="append")
    options = parser.parse_args()
    figures = {}
    for kind in options.kind or kinds:
        figures[kind] = fuzz(kind, *kinds[kind], count=options.count)
        sys.stderr.write(f"{kind}: {json.dumps(figures[kind])}\n")
    if not options.kind and options.count == INPUTS:
        record(name, figures | (further() if further else {}), seed=0, data={})


def fuzz(name, make, check, *, count, seed=0, limit=LIMIT):
    """Figures: how many inputs, how many were refused with an error of ours, which failed or took too long and why."""
    refused, failures, slow, slowest, longest = 0, [], [], 0.0, 0
    for number in range(count):
        given = made(name, make, number, seed)
        longest = max(longest, len(given)) if hasattr(given, "__len__") else longest
        start = time.process_time()
        try:
            with limited(limit):
                check(given)
        except RefusedError:
            refused += 1
        except OverLimitError:
            slow.append(number)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a failure
            failures.append({"number": number, "error": f"{type(error).__name__}: {error}"[:300]})
        slowest = max(slowest, time.process_time() - start)
    return {
        "inputs": count,
        "refused": refused,
        "failed": len(failures),
        "over_limit": len(slow),
        "limit_seconds": limit,
        "slowest_seconds": round(slowest, 3),
        "longest_input": longest,
        "first_failures": failures[:SHOWN],
        "first_over_limit": slow[:SHOWN],
    }


def made(name, make, number, seed=0):
    """Input number `number`."""
    return make(random.Random(f"{name}:{seed}:{number}"))


def mutated(text, state, most=6):
    """`text` cut, doubled, shuffled and with odd characters in it, up to `most` times."""
    for _ in range(state.randint(0, most)):
        if not text:
            return state.choice(ODD)
        one, other = sorted(state.randrange(len(text) + 1) for _ in range(2))
        part = text[one:other]
        kind = state.randrange(7)
        if kind == 0:
            text = text[:other]
        elif kind == 1:
            text = text[:one] + text[other:]
        elif kind == 2 and len(part) < 2000:
            text = text[:other] + part * state.randint(1, 20) + text[other:]
        elif kind == 3:
            text = text[other:] + part + text[:one]
        else:
            text = text[:one] + "".join(state.choices(ODD, k=state.randint(1, 4))) + text[one:]
    return text


@contextmanager
def refusable():
    """Around the reading of an input: an error of ours inside refuses it."""
    try:
        yield
    except CtxpruneError as error:
        raise RefusedError from error


@contextmanager
def limited(seconds):
    """Raises `OverLimitError` inside when the time is over; in the main thread only."""

    def stop(_number, _frame):
        raise OverLimitError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
