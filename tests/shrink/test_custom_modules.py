from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402

from ctxprune.errors import FormatError, UsageError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.io.saving import save_model  # noqa: E402
from ctxprune.shrink.measure.activations import moments  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, matrices  # noqa: E402
from ctxprune.shrink.model.modules import Factorised, Mapped, Routed, custom_modules, restore_custom_modules  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.recover.cut_vocabulary import CutVocabulary  # noqa: E402
from ctxprune.shrink.recover.factorise import Factorise, factors  # noqa: E402
from ctxprune.shrink.recover.route_experts import RouteExperts, balanced  # noqa: E402


def budgeted(subject, share, measure="flops"):
    subject = subject.copy()
    return dataclasses.replace(subject, budget=Budget((), {}, share * cost(subject.model, measure), measure=measure))


def logits(model):
    batch = models.batches(1, rows=4)[0]
    with torch.no_grad():
        return model(**batch)[0]


def test_factors_of_full_rank_are_the_same_and_fewer_keep_the_most():
    subject = models.encoder()
    path = "bert.encoder.layer.1.attention.self.query"
    linear, (states,) = subject.model.get_submodule(path), [torch.randn(40, 32)]
    seen = moments(subject, [path], products=True)[path]
    whole = factors(linear, seen, 32)
    assert torch.allclose(whole(states), linear(states), atol=1e-5)
    assert whole.weight.shape == linear.weight.shape
    # the mean error of rank r is the sum of the eigenvalues that are left out
    weight = linear.weight.detach().double()
    spread = weight @ (seen.products / seen.count - torch.outer(seen.mean, seen.mean)) @ weight.T
    from ctxprune.shrink.measure.activations import module_inputs

    inputs = module_inputs(subject, [path])[path]
    error = (factors(linear, seen, 9)(inputs) - linear(inputs)).detach().square().sum(1).mean()
    assert float(error) == pytest.approx(float(torch.linalg.eigvalsh(spread)[:-9].sum()), rel=1e-3)


@pytest.mark.parametrize("measure", ["flops", "parameters", "weights"])
@pytest.mark.parametrize("subject", [models.encoder(), models.decoder()], ids=["encoder", "decoder"])
def test_a_factorised_model_costs_what_its_factors_do(subject, measure):
    before = cost(subject.model, measure)
    small = Factorise()(budgeted(subject, 0.15, measure)).model
    assert cost(small, measure) <= 0.85 * before * (1 + 1e-9)
    assert cost(small, measure) >= 0.75 * before
    assert any(name.endswith("first.weight") for name in matrices(small))
    with pytest.raises(UsageError, match="do not save"):
        Factorise()(budgeted(subject, 1.0, measure))


def test_the_first_layers_can_be_spared_and_depth_can_go_but_not_width():
    small = Factorise(layers=0.5)(budgeted(models.decoder(), 0.1)).model
    assert {path.split(".")[2] for path in custom_modules(small)} == {"2", "3"}
    kept = {("sublayer", -1): torch.tensor([1, 1, 1, 1, 0, 1, 1, 0]).bool()}
    assert torch.isfinite(logits(remove(small, kept))).all()
    with pytest.raises(UsageError, match="whole sublayers"):
        remove(small, {("neuron", 0): torch.arange(48) < 3})


def test_with_all_experts_on_the_outputs_are_the_same():
    subject = budgeted(models.decoder(), 0.1)
    before = logits(subject.model)
    whole = RouteExperts(experts=6, top=6)(subject.copy())
    assert torch.allclose(logits(whole.model), before, atol=1e-5)
    assert cost(whole.model, "flops") == pytest.approx(cost(subject.model, "flops"))
    some = RouteExperts(experts=6)(subject.copy())
    assert some.notes["active"] < 6
    assert cost(some.model, "flops") <= 0.9 * cost(subject.model, "flops")
    assert not torch.allclose(logits(some.model), before, atol=1e-3)
    loss, part = some.loss(), some.model.model.layers[0].mlp
    assert isinstance(part, Routed)
    with torch.no_grad():  # a router that knows nothing does worse
        for layer in some.model.model.layers:
            layer.mlp.router.weight.mul_(-1)
            layer.mlp.router.bias.mul_(-1)
    assert some.loss() != loss
    with pytest.raises(UsageError, match="too dear"):
        RouteExperts(experts=6)(budgeted(models.decoder(), 0.9))
    with pytest.raises(UsageError, match="no gated"):
        RouteExperts()(budgeted(models.encoder(), 0.1))


