"""Learned thresholds: counts that follow the input, a mean that is met, training that helps, files that come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.matrix import any_thresholds  # noqa: E402
from kv.models import Given, chosen_by_layer, decoder, places, reference_logits, tokens, view_of  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.kv import (  # noqa: E402
    AdaKV,
    Knorm,
    KVzip,
    LearnedThreshold,
    SnapKV,
    ThresholdRecipe,
    Thresholds,
    ThresholdSample,
    TokenBudget,
    compress,
    prefill,
    train_thresholds,
)
from ctxprune.kv.model.files import model_fingerprint  # noqa: E402
from ctxprune.kv.wrappers import threshold_training as training  # noqa: E402
from ctxprune.kv.wrappers.thresholds import measure_evidence  # noqa: E402

PRESS = SnapKV(0.75)


def samples_of(count, length=40, seed=0):
    return [
        ThresholdSample(tokens(length, seed=seed + n), tokens(4, seed=seed + 50 + n), tokens(3, seed=seed + 90 + n))
        for n in range(count)
    ]


def kept_shares(model, press, samples):
    caches = [compress(model, each.context, press, question=each.question) for each in samples]
    pairs = zip(caches, samples, strict=True)
    return [float(torch.tensor(cache.kept).float().mean()) / each.context.shape[1] for cache, each in pairs]


@pytest.fixture(scope="module")
def trained(decoders):
    model, samples = decoders("llama"), samples_of(6)
    return model, samples, train_thresholds(model, PRESS, samples, ThresholdRecipe(steps=8, batch=2))


def test_an_easy_context_keeps_fewer_tokens_than_a_hard_one():
    press = LearnedThreshold(Given(0.75), thresholds=any_thresholds())
    easy, hard = torch.zeros(2, 1, 64)
    easy[..., 7], easy[..., 40] = 5.0, 4.0  # two tokens have all of the attention
    hard += torch.rand(1, 64, generator=torch.Generator().manual_seed(2)) + 1
    kept = [int(press.plan(view_of(scores[None])).chosen.sum()) for scores in (easy, hard)]
    assert kept[0] == 2
    assert kept[1] > 16
    ceiling = replace(press, ceiling=1.5)
    assert int(ceiling.plan(view_of(hard[None])).chosen.sum()) == 24


def test_a_repetition_is_less_distinct_and_can_be_dropped(decoders):
    model, once = decoders("llama"), tokens(24)
    scores = torch.ones(1, 2, 48)
    view = prefill(model, torch.cat([once, once], dim=1)).views[0]
    distinct = measure_evidence(view, scores).distinct
    assert distinct[..., 24:].max() < 1e-5  # values of the first layer depend on the token alone
    assert distinct[..., 1:24].mean() > 0.1
    thresholds = any_thresholds()
    thresholds.by_layer["0"].mix.data.fill_(2.0)
    press = LearnedThreshold(Given(0.5, scores), thresholds=thresholds)
    assert all(max(head) < 24 for head in places(press.plan(replace(view)).chosen & (press.score(view) > 0.1)))


def test_cosines_in_blocks_are_those_of_the_whole(decoders, monkeypatch):
    view = prefill(decoders("llama"), tokens(50)).views[1]
    scores = PRESS.score(view)
    whole = measure_evidence(view, scores).distinct
    values = torch.nn.functional.normalize(view.values, dim=-1)
    cosines = (values @ values.transpose(-1, -2)).tril(-1).amax(dim=-1).clamp(0, 1)
    assert (1 - cosines - whole).abs().max() < 1e-5
    monkeypatch.setattr("ctxprune.kv.wrappers.thresholds._BLOCK", 7)
    assert (measure_evidence(view, scores).distinct - whole).abs().max() < 1e-6


def test_the_mean_over_the_set_is_the_asked_share_and_counts_differ(trained):
    model, samples, thresholds = trained
    for ratio in (0.5, 0.75):
        shares = kept_shares(model, LearnedThreshold(SnapKV(ratio), thresholds=thresholds), samples)
        assert sum(shares) / len(shares) == pytest.approx(1 - ratio, abs=0.005)
        assert len(set(shares)) > 2


def test_new_texts_of_the_kind_are_near_the_asked_share(trained):
    model, _, thresholds = trained
    shares = kept_shares(model, LearnedThreshold(PRESS, thresholds=thresholds), samples_of(8, seed=300))
    assert sum(shares) / len(shares) == pytest.approx(0.25, abs=0.05)


def test_the_pruned_cache_is_the_masked_one(trained):
    model, samples, thresholds = trained
    context, question = samples[0].context, samples[0].question
    cache = compress(model, context, LearnedThreshold(PRESS, thresholds=thresholds), question=question)
    chosen = chosen_by_layer(cache)
    with torch.no_grad():
        ours = model(question, cache=cache).logits
    assert (ours - reference_logits(model, context, question, chosen)).abs().max() < 1e-5


def test_the_soft_threshold_is_the_hard_one_in_the_limit(trained):
    model, samples, thresholds = trained
    task = training._Task.of(model, PRESS, samples[0])
    margins = training._margins(thresholds, task)
    chosen = {layer: each >= thresholds.cutoff(0.25) for layer, each in margins.items()}
    hooks = [len(module._forward_pre_hooks) for module in model.modules()]
    with torch.no_grad():
        logs = {layer: torch.where(mask, 0.0, -1e4) for layer, mask in chosen.items()}
        with training._SoftForward(model, logs):
            ours = training._answer_loss(model, task)
        assert [len(module._forward_pre_hooks) for module in model.modules()] == hooks
        logits = reference_logits(model, samples[0].context, task.tail[:, :-1], chosen)[0, -task.targets :]
    expected = torch.nn.functional.cross_entropy(logits, samples[0].answer[0])
    assert float(ours) == pytest.approx(float(expected), abs=1e-4)


def test_training_lowers_the_loss_and_leaves_the_model_alone(trained):
    model, samples = trained[0], trained[1][:4]
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    recipe = ThresholdRecipe(steps=6, batch=4, rate=0.05, temperatures=(0.5, 0.5))
    plain = train_thresholds(model, PRESS, samples, replace(recipe, steps=0))
    learned = train_thresholds(model, PRESS, samples, recipe)
    tasks = [training._Task.of(model, PRESS, each) for each in samples]
    losses = []
    for each in (plain, learned):
        with torch.no_grad():
            losses.append(float(training._loss(model, each, tasks, recipe, (plain.cutoff(0.25), 0.5))))
    assert losses[1] < losses[0] - 0.01
    assert learned.digest == train_thresholds(model, PRESS, samples, recipe).digest != plain.digest
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


def test_without_a_question_the_continuation_is_trained_on(decoders):
    samples = [ThresholdSample(tokens(30, seed=n), tokens(6, seed=9 + n)) for n in range(2)]
    found = train_thresholds(decoders("gemma3"), Knorm(0.5), samples, ThresholdRecipe(steps=2))
    assert found.layers == [1, 2]
    assert not found.by_layer["1"].mix.requires_grad
    shares = kept_shares(decoders("gemma3"), LearnedThreshold(Knorm(0.5), thresholds=found), samples)
    assert sum(shares) / 2 == pytest.approx(0.5, abs=0.02)


def test_padded_rows_keep_what_they_keep_alone(trained):
    model, samples, thresholds = trained
    press = LearnedThreshold(PRESS, thresholds=thresholds)
    ids, mask = torch.cat([samples[0].context, samples[1].context]), torch.ones(2, 40, dtype=torch.long)
    mask[1, :9] = 0
    alone = compress(model, samples[1].context[:, 9:], press)
    both = compress(model, ids, press, mask=mask)
    assert [layer[1] for layer in both.kept] == [layer[0] for layer in alone.kept]


def test_saved_thresholds_come_back(trained, decoders, tmp_path):
    model, samples, thresholds = trained
    path = tmp_path / "thresholds.safetensors"
    thresholds.save(path, model, press=PRESS.describe())
    back = Thresholds.load(path, model)
    assert back.digest == thresholds.digest
    presses = [LearnedThreshold(PRESS, thresholds=each) for each in (thresholds, back)]
    assert presses[0].describe() == presses[1].describe()
    assert kept_shares(model, presses[0], samples) == kept_shares(model, presses[1], samples)
    with pytest.raises(InputError, match="another model"):
        Thresholds.load(path, decoders("qwen2"))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(FormatError, match="not a whole"):
        Thresholds.load(path, model)
    for wrong in ({"width": 10**12}, {"layers": 7}, {"layers": [0, 9]}):
        about = {"layers": thresholds.layers, "width": 8, **wrong}
        Thresholds.format.write(path, model_fingerprint(model), about, thresholds.state_dict())
        with pytest.raises(FormatError, match="a part of the thresholds is missing"):
            Thresholds.load(path, model)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(FormatError, match="no thresholds of this library"):
        Thresholds.load(path, model)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LearnedThreshold(PRESS), "thresholds is a NoneType"),
        (lambda: LearnedThreshold(PRESS, thresholds="a.safetensors"), "thresholds is a str"),
        (lambda: LearnedThreshold(PRESS, thresholds=Thresholds([0])), "not calibrated"),
        (lambda: LearnedThreshold(KVzip(), thresholds=any_thresholds()), "cannot wrap KVzip"),
        (lambda: LearnedThreshold(TokenBudget(PRESS), thresholds=any_thresholds()), "cannot wrap TokenBudget"),
        (lambda: LearnedThreshold(PRESS, thresholds=any_thresholds(), ceiling=0.5), "ceiling is 0.5"),
        (lambda: AdaKV(LearnedThreshold(PRESS, thresholds=any_thresholds())), "put AdaKV inside LearnedThreshold"),
        (lambda: Thresholds([]), "no layer"),
        (lambda: Thresholds([0], 0), "width is 0"),
        (lambda: Thresholds([0]).calibrate([]), "no margins"),
        (lambda: ThresholdRecipe(share=1), "share is 1"),
        (lambda: ThresholdRecipe(rate=0), "rate is 0"),
        (lambda: ThresholdRecipe(temperatures=(1.0,)), "temperatures is"),
        (lambda: ThresholdSample(tokens(4), torch.zeros(3)), "the answer is not one row"),
        (lambda: ThresholdSample(tokens(4), tokens(1)), "one token and there is no question"),
        (lambda: train_thresholds(decoder("llama"), PRESS, []), "no samples"),
        (lambda: train_thresholds(decoder("llama").train(), PRESS, samples_of(1)), "training mode"),
        (lambda: train_thresholds(decoder("llama"), KVzip(), samples_of(1)), "does not score each layer alone"),
    ],
)
def test_misuse_is_refused(build, message):
    with pytest.raises(UsageError, match=message):
        build()


def test_thresholds_of_another_model_are_refused(decoders):
    other = Thresholds([0])
    other.calibrate([torch.zeros(1, 4)])
    with pytest.raises(UsageError, match="not this model's"):
        compress(decoders("llama"), tokens(20), LearnedThreshold(PRESS, thresholds=other))


def test_scores_that_are_not_numbers_are_refused():
    press = LearnedThreshold(Given(0.5, [[[1.0, float("nan"), 2.0, 0.5]]]), thresholds=any_thresholds())
    with pytest.raises(UsageError, match="not numbers"):
        press.plan(view_of(torch.ones(1, 1, 4)))
