"""Held-out questions on two business databases of our own, without a language model, and questions without an answer.

Run as `python benchmarks/quality/field_sql.py`. Figures as those of `quality/sqleval.py`, whose layout the set has, by
category and database, not by question. No weight was fitted on these questions. Certain mistakes on them were read once
to make the account stricter, and the rule on lone readings in `sql/trust/assess.py` came of them, so that the figures
since then flatter the code a little.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.common.record import record
from benchmarks.data.field_sql.build import SEED, build
from ctxprune.sql.evaluation.trust.ask import ask_questions
from ctxprune.sql.evaluation.trust.figures import curve_figures, figures, group_figures, time_figures
from ctxprune.sql.evaluation.trust.sqleval import load_sqleval
from ctxprune.sql.pipeline.factory import PipelineFactory, make_generators


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        questions = load_sqleval(Path(folder))
        fingerprint = questions.fingerprint  # of the files, so while they are there
        judgements = ask_questions(questions, PipelineFactory(make_generators("sketch")), progress=show)
    answerable = [one for one in judgements if one.answerable]
    found = {
        **figures(judgements),
        **time_figures(judgements),
        **curve_figures(judgements),
        "by_category": group_figures(answerable, lambda one: one.category),
        "by_database": group_figures(judgements, lambda one: one.db_id),
    }
    record("field_sql", found, seed=SEED, data={"field_sql": fingerprint})


def show(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total}")


if __name__ == "__main__":
    main()
