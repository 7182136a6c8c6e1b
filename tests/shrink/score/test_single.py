"""Scores of single weights, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.measure.activations import linear_path, module_inputs  # noqa: E402
from ctxprune.shrink.measure.gradients import weight_gradients  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402
from ctxprune.shrink.score.magnitude import Magnitude  # noqa: E402
from ctxprune.shrink.score.obs import Obs  # noqa: E402
from ctxprune.shrink.score.symbolic import Symbolic, evaluate_tree  # noqa: E402
from ctxprune.shrink.score.wanda import Wanda  # noqa: E402

NAME = "bert.encoder.layer.1.intermediate.dense.weight"


def given(subject):
    (rows,) = module_inputs(subject, [NAME.removesuffix(".weight")]).values()
    return subject.model.get_parameter(NAME).detach(), rows


def test_wanda_is_size_times_the_norm_of_the_input_over_real_tokens():
    subject = models.encoder()
    weight, rows = given(subject)
    assert len(rows) == 3 * (4 * 12 + 4 * 9)
    wanted = [[abs(float(weight[0, j])) * float(rows[:, j].pow(2).sum()) ** 0.5 for j in range(3)]]
    assert torch.allclose(Wanda()(subject, [NAME])[NAME][:1, :3], torch.tensor(wanted), rtol=1e-4)
    assert torch.equal(Magnitude()(subject, [NAME])[NAME], weight.abs())


def test_obs_is_the_squared_error_after_the_best_update_of_the_rest():
    subject = models.encoder()
    weight, rows = given(subject)
    row, gone, damping = weight[5].double(), 7, 0.01
    hessian = rows.double().T @ rows.double() / len(rows)
    hessian += damping * hessian.diagonal().mean() * torch.eye(len(hessian))
    others = [j for j in range(len(row)) if j != gone]
    update = torch.linalg.solve(hessian[others][:, others], hessian[others, gone] * row[gone])
    change = torch.zeros_like(row)
    change[others], change[gone] = update, -row[gone]
    assert float(Obs(damping)(subject, [NAME])[NAME][5, gone]) == pytest.approx(
        float(change @ hessian @ change), rel=1e-3
    )


def test_gblm_adds_gradient_norms_and_gradients_are_of_single_rows():
    subject = models.encoder()
    slopes = [found[NAME] for found in weight_gradients(subject, [NAME])]
    assert len(slopes) == 24
    whole = subject.model.get_parameter(NAME)
    loss = sum(subject.task.loss(subject.model, batch) for batch in subject.calibration) / 3
    assert torch.allclose(sum(slopes) / 24, torch.autograd.grad(loss, [whole])[0], atol=1e-5)
    norm = sum(slope.square() for slope in slopes).div(24).sqrt()
    weight, rows = given(subject)
    assert torch.allclose(Symbolic("gblm_gradient")(subject, [NAME])[NAME], weight.abs() * norm)
    both = weight.abs() * (100 * norm + rows.pow(2).sum(0).div(24).sqrt())
    assert torch.allclose(Symbolic("gblm")(subject, [NAME])[NAME], both, rtol=1e-4)
    scaled = weight**2 * (norm - norm.min()) / (norm.max() - norm.min())
    assert torch.allclose(Symbolic("pruner_zero")(subject, [NAME])[NAME], scaled, rtol=1e-4, atol=1e-12)


def test_dass_is_the_size_times_a_power_of_the_norm_of_what_is_made():
    subject = models.decoder()
    group = subject.groups(["neuron"])[1]
    (made,) = (rows.norm(dim=0) for rows in module_inputs(subject, [group.consumer]).values())
    names = [part.parameter for part in group.slices]
    found, plain = Wanda(producer_power=0.5)(subject, names), Wanda()(subject, names)
    for part in group.slices:
        weight = subject.model.get_parameter(part.parameter).detach().abs()
        wanted = weight * made.sqrt()[:, None] if part.axis == 0 else plain[part.parameter]
        assert torch.allclose(found[part.parameter], wanted, rtol=1e-4)


def test_trees_are_evaluated_as_they_read():
    leaves = {"W": torch.tensor([[1.0, 4.0]]), "G": torch.tensor([[2.0, 6.0]]), "X": torch.tensor([0.5, 2.0])}
    tree = ("+", ("*", ("square", "W"), ("scaled", "G")), ("/", ("root", "W"), ("-", 3.0, "X")))
    assert evaluate_tree(tree, leaves)[0].tolist() == pytest.approx([0.4, 18.0])


def test_scores_leave_the_model_as_it_was():
    subject = models.decoder()
    before = {name: entry.clone() for name, entry in subject.model.named_parameters()}
    for score in (Magnitude(), Wanda(), Obs(), Symbolic("gblm")):
        assert list(score(subject, matrices(subject.model))) == matrices(subject.model)
    for name, entry in subject.model.named_parameters():
        assert torch.equal(entry, before[name])
        assert entry.requires_grad
        assert entry.grad is None


def test_what_has_no_inputs_or_no_gradient_is_refused():
    subject = models.encoder()
    with pytest.raises(UsageError, match="linear modules"):
        linear_path(subject.model, "bert.embeddings.word_embeddings.weight")
    plain = [{name: batch[name] for name in ("input_ids", "attention_mask")} for batch in subject.calibration]
    with pytest.raises(InputError, match="no gradient"):
        list(weight_gradients(replace(subject, calibration=plain, teacher=subject.model), [NAME]))
    with pytest.raises(UsageError, match="damping"):
        Obs(0.0)
    with pytest.raises(UsageError, match="form"):
        Symbolic("guess")
    with pytest.raises(UsageError, match="producer_power"):
        Wanda(producer_power=-1.0)
