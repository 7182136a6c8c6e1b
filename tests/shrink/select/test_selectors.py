"""Selectors: which rows they take, on hand-made rows."""

from __future__ import annotations

import dataclasses
import math

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.learning.clustering import k_means, sampled_centres  # noqa: E402
from ctxprune.shrink.model.tasks.embedding import Embedding  # noqa: E402
from ctxprune.shrink.registries import SELECTORS  # noqa: E402
from ctxprune.shrink.select.base import (  # noqa: E402
    best_share,
    group_means,
    group_numbers,
    rebatch,
    row_divergences,
    row_losses,
)
from ctxprune.shrink.select.domains import Domains  # noqa: E402
from ctxprune.shrink.select.el2n import El2n  # noqa: E402
from ctxprune.shrink.select.frequency import Frequency  # noqa: E402
from ctxprune.shrink.select.importance import Importance  # noqa: E402
from ctxprune.shrink.select.nearest import Nearest  # noqa: E402
from ctxprune.shrink.select.paser import Paser  # noqa: E402
from ctxprune.shrink.select.perplexity import Perplexity  # noqa: E402
from ctxprune.shrink.select.random import Random  # noqa: E402
from ctxprune.shrink.select.selectivity import Selectivity  # noqa: E402


def changed(maker=models.encoder):
    subject = maker()
    sources = [
        dict(batch) | {"sources": torch.full((8,), number % 2)} for number, batch in enumerate(subject.calibration)
    ]
    related = models.batches(1, seed=9)
    work = dataclasses.replace(subject.copy(), teacher=subject.model, calibration=sources, related=related)
    with torch.no_grad():
        for entry in work.model.parameters():
            entry.mul_(0.9)
    return work


@pytest.mark.parametrize("maker", [models.encoder, models.decoder])
@pytest.mark.parametrize("name", sorted({*SELECTORS.names()} - {"paser.v1"}))
def test_a_share_is_chosen_by_whole_groups(name: str, maker):
    work = changed(maker)
    kept = SELECTORS.get(name)()(work, 0.5)
    assert kept.dtype == torch.bool
    assert int(kept.sum()) == 12
    groups = group_numbers(work)
    for number in groups.unique():
        assert len(kept[groups == number].unique()) == 1
    assert torch.equal(kept, SELECTORS.get(name)()(work, 0.5))
    assert int(SELECTORS.get(name)()(work, 1e-6).sum()) == (4 if maker is models.encoder else 1)
    assert bool(SELECTORS.get(name)()(work, 1.0).all())
    for share in (0, 1.1):
        with pytest.raises(UsageError, match="share is"):
            SELECTORS.get(name)()(work, share)


def test_the_best_groups_come_first():
    work = changed()
    scores = torch.arange(24.0)
    assert best_share(work, scores, 0.25).nonzero().flatten().tolist() == list(range(16, 24))
    assert best_share(work, -scores, 0.1).nonzero().flatten().tolist() == [0, 1, 2, 3]


def test_figures_of_rows_agree_with_those_of_the_task():
    for maker in (models.encoder, models.decoder):
        work = changed(maker)
        batches = [{name: value[:4] for name, value in batch.items()} for batch in work.calibration]  # no padding
        work = dataclasses.replace(work, calibration=batches)
        assert float(row_losses(work).mean()) == pytest.approx(work.loss(), rel=1e-5)
        outputs = [(work.task.output(work.model, b), work.task.output(work.teacher, b), b) for b in batches]
        whole = sum(float(work.task.divergence(*entry).detach()) for entry in outputs) / len(batches)
        assert float(row_divergences(work).mean()) == pytest.approx(whole, rel=1e-4)


def test_el2n_takes_the_rows_that_are_wrong():
    work = changed()
    scores = torch.cat([work.task.output(work.model, batch)[:, 0] for batch in work.calibration]).detach()
    batches = []
    for number, batch in enumerate(work.calibration):
        own = scores[8 * number : 8 * number + 8].sigmoid()
        labels = own.clone()
        labels[4:] = 1 - own[4:].round()  # the second group of each batch is wrong
        batches.append(dict(batch) | {"labels": labels})
    work = dataclasses.replace(work, calibration=batches)
    wrong = torch.tensor([False] * 4 + [True] * 4).repeat(3)
    assert torch.equal(El2n()(work, 0.5), wrong)
    assert torch.equal(El2n(easy=True)(work, 0.5), ~wrong)
    unlabelled = [{name: value for name, value in batch.items() if name != "labels"} for batch in batches]
    assert int(El2n()(dataclasses.replace(work, calibration=unlabelled), 0.5).sum()) == 12
    with pytest.raises(UsageError, match="neither labels nor a teacher"):
        El2n()(dataclasses.replace(work, calibration=unlabelled, teacher=None), 0.5)


