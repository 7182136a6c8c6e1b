"""Block influence: 1 - E[cos]."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.measure.depth import unit_states  # noqa: E402
from ctxprune.shrink.score.influence import Influence  # noqa: E402


@pytest.mark.parametrize("kind", ["layer", "sublayer"])
def test_a_unit_that_does_nothing_scores_zero_and_is_the_lowest(kind: str):
    subject = models.without_effect(models.decoder(), 2)
    (scores,) = Influence()(subject, subject.groups([kind])).values()
    here = [2] if kind == "layer" else [4, 5]
    assert scores[here].abs().max() < 1e-6
    others = [place for place in range(len(scores)) if place not in here]
    assert scores[others].min() > 1e-3


def test_a_layer_of_an_encoder_that_only_norms_is_the_lowest():
    subject = models.without_effect(models.encoder(), 1)
    (scores,) = Influence()(subject, subject.groups(["layer"])).values()
    assert int(scores.argmin()) == 1


def test_the_mean_is_over_the_chosen_tokens():
    subject = models.encoder()
    groups = subject.groups(["layer"])
    wanted = torch.zeros(4, dtype=torch.float64)
    for batch in subject.calibration:
        starts = [0, *batch["attention_mask"].sum(1).cumsum(0)[:-1].tolist()]
        for place, (before, after) in enumerate(unit_states(subject, batch, groups[0])):
            for start in starts:
                x, y = before[start].double(), after[start].double()
                wanted[place] += (1 - x @ y / (x.norm() * y.norm())) / 24
    (first,) = Influence("first")(subject, groups).values()
    (summary,) = Influence("summary")(subject, groups).values()
    (every,) = Influence()(subject, groups).values()
    assert torch.allclose(first, wanted)
    assert torch.equal(first, summary)
    assert not torch.allclose(first, every)
