"""Kept units take over what removed ones gave, exactly where they can."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.compensate.least_squares import LeastSquares  # noqa: E402
from ctxprune.shrink.measure.activations import moments  # noqa: E402
from ctxprune.shrink.model.subject import module_of  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402


def doubled(subject, share: float = 2.0):
    """The second half of layer 1's neurons become multiples of the first half's activations, by tied first matrices."""
    group = subject.anatomy.groups["neuron", 1]
    first, last = module_of(subject.model, group.reader), module_of(subject.model, group.consumer)
    with torch.no_grad():
        first.weight[24:] = first.weight[:24]
        first.bias[24:] = first.bias[:24]
        last.weight[:, 24:] *= share
    return {group.key: torch.arange(48) < 24}


def outputs(subject, model):
    with torch.no_grad():
        return torch.cat([subject.task.output(model, batch) for batch in subject.calibration])


@pytest.mark.parametrize("towards", ["own", "teacher"])
def test_linear_combinations_are_recovered(towards: str):
    subject = models.encoder().copy()
    kept = doubled(subject)
    subject = type(subject)(subject.model, subject.task, subject.calibration).copy()
    whole = outputs(subject, subject.teacher)
    plain = (outputs(subject, remove(subject.model, kept)) - whole).abs().max()
    LeastSquares(towards, ridge=1e-9)(subject, kept)
    found = (outputs(subject, remove(subject.model, kept)) - whole).abs().max()
    assert found < 1e-4 < 0.01 < plain


def test_the_map_is_the_papers():
    subject = models.encoder().copy()
    group = subject.anatomy.groups["neuron", 0]
    mask = torch.arange(48) % 3 != 0
    from ctxprune.shrink.measure.activations import module_inputs

    inputs = module_inputs(subject, [group.consumer])[group.consumer].double()
    weight = module_of(subject.model, group.consumer).weight.detach().double().clone()
    kept, gone = inputs[:, mask], inputs[:, ~mask]
    gram = kept.T @ kept
    fold = torch.linalg.solve(gram + 0.01 * gram.diagonal().mean() * torch.eye(32).double(), kept.T @ gone)
    LeastSquares(ridge=0.01, bias=False)(subject, {group.key: mask})
    found = module_of(subject.model, group.consumer).weight.detach()[:, mask].double()
    assert torch.allclose(found, weight[:, mask] + weight[:, ~mask] @ fold.T, atol=1e-5)


def test_it_is_the_second_order_update_of_the_weights_that_stay():
    """W - W_P (H^-1)_PP^-1 (H^-1)_P, H the sum of x x^T (Optimal Brain Surgeon for columns, as EfficientLLM has it)."""
    subject = models.encoder().copy()
    group = subject.anatomy.groups["neuron", 0]
    mask = torch.arange(48) % 4 != 0
    from ctxprune.shrink.measure.activations import module_inputs

    inputs = module_inputs(subject, [group.consumer])[group.consumer].double()
    weight = module_of(subject.model, group.consumer).weight.detach().double().clone()
    inverse = torch.linalg.inv(sum(torch.outer(row, row) for row in inputs))
    gone = (~mask).nonzero().flatten()
    change = weight[:, gone] @ torch.linalg.inv(inverse[gone][:, gone]) @ inverse[gone]
    LeastSquares(ridge=0.0, bias=False)(subject, {group.key: mask})
    found = module_of(subject.model, group.consumer).weight.detach()[:, mask].double()
    assert torch.allclose(found, (weight - change)[:, mask], atol=1e-4)
    assert float((weight - change)[:, gone].abs().max()) < 1e-6


def test_few_tokens_and_dead_units_do_no_harm():
    subject = models.encoder()
    one = {name: value[:1, :4] for name, value in subject.calibration[0].items() if value.ndim == 2}
    subject = type(subject)(subject.model, subject.task, [one]).copy()
    first = module_of(subject.model, subject.anatomy.groups["neuron", 2].reader)
    with torch.no_grad():
        first.weight[:30] = 0
        first.bias[:30] = -100
    kept = {("neuron", 2): torch.arange(48) < 40, ("head", 2): torch.tensor([True, False, True, True])}
    for towards in ("own", "teacher"):
        LeastSquares(towards, ridge=0.0)(subject, kept)
        assert all(bool(torch.isfinite(entry).all()) for entry in subject.model.parameters())


def test_a_bias_is_made_where_there_is_none():
    subject = models.decoder().copy()
    kept = {("neuron", 1): torch.arange(48) < 30}
    LeastSquares()(subject, kept)
    assert module_of(subject.model, subject.anatomy.groups["neuron", 1].consumer).bias is not None


def test_bad_parameters_are_refused():
    with pytest.raises(UsageError):
        LeastSquares("mine")
    with pytest.raises(UsageError):
        LeastSquares(ridge=-1.0)


def test_it_is_where_admm_with_a_fixed_mask_converges():
    """The reformation of Search for Efficient Large Language Models, which iterates."""
    subject = models.encoder().copy()
    group = subject.anatomy.groups["neuron", 0]
    mask = torch.arange(48) % 3 != 0
    gram = moments(subject, [group.consumer], products=True)[group.consumer].second
    start = module_of(subject.model, group.consumer).weight.detach().double().clone()
    own = gram + 0.1 * gram.diagonal()[mask].mean() * torch.eye(48)
    rho = 0.3 * float(gram.diagonal().mean())
    inverse, weight, dual = torch.linalg.inv(own + rho * torch.eye(48)), start.clone(), torch.zeros_like(start)
    for _ in range(500):
        split = (weight + dual) * mask
        dual = dual + weight - split
        weight = (start @ own + rho * (split - dual)) @ inverse
    LeastSquares(ridge=0.1, bias=False)(subject, {group.key: mask})
    found = module_of(subject.model, group.consumer).weight.detach()[:, mask].double()
    moved = float((split[:, mask] - start[:, mask]).norm())
    assert float((found - split[:, mask]).norm()) < 1e-3 * moved
