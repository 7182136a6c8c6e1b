"""Natural questions on small databases without a language model, and questions that these cannot answer: sql-eval.

    python benchmarks/quality/sqleval.py                       # benchmarks/results/sqleval.json
    python benchmarks/quality/sqleval.py --model MODEL.gguf    # sqleval_chat.json: a small chat model, one thread

The first is the same as `ctxprune bench sqleval --data SET --json` with the generators that need no model; figures as
`ctxprune.sql.evaluation.trust.figures` names them, and by category and database. With a model there are three rows:
"plain" is the whole schema in one prompt and one answer, "chat" the pipeline with the model alone, and "chat + sketch"
the pipeline with the generators that need no model as well, both of them; "sketch", those alone, stands beside them.
In the pipeline the model gives one answer a question at temperature 0, to the whole schema with the stored values that
the question mentions: prompts that begin with the same schema cost a fifth of the four answers on three prompts that
`ctxprune sql ask --generator chat:MODEL.gguf` draws.
Answers are kept in a cache (--cache FILE), and finished questions in logs beside the result, so that a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.common.record import RESULTS, SHARED, record
from ctxprune.sql.evaluation.trust.ask import ask_questions
from ctxprune.sql.evaluation.trust.figures import curve_figures, figures, group_figures, time_figures
from ctxprune.sql.evaluation.trust.sqleval import load_sqleval
from ctxprune.sql.pipeline.factory import PipelineFactory, PromptOptions, make_generators

DATA = SHARED / "data" / "nl2sql" / "sqleval"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune/generations.sqlite")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    words = parser.parse_args()
    questions = load_sqleval(DATA)
    name = "sqleval" if words.model is None else "sqleval_chat"
    found = {}
    for row, factory in factories(words).items():
        log = RESULTS / f"{name}.part.{row.replace(' ', '')}.jsonl"
        if words.fresh:
            log.unlink(missing_ok=True)
        judgements = ask_questions(questions, factory, log=log, options={"row": row}, progress=show)
        found[row] = measured(judgements)
        sys.stderr.write(f"\r{row:14} { {key: found[row][key] for key in ('ex', 'answered', 'refused')} }\n")
    record(name, found["sketch"] if words.model is None else found, seed=0, data={"sqleval": questions.fingerprint})


def factories(words) -> dict[str, PipelineFactory]:
    """The ways to answer, by the name of their row."""
    sketch = PipelineFactory(make_generators("sketch"))
    if words.model is None:
        return {"sketch": sketch}
    from ctxprune.llm.cache import CachedModel, GenerationCache
    from ctxprune.llm.chat_models import LlamaCppModel

    model = CachedModel(LlamaCppModel(words.model, threads=words.threads), GenerationCache(words.cache))
    chat, plain = (PromptOptions().make_generator(model, plain=plain) for plain in (False, True))
    chat = replace(chat, paths=("full+values",), temperature=0.0)
    return {
        "sketch": sketch,
        "plain": PipelineFactory((plain,), plain=True),
        "chat": PipelineFactory((chat,)),
        "chat + sketch": PipelineFactory((chat, *make_generators("sketch"))),
    }


def measured(judgements) -> dict:
    """The figures of one row."""
    answerable = [one for one in judgements if one.answerable]
    return {
        **figures(judgements),
        **time_figures(judgements),
        **curve_figures(judgements),
        "by_category": group_figures(answerable, lambda one: one.category),
        "by_database": group_figures(judgements, lambda one: one.db_id),
    }


def show(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total}")


if __name__ == "__main__":
    main()
