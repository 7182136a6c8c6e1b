"""The closure of a schema policy, when what to keep is chosen elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import KeepSets, Pruner
from ctxprune.calibration.conformal import CalibrationExample, CalibrationPool
from ctxprune.errors import UsageError
from ctxprune.policies import Request
from ctxprune.rag import Passage
from ctxprune.sql.linking.context import SchemaContext
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.ranked import RankedLinker, RankedSchemaScorer
from ctxprune.sql.schema.schema import Column, ForeignKey, Schema, Table


def table(name: str, *columns: str) -> Table:
    return Table(name, (Column("id", "int", primary_key=True), *(Column(column, "text") for column in columns)))


SCHEMA = Schema(
    "harbour",
    (
        table("ship", "tonnage", "flag", "owner_id"),
        table("owner", "name", "city"),
        table("visit", "ship_id", "port_id", "day"),
        table("port", "name", "depth"),
        Table("empty", ()),
    ),
    (
        ForeignKey("ship", ("owner_id",), "owner", ("id",)),
        ForeignKey("visit", ("ship_id",), "ship", ("id",)),
        ForeignKey("visit", ("port_id",), "port", ("id",)),
    ),
)
CONTEXT = SchemaContext(SCHEMA)
SIZE = len(CONTEXT.units)
TOKENS = np.zeros(SIZE, dtype=np.int64)
SCORES = st.lists(st.floats(0, 1, width=32), min_size=SIZE, max_size=SIZE).map(lambda v: np.array(v, np.float32))


@settings(deadline=None)
@given(scores=SCORES, chosen=st.sets(st.integers(0, SIZE - 1)))
def test_what_is_chosen_is_kept_and_can_be_queried(scores, chosen) -> None:
    mask = np.zeros(SIZE, dtype=bool)
    mask[list(chosen)] = True
    selection = JoinablePolicy().close(mask, Request("q", CONTEXT, scores, TOKENS))
    assert selection.kept[mask].all()
    assert selection.kept.any() == mask.any()
    assert {selection.reasons[index] for index in chosen} <= {"selected"}
    kept = CONTEXT.render(np.flatnonzero(selection.kept).tolist())
    assert all(
        column.name in kept.table(t.name)
        for t in kept.tables
        for column in SCHEMA.table(t.name).columns
        if column.primary_key
    )


@settings(deadline=None)
@given(scores=SCORES, columns=st.floats(0.01, 4))
def test_it_is_what_select_does_with_its_own_choice(scores, columns) -> None:
    policy = JoinablePolicy(columns=columns, tables=9.0)
    selected = policy.select(Request("q", CONTEXT, scores, TOKENS))
    chosen = np.array([reason == "selected" for reason in selected.reasons])
    if chosen.any():
        assert policy.close(chosen, Request("q", CONTEXT, scores, TOKENS)).reasons == selected.reasons


@settings(deadline=None, max_examples=40)
@given(scores=SCORES, needed=st.sets(st.integers(0, SIZE - 1), min_size=1))
def test_a_calibrated_loss_never_falls_though_bridges_come_and_go(scores, needed) -> None:
    class Given:
        fingerprint = "given"

        def score(self, query, context):
            return scores

    sets = KeepSets("score.v1", JoinablePolicy())
    (item,) = CalibrationPool.score([CalibrationExample("what?", CONTEXT, needed)], Given(), sets=sets).scored
    steps = item.steps("recall")
    assert all(growth > 0 for _, growth in steps)
    for limit in np.unique(scores):
        assert item.loss_of(limit, "recall") <= sum(growth for at, growth in steps if at < limit) + 1e-9


def test_other_contexts_are_refused() -> None:
    with pytest.raises(UsageError, match="a Passage is not a schema"):
        JoinablePolicy().close(np.ones(1, bool), Request("q", Passage("One."), np.ones(1, np.float32), TOKENS[:1]))


def test_a_linker_with_a_calibrated_policy() -> None:
    questions = {"How deep is the port?": "depth", "What is the tonnage?": "tonnage", "Which city?": "city"}
    place = {ref.column: index for index, ref in enumerate(CONTEXT.refs) if ref is not None}
    sample = [CalibrationExample(text, CONTEXT, [place[name]], "harbour") for text, name in questions.items()] * 20
    sets = KeepSets(closure=JoinablePolicy())
    found = CalibrationPool.score(sample, RankedSchemaScorer(), sets=sets).calibrate(risk=0.05)
    linker = RankedLinker(policy=found.policy(JoinablePolicy()))
    shares = []
    for text, name in questions.items():
        linked = linker.link(text, SCHEMA)
        assert name in {ref.column for ref in linked.kept}
        shares.append(len(linked.kept) / SCHEMA.n_columns)
    assert np.mean(shares) == pytest.approx(found.kept_share, abs=0.08)  # "empty" is a leaf too
    with pytest.raises(UsageError, match="made for the scorer"):
        Pruner("lexical", linker.policy)
    with pytest.raises(UsageError, match="made for the closure"):
        found.policy(JoinablePolicy(longest=2))
