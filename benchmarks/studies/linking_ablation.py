"""What each part of the ranked linker is worth: one part off at a time, on public development sets.

    python benchmarks/studies/linking_ablation.py    # benchmarks/results/linking_ablation.json

A feature group is off when its inputs are held at their training mean in all networks; nothing is trained anew, so a
figure is what is lost when the shipped linker cannot see the group, and groups that say the same cover for each other.
Every row's limit is moved until it keeps the same mean share of the columns as the whole linker, so that strict recall
can be compared. Every second question of each set.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune.errors import CtxpruneError
from ctxprune.models.network import Network
from ctxprune.policies import Request
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.linking.context import SchemaContext
from ctxprune.sql.linking.features import COLUMN_FEATURES, TABLE_WORDS, Question, column_features, sigmoid
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.linking.network import LinkingWeights, load_weights
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.ranked import final_features
from ctxprune.sql.linking.statistics import SchemaStatistics
from ctxprune.sql.linking.table_features import table_features
from ctxprune.sql.values import ValueIndex

DATA = SHARED / "data" / "nl2sql"
SETS = ("bird_dev", "spider", "spider_syn", "kaggledbqa")
GROUPS = {
    "letters": "ngram ngram_relative name_ngram name_ngram_relative",
    "words": "covered covered_softly full full_softly phrase head verbatim_question",
    "competition for words": "wins wins_alone",
    "evidence": "evidence_covered evidence_full verbatim_evidence has_evidence",
    "descriptions": "described near_described",
    "meanings of names": "near near_asked near_phrase near_phrase_relative near_full near_full_relative near_question",
    "meanings of strange words": "near_share near_first near_strange",
    "meanings of tables": "near_table near_table_relative",
    "words of the table": "table_covered table_full table_ngram table_ngram_relative covered_in_table "
    "full_outside_table",
    "keys": "primary foreign id_like same_name",
    "types": "number_cue date_cue year_cue digit_cue",
    "names of things": "name_cue proper_cue quoted_cue first_text",
    "everything asked": "everything",
    "value hits": "hit hit_exact hit_share",
    "sizes": "table_size schema_size question_size",
    "unexplained words": "unexplained unexplained_in_table",
    "cue words": " ".join(name for name in COLUMN_FEATURES if name.startswith("cue_")),
}
VECTORS = ("meanings of names", "meanings of strange words", "meanings of tables")
LATER = ("first", "table", "table_probability", "lead", "inside", "rank", "log_rank", "behind", "kin", "joined")


@dataclass(frozen=True)
class Asked:
    """A question with all that does not depend on what is off."""

    context: SchemaContext
    columns: np.ndarray
    tables: np.ndarray
    needed: np.ndarray


@dataclass(frozen=True)
class Variant:
    """What is off.

    Attributes:
        weights: With some inputs held.
        first_only: The first scores decide.
        policy: With its limit for columns still open.
        closure: With keys and bridge tables.
    """

    weights: LinkingWeights
    first_only: bool = False
    policy: Callable[[float], JoinablePolicy] = JoinablePolicy
    closure: bool = True

    def scores(self, asked: Asked) -> np.ndarray:
        stats, weights = asked.context.statistics, self.weights
        first = weights.first(asked.columns)
        tables = weights.table(table_features(stats, asked.tables, asked.columns, first))
        final = first if self.first_only else weights.final(final_features(stats, asked.columns, first, tables))
        scores = np.zeros(len(asked.context.units), np.float32)
        scores[list(asked.context.column_units)], scores[list(asked.context.table_units)] = (
            sigmoid(final),
            sigmoid(tables),
        )
        return scores


def main() -> None:
    named = " ".join(GROUPS.values()).split()
    if sorted(named) != sorted(COLUMN_FEATURES):
        sys.exit(f"features without a group, or the other way round: {set(named) ^ set(COLUMN_FEATURES)}")
    figures, data = {}, {}
    for name in SETS:
        benchmark = load(DATA / name)
        data[name] = benchmark.fingerprint
        questions = prepare(benchmark)
        whole = measured(Variant(load_weights()), questions, JoinablePolicy().columns)
        rows = {"all on": {"strict_recall": round(100 * whole[0], 1), "kept_share": round(100 * whole[1], 1)}}
        for label, variant in variants().items():
            strict, kept = at_share(variant, questions, whole[1])
            rows[label] = {"strict_recall": round(100 * strict, 1), "kept_share": round(100 * kept, 1)}
            sys.stderr.write(f"{name:12} {label:28} {rows[label]}\n")
        figures[name] = {"items": len(questions), **rows}
    record("linking_ablation", figures, seed=None, data=data)


def variants() -> dict[str, Variant]:
    weights = load_weights()
    found = {f"off: {name}": Variant(held(weights, names.split())) for name, names in GROUPS.items()}
    vectors = " ".join(GROUPS[name] for name in VECTORS).split()
    found["off: word vectors"] = Variant(
        held(weights, [*vectors, "near_described", "kin"], table_words=range(4, TABLE_WORDS))
    )
    found["off: table stage"] = Variant(
        held(weights, ["table", "table_probability", "joined"]), policy=lambda limit: JoinablePolicy(limit, tables=2.0)
    )
    found["off: final stage"] = Variant(weights, first_only=True)
    found["off: kin"] = Variant(held(weights, ["kin"]))
    found["off: bridge tables"] = Variant(weights, policy=lambda limit: JoinablePolicy(limit, longest=0))
    found["off: keys of kept tables"] = Variant(weights, closure=False)
    return found


def held(weights: LinkingWeights, names: list[str], *, table_words: range = range(0)) -> LinkingWeights:
    """The networks with these inputs at their mean: an infinite scale turns every value into 0."""
    final = (*COLUMN_FEATURES, *LATER)
    return LinkingWeights(
        _held(weights.first, [COLUMN_FEATURES.index(name) for name in names if name in COLUMN_FEATURES]),
        _held(weights.table, list(table_words)),
        _held(weights.final, [final.index(name) for name in names]),
    )


def _held(network: Network, inputs: list[int]) -> Network:
    scale = network.scale.copy()
    scale[inputs] = np.inf
    return replace(network, scale=scale)


def prepare(benchmark) -> list[Asked]:
    statistics = {name: SchemaStatistics(benchmark.schemas[name]) for name in {item.db_id for item in benchmark.items}}
    indexes, questions = {}, []
    for item in benchmark.items[::2]:
        stats, path = statistics[item.db_id], benchmark.databases.get(item.db_id)
        try:
            gold = gold_links(item.gold, stats.schema)
        except CtxpruneError:
            continue
        if path is not None and item.db_id not in indexes:
            with Database(path) as database:
                indexes[item.db_id] = ValueIndex.build(database)
        hits = indexes[item.db_id].lookup(item.question, item.evidence) if path is not None else ()
        columns, tables = column_features(stats, Question.read(item.question, item.evidence), hits)
        context = SchemaContext(stats.schema, hits=hits, evidence=item.evidence, statistics=stats)
        needed = np.zeros(len(context.units), bool)
        needed[list(context.column_units)] = [ref in gold.columns for ref in stats.refs]
        needed[list(context.table_units)] = [table.name in gold.tables for table in stats.schema.tables]
        questions.append(Asked(context, columns, tables, needed))
    return questions


def at_share(variant: Variant, questions: list[Asked], share: float) -> tuple[float, float]:
    """Strict recall at the limit whose mean kept share comes nearest to `share`, by halving the logarithm."""
    scores = [variant.scores(asked) for asked in questions]
    low, high, best = np.log(0.005), np.log(3.0), (0.0, 0.0)
    for _ in range(9):
        middle = (low + high) / 2
        row = measured(variant, questions, float(np.exp(middle)), scores)
        best = min(best, row, key=lambda pair: abs(pair[1] - share))
        low, high = (middle, high) if row[1] > share else (low, middle)
    return best


def measured(variant: Variant, questions: list[Asked], limit: float, scores=None) -> tuple[float, float]:
    policy, rows = variant.policy(limit), []
    for asked, given in zip(questions, scores or [variant.scores(asked) for asked in questions], strict=True):
        context = asked.context
        selection = policy.select(Request("", context, given, np.zeros(len(given), np.int64)))
        kept = selection.kept.copy()
        if not variant.closure:
            kept &= np.array([reason in {"selected", "fallback"} for reason in selection.reasons])
        for unit in np.flatnonzero(kept):
            if context.units[unit].parent is not None:
                kept[context.units[unit].parent] = True
        rows.append((not (asked.needed & ~kept).any(), kept[list(context.column_units)].mean()))
    strict, share = np.mean(rows, axis=0)
    return float(strict), float(share)


if __name__ == "__main__":
    main()
