"""A million passages: seconds, peak memory, what was found of the planted near-duplicates.

    python benchmarks/speed/dedup_scale.py [--passages N] [--containment SHARE]

Passages of 60 to 140 made-up words, drawn as words are in a language (Zipf), streamed into `deduplicate`; with a fixed
seed every tenth is a copy of an earlier one with words changed (true Jaccard similarity measured; 0.8 is the bar),
every fiftieth an exact copy, and every tenth is of one of 200 forms (half of the words are the form's, so that they are
alike, yet no copies). One thread. The peak is VmHWM of the process, which makes the texts, too; Ctrl-C stops it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.common.record import record
from ctxprune.rag import deduplicate

SEED = 0
VOCABULARY = 60_000
KEPT = 2000  # earlier passages of which copies are made


def passages(count, planted, clock):
    """`count` texts; notes in `planted` the index of each near-copy and its true similarity, in `clock` the seconds."""
    rng, state = np.random.default_rng(SEED), random.Random(SEED)
    letters = np.array(list("etaoinshrdlcumwfgypbvk"))
    names = np.array(["".join(rng.choice(letters, size=rng.integers(2, 10))) for _ in range(VOCABULARY)], dtype=object)
    weights = np.cumsum(1 / (np.arange(VOCABULARY) + 2.7))
    forms = [draw(names, weights, rng, 60) for _ in range(200)]
    earlier = []
    for index in range(count):
        start = time.perf_counter()
        kind = index % 50
        if kind % 10 == 3 and earlier:
            source, text = edited(state, names)(state.choice(earlier))
            planted[index] = jaccard(source, text)
        elif kind == 5 and earlier:
            text = state.choice(earlier)
        elif kind % 10 == 7:
            text = [*state.choice(forms), *draw(names, weights, rng, int(rng.integers(50, 70)))]
        else:
            text = draw(names, weights, rng, int(rng.integers(60, 141)))
            if len(earlier) < KEPT:
                earlier.append(text)
            else:
                earlier[state.randrange(KEPT)] = text
        made = " ".join(text)
        clock[0] += time.perf_counter() - start
        yield made


def draw(names, weights, rng, size):
    return names[np.searchsorted(weights, rng.random(size) * weights[-1])].tolist()


def edited(state, names):
    def edit(source):
        text = list(source)
        for _ in range(state.randint(1, max(1, len(text) // 18))):
            place = state.randrange(len(text))
            text[place : place + 1] = state.choice(([], [names[state.randrange(VOCABULARY)]], [text[place], "also"]))
        return source, text

    return edit


def jaccard(one, other):
    first, second = ({tuple(some[i : i + 3]) for i in range(len(some) - 2)} for some in (one, other))
    return len(first & second) / len(first | second)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--containment", type=float)
    options = parser.parse_args()
    planted, clock, start = {}, [0.0], time.perf_counter()
    steps = {}

    def progress(step, count):
        steps[step] = time.perf_counter() - start
        sys.stderr.write(f"\r{step} {count:,} after {steps[step]:.0f} s ")

    found = deduplicate(passages(options.passages, planted, clock), containment=options.containment, progress=progress)
    whole = time.perf_counter() - start
    gone = {merge.index: merge for merge in found.merges}
    due = {index for index, similarity in planted.items() if similarity >= 0.8}
    wrong = [merge for merge in found.merges if merge.index in planted and merge.index not in due]
    counts = found.to_dict()
    figures = {
        "passages": options.passages,
        "containment": options.containment,
        "seconds": round(whole - clock[0], 1),
        "seconds_to_make_the_texts": round(clock[0], 1),
        "passages_per_second": round(options.passages / (whole - clock[0])),
        "peak_megabytes": peak(),
        "planted_near_at_0.8": len(due),
        "found_percent": round(100 * sum(index in gone for index in due) / max(len(due), 1), 3),
        "planted_below_0.8": len(planted) - len(due),
        "of_them_merged": len(wrong),
        "by_kind": counts["by_kind"],
    }
    sys.stderr.write("\n")
    print(figures)
    record("dedup_scale", figures, seed=SEED, data={})


def peak():
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


if __name__ == "__main__":
    main()
