"""Follow-up questions in full: how often they mean what was meant, and what keeping the earlier linking is worth.

    python benchmarks/quality/follow_up.py                       # benchmarks/results/follow_up.json, by rule
    python benchmarks/quality/follow_up.py --model MODEL.gguf    # follow_up_chat.json: a chat model on a sample, rule
    beside it
    python benchmarks/quality/follow_up.py --complete            # follow_up_complete.json: complete questions, seconds

Follow-ups are made as `_follow_ups.py` says; the rules were written with Spider train in view, Spider dev and BIRD dev
are measured here. In percent of the follow-ups of a kind:

- `resolved`: a full question was made; `same text`: it is the reference, word for word (`swapped` kinds only);
- `same sql`: the sketch generator's query is that for the reference question;
- `ex`: its result is the gold query's (databases that are here), for the full question made, for the reference
  (`ex reference`), and for the follow-up as it was asked (`ex as asked`);
- `recall`: share of the gold query's columns in the linked schema: of the follow-up as asked, of the full question,
  with the earlier linking kept (`recall reused`), and of the reference; `tokens` and `tokens reused` are the schema's.

`--complete`: all questions of a set asked in sequence, database by database, and how many were taken for follow-ups.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from statistics import fmean

from benchmarks.common.record import SHARED, record
from benchmarks.quality._follow_ups import natural_cases, swapped_cases
from ctxprune.errors import CtxpruneError
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.chat_models import LlamaCppModel
from ctxprune.sql import Database, Pipeline, PipelineConfig, ValueIndex
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.run import score
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.pipeline.conversation import Conversation
from ctxprune.sql.question import same_question
from ctxprune.sql.rewrite.base import Turn, Vocabulary
from ctxprune.sql.rewrite.chat import ChatRewriter
from ctxprune.sql.rewrite.rule import RuleRewriter

DATA = SHARED / "data" / "nl2sql"
SEED = 6
SETS = (("spider dev", "spider", "dev", 30), ("bird dev", "bird_dev", "dev", 30))
SEQUENCES = (
    *(row[:3] for row in SETS),
    ("spider train", "spider", "train"),
    ("bird train mini", "bird_train_mini", "train"),
    ("spider syn dev", "spider_syn", "dev"),
    ("spider dk", "spider_dk", "dev"),
    ("kaggledbqa", "kaggledbqa", "dev"),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune/generations.sqlite")
    parser.add_argument("--cases", type=int, default=0, help="at most so many a set; records nothing without a model")
    parser.add_argument("--complete", action="store_true")
    words = parser.parse_args()
    if words.complete:
        taken = {name: untouched(folder, split) for name, folder, split in SEQUENCES}
        prints = {name: load(DATA / folder, split=split).fingerprint for name, folder, split in SEQUENCES}
        record("follow_up_complete", taken, seed=None, data=prints)
        return
    rewriters = {"rule.v1": RuleRewriter()}
    if words.model:
        model = CachedModel(LlamaCppModel(words.model, threads=1), GenerationCache(words.cache))
        rewriters["chat.v1"] = ChatRewriter(model, seconds=300)
    figures, data = {}, {}
    for name, folder, split, most in SETS:
        bench = load(DATA / folder, split=split)
        data[name] = bench.fingerprint
        cases = cases_of(bench, most)
        if words.cases:
            cases = random.Random(SEED).sample(cases, min(words.cases, len(cases)))
        figures[name] = measure(bench, cases, rewriters)
        sys.stderr.write(f"{name}: {figures[name]}\n")
    if words.model or not words.cases:
        record("follow_up_chat" if words.model else "follow_up", {"follow_ups": figures}, seed=SEED, data=data)


def cases_of(bench, most):
    """The follow-ups of one set, at most so many of a kind, of the items whose database is here."""
    items = list({(i.db_id, same_question(i.question)): i for i in bench.present}.values())
    kinds = {}
    for case in (*natural_cases(items, SEED), *swapped_cases(items, stored(bench), SEED)):
        kinds.setdefault(case.kind, []).append(case)
    return [case for of_kind in kinds.values() for case in random.Random(SEED).sample(of_kind, min(most, len(of_kind)))]


def stored(bench):
    """Texts that a column stores beside one, at most twenty."""

    def values(db_id, column, text):
        with closing(sqlite3.connect(f"file:{bench.databases[db_id]}?mode=ro", uri=True)) as source:
            source.text_factory = lambda raw: raw.decode("utf-8", "replace")
            for table in bench.schemas[db_id].tables:
                if column in table:
                    names = (table.column(column).name.replace('"', '""'), table.name.replace('"', '""'))
                    query = 'SELECT DISTINCT "{0}" FROM "{1}" WHERE typeof("{0}") = \'text\''.format(*names)
                    found = {row[0] for row in source.execute(query)}
                    if text in found:
                        return sorted(one for one in found - {text} if 1 < len(one) < 40)[:20]
        return []

    return values


def measure(bench, cases, rewriters):
    """Figures by rewriter and kind."""
    rows = {name: {} for name in rewriters}
    for db_id in sorted({case.db_id for case in cases}):
        with Database(bench.databases[db_id], name=db_id) as database:
            schema = database.schema()
            schema = schema.enriched(bench.schemas[db_id]) if db_id in bench.schemas else schema
            values = ValueIndex.build(database, schema=schema)
            pipeline = Pipeline(database, values=values, config=PipelineConfig(schema=schema))
            for case in (case for case in cases if case.db_id == db_id):
                try:
                    fixed = shared_figures(case, database, pipeline)
                except CtxpruneError:  # a gold query that fails, or that names what the schema lacks
                    continue
                for name, rewriter in rewriters.items():
                    row = one(case, database, pipeline, rewriter, fixed)
                    rows[name].setdefault(case.kind, []).append(row)
                    rows[name].setdefault("all", []).append(row)
    return {name: {kind: means(found) for kind, found in sorted(kinds.items())} for name, kinds in rows.items()}


def shared_figures(case, database, pipeline):
    """What does not depend on the rewriter: the reference question, and the follow-up as it was asked."""
    gold = gold_links(case.gold, pipeline.schema).columns
    full, asked = pipeline.ask(case.full, case.evidence), pipeline.ask(case.asked, case.evidence)
    return {
        "gold": gold,
        "sql": full.sql,
        "talk": begun(pipeline, case.before),
        "ex reference": score(database, case.gold, full.sql),
        "ex as asked": score(database, case.gold, asked.sql),
        "recall reference": recall(full, gold),
        "recall as asked": recall(asked, gold),
    }


def begun(pipeline, question):
    """A conversation of one question, as a document."""
    talk = Conversation(pipeline)
    talk.ask(question)
    return talk.to_dict()


def one(case, database, pipeline, rewriter, fixed):
    """Figures of one follow-up in a conversation."""
    row = {name: value for name, value in fixed.items() if name not in ("gold", "sql", "talk")}
    linking = Pipeline.of_steps(pipeline.schema, [s for s in pipeline.steps if s.name in ("values", "link")])
    answer = Conversation.from_dict(pipeline, fixed["talk"], rewriter=rewriter).ask(case.asked, case.evidence)
    rewritten = answer.trace.rewritten
    for name, linked in (("", linking.ask(answer.question, case.evidence)), (" reused", answer)):
        row[f"recall{name}"] = recall(linked, fixed["gold"])
        row[f"tokens{name}"] = linked.trace.linked.tokens_after if linked.trace.linked else None
    row["ex"] = score(database, case.gold, answer.sql)
    row["resolved"] = rewritten.changed
    row["by model"] = rewritten.rewriter == "chat.v1" if isinstance(rewriter, ChatRewriter) else None
    row["same sql"] = bool(fixed["sql"]) and answer.sql == fixed["sql"]
    if case.kind.startswith("swapped"):
        row["same text"] = same_question(answer.question) == same_question(case.full)
    return row


def recall(answer, gold):
    """Share of the gold columns that are in the linked schema; None where there are none."""
    if not gold:
        return None
    kept = answer.trace.linked.kept if answer.trace.linked is not None else {}
    return fmean(ref.column in kept.get(ref.table, ()) for ref in gold)


def means(rows):
    """Means over those rows that have a figure: of tokens as they are, of all else in percent."""
    names = {name for row in rows for name in row}
    found = {name: [row[name] for row in rows if row.get(name) is not None] for name in sorted(names)}
    return {"n": len(rows)} | {
        name: round(fmean(values) * (1 if name.startswith("tokens") else 100), 2)
        for name, values in found.items()
        if values
    }


def untouched(folder, split):
    """All questions of a set in sequence, and how many were taken for follow-ups of the one before."""
    bench = load(DATA / folder, split=split)
    rule, last, taken, asked = RuleRewriter(), {}, [], 0
    vocabularies = {name: Vocabulary(schema, lambda _: ()) for name, schema in bench.schemas.items()}
    for item in bench.items:
        before = last.get(item.db_id)
        last[item.db_id] = Turn(item.question, item.question)
        if before is not None:
            asked += 1
            rewritten = rule.rewrite(item.question, [before], vocabularies[item.db_id])
            taken += [item.question] if rewritten.kind != "complete" else []
    return {"asked": asked, "taken": len(taken), "taken %": round(100 * len(taken) / asked, 2), "which": taken[:10]}


if __name__ == "__main__":
    main()
