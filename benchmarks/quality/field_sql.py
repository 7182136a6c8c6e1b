"""Questions on business databases of our own, without a language model, and questions without an answer.

    python benchmarks/quality/field_sql.py             # part 1, a shop and a hospital: results/field_sql.json
    python benchmarks/quality/field_sql.py --part 2    # part 2, a bookshop and a city hospital: field_sql_2.json
    python benchmarks/quality/field_sql.py --part 3    # part 3, garden centres and a clinic: field_sql_3.json

Figures as those of `quality/sqleval.py`, whose layout the set has, by category and database, not by question. No weight
was fitted on these questions. Certain mistakes on part 1 were read once to make the account stricter, and the rule on
lone readings in `sql/trust/assess.py` came of them, so that its figures since then flatter the code a little. Parts
2 and 3 were written after that, before anything was asked on them, by authors who had not read the code that answers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.common.record import record
from benchmarks.data.field_sql.build import PARTS, SEED, build
from ctxprune.sql.evaluation.trust.ask import ask_questions
from ctxprune.sql.evaluation.trust.figures import curve_figures, figures, group_figures, time_figures
from ctxprune.sql.evaluation.trust.sqleval import load_sqleval
from ctxprune.sql.pipeline.factory import PipelineFactory, make_generators


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=int, choices=sorted(PARTS), default=1, help="which databases and questions")
    part = parser.parse_args().part
    name = "field_sql" if part == 1 else f"field_sql_{part}"
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), part)
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
    record(name, found, seed=SEED, data={name: fingerprint})


def show(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total}")


if __name__ == "__main__":
    main()
