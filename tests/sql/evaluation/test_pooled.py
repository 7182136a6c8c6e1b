"""Measuring linking over pooled databases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.errors import InputError
from ctxprune.sql.evaluation.pooled import load_pooled, pooled, read_elements
from ctxprune.sql.linking.pool import PooledColumn, PooledDatabase, PooledTable, PoolRanking
from ctxprune.sql.schema.schema import ColumnRef

UNION = "bakery.loaf.loafid\nbakery.loaf.price (in euro, incl. tax)\nbakery.sale.saleid\nharbour.ship.tonnage\n\n"
QUESTIONS = [
    {
        "db_id": "bakery",
        "question": "What does a loaf cost?",
        "evidence": "cost is `Price (in Euro, incl. Tax)`",
        "schema_elements": [["bakery", "loaf", "price (in euro, incl. tax)"], ["bakery", "loaf", "gone"]],
        "question_decomposition_hallucinate_schema_bird": ["bread(price)"],
    },
    {"db_id": "harbour", "question": "How many ships?", "schema_elements": [["harbour", "ship"]]},
]


class Fixed:
    """Always the same order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []

    def rank(self, question: str, evidence: str = "", *, k: int = 50) -> PoolRanking:
        self.seen.append((question, evidence, k))
        price = PooledColumn("bakery", ColumnRef("loaf", "price (in euro, incl. tax)"), 1.0)
        return PoolRanking((price,), (PooledTable("bakery", "loaf", 1.0),), (PooledDatabase("bakery", 1.0),))


@pytest.fixture
def crush(tmp_path: Path) -> Path:
    (tmp_path / "bird_UNION.txt").write_text(UNION, encoding="utf-8")
    (tmp_path / "bird_dev.json").write_text(json.dumps(QUESTIONS), encoding="utf-8")
    return tmp_path


def test_elements_become_schemas_of_names_alone():
    bakery, harbour = read_elements(UNION.splitlines())
    assert [table.name for table in bakery.tables] == ["loaf", "sale"]
    assert bakery.tables[0].columns[1].name == "price (in euro, incl. tax)"
    assert harbour.n_columns == 1
    assert not bakery.foreign_keys


def test_a_short_line_is_named():
    with pytest.raises(InputError, match="list, line 2"):
        read_elements(["a.b.c", "a.b"], where="list")


def test_figures_are_those_of_the_definition(crush: Path):
    ranker = Fixed()
    report = pooled(crush, ranker=ranker)
    assert report["items"] == 2
    assert report["items_with_columns"] == report["missing_gold"] == 1
    assert (report["databases"], report["tables"], report["columns"]) == (2, 3, 4)
    assert report["recall_at"]["20"] == 50.0
    assert report["strict_at"]["20"] == 0.0
    assert report["tables_at"]["10"] == report["database_at_1"] == 50.0
    assert ranker.seen[0][:2] == (QUESTIONS[0]["question"], QUESTIONS[0]["evidence"])
    assert json.loads(json.dumps(report)) == report


def test_evidence_can_be_left_out_and_items_limited(crush: Path):
    ranker = Fixed()
    assert pooled(crush, ranker=ranker, evidence=False, limit=1)["items"] == 1
    assert [(question, evidence) for question, evidence, _ in ranker.seen] == [(QUESTIONS[0]["question"], "")]


def test_the_pool_is_the_default_ranker(crush: Path):
    assert pooled(crush)["database_at_1"] == 100.0
    assert load_pooled(crush).items[0].segments == ("bread(price)",)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bird_dev.json", "{}", "array"),
        ("bird_dev.json", "[", "cannot be read"),
        ("bird_dev.json", '[{"question": "x"}]', "item 0"),
        ("bird_dev.json", '[{"question": "x", "schema_elements": [["x"]]}]', "item 0"),
        ("bird_UNION.txt", "a.b\n", "line 1"),
    ],
)
def test_damaged_files_are_named(crush: Path, name: str, text: str, words: str):
    (crush / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        load_pooled(crush)


def test_a_folder_of_neither_layout(tmp_path: Path):
    with pytest.raises(InputError, match=r"bird_UNION\.txt"):
        load_pooled(tmp_path)


@pytest.mark.data
@pytest.mark.parametrize(("evidence", "recall", "strict"), [(True, 93.0, 80.0), (False, 81.0, 52.0)])
def test_bird_columns_over_all_databases(shared: Path, evidence: bool, recall: float, strict: float):
    report = pooled(shared / "data" / "nl2sql" / "crush4sql", evidence=evidence, limit=300)
    assert report["recall_at"]["20"] >= recall
    assert report["strict_at"]["20"] >= strict


@pytest.mark.data
def test_spider_tables_over_all_databases(shared: Path):
    report = pooled(shared / "data" / "nl2sql" / "spider", limit=260)
    assert report["tables_at"]["10"] >= 96.0
    assert report["databases"] > 80