def test_perplexity_takes_the_part_that_is_named():
    work = changed(models.decoder)
    losses = row_losses(work, work.teacher)
    order = losses.argsort()
    assert set(Perplexity("low")(work, 0.25).nonzero().flatten().tolist()) == set(order[:6].tolist())
    assert set(Perplexity("high")(work, 0.25).nonzero().flatten().tolist()) == set(order[-6:].tolist())
    middle = set(Perplexity()(work, 0.5).nonzero().flatten().tolist())
    assert len(middle & set(order[6:18].tolist())) >= 11
    with pytest.raises(UsageError, match="part is"):
        Perplexity("some")
    unlabelled = [{name: value for name, value in batch.items() if name != "labels"} for batch in changed().calibration]
    assert int(Perplexity()(dataclasses.replace(changed(), calibration=unlabelled), 0.5).sum()) == 12
    with pytest.raises(UsageError, match="neither labels nor a teacher"):
        Perplexity()(dataclasses.replace(changed(), calibration=unlabelled, teacher=None), 0.5)


def test_rare_words_are_kept():
    work = changed()
    first = dict(work.calibration[0])
    ids = torch.full((8, 12), 5)
    ids[4:] = torch.arange(48).view(4, 12) + 10
    first |= {"input_ids": ids, "attention_mask": torch.ones(8, 12, dtype=torch.long)}
    work = dataclasses.replace(work, calibration=[first])
    assert Frequency()(work, 0.5).tolist() == [False] * 4 + [True] * 4


def test_paser_spends_where_most_was_lost():
    work = changed(models.decoder)
    lost = row_divergences(work)
    assert float(lost[Paser(4)(work, 0.25)].mean()) > float(lost.mean())
    with pytest.raises(UsageError, match="compares with a teacher"):
        Paser()(models.encoder(), 0.5)


def consistent(groups, concepts):
    """Of groups in this order those that the paper's graph of consistent concepts lets in, one by one."""
    nodes, edges, taken = set(), set(), []
    for group in groups:
        pairs = [(a, b) for a in concepts[group] for b in concepts[group] if a < b]
        if all(a not in nodes or b not in nodes or (a, b) in edges for a, b in pairs):
            taken.append(group)
            nodes |= set(concepts[group])
            edges |= set(pairs)
    return taken


def test_paser_leaves_out_what_conflicts():
    work = changed(models.decoder)
    plain = Paser(1, concepts=0)
    assert bool(plain(work, 1.0).all())
    assert int(plain(work, 0.5).sum()) == 12
    rows = [
        set(ids[mask.bool()].tolist())
        for batch in work.calibration
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]
    lengths = [int(length) for batch in work.calibration for length in batch["attention_mask"].sum(1)]
    worth = [
        lost / math.log(1 + length**2) for lost, length in zip(row_divergences(work).tolist(), lengths, strict=True)
    ]
    order = sorted(range(24), key=worth.__getitem__, reverse=True)  # one cluster takes the best first
    counts = {token: sum(token in row for row in rows) for token in set().union(*rows)}
    concepts = [sorted(sorted((t for t in row if counts[t] > 1), key=lambda t: (counts[t], t))[:3]) for row in rows]
    wanted = consistent(order, concepts)
    assert 1 < len(wanted) < 24
    assert Paser(1)(work, 1.0).nonzero().flatten().tolist() == sorted(wanted)
    assert work.notes["conflicts"] == 24 - len(wanted)
    assert Paser(1)(work, 2 / 24).nonzero().flatten().tolist() == sorted(wanted[:2])
    encoder = changed()
    kept, groups = Paser()(encoder, 0.5), group_numbers(encoder)
    assert 0 < int(kept.sum()) <= 12
    assert all(len(kept[groups == number].unique()) == 1 for number in groups.unique())
    for bad in ({"clusters": 0}, {"concepts": -1}):
        with pytest.raises(UsageError):
            Paser(**bad)


