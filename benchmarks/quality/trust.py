"""What the confidence of answers is worth: the share of questions answered against the share right among them.

    python benchmarks/quality/trust.py [SET ...]      # benchmarks/results/trust.json

Sets: sqleval, spider (dev), ehrsql; default all. The same as `ctxprune bench trust --data FOLDER --json` with the
sketch generator: figures of each set and of all, the risk-coverage curve, and the bins of the calibration error (ECE,
ten bins). Questions without an answer count as wrong where they are answered. EHRSQL's database is not published, so
its questions are asked on an empty one and only refusals are counted: of all unanswerable questions, and of a sample
of the others. `sketch` is the generator without a model; rows of a chat model, where sqleval_chat.json has them, are
drawn beside it by benchmarks/report/plots.py. Finished questions are kept in logs beside the result.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.common.record import RESULTS, SHARED, record
from ctxprune.sql.evaluation.trust.ask import ask_questions
from ctxprune.sql.evaluation.trust.figures import curve_figures, figures, time_figures
from ctxprune.sql.evaluation.trust.sets import open_questions
from ctxprune.sql.pipeline.factory import PipelineFactory, make_generators

FOLDER = SHARED / "data" / "nl2sql"
SETS = ("sqleval", "spider", "ehrsql")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    words = parser.parse_args()
    factory = PipelineFactory(make_generators("sketch"))
    found, data, everything = {}, {}, []
    for name in words.sets:
        log = RESULTS / f"trust.part.{name}.jsonl"
        if words.fresh:
            log.unlink(missing_ok=True)
        with open_questions(FOLDER / name) as questions:
            judgements = ask_questions(questions, factory, log=log, options={"generator": "sketch"}, progress=show)
            data[name] = questions.fingerprint
        found[name] = measured(judgements)
        everything += judgements
        sys.stderr.write(f"\r{name}: {summary(found[name])}\n")
    record("trust", {"sets": found, "all": measured(everything)}, seed=0, data=data)


def measured(judgements) -> dict:
    """The figures of one set, or of all."""
    return figures(judgements) | time_figures(judgements) | curve_figures(judgements)


def summary(row: dict) -> dict:
    return {key: row[key] for key in ("ex", "answered", "answered_right", "refused", "ece")}


def show(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total}")


if __name__ == "__main__":
    main()
