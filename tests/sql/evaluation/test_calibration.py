"""Labelled questions as calibration examples: what they need, with the hits that a linker would get."""

from __future__ import annotations

from pathlib import Path

from ctxprune.calibrate import calibrate
from ctxprune.sql.database import Database
from ctxprune.sql.evaluation.calibration import linking_examples, needed_units
from ctxprune.sql.evaluation.datasets import Benchmark, Item
from ctxprune.sql.linking import RankedLinker, SchemaContext, gold_links
from ctxprune.sql.linking.calibrated import calibrated, keep_sets

QUERIES = (
    ("Which cities are in Brazil?", "SELECT name FROM city WHERE country = 'Brazil'", {"city.name", "city.country"}),
    ("How many orders are there?", 'SELECT count(*) FROM "order items"', {"order items"}),
    ("What is it?", "SELECT nothing FROM city", None),
    ("", "SELECT name FROM city", None),
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
    seen: list[tuple[int, int]] = []
    found = linking_examples(bench(shop), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 7) for number in range(1, 8)]
    assert (found.unlabelled, found.with_values) == (3, 3)
    assert [labels(example) for example in found.examples] == [
        *(needed for _, _, needed in QUERIES if needed), QUERIES[0][2],
    ]  # fmt: skip
    assert [example.group for example in found.examples] == ["shop", "shop", "shop", "bare"]
    assert [hit.value for hit in found.examples[0].context.hits] == ["Brazil"]
    assert found.examples[3].context.hits == ()


def test_some_items(shop: Path) -> None:
    benchmark = bench(shop)
    found = linking_examples(benchmark, items=benchmark.items[4:5])
    assert (len(found.examples), found.unlabelled) == (1, 0)
    assert linking_examples(benchmark, items=()).examples == ()


def test_a_table_is_needed_by_itself_only_without_a_column(shop: Path) -> None:
    schema = bench(shop).schemas["shop"]
    context = SchemaContext(schema)
    gold = gold_links('SELECT city.name FROM city, "order items"', schema)
    needed = needed_units(context, gold)
    assert len(needed) == 2
    assert {context.refs[index] for index in needed} >= {None}


def test_the_linker_sees_what_was_calibrated(shop: Path) -> None:
    """The linker's keep sets lose on the questions what the calibration says."""
    examples = linking_examples(bench(shop)).examples * 10
    linker = RankedLinker()
    found = calibrate(examples, linker.scorer, risk=0.3, sets=keep_sets(linker))
    ready, lost = calibrated(linker, found), 0
    for example in examples:
        context = example.context
        linked = ready.link(example.query, context.schema, hits=context.hits, evidence=context.evidence)
        kept = {".".join(ref) for ref in linked.kept} | {table.name for table in linked.schema.tables}
        lost += not labels(example) <= kept
    assert lost / len(examples) == found.seen
