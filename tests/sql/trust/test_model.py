"""The trust model: its weights, what it may see, and that its probabilities follow what a query leaves out."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxprune.errors import FormatError
from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.generate.base import Candidate
from ctxprune.sql.schema.hits import ValueHit
from ctxprune.sql.schema.linked import Linked
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.sql.select.base import SELECTORS, Executed, SelectionContext
from ctxprune.sql.trust.features import FEATURES, Basis, SchemaFacts, describe_groups
from ctxprune.sql.trust.model import Curve, TrustModel, TrustWeights, load_weights, read_accounts
from ctxprune.sql.trust.selector import TrustSelector

SHOP = Schema(
    "shop",
    (
        Table("city", (Column("id", "INTEGER", primary_key=True), Column("name", "TEXT"), Column("country", "TEXT"))),
        Table("river", (Column("id", "INTEGER", primary_key=True), Column("length", "REAL"))),
    ),
)
QUESTION = "How many cities are in Brazil?"
ALL, SOME = "SELECT COUNT(*) FROM city", "SELECT COUNT(*) FROM city WHERE country = 'Brazil'"
BRAZIL = ValueHit(ColumnRef("city", "country"), "Brazil", (23, 29), 1.0, "exact")


def context(question: str = QUESTION, schema: Schema = SHOP) -> SelectionContext:
    scores = {ref: 0.9 if ref.table == "city" else 0.1 for ref in schema.refs()}
    tables = {table.name: 0.9 if table.name == "city" else 0.1 for table in schema.tables}
    hits = (BRAZIL,) if question[23:29] == "Brazil" else ()
    return SelectionContext(question, schema, hits=hits, linked=Linked(schema, schema, scores, tables, hits=hits))


def ran(sql: str, *rows: tuple[object, ...], score: float = 0.4, generator: str = "sketch.v1") -> Executed:
    width = len(rows[0]) if rows else 1
    return Executed(Candidate(sql, generator, "full+values", score), sql, ResultSet(tuple("abcdef"[:width]), rows))


def features(asked: SelectionContext, executed: list[Executed]) -> np.ndarray:
    facts = SchemaFacts.of(asked.schema)
    return describe_groups(asked, executed, read_accounts(asked, executed, facts.prepared), facts)[1]


def test_it_is_registered() -> None:
    assert SELECTORS.get("trust") is TrustSelector


def test_nothing_to_choose() -> None:
    assert TrustSelector().select("q", []).index is None
    failed = Executed(Candidate("SELECT x", "chat.v1"), "", error="no such column: x")
    assert TrustSelector().select("q", [failed]).index is None
    assert TrustModel().judge(context(), [failed]) == ()


def test_at_equal_scores_the_query_that_explains_the_question_is_chosen() -> None:
    for first, second in ((ran(ALL, (9,)), ran(SOME, (2,))), (ran(SOME, (2,)), ran(ALL, (9,)))):
        chosen = TrustSelector().select_in(context(), [first, second])
        assert chosen.index is not None
        assert [first, second][chosen.index].sql == SOME


def test_of_equal_results_the_text_that_explains_more_is_shown() -> None:
    chosen = TrustSelector().select_in(context(), [ran(ALL, (2,)), ran(SOME, (2,))])
    assert (chosen.index, chosen.groups) == (1, ((1, 0),))


def test_probabilities_are_probabilities() -> None:
    judged = TrustModel().judge(context(), [ran(ALL, (9,)), ran(SOME, (2,)), ran("SELECT name FROM city", ("a",))])
    assert [0 <= one.chance <= 1 for one in judged] == [True] * 3
    assert [one.chance for one in judged] == sorted((one.chance for one in judged), reverse=True)


def test_names_of_the_schema_do_not_count_beyond_what_they_explain() -> None:
    """The same question and queries under other names give the same features: nothing identifies a database."""
    other = Schema("depot", tuple(replace(t, name=t.name.replace("city", "town")) for t in SHOP.tables))
    mine = features(context(), [ran(ALL, (9,)), ran(SOME, (2,))])
    asked = context("How many towns are in Brazil?", other)
    hit = replace(BRAZIL, ref=ColumnRef("town", "country"), span=(22, 28))
    linked = context().linked
    assert linked is not None
    renamed = {ColumnRef(r.table.replace("city", "town"), r.column): s for r, s in linked.scores.items()}
    tables = {name.replace("city", "town"): score for name, score in linked.table_scores.items()}
    asked = replace(asked, hits=(hit,), linked=Linked(other, other, renamed, tables, hits=(hit,)))
    theirs = features(asked, [ran(text.replace("city", "town"), (n,)) for text, n in ((ALL, 9), (SOME, 2))])
    np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_a_database_without_rows_does_not_make_everything_wrong() -> None:
    empty = features(context(), [ran("SELECT name FROM city WHERE country = 'Brazil'")])[0]
    at = {name: place for place, name in enumerate(FEATURES)}
    assert empty[at["empty"]] == 0.0
    both = features(context(), [ran("SELECT name FROM city WHERE country = 'Brazil'"), ran(ALL, (3,))])
    assert sorted(both[:, at["empty"]]) == [0.0, 1.0]


def test_weights_survive_a_round_trip() -> None:
    weights = load_weights()
    again = TrustWeights.from_dict(json.loads(json.dumps(weights.to_dict())))
    rows = features(context(), [ran(ALL, (9,)), ran(SOME, (2,))])
    bases: list[list[Basis]] = [["agreed", "single"], ["blocked", "single"]]
    for one in bases:
        np.testing.assert_allclose(weights.chances(rows, one), again.chances(rows, one), atol=1e-4)


def test_leaving_something_out_costs_confidence() -> None:
    executed = [ran(ALL, (9,)), ran(SOME, (2,))]
    chance = {executed[one.facts.representative].sql: one.chance for one in TrustModel().judge(context(), executed)}
    assert chance[SOME] > 2 * chance[ALL]


def test_the_basis_picks_the_curve() -> None:
    low, high = (Curve(np.array([0.0, 1.0]), np.array([value, value])) for value in (0.1, 0.9))
    weights = replace(load_weights(), agreed=high, single=high, blocked=low)
    rows = features(context(), [ran(ALL, (9,)), ran(SOME, (2,))])
    assert weights.chances(rows, ["blocked", "agreed"]).tolist() == [0.1, 0.9]
    assert weights.chances(rows, ["single", "blocked"]).tolist() == [0.9, 0.1]


def test_what_a_group_rests_on() -> None:
    def basis(*executed: Executed) -> list[str]:
        asked = context()
        facts = SchemaFacts.of(asked.schema)
        return [
            one.basis
            for one in describe_groups(asked, executed, read_accounts(asked, executed, facts.prepared), facts)[0]
        ]

    alone, both = ran(SOME, (2,)), ran(SOME, (2,), generator="phrases.v1")
    assert basis(alone) == ["single"]
    assert basis(alone, alone) == ["single"]
    assert basis(alone, both) == ["agreed"]
    assert basis(ran(ALL, (9,)), ran(ALL, (9,), generator="phrases.v1")) == ["blocked"]  # Brazil is left out


def test_the_word_of_a_generator_is_crossed_with_the_account() -> None:
    at = {name: place for place, name in enumerate(FEATURES)}
    for row in features(context(), [ran(ALL, (9,)), ran(SOME, (2,), generator="phrases.v1", score=0.7)]):
        for family in ("sketch", "phrases"):
            for fact in ("weight", "lead", "first"):
                for by in ("coverage", "coverage_behind"):
                    crossed = row[at[f"{family}_{fact}_by_{by}"]]
                    assert crossed == pytest.approx(row[at[f"{family}_{fact}"]] * row[at[by]])


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 99},
        {"features": ["one"]},
        {"agreed": {"raw": [0.5, 0.2], "calibrated": [0.1, 0.2]}},
        {"single": {"raw": [0.1, 0.2], "calibrated": [0.2, 0.1]}},
        {"blocked": {"raw": [0.1], "calibrated": [0.1, 0.2]}},
        {"blocked": {"raw": [], "calibrated": []}},
        {"blocked": {}},
        {"network": {}},
        {"answer_above": "high"},
    ],
)
def test_damaged_weights_are_refused(damage: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        TrustWeights.from_dict({**load_weights().to_dict(), **damage})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=80), st.sampled_from([ALL, SOME, "SELECT * FROM river", "x y z", "SELECT '", "", "SELECT 1;;"]))
def test_any_question_and_text_is_judged(question: str, sql: str) -> None:
    rows = features(context(question), [ran(sql, (1,)), ran(ALL, (None,), generator="phrases.v1", score=0.0)])
    assert rows.shape[1] == len(FEATURES)
    assert np.isfinite(rows).all()
