"""Labelled questions as calibration examples: what they need, with the hits that a linker would get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ctxprune.calibration.conformal import CalibrationPool, calibrate
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.calibration import linking_examples, needed_units
from ctxprune.sql.evaluation.datasets import Benchmark, Item, load
from ctxprune.sql.evaluation.linking import linking_cases
from ctxprune.sql.linking import RankedLinker, SchemaContext, gold_links
from ctxprune.sql.linking.calibrated import calibrated, keep_sets

QUERIES = (
    ("Which cities are in Brazil?", "SELECT name FROM city WHERE country = 'Brazil'", {"city.name", "city.country"}),
    ("How many orders are there?", 'SELECT count(*) FROM "order items"', {"order items"}),
    ("What is it?", "SELECT nothing FROM city", None),
    ("", "SELECT name FROM city", {"city.name"}),
    ("What are the currencies?", 'SELECT currency FROM "order items"', {"order items.currency"}),
)


def bench(shop: Path) -> Benchmark:
    with Database(shop) as database:
        schema = database.schema()
    items = [Item(place, "shop", question, sql) for place, (question, sql, _) in enumerate(QUERIES)]
    items.append(Item(len(items), "bare", *QUERIES[0][:2]))
    items.append(Item(len(items), "absent", *QUERIES[0][:2]))
    return Benchmark("test", tuple(items), {"shop": schema, "bare": schema}, {"shop": shop})


def labels(example) -> set[str]:
    context = example.context
    names = dict(zip(context.table_units, (table.name for table in context.schema.tables), strict=True))
    return {names[index] if index in names else ".".join(context.refs[index]) for index in example.needed}


def test_labels_groups_and_hits(shop: Path) -> None:
    examples = linking_examples(linking_cases(bench(shop)).cases)
    assert [example.group for example in examples] == ["shop", "shop", "shop", "bare"]
    assert [labels(example) for example in examples] == [
        *(needed for question, _, needed in QUERIES if needed and question), QUERIES[0][2],
    ]  # fmt: skip
    assert [hit.value for hit in examples[0].context.hits] == ["Brazil"]
    assert examples[3].context.hits == ()


def test_evidence_stands_in_for_an_empty_question(shop: Path) -> None:
    benchmark = bench(shop)
    item = Item(0, "shop", " ", "SELECT name FROM city", "names of cities")
    (example,) = linking_examples(linking_cases(benchmark, items=[item]).cases)
    assert (example.query, example.context.evidence) == ("names of cities", "")
    assert linking_examples([]) == []


def test_a_table_is_needed_by_itself_only_without_a_column(shop: Path) -> None:
    schema = bench(shop).schemas["shop"]
    context = SchemaContext(schema)
    gold = gold_links('SELECT city.name FROM city, "order items"', schema)
    needed = needed_units(context, gold)
    assert len(needed) == 2
    assert {context.refs[index] for index in needed} >= {None}


def test_the_linker_sees_what_was_calibrated(shop: Path) -> None:
    """The linker's keep sets lose on the questions what the calibration says."""
    examples = linking_examples(linking_cases(bench(shop)).cases) * 10
    linker = RankedLinker()
    found = calibrate(examples, linker.scorer, risk=0.3, sets=keep_sets(linker))
    ready, lost = calibrated(linker, found), 0
    for example in examples:
        context = example.context
        linked = ready.link(example.query, context.schema, hits=context.hits, evidence=context.evidence)
        kept = {".".join(ref) for ref in linked.kept} | {table.name for table in linked.schema.tables}
        lost += not labels(example) <= kept
    assert lost / len(examples) == found.seen


@pytest.mark.data
def test_the_risk_holds_on_further_questions(shared: Path) -> None:
    """Twelve splits of BIRD's training questions in halves: the mean is within the risk, give or take three errors."""
    cases = linking_cases(load(shared / "data" / "nl2sql" / "bird_train_mini", split="train")).cases
    linker = RankedLinker()
    pool = CalibrationPool.score(linking_examples(cases), linker.scorer, sets=keep_sets(linker))
    rng, seen = np.random.default_rng(0), []
    for _ in range(12):
        order = rng.permutation(len(pool))
        limit = pool.subset(order[::2]).calibrate(risk=0.05, by="question").limit
        other = pool.subset(order[1::2])
        seen.append(other.losses(limit).mean())
        assert other.kept_shares(limit).mean() < 0.6
    assert np.mean(seen) <= 0.05 + 3 * np.std(seen) / np.sqrt(len(seen))
