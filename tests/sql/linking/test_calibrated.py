"""Linkers with a calibrated policy, and what cannot have one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctxprune.calibration.conformal import CalibrationExample, calibrate
from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.policies import Threshold
from ctxprune.sql.linking import RankedLinker, SchemaContext, ScoredLinker
from ctxprune.sql.linking.calibrated import calibrated, calibrated_linker, keep_sets
from ctxprune.sql.linking.network import load_weights
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.ranked import RankedSchemaScorer
from ctxprune.sql.schema.schema import Column, Schema, Table
from ctxprune.utils.fingerprint import Identity

SCHEMA = Schema("harbour", (Table("ship", (Column("id", primary_key=True), Column("tonnage"), Column("flag"))),))


@pytest.fixture(scope="module")
def calibration():
    linker = RankedLinker()
    sample = [CalibrationExample("What tonnage?", SchemaContext(SCHEMA), [2])] * 60
    return calibrate(sample, linker.scorer, sets=keep_sets(linker))


def test_a_linker_takes_a_calibration(calibration) -> None:
    linker = calibrated(RankedLinker(counter=len), calibration)
    linked = linker.link("What tonnage?", SCHEMA)
    assert [ref.column for ref in linked.kept if ref.column != "id"] == ["tonnage"]
    assert linked.tokens_after < linked.tokens_before
    assert calibrated_linker(calibration).policy == linker.policy


def test_other_weights_are_refused(calibration) -> None:
    weights = load_weights()
    other = RankedSchemaScorer(replace(weights, final=replace(weights.final, bias=weights.final.bias + 0.1)))
    with pytest.raises(UsageError, match="for the scorer of other parameters"):
        calibrated(RankedLinker(scorer=other), calibration)
    linker = replace(RankedLinker(scorer=other), policy=calibrated(RankedLinker(), calibration).policy)
    with pytest.raises(UsageError, match="for the scorer of other parameters"):
        linker.link("What tonnage?", SCHEMA)


def test_other_closures_are_refused(calibration) -> None:
    with pytest.raises(UsageError, match="made for the closure"):
        calibrated(RankedLinker(policy=JoinablePolicy(longest=1)), calibration)
    with pytest.raises(UsageError, match="made for the closure"):
        calibrated(RankedLinker(policy=Threshold()), calibration)


def test_a_calibration_of_no_linker(calibration) -> None:
    with pytest.raises(UsageError, match=r"which no registered linker uses: linkers: .*ranked\.v1"):
        calibrated_linker(replace(calibration, scorer=Identity("elsewhere:Scorer", "0")))


def test_linkers_without_a_scorer_or_a_closure() -> None:
    class Other:
        def select(self, request):
            raise NotImplementedError

    for linker in (Other(), ScoredLinker(RankedSchemaScorer(), Other())):
        with pytest.raises(UsageError, match="cannot be calibrated"):
            keep_sets(linker)
    with pytest.raises(UnknownNameError):
        keep_sets(RankedLinker(), measure="luck")
