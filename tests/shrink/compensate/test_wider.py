"""The LLM Surgeon's update, SparseLLM and BESA."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.allocate.base import keep_highest  # noqa: E402
from ctxprune.shrink.compensate.besa import Besa, _ranks, _soft  # noqa: E402
from ctxprune.shrink.compensate.sparse_llm import SparseLlm  # noqa: E402
from ctxprune.shrink.compensate.surgeon import Surgeon  # noqa: E402
from ctxprune.shrink.measure.activations import module_inputs  # noqa: E402
from ctxprune.shrink.measure.gradients import output_gradients  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402
from ctxprune.shrink.score.kronecker import Kronecker  # noqa: E402

FIRST = "bert.encoder.layer.0.attention.self.query.weight"
READER = "bert.encoder.layer.3.output.dense.weight"


def halved(subject):
    names = matrices(subject.model)
    weights = {name: subject.model.get_parameter(name).detach() for name in names}
    return {name: keep_highest(entry.abs(), [entry.shape[1] // 2] * len(entry)) for name, entry in weights.items()}


def test_the_surgeons_rows_are_least_squares():
    subject = models.encoder().copy()
    (rows,) = (found.double() for found in module_inputs(subject, [FIRST.removesuffix(".weight")]).values())
    old, mask = subject.model.get_parameter(FIRST).detach().clone(), halved(subject)[FIRST]
    Surgeon(damping=1e-9)(subject, {FIRST: mask})
    new = subject.model.get_parameter(FIRST).detach()
    for row in (0, 7):
        stays = mask[row]
        best = torch.linalg.lstsq(rows[:, stays], rows @ old[row].double()).solution
        error = (rows[:, stays] @ (new[row, stays].double() - best)).norm() / (rows @ old[row].double()).norm()
        assert float(error) < 1e-3
    assert torch.equal(new != 0, mask)


def test_slopes_of_outputs_are_those_of_a_bias():
    subject = models.encoder()
    found = output_gradients(subject, [READER])[READER]
    bias, total = subject.model.get_parameter(READER.replace("weight", "bias")), torch.zeros(32)
    gathered = []
    for batch in subject.calibration:
        for row in range(8):
            one = {name: values[row : row + 1] for name, values in batch.items()}
            total = torch.autograd.grad(subject.task.loss(subject.model, one), bias)[0]
            gathered.append(total)
    first_token = sum(torch.outer(slope, slope) for slope in gathered).double()
    tokens = sum(int(batch["attention_mask"].sum()) for batch in subject.calibration)
    assert torch.allclose(
        found * tokens, first_token, rtol=1e-3, atol=1e-8
    )  # the last layer's first token alone counts


def test_kronecker_is_the_product_of_both_curvatures():
    subject = models.encoder()
    scores = Kronecker(damping=1e6)(subject, [READER])[READER]
    squares = subject.model.get_parameter(READER).detach().square()
    ratio = scores / squares
    assert float(ratio.std() / ratio.mean()) < 1e-2  # with both factors nearly unit matrices sizes alone are left
    assert not torch.equal(scores.argsort(), Kronecker()(subject, [READER])[READER].argsort())
    plain = [{name: batch[name] for name in ("input_ids", "attention_mask")} for batch in subject.calibration]
    with pytest.raises(InputError, match="no gradient"):
        output_gradients(replace(subject, calibration=plain, teacher=subject.model), [READER])


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
@pytest.mark.parametrize("piece", [SparseLlm(turns=2), Besa(steps=2)])
def test_as_many_go_as_was_asked_and_zeros_are_real(piece, kind):
    subject = {"encoder": models.encoder, "decoder": models.decoder}[kind]().copy()
    kept = halved(subject)
    masks = piece(subject, kept)
    assert list(masks) == list(kept)
    for name, mask in masks.items():
        assert torch.equal(subject.model.get_parameter(name) != 0, mask)
    assert sum(int(mask.sum()) for mask in masks.values()) == sum(int(mask.sum()) for mask in kept.values())


def test_more_turns_bring_a_feed_forward_part_nearer():
    subject = models.encoder()
    kept = halved(subject)
    errors = []
    for piece in (SparseLlm(turns=1), SparseLlm(turns=4)):
        work = subject.copy()
        piece(work, kept)
        with torch.no_grad():
            pairs = [
                [subject.task.output(model, batch) for model in (work.model, subject.model)]
                for batch in subject.calibration
            ]
        errors.append(sum(float((one - two).square().sum()) for one, two in pairs))
    assert errors[1] < errors[0]


def test_besa_ranks_and_chances():
    rank = _ranks(torch.tensor([[3.0, 1.0, 2.0, 4.0]]))
    assert rank.tolist() == [[0.5, 0.0, 0.25, 0.75]]
    logits = torch.tensor([[0.0, 0.0, 50.0, 0.0, 0.0]], requires_grad=True)  # all on the share 0.5
    mask, mean = _soft(logits, rank, torch.linspace(0, 1, 5))
    assert mask.tolist() == [[1.0, 0.0, 0.0, 1.0]]
    assert float(mean.detach()) == pytest.approx(0.5)
    mask, mean = _soft(torch.zeros(1, 5, requires_grad=True), rank, torch.linspace(0, 1, 5))
    assert float(mean.detach()) == pytest.approx(0.5)


def test_bad_settings_are_refused():
    for make in (lambda: Surgeon(0), lambda: Kronecker(0), lambda: SparseLlm(turns=0), lambda: Besa(candidates=1)):
        with pytest.raises(UsageError):
            make()
