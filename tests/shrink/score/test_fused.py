"""SAAP's fused importance against loops and against noise that is learned."""

from __future__ import annotations

import statistics

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder  # noqa: E402
from ctxprune.shrink.score.fused import Fused  # noqa: E402


def importances(subject, group, samples):
    """By sample and unit the coarse and the fine importance, weight by weight."""
    found = []
    for row in range(samples):
        one = {name: value[row : row + 1] for name, value in subject.calibration[0].items()}
        names = [part.parameter for part in group.slices]
        entries = [subject.model.get_parameter(name) for name in names]
        slopes = torch.autograd.grad(subject.task.loss(subject.model, one), entries)
        units = [[0.0, 0.0] for _ in range(group.count)]
        for part, entry, slope in zip(group.slices, entries, slopes, strict=True):
            salience = (entry.detach().double() * slope.double()).movedim(part.axis, 0)
            for unit in range(group.count):
                own = salience[part.start + unit * part.size : part.start + (unit + 1) * part.size].flatten().tolist()
                units[unit][0] += abs(sum(own))
                units[unit][1] += sum(abs(value) for value in own)
        found.append(units)
    return found


def test_the_fused_score_is_the_papers_at_the_best_noise():
    subject = Subject(models.bert(), CrossEncoder(), models.batches(1, rows=4, labels=True))
    groups = [subject.anatomy.groups["head", 1], subject.anatomy.groups["head", 3]]
    by_hand = [importances(subject, group, 3) for group in groups]
    flat = torch.tensor([unit for group in by_hand for sample in group for unit in sample], dtype=torch.float64)
    logs = flat.mean(0).mul(3).log().requires_grad_()  # log s^2, started apart from the optimum
    optimizer = torch.optim.LBFGS([logs], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-15)

    def likelihood():
        optimizer.zero_grad()
        value = (flat / (2 * logs.exp()) + logs / 2).sum() / len(flat)
        value.backward()
        return value

    optimizer.step(likelihood)
    coarse, fine = logs.detach().exp().tolist()
    found = Fused(samples=3)(subject, groups)
    for group, samples in zip(groups, by_hand, strict=True):
        fused = [[one / (2 * coarse) + two / (2 * fine) for one, two in sample] for sample in samples]
        totals = [sum(sample) for sample in fused]
        spread = statistics.pstdev(totals) / statistics.fmean(totals)
        wanted = [statistics.fmean(unit) * (1 + spread) for unit in zip(*fused, strict=True)]
        assert found[group.key].tolist() == pytest.approx(wanted, rel=1e-4)
        plain = Fused(samples=3, stability=0)(subject, groups)[group.key]
        assert torch.allclose(found[group.key], plain * (1 + spread), rtol=1e-4)


@pytest.mark.parametrize("wrong", [{"samples": 1}, {"stability": -1}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(UsageError):
        Fused(**wrong)