def test_selectivity_takes_what_the_target_is_like():
    work = changed(models.decoder)
    rows = {name: value[2:4] for name, value in work.calibration[1].items()}
    kept = Selectivity(12)(dataclasses.replace(work, related=[rows]), 2 / 24)
    assert {10, 11} & set(kept.nonzero().flatten().tolist())
    with pytest.raises(UsageError, match="no data of the target task"):
        Selectivity()(models.encoder(), 0.5)


def test_rows_that_cannot_go_one_by_one_are_refused():
    work = changed()
    odd = [dict(batch) | {"unit": torch.zeros(5)} for batch in work.calibration]
    with pytest.raises(UsageError, match="unit is not by row"):
        Random()(dataclasses.replace(work, calibration=odd), 0.5)
    with pytest.raises(UsageError, match="cannot be judged one by one"):
        El2n()(dataclasses.replace(work, task=Embedding()), 0.5)


def domain_weights(weights, losses, references):
    """The update of Sheared LLaMA's algorithm 1, number by number."""
    raised = [
        w * math.exp(max(loss - reference, 0.0)) for w, loss, reference in zip(weights, losses, references, strict=True)
    ]
    return [value / sum(raised) for value in raised]


def test_domains_that_lost_most_get_more_rows():
    work = changed(models.decoder)
    with torch.no_grad():
        work.model.lm_head.weight.mul_(-3)
    sources = torch.cat([batch["sources"] for batch in work.calibration])
    own, teacher = row_losses(work), row_losses(work, work.teacher)
    weights = [float((sources == number).double().mean()) for number in (0, 1)]
    for _ in range(2):
        kept = Domains()(work, 0.5)
        pairs = ([float(losses[sources == number].mean()) for number in (0, 1)] for losses in (own, teacher))
        weights = domain_weights(weights, *pairs)
        assert work.notes["domain_weights"] == pytest.approx(weights, rel=1e-6)
        assert int(kept[sources == 0].sum()) == pytest.approx(12 * weights[0], abs=1.5)
    only = dataclasses.replace(work, notes={"domain_weights": [0.9999, 0.0001]})
    assert set(sources[Domains()(only, 0.25)].tolist()) == {0}
    with pytest.raises(UsageError, match="by source and with a teacher"):
        Domains()(models.decoder(), 0.5)


def test_group_means_equal_a_loop_over_groups():
    groups = torch.tensor([2, 0, 2, 1, 0])
    for values in (torch.arange(5), torch.rand(5), torch.rand(5, 3)):
        found = group_means(values, groups)
        assert found.dtype == torch.float64
        assert torch.allclose(found, torch.stack([values[groups == number].double().mean(0) for number in range(3)]))


def test_random_depends_on_the_seed():
    assert not torch.equal(Random()(models.decoder(0), 0.5), Random()(models.decoder(1), 0.5))


def test_clusters_are_found():
    points = torch.tensor([[0.0, 0], [0, 0.1], [5, 5], [5, 5.1], [9, 0]])
    which = k_means(points, sampled_centres(points, 3, torch.Generator().manual_seed(0))).tolist()
    assert which[0] == which[1] != which[2] == which[3] != which[4] != which[0]
    assert len(sampled_centres(torch.zeros(4, 2), 3, torch.Generator())) == 1


def test_batches_of_chosen_rows():
    subject = models.encoder()
    kept = torch.zeros(24, dtype=torch.bool)
    kept[[4, 5, 6, 7, 8, 9, 10, 11, 20]] = True
    merged = rebatch(subject.calibration, kept)
    assert [len(batch["input_ids"]) for batch in merged] == [8, 1]
    assert merged[0]["groups"].tolist() == [0] * 4 + [1] * 4
    assert torch.equal(merged[0]["input_ids"][:4, :9], subject.calibration[0]["input_ids"][4:, :9])
    assert torch.equal(merged[0]["labels"][4:], subject.calibration[1]["labels"][:4])
    assert merged[1]["input_ids"].shape == (1, 9)  # padding that no row needs is gone


@pytest.mark.parametrize("selector", [Importance(), Nearest()])
def test_rows_of_the_related_data_come_first(selector):
    work = changed(models.decoder)
    batch = work.calibration[1]
    same = dataclasses.replace(work, related=[{name: value[2:5] for name, value in batch.items()}])
    assert selector(same, 3 / 24).nonzero().flatten().tolist() == [10, 11, 12]
    with pytest.raises(UsageError, match="there is no data"):
        selector(dataclasses.replace(work, related=()), 0.5)
