"""A run in a process of its own, to be killed: python kill_run.py FOLDER LOG OUT MODE WORKERS."""

import json
import sys
from pathlib import Path

from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.evaluate import RunConfig, evaluate
from ctxprune.sql.evaluation.predictions import gold_as_predictions
from ctxprune.sql.evaluation.rules import SPIDER

if __name__ == "__main__":
    folder, log, out, mode, workers = sys.argv[1:]
    bench = load(Path(folder))
    config = RunConfig(SPIDER, mode=mode, workers=int(workers))
    run = evaluate(bench, gold_as_predictions(bench.items), config, log=Path(log))
    Path(out).write_text(json.dumps(run.to_dict(items=True)), encoding="utf-8")
