"""Labels from gold SQL: own cases, and the counts on the shared data that specs/nl2sql.md section 6 names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.errors import CtxpruneError, InputError, SchemaError
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.schema.schema import ColumnRef, Schema

LINES = (Path(__file__).parent / "gold.sql").read_text(encoding="utf-8").splitlines()[1:]
CASES = [(sql, wanted.removeprefix("-- ")) for wanted, sql in zip(LINES[::2], LINES[1::2], strict=True)]


def expected(text: str, schema: Schema) -> tuple[set[str], set[ColumnRef]]:
    """Read "table.column table.*", where a word without a dot goes on with the name before it or names a table."""
    tables, columns, pending = set(), set(), ""
    for word in text.split():
        if "." not in word and pending:
            columns.discard(ColumnRef(*pending.split(".", 1)))
            pending += f" {word}"
        else:
            pending = word if "." in word else ""
        table, _, column = (pending or word).partition(".")
        tables.add(table)
        if column == "*":
            columns |= {ref for ref in schema.refs() if ref.table == table}
        elif column:
            columns.add(ColumnRef(table, column))
    return tables, columns


@pytest.mark.parametrize(("sql", "wanted"), CASES, ids=[sql[:60] for sql, _ in CASES])
def test_cases(sql: str, wanted: str, library: Schema):
    found = gold_links(sql, library)
    assert (set(found.tables), set(found.columns)) == expected(wanted, library)


@pytest.mark.parametrize(
    ("sql", "error", "words"),
    [
        ("SELECT name FROM nowhere", SchemaError, "nowhere"),
        ("SELECT height FROM author", CtxpruneError, "height"),
        ("SELECT a.height FROM author AS a", CtxpruneError, "height"),
        ("SELEC name FRO author", InputError, "cannot be labelled"),
        ("SELECT 1 FROM book AS t JOIN author AS t", InputError, "labelled"),
        ("", InputError, "cannot be labelled"),
    ],
)
def test_what_cannot_be_labelled_says_why(sql: str, error: type[Exception], words: str, library: Schema):
    with pytest.raises(error, match=words):
        gold_links(sql, library)


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "split", "items", "labelled", "without_columns"),
    [
        ("spider", "dev", 520, 520, 29),
        ("spider", "train", 3822, 3821, 132),
        ("bird_dev", "dev", 822, 822, 0),
        ("bird_train_mini", "train", 593, 592, 0),
        ("kaggledbqa", "dev", 149, 149, 0),
    ],
)
def test_counts_on_shared_data(shared: Path, folder: str, split: str, items: int, labelled: int, without_columns: int):
    benchmark = load(shared / "data" / "nl2sql" / folder, split=split)
    found, bare = 0, 0
    for item in benchmark.items:
        try:
            links = gold_links(item.gold, benchmark.schemas[item.db_id])
        except CtxpruneError:
            continue
        assert links.tables
        found += 1
        bare += not links.columns
    assert (len(benchmark.items), found, bare) == (items, labelled, without_columns)
