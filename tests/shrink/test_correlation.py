"""Quality before and after recovery: both correlations, and where they come from."""

from __future__ import annotations

from math import isclose

import pytest

from ctxprune.shrink.audit import AuditedModel, Question, audit
from ctxprune.shrink.audit.page import render_recovery
from ctxprune.shrink.run.correlation import kendall, recovery_correlation
from ctxprune.shrink.run.records import TrialFigures, TrialRecord

BEFORE, AFTER = [0.1, 0.4, 0.4, 0.9, 0.2], [0.5, 0.6, 0.7, 0.7, 0.4]


def record(name: str, before: float | None, after: float, rung: int = 0) -> TrialRecord:
    sizes = dict.fromkeys(("bytes", "flops", "parameters", "weights"), 1.0)
    return TrialRecord(name, rung, 10, 1.0, TrialFigures(after, 0.5, 1.0, sizes, unrecovered=before))


def records(rung: int = 0) -> list[TrialRecord]:
    return [record(f"r{place}", *pair, rung) for place, pair in enumerate(zip(BEFORE, AFTER, strict=True))]


def test_tau_counts_pairs_and_takes_ties_out():
    assert kendall([1, 2, 3], [1, 2, 3]) == 1
    assert kendall([1, 2, 3], [3, 2, 1]) == -1
    # of ten pairs one is tied on each side; of the other eight seven agree
    assert isclose(kendall(BEFORE, AFTER), (7 - 1) / 9)
    assert kendall([1, 1], [1, 2]) is None
    stats = pytest.importorskip("scipy.stats")
    assert isclose(kendall(BEFORE, AFTER), stats.kendalltau(BEFORE, AFTER).statistic)
    found = recovery_correlation(records())
    assert isclose(found["pearson"], stats.pearsonr(BEFORE, AFTER).statistic)


def test_trials_of_the_fullest_rung_count():
    failed = TrialRecord("bad", 0, 10, 1.0, None, "no")
    found = recovery_correlation([*records()[:3], failed, record("x", None, 1.0), *records(rung=1)])
    assert found["rung"] == 1
    assert found["trials"] == [[f"r{place}", *pair] for place, pair in enumerate(zip(BEFORE, AFTER, strict=True))]
    assert recovery_correlation(records()[:2]) is None
    assert recovery_correlation([]) is None
    flat = recovery_correlation([record(f"r{n}", 0.5, n) for n in range(3)])
    assert (flat["pearson"], flat["kendall"]) == (None, None)


def test_the_figure_is_kept_in_the_log():
    (first, *_) = records()
    assert TrialRecord.from_dict(first.to_dict()) == first
    assert "unrecovered" not in record("x", None, 1.0).to_dict()


def test_the_page_shows_them():
    page = render_recovery(recovery_correlation(records()))
    assert "0.67" in page
    assert "r3" in page
    asked = [Question("q", ("a", "b"), (1, 0))] * 3
    model = AuditedModel("full", lambda question: [1.0, 0.0])
    assert "before and after recovery" not in audit(model, [], asked).to_html()


def test_a_trial_has_the_quality_before_its_finish(tmp_path):
    pytest.importorskip("torch", reason="the train extra is not installed")
    pytest.importorskip("transformers", reason="the train extra is not installed")
    from shrink import models

    from ctxprune.shrink.model.cost import Target
    from ctxprune.shrink.recipes.recipe import load_recipe
    from ctxprune.shrink.run.runner import shrink
    from ctxprune.shrink.run.trial import Effort, baseline_recipes, run_trial

    subject, recipe, target = models.encoder(), load_recipe("flap"), Target("flops", 0.6)
    trial = run_trial(subject, recipe, target, subject.calibration, effort=Effort(steps=2))
    bare = shrink(subject, recipe, target).subject  # without recovery
    assert trial.figures.unrecovered == subject.task.quality(bare.model, subject.calibration)
    scratch = baseline_recipes(subject, "flops")[1]
    assert run_trial(subject, scratch, target, subject.calibration, effort=Effort(2)).figures.unrecovered is None
    alone = run_trial(subject, recipe, target, subject.calibration, effort=Effort())
    assert alone.figures.unrecovered is None
