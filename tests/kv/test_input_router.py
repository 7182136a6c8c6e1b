"""The router that looks at the context: what it learns from, what it chooses, and what it refuses."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import chosen_by_layer, reference_logits, tokens  # noqa: E402

from ctxprune.errors import BudgetError, FormatError, InputError, UsageError  # noqa: E402
from ctxprune.kv import DecodeCost, InputRouter, Measurement, Router, learn_router, prefill  # noqa: E402
from ctxprune.kv import input_router as module  # noqa: E402

ROWS = (
    Measurement("full", 0.0, accuracy=0.9, bytes_ratio=1.0, prefill_ms=100),
    Measurement("knorm.v1", 0.5, accuracy=0.5, bytes_ratio=0.5, prefill_ms=100, mode="blind"),
    Measurement("knorm.v1", 0.95, accuracy=0.1, bytes_ratio=0.05, prefill_ms=100, mode="blind"),
)
TABLE = Router(ROWS, DecodeCost(base_ms=1, per_1k_ms=100), bytes_per_token=10)
LOOSE = {"new_tokens": 10, "latency_ms": 1e6}
QUESTION = tokens(4, seed=3)


def by_length(confidence=0.8):
    """A router that trusts heavy pruning for long contexts only: the feature at 4 is log(length) / 10."""
    weights = torch.zeros(3, 7)
    weights[:, -1] = torch.tensor([5.0, 0.5, 0.0])
    weights[2, 4] = 8.0
    center = torch.zeros(6)
    center[4] = 0.36  # 37 tokens
    return InputRouter(TABLE, weights, center, torch.full((6,), 0.05), confidence)


def test_the_choice_follows_the_input(decoders):
    model, router = decoders("llama"), by_length()
    rows = [router.route(prefill(model, tokens(count)), **LOOSE).row for count in (20, 80)]
    assert rows == [ROWS[0], ROWS[2]]


def test_the_table_limits_the_choice(decoders):
    read, router = prefill(decoders("llama"), tokens(20)), by_length()
    # The full cache takes 2 + 10 * 3 ms, knorm at a half 2 + 10 * 2 and at a twentieth 2 + 10 * 1.1.
    assert router.route(read, new_tokens=10, latency_ms=32.1).row == ROWS[0]
    assert router.route(read, new_tokens=10, latency_ms=23).row == ROWS[1]  # not sure, and yet the surest that fits
    assert router.route(read, **LOOSE, bytes=50).row == ROWS[2]
    assert router.route(read, **LOOSE, mode="blind").row == ROWS[1]
    with pytest.raises(BudgetError, match="no measured press meets 5 ms"):
        router.route(read, new_tokens=10, latency_ms=5)


def test_less_confidence_takes_fewer_bytes(decoders):
    read = prefill(decoders("llama"), tokens(37))
    chosen = [by_length(bar).route(read, **LOOSE).row.bytes_ratio for bar in (0.0, 0.6, 0.9)]
    assert chosen == [0.05, 0.5, 1.0]


def test_a_regression_learns_which_inputs_a_row_keeps():
    features = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.stack([features[:, 1] > 0, torch.ones(40)], dim=1).float()
    weights = module._fit(features, labels)
    chances = (torch.cat([features, torch.ones(40, 1)], dim=1) @ weights.T).sigmoid()
    assert ((chances > 0.5) == labels.bool()).all()
    assert weights[0, 1] > 5 * weights[0, [0, 2]].abs().max()


def test_labels_are_the_losses_of_the_masked_cache(decoders, monkeypatch):
    model, context, seen = decoders("llama"), tokens(30), []
    monkeypatch.setattr(module, "_fit", lambda features, labels: seen.append(labels) or torch.zeros(3, 7))
    answer = module._answer(model, torch.cat([context, QUESTION], dim=1), prefill(model, context), 5)
    tail, losses = torch.cat([QUESTION, answer], dim=1), []
    for row in TABLE.rows:
        cache = prefill(model, context).press(module.Choice(row, 0.0, None).build())
        logits = reference_logits(model, context, tail[:, :-1], chosen_by_layer(cache))[0, 3:]
        losses.append(float(torch.nn.functional.cross_entropy(logits, answer[0])))
    assert max(losses) - losses[0] > 0.01
    between = (max(losses) + sorted(losses)[1]) / 2 - losses[0]
    learn_router(model, TABLE, [(context, QUESTION)], answer_tokens=5, tolerance=max(between, 0))
    assert seen[0].tolist() == [[float(each - losses[0] <= between) for each in losses]]
    assert 0 in seen[0]


def test_what_is_learned_comes_back_and_fits_its_table_alone(decoders, tmp_path):
    model, path = decoders("llama"), tmp_path / "router.safetensors"
    samples = [(tokens(count, seed=count), QUESTION) for count in (16, 40)]
    learned = learn_router(model, TABLE, samples, answer_tokens=3)
    learned.save(path, model)
    back, read = InputRouter.load(path, model, TABLE), prefill(model, samples[0][0], question=QUESTION)
    assert back.probabilities(read) == learned.probabilities(read)
    assert learned.probabilities(read)[0] > 0.9  # the full cache keeps every answer
    assert read.press(back.route(read, **LOOSE).build()).get_seq_length() == 16
    with pytest.raises(InputError, match="other rows"):
        InputRouter.load(path, model, Router(ROWS[:2], DecodeCost(1)))
    with pytest.raises(InputError, match="another model"):
        InputRouter.load(path, decoders("qwen2"), TABLE)
    lone = torch.ones(())
    for tensors in ({"weights": lone}, {"weights": learned.weights, "center": lone, "scale": lone}):
        module._FILE.write(path, module.model_fingerprint(model), {"rows": module._rows(TABLE)}, tensors)
        with pytest.raises(FormatError, match="a part of the router is missing"):
            InputRouter.load(path, model, TABLE)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FormatError, match="not a whole"):
        InputRouter.load(path, model, TABLE)


def test_misuse_is_refused(decoders):
    model = decoders("llama")
    with pytest.raises(UsageError, match="no samples"):
        learn_router(model, TABLE, [])
    with pytest.raises(UsageError, match="answer_tokens is 0"):
        learn_router(model, TABLE, [(tokens(9), QUESTION)], answer_tokens=0)
    with pytest.raises(UsageError, match="tolerance is -1"):
        learn_router(model, TABLE, [(tokens(9), QUESTION)], tolerance=-1)
    with pytest.raises(UsageError, match="the context is a str"):
        by_length().route("text", **LOOSE)
    with pytest.raises(UsageError, match="2 rows"):
        by_length().route(prefill(model, tokens(9, rows=2)), **LOOSE)
    with pytest.raises(UsageError, match="confidence is 2"):
        by_length(2)
    with pytest.raises(UsageError, match=r"weights are \(2, 7\)"):
        InputRouter(TABLE, torch.zeros(2, 7), torch.zeros(6), torch.ones(6))
    with pytest.raises(UsageError, match="gates"):
        learn_router(
            model, Router((Measurement("learned_drop.v1", 0.5, 1, 1),), DecodeCost(1)), [(tokens(9), QUESTION)]
        )
