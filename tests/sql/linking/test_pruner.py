"""The linkers with the bundled model: what they find, what the model is given to read, how two opinions become one."""

from __future__ import annotations

import json
import pickle
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.sql.linking import LINKERS, PrunerLinker, RankedPrunerLinker, SchemaContext
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.pruner import PrunerSchemaScorer, SchemaDocuments
from ctxprune.sql.linking.ranked import RankedSchemaScorer
from ctxprune.sql.linking.ranked_pruner import RankedPrunerScorer
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.values.base import ValueHit
from ctxprune.utils.fingerprint import fingerprint

GOLDEN = json.loads(Path(__file__).with_name("pruner.json").read_text(encoding="utf-8"))
KINDS = (PrunerLinker, RankedPrunerLinker)
WORDS = ("id", "name", "price", "city", "born", "Größe", "数量", "x_1", "")


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_registered_and_say_which_weights_they_have(kind: type):
    assert LINKERS.get(LINKERS.name_of(kind)) is kind
    assert fingerprint(kind().scorer) == fingerprint(kind.load(threads=2).scorer)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", GOLDEN, ids=[case["question"] for case in GOLDEN])
def test_golden(kind: type, case: dict, library: Schema):
    linked = kind().link(case["question"], library, evidence=case["evidence"])
    assert {ColumnRef(*names) for names in case["needed"]} <= linked.kept
    assert linked.schema.n_columns < library.n_columns
    assert linked.schema.n_columns <= 14


def test_the_model_reads_a_schema_as_it_was_trained_to(tmp_path: Path):
    from ctxprune.cli._training_data import schemas

    tables = {
        "db_id": "shop", "table_names_original": ["cty", "order_items"], "table_names": ["city", "order items"],
        "column_names_original": [[-1, "*"], [0, "nm"], [1, "cityName"], [1, "price"]],
        "column_names": [[-1, "*"], [0, "name"], [1, "city name"], [1, "price"]],
        "column_types": ["text", "text", "text", "number"], "primary_keys": [1], "foreign_keys": [[2, 1]],
    }  # fmt: skip
    item = {"db_id": "shop", "question": "What is the price?", "query": "SELECT price FROM order_items"}
    folder = tmp_path / "nl2sql" / "spider"
    folder.mkdir(parents=True)
    (folder / "tables.json").write_text(json.dumps([tables]), encoding="utf-8")
    (folder / "train_spider.json").write_text(json.dumps([item]), encoding="utf-8")
    [example] = islice(schemas(tmp_path), 1)

    from ctxprune.sql.evaluation.datasets import load

    schema = load(folder, split="train").schemas["shop"]
    hit = ValueHit(ColumnRef("cty", "nm"), "Oslo", (0, 4), 1.0, "exact")
    read = SchemaDocuments.of(SchemaContext(schema, hits=[hit]))
    assert read.kind == example.kind == "schema"
    assert read.titles == tuple(document.title for document in example.documents)
    assert [unit.text for unit in read.units] == [text for document in example.documents for text in document.sentences]
    assert read.sources == (0, 1, 1)


def test_a_value_hit_lifts_its_column_and_is_not_read(library: Schema):
    ref = ColumnRef("weather", "day")
    scorer = PrunerSchemaScorer()
    hits = [ValueHit(ref, "x", (0, 1), 0.8, "exact"), ValueHit(ColumnRef("no", "x"), "x", (0, 1), 1.0, "exact")]
    plain, hit = SchemaContext(library), SchemaContext(library, hits=hits)
    place = plain.refs.index(ref)
    assert np.array_equal(scorer.read("fees", plain), scorer.read("fees", hit))
    assert scorer.score("fees", plain)[place] < 0.5
    assert scorer.score("fees", hit)[place] == pytest.approx(0.8)


def test_of_a_large_schema_the_best_are_read():
    tables = tuple(Table(f"area_{i}", (Column("size"), Column("name", "TEXT"))) for i in range(80))
    schema = Schema("large", (*tables, Table("river", (Column("name"), Column("length in km"))), Table("bare", ())))
    context, scorer = SchemaContext(schema), PrunerSchemaScorer(longest=200)
    told = scorer.read("How long is the river?", context)
    read = ~np.isnan(told)
    chars = sum(len(unit.text) for unit, is_read in zip(context.units, read, strict=True) if is_read and unit.parent)
    assert chars <= 200
    length, name = (context.refs.index(ColumnRef("river", column)) for column in ("length in km", "name"))
    others = [unit for unit in context.column_units if unit not in (length, name)]
    assert min(told[length], told[name]) > 5 * np.nanmax(told[others])
    scores = scorer.score("How long is the river?", context)
    assert (scores[~read] == 0).all()
    assert np.array_equal(scores[read], told[read])
    ranked = RankedSchemaScorer().score("How long is the river?", context)
    mixed = RankedPrunerScorer(pruner=scorer).score("How long is the river?", context)
    assert np.array_equal(mixed[~read], ranked[~read])
    assert read.sum() < len(context.units) / 4
    assert (~np.isnan(PrunerSchemaScorer(longest=1).read("How long is the river?", context))).sum() == 2
    assert np.isnan(PrunerSchemaScorer().read("bare?", context)).sum() == 1