def test_an_expert_reads_its_own_tokens_alone():
    model = models.llama()
    part = Routed(model.model.layers[0].mlp, 4, 2)
    states = torch.randn(2, 5, 32)
    with torch.no_grad():
        found = part(states)
        inner = part.act_fn(part.gate_proj(states)) * part.up_proj(states)
        chosen = torch.zeros(2, 5, 4).scatter(2, part.router(states).topk(2).indices, 1.0)
        wanted = part.down_proj(inner * chosen.repeat_interleave(12, dim=2))
    assert torch.allclose(found, wanted, atol=1e-5)
    assert part.share == pytest.approx(0.5 + 4 * 32 / (3 * 32 * 48))


def test_clusters_are_of_equal_sizes():
    points = torch.cat([torch.randn(11, 3, generator=torch.Generator().manual_seed(n)) + 9 * n for n in range(3)])
    assert balanced(points[:32], 3, torch.Generator()).bincount().tolist() == [11, 10, 11]
    assert len(set(balanced(points, 3, torch.Generator().manual_seed(0))[:11].tolist())) == 1


def test_words_that_never_came_share_a_row():
    subject = models.encoder().copy()
    before = subject.loss()
    found = CutVocabulary()(subject)
    seen = {int(entry) for batch in subject.calibration for entry in batch["input_ids"].flatten()} | {0}
    table = found.model.bert.embeddings.word_embeddings
    assert isinstance(table, Mapped)
    assert found.notes["vocabulary"] == len(table.weight) == len(seen) + 1
    assert found.loss() == pytest.approx(before)
    unseen = [entry for entry in range(64) if entry not in seen]
    assert len({int(table.rows[entry]) for entry in unseen}) == 1


@pytest.mark.parametrize("tied", [True, False])
def test_language_heads_write_by_the_rows_that_are_left(tied: bool):
    model = models.qwen2() if tied else models.llama()
    subject = dataclasses.replace(models.decoder(), model=model).copy()
    whole = logits(model)
    head, before = model.lm_head.weight.detach(), cost(model, "parameters")
    found = CutVocabulary()(subject).model
    seen = sorted({int(entry) for batch in subject.calibration for entry in batch["input_ids"].flatten()})
    unseen = [entry for entry in range(64) if entry not in seen]
    assert unseen
    small = logits(found)
    torch.testing.assert_close(small[..., seen], whole[..., seen])  # of these batches all pieces are kept
    # slow reference: what no text had is written by the mean of its rows, one entry as the other
    batch = models.batches(1, rows=4)[0]
    with torch.no_grad():
        states = model.model(**batch).last_hidden_state
    for entry in unseen:
        torch.testing.assert_close(small[..., entry], states @ head[unseen].mean(0))
    assert (found.lm_head.weight is found.model.embed_tokens.weight) == tied
    assert before - cost(found, "parameters") == (len(unseen) - 1) * 32 * (1 if tied else 2)
    CutVocabulary()(subject)
    assert "left whole" in subject.notes["vocabulary"]


def test_biases_of_entries_that_share_a_row_stay_their_own():
    subject = dataclasses.replace(models.encoder(), model=models.bert_words()).copy()
    whole = logits(subject.model)
    bias = subject.model.cls.predictions.decoder.bias.detach().clone()
    found = CutVocabulary()(subject).model
    assert torch.equal(found.cls.predictions.decoder.bias, bias)
    kept = sorted({int(entry) for batch in subject.calibration for entry in batch["input_ids"].flatten()})
    torch.testing.assert_close(logits(found)[..., kept], whole[..., kept])
    assert len(found.cls.predictions.decoder.weight) == len(kept) + 1


@pytest.mark.parametrize("kind", ["reranker", "decoder", "tied decoder"])
def test_custom_modules_are_read_back(kind, tmp_path):
    if kind == "tied decoder":
        loaded = load_model(folders.write(tmp_path / "big", models.qwen2()))
    else:
        loaded = load_model(getattr(folders, kind)(tmp_path / "big"))
    subject = dataclasses.replace(models.encoder() if kind == "reranker" else models.decoder(), model=loaded.model)
    subject = Factorise(layers=0.5)(budgeted(subject, 0.05))
    subject = CutVocabulary()(subject)
    save_model(loaded.with_model(subject.model), tmp_path / "small")
    found = load_model(tmp_path / "small").model
    assert custom_modules(found) == custom_modules(subject.model)
    assert torch.equal(logits(found), logits(subject.model))


def test_routed_parts_are_read_back_and_unknown_ones_refused(tmp_path):
    loaded = load_model(folders.decoder(tmp_path / "big"))
    subject = RouteExperts(experts=4, top=2)(budgeted(dataclasses.replace(models.decoder(), model=loaded.model), 0.05))
    save_model(loaded.with_model(subject.model), tmp_path / "small")
    assert torch.equal(logits(load_model(tmp_path / "small").model), logits(subject.model))
    with pytest.raises(FormatError, match="no part"):
        restore_custom_modules(subject.model, [["model.layers.0.mlp", "folded", {}]])
    assert Factorised(3, 2, 4, bias=False).bias is None
