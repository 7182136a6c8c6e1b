"""Taylor scores of layers."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402
from ctxprune.shrink.score.layer_taylor import LayerTaylor  # noqa: E402


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_the_sum_of_weight_times_gradient(make):
    subject = make()
    own = make().model
    for batch in subject.calibration:
        (subject.task.loss(own, batch) / 3).backward()
    wanted = [0.0] * 4
    for name in matrices(own):
        place = int(name.split("layer.")[1].split(".")[0]) if "layer." in name else int(name.split("layers.")[1][0])
        entry = own.get_parameter(name)
        wanted[place] += float((entry.detach() * entry.grad).double().abs().sum())
    (scores,) = LayerTaylor(first=0, last=0)(subject, subject.groups(["layer"])).values()
    (halves,) = LayerTaylor(first=0, last=0)(subject, subject.groups(["sublayer"])).values()
    assert scores.tolist() == pytest.approx(wanted, rel=1e-4)
    assert halves.view(4, 2).sum(1).tolist() == pytest.approx(wanted, rel=1e-4)
    assert all(entry.grad is None for entry in subject.model.parameters())


def test_the_flow_is_the_change_of_the_squared_gradient_without_a_layers_weights():
    subject = models.encoder()
    subject = dataclasses.replace(subject, calibration=subject.calibration[:1])
    subject.model.double()
    (scores,) = LayerTaylor(first=0, last=0, criterion="grasp")(subject, subject.groups(["layer"])).values()
    names = matrices(subject.model)
    start = {name: subject.model.get_parameter(name).detach().clone() for name in names}

    def power():
        entries = [subject.model.get_parameter(name) for name in names]
        slopes = torch.autograd.grad(subject.task.loss(subject.model, subject.calibration[0]), entries)
        return float(sum(slope.square().sum() for slope in slopes))

    for place in range(4):
        found = []
        for step in (1e-5, -1e-5):
            for name in names:
                factor = 1 + step if f"layer.{place}." in name else 1
                subject.model.get_parameter(name).data = start[name] * factor
            found.append(power())
        # d |g|^2 / dt of w (1 + t) is 2 w (H g)
        assert float(scores[place]) == pytest.approx((found[0] - found[1]) / 2e-5 / 2, rel=1e-3, abs=1e-9)
    with pytest.raises(UsageError, match="criterion is"):
        LayerTaylor(criterion="size")


def test_the_ends_are_protected():
    subject = models.encoder()
    (scores,) = LayerTaylor(first=0.25, last=0.5)(subject, subject.groups(["layer"])).values()
    assert scores.isinf().tolist() == [True, False, True, True]
    with pytest.raises(UsageError, match="first is 2"):
        LayerTaylor(first=2)