def test_two_opinions_become_one(library: Schema):
    context, question = SchemaContext(library), "How old are the members?"
    ranked, pruner = RankedSchemaScorer().score(question, context), PrunerSchemaScorer().read(question, context)
    low, high = np.minimum(ranked, pruner), np.maximum(ranked, pruner)
    for weight in (0, 0.25, 0.5, 1):
        mixed = RankedPrunerScorer(weight=weight).score(question, context)
        assert mixed.dtype == np.float32
        assert (mixed >= low - 1e-5).all()
        assert (mixed <= high + 1e-5).all()
    assert RankedPrunerScorer(weight=0).score(question, context) == pytest.approx(ranked, abs=1e-5)
    assert RankedPrunerScorer(weight=1).score(question, context) == pytest.approx(pruner, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_order_of_calls_and_pickles_change_nothing(kind: type, library: Schema):
    linker, many = kind(), kind.load(threads=4)
    questions = [case["question"] for case in GOLDEN]
    first = [linker.link(question, library) for question in questions]
    assert [many.link(question, library) for question in reversed(questions)] == first[::-1]
    assert [pickle.loads(pickle.dumps(linker)).link(question, library) for question in questions[:2]] == first[:2]


@st.composite
def small_schemas(draw: st.DrawFn) -> Schema:
    tables = []
    for number in range(draw(st.integers(1, 4))):
        names = draw(st.lists(st.sampled_from(WORDS), max_size=4, unique=True))
        key = draw(st.sampled_from([*names, None]))
        tables.append(Table(f"t{number}", tuple(Column(name, primary_key=name == key) for name in names)))
    filled = [table for table in tables if table.columns]
    ends = [draw(st.sampled_from(filled)) for _ in range(2)] if filled else []
    keys = [ForeignKey(*(part for t in ends for part in (t.name, (t.columns[0].name,))))] if ends else []
    return Schema("s", tuple(tables), tuple(keys))


@settings(max_examples=12, deadline=None)
@given(small_schemas(), st.sampled_from(["city of birth", "t0 price?", "的", "\x00\ud800"]), st.sampled_from(KINDS))
def test_what_is_kept_exists_with_its_keys(schema: Schema, question: str, kind: type):
    linked = kind().link(question, schema)
    assert linked.kept <= set(schema.refs())
    assert list(linked.scores) == list(schema.refs())
    for table in linked.schema.tables:
        assert {ColumnRef(table.name, name) for name in schema.table(table.name).primary_key} <= linked.kept
    assert linked == kind().link(question, schema)


def test_a_lower_limit_keeps_more(library: Schema):
    few, more = (PrunerLinker(policy=JoinablePolicy(columns=limit)).link("fees", library).kept for limit in (5, 0.01))
    assert few < more


class Plain:
    units = ()


@pytest.mark.parametrize("kind", [PrunerSchemaScorer, RankedPrunerScorer])
def test_only_a_schema_can_be_scored(kind: type):
    assert isinstance(kind(), Scorer)
    with pytest.raises(UsageError, match="is not a schema"):
        kind().score("x", Plain())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PrunerSchemaScorer(model="x"), "model is a str"),
        (lambda: PrunerSchemaScorer(first=PrunerScorer), "first is"),
        (lambda: PrunerSchemaScorer(longest=0), "longest is 0"),
        (lambda: PrunerLinker.load(threads=0), "threads is 0"),
        (lambda: RankedPrunerScorer(ranked=None), "ranked is None"),
        (lambda: RankedPrunerScorer(pruner=PrunerScorer()), "pruner is a PrunerScorer"),
        (lambda: RankedPrunerScorer(weight=1.5), "weight is 1.5"),
        (lambda: RankedPrunerScorer(weight=float("nan")), "weight is nan"),
    ],
)
def test_arguments_are_checked(make, message: str):
    with pytest.raises(UsageError, match=message):
        make()


def test_another_folder(tmp_path: Path, library: Schema):
    with pytest.raises(ValueError, match="manifest cannot be read"):
        PrunerLinker.load(tmp_path).link("fees", library)
