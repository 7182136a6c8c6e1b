"""Gates learn in seconds: what is priced goes, what is needed stays, and a run goes on where it was cut."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.kv.gates.forward import GatedForward  # noqa: E402
from ctxprune.kv.gates.gates import Gates  # noqa: E402
from ctxprune.kv.gates.training import GateRecipe, GateTraining, next_token_loss  # noqa: E402

TEXT = torch.randint(3, 29, (2_000,), generator=torch.Generator().manual_seed(0)).repeat_interleave(2)
RECIPE = GateRecipe(steps=60, batch=4, length=24, strength=1.0, rate=3e-3, gate_rate=1e-2)


def toy():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config).eval()


def held(model, gates):
    with torch.no_grad(), GatedForward(model, gates, math.inf) as seen:
        loss = float(next_token_loss(model, TEXT[:480].view(20, 24)))
    return seen.held(), loss


def test_a_price_makes_gates_drop_what_is_of_no_use(tmp_path):
    shares = {}
    for strength in (0.0, 1.0):
        model = toy()
        gates = Gates.of(model, width=4, bias=5.0)
        lines = []
        recipe = replace(RECIPE, strength=strength)
        GateTraining(model, gates, recipe, tmp_path / str(strength)).run(TEXT, progress=lines.append)
        shares[strength], loss = held(model, gates)
        assert [line["step"] for line in lines] == [20, 40, 60]
        assert lines[-1]["alpha"] == math.inf
        assert loss < math.log(26)  # it learned to say the first of a pair again
    assert shares[0.0] > 0.9
    assert shares[1.0] < 0.3
    assert len((tmp_path / "1.0" / "log.jsonl").read_text().splitlines()) == 3


def test_gradients_are_numbers_at_every_alpha():
    model = toy()
    gates = Gates.of(model, width=4, bias=0.0)
    for gate in gates.parameters():
        gate.data.mul_(3)
    for alpha in (1.0, 1.3, 1.5, 2.0, 3.0, 6.0):
        model.zero_grad()
        gates.zero_grad()
        with GatedForward(model, gates, alpha) as seen:
            loss = next_token_loss(model, TEXT[:96].view(4, 24))
        (loss + seen.penalty()).backward()
        assert all(bool(weight.grad.isfinite().all()) for weight in (*model.parameters(), *gates.parameters()))
        assert any(float(weight.grad.abs().max()) > 0 for weight in gates.parameters())


def test_the_gradient_of_the_gates_is_the_difference_quotient():
    model = toy().double()
    gates = Gates.of(model, width=4, bias=1.0).double()
    ids = TEXT[:48].view(2, 24)

    def cost():
        with GatedForward(model, gates, 1.5) as seen:
            loss = next_token_loss(model, ids)
        return loss + seen.penalty()

    bias = gates[1].bias
    (slope,) = torch.autograd.grad(cost(), bias)
    with torch.no_grad():
        bias += 1e-3
        above = cost()
        bias -= 2e-3
        below = cost()
    assert float(slope) == pytest.approx(float((above - below) / 2e-3), rel=1e-2)


def test_a_cut_run_goes_on_to_the_same_weights(tmp_path):
    class CutError(Exception):
        pass

    def cut(line):
        if line["step"] == 20:
            raise CutError

    results = []
    for folder in ("whole", "cut"):
        model = toy()
        gates = Gates.of(model, width=4)
        recipe = replace(RECIPE, steps=30)
        if folder == "cut":
            broken = toy()
            run = GateTraining(broken, Gates.of(broken, width=4), recipe, tmp_path / folder)
            with pytest.raises(CutError):
                run.run(TEXT, progress=cut, save_every=0.0)
        run = GateTraining(model, gates, recipe, tmp_path / folder)
        assert run.step == (0 if folder == "whole" else 19)
        run.run(TEXT)
        results.append([*model.state_dict().values(), *gates.state_dict().values()])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


def test_a_model_can_stay_as_it_is_and_gates_can_be_left_out(tmp_path):
    model = toy()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    gates = Gates.of(model, width=4)
    start = gates[0].bias.detach().clone()
    GateTraining(model, gates, replace(RECIPE, steps=5, rate=0.0), tmp_path / "gates").run(TEXT)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert not torch.equal(gates[0].bias, start)
    GateTraining(model, None, replace(RECIPE, steps=5), tmp_path / "model").run(TEXT)
    assert not torch.equal(model.lm_head.weight, before["lm_head.weight"])
    with pytest.raises(UsageError, match="no parameter would be trained"):
        GateTraining(model, None, replace(RECIPE, rate=0.0), tmp_path / "none")


def test_another_checkpoint_is_refused(tmp_path):
    model = toy()
    GateTraining(model, None, replace(RECIPE, steps=1), tmp_path).run(TEXT)
    with pytest.raises(InputError, match="another recipe"):
        GateTraining(model, None, replace(RECIPE, steps=2), tmp_path)
    with pytest.raises(InputError, match="another model"):
        GateTraining(model, Gates.of(model, width=4), replace(RECIPE, steps=1), tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"no")
    with pytest.raises(FormatError, match="cannot be read"):
        GateTraining(model, None, replace(RECIPE, steps=1), tmp_path)
    with pytest.raises(UsageError, match="the text is"):
        GateTraining(model, None, RECIPE, tmp_path / "short").run(TEXT[:24])


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"length": 1},
        {"strength": -0.1},
        {"strength": math.nan},
        {"rate": -1},
        {"warmup": 1.5},
        {"alphas": ()},
        {"alphas": (2.0, 1.0)},
        {"alphas": (0.5,)},
        {"seed": -1},
    ],
    ids=str,
)
def test_recipes_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))[:5]):
        replace(RECIPE, **wrong)
