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
from ctxprune.shrink.compensate.surgeon import Surgeon, restrict  # noqa: E402
from ctxprune.shrink.measure.activations import module_inputs  # noqa: E402
from ctxprune.shrink.measure.gradients import output_gradients  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.score.kronecker import Kronecker, curvature  # noqa: E402

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


def spread_factors(rows: int, columns: int):
    generator = torch.Generator().manual_seed(3)
    halves = [torch.randn(size, 2 * size, generator=generator, dtype=torch.float64) for size in (rows, columns)]
    return [half @ half.T for half in halves]


def test_rows_and_columns_together_are_the_optimum_of_the_whole_fisher_matrix():
    """Against the paper's formula with the matrix A (x) G written out: dw = -F^-1 E (E^T F^-1 E)^-1 E^T w."""
    outputs, inputs = spread_factors(5, 6)
    weight = torch.randn(5, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    rows, columns = torch.tensor([1, 0, 1, 1, 0]).bool(), torch.tensor([1, 1, 0, 1, 0, 1]).bool()
    inverse = torch.linalg.inv(torch.kron(outputs, inputs))  # of weights row by row
    gone = (~torch.outer(rows, columns)).flatten().nonzero().flatten()
    inner = torch.linalg.solve(inverse[gone][:, gone], weight.flatten()[gone])
    wanted = (weight.flatten() - inverse[:, gone] @ inner).view(5, 6)
    assert torch.allclose(restrict(weight, (outputs, inputs), rows, columns), wanted, atol=1e-9)


def test_a_units_score_is_the_loss_of_its_rows_and_columns():
    subject = models.encoder()
    for kind in ("head", "neuron"):
        group = subject.anatomy.groups[kind, 3]
        names = [part.parameter for part in group.slices if part.parameter.endswith("weight")]
        factors, wanted = curvature(subject, names, 0.01), 0.0
        for part in group.slices:
            if part.parameter not in names:
                continue
            outputs, inputs = factors[part.parameter]
            weight = subject.model.get_parameter(part.parameter).detach().double()
            rows, columns = (torch.ones(size, dtype=torch.bool) for size in weight.shape)
            (rows, columns)[part.axis][2 * part.size : 3 * part.size] = False  # the third unit
            change = restrict(weight, (outputs, inputs), rows, columns) - weight
            wanted += 0.5 * float((change * (outputs @ change @ inputs)).sum())
        found = Kronecker(cut="both")(subject, [group])[group.key]
        assert float(found[2]) == pytest.approx(wanted, rel=1e-6)


def test_what_stays_of_a_cut_model_makes_up_for_what_goes():
    subject = models.encoder()
    groups = subject.groups(["head", "neuron"])
    scores = Kronecker()(subject, groups)
    kept = {key: score > score.quantile(0.3) for key, score in scores.items()}
    work = replace(subject.copy(), teacher=subject.model)
    before = models.divergence(work, remove(work.model, kept))
    assert Surgeon()(work, kept) is kept
    assert models.divergence(work, remove(work.model, kept)) < 0.7 * before
    both = replace(subject.copy(), teacher=subject.model)
    Surgeon(cut="both")(both, kept)
    name, stays = "bert.encoder.layer.3.intermediate.dense.weight", kept["neuron", 3]
    dense, (outputs, _) = subject.model.get_submodule(name[:-7]), curvature(subject, [name], 0.01)[name]
    whole = torch.cat([dense.weight, dense.bias[:, None]], 1).detach().double()
    moved = torch.linalg.solve(outputs[stays][:, stays], outputs[stays] @ whole)
    found = both.model.bert.encoder.layer[3].intermediate.dense
    assert torch.allclose(found.weight[stays].double(), moved[:, :-1], rtol=1e-4, atol=1e-5)
    assert torch.allclose(found.bias[stays].double(), moved[:, -1], rtol=1e-4, atol=1e-5)


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
    wrong = [lambda: Surgeon(0), lambda: Kronecker(0), lambda: Kronecker(cut="x"), lambda: SparseLlm(turns=0)]
    for make in (*wrong, lambda: Besa(candidates=1)):
        with pytest.raises(UsageError):
            make()
