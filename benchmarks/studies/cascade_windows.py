"""How many windows of a long text the better scorer must read: is a question's section among the best k windows?

    python benchmarks/studies/cascade_windows.py [--scorer NAME]

FairytaleQA's validation stories (local questions), each cut into windows of 1,000 characters within its sections;
a question counts where one of its gold sections is read.
"""

from __future__ import annotations

import argparse
import gzip
import json

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune import SCORERS
from ctxprune.rag import Passages
from ctxprune.scorers.combined.cascade import _best, _windows

COUNTS = (1, 2, 4, 8, 16)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scorer", default="lexical.v1")
    name = parser.parse_args().scorer
    scorer = SCORERS.get(name)()
    hits: dict[int, list[bool]] = {count: [] for count in COUNTS}
    sizes = []
    with gzip.open(SHARED / "data" / "rag" / "fairytaleqa" / "val.jsonl.gz", "rt", encoding="utf-8") as file:
        stories = [json.loads(line) for line in file]
    for story in stories:
        context = Passages([section["text"] for section in story["sections"]])
        numbers = [section["section"] for section in story["sections"]]
        windows = _windows(context, 1000)
        sizes.append(int(windows[-1]) + 1)
        for question in story["questions"]:
            if question["local_or_summary"] != "local":
                continue
            scores = scorer.score(question["question"], context)
            for count in COUNTS:
                read = {numbers[context.sources[index]] for index in _best(scores, windows, count)}
                hits[count].append(not read.isdisjoint(question["gold_sections"]))
    figures = {
        "scorer": name,
        "questions": len(hits[1]),
        "windows a story": round(float(np.mean(sizes)), 1),
        "read": {str(count): round(100 * float(np.mean(found)), 1) for count, found in hits.items()},
    }
    print(json.dumps(figures, indent=1))
    record("cascade_windows", figures, seed=None, data={"fairytaleqa": "val.jsonl.gz"})


if __name__ == "__main__":
    main()
