"""Conversations of SParC and CoSQL without a language model: each question is answered given the talk so far.

    python benchmarks/quality/conversations.py [SET ...]      # benchmarks/results/conversations.json

Sets: sparc, cosql; default both. The same as `ctxprune bench sparc|cosql --data SET --json` with the sketch generator:
`question_match` is the share of turns that are right by Spider's rule, `interaction_match` the share of conversations
whose turns all are; turns whose reference does not run are asked and not scored (`skipped`). Finished turns are kept
in logs beside the result.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.common.record import RESULTS, SHARED, record
from ctxprune.sql.evaluation.conversations import ask_conversations, conversation_figures, load_conversations
from ctxprune.sql.evaluation.trust.figures import group_figures, time_figures
from ctxprune.sql.pipeline.factory import PipelineFactory, make_generators

FOLDER = SHARED / "data" / "nl2sql"
SETS = ("sparc", "cosql")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    words = parser.parse_args()
    factory = PipelineFactory(make_generators("sketch"))
    found, data = {}, {}
    for name in words.sets:
        log = RESULTS / f"conversations.part.{name}.jsonl"
        if words.fresh:
            log.unlink(missing_ok=True)
        talks = load_conversations(FOLDER / name)
        data[name] = talks.fingerprint
        judgements = ask_conversations(talks, factory, log=log, options={"generator": "sketch"}, progress=show)
        found[name] = conversation_figures(judgements) | time_figures(judgements) | {"skipped": talks.skipped}
        found[name]["by_database"] = group_figures(judgements, lambda one: one.db_id)
        sys.stderr.write(f"\r{name}: {found[name]['question_match']} {found[name]['interaction_match']}\n")
    record("conversations", found, seed=0, data=data)


def show(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total}")


if __name__ == "__main__":
    main()
