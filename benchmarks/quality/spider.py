"""Execution accuracy of the whole pipeline with the sketch generator, without a language model.

    python benchmarks/quality/spider.py [SET ...]      # benchmarks/results/spider.json

The same as `ctxprune bench spider --data SET --generator sketch --json` for spider, spider_syn, spider_dk, kaggledbqa.
"""

from __future__ import annotations

import sys

from benchmarks.common.record import SHARED, record
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.run import run
from ctxprune.sql.pipeline.factory import PipelineFactory, make_generators

SETS = ("spider", "spider_syn", "spider_dk", "kaggledbqa")


def main() -> None:
    figures, data = {}, {}
    for name in sys.argv[1:] or SETS:
        bench = load(SHARED / "data" / "nl2sql" / name)
        figures[name] = run(bench, PipelineFactory(make_generators("sketch"))).to_dict()
        data[name] = bench.fingerprint
        sys.stderr.write(f"{name} {figures[name]}\n")
    record("spider", figures, seed=0, data=data)


if __name__ == "__main__":
    main()
