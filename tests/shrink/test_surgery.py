"""The golden test: the reduced model equals the masked full model, for every kind of unit and family."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.measure.gates import apply_gates  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.model.families import FAMILIES as FAMILY_CLASSES  # noqa: E402
from ctxprune.shrink.model.families import family_of  # noqa: E402
from ctxprune.shrink.model.surgery import level_parts, remove  # noqa: E402

MAKERS = {
    "bert": models.bert,
    "bert_model": models.bert_model,
    "bert_tokens": models.bert_tokens,
    "bert_words": models.bert_words,
    "deberta": models.deberta,
    "deberta_apart": models.deberta_apart,
    "electra": models.electra,
    "electra_small": models.electra_small,
    "gte": models.gte,
    "llama": models.llama,
    "mamba": models.mamba,
    "mamba2": models.mamba2,
    "mistral": models.mistral,
    "mixtral": models.mixtral,
    "modernbert": models.modernbert,
    "modernbert_model": models.modernbert_model,
    "nomic": models.nomic,
    "qwen2": models.qwen2,
    "qwen2_moe": models.qwen2_moe,
    "qwen3": models.qwen3,
    "qwen3_moe": models.qwen3_moe,
    "qwen3_reranker": models.qwen3_reranker,
    "roberta": models.roberta,
    "xlm_roberta": models.xlm_roberta,
}
KINDS = (
    "neuron", "dimension", "head", "kv_group", "channel", "ssm_head", "state", "expert", "sublayer", "layer", "width",
)  # fmt: skip
LACKING = {
    "bert_words": {"width"},
    "deberta": {"dimension"},
    "deberta_apart": {"dimension"},
    "mixtral": {"neuron"},
    "qwen3_moe": {"neuron"},
}
UNMASKED = {("mamba2", "state"): "the scan is one function; test_a_state_goes_from_all_groups is in its place"}
FAMILIES = {
    "bert": {"neuron", "dimension", "head", "sublayer", "layer", "width", "vocabulary"},
    "gte": {"neuron", "kv_group", "sublayer", "layer", "width", "vocabulary"},
    "llama": {"neuron", "kv_group", "sublayer", "layer", "width", "vocabulary"},
    "mamba": {"channel", "state", "sublayer", "layer", "width", "vocabulary"},
    "mamba2": {"channel", "ssm_head", "state", "sublayer", "layer", "width", "vocabulary"},
    "modernbert": {"neuron", "head", "sublayer", "layer", "width", "vocabulary"},
    "moe": {"neuron", "expert", "kv_group", "sublayer", "layer", "width", "vocabulary"},
}


def output(model, batch):
    with torch.no_grad():
        result = model(**{name: batch[name] for name in ("input_ids", "attention_mask")})
    found = result.logits if "logits" in result else result.last_hidden_state
    return found[batch["attention_mask"].bool()] if found.ndim == 3 else found


def kinds_of(model) -> set[str]:
    return {key[0] for key in family_of(model).describe(model).groups}


def halved(model, kind: str) -> dict:
    """Some units of each group of the kind go, the first one stays and the last one goes."""
    generator = torch.Generator().manual_seed(3)
    groups = family_of(model).describe(model).of_kind(kind) if kind in kinds_of(model) else []
    kept = {}
    for group in groups:
        mask = torch.rand(group.count, generator=generator) > 0.4
        mask[0], mask[-1] = True, False
        kept[group.key] = mask
    scores = {group.key: torch.rand(group.count, generator=generator) for group in groups}
    return level_parts(groups, kept, scores)


def test_each_model_is_of_one_family_and_has_its_kinds():
    for name, make in MAKERS.items():
        model = make()
        families = [entry for entry in FAMILIES if FAMILY_CLASSES.get(f"{entry}.v1")().matches(model)]
        assert len(families) == 1, name
        assert kinds_of(model) == FAMILIES[families[0]] - LACKING.get(name, set()), name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name, make in MAKERS.items()
        for kind in KINDS
        if kind in kinds_of(make()) and (name, kind) not in UNMASKED
    ],
)
def test_the_reduced_model_equals_the_masked_one(name: str, kind: str):
    model = MAKERS[name]()
    (batch,) = models.batches(1)
    kept = halved(model, kind)
    whole = output(model, batch)
    narrower = kind == "width" and whole.shape[-1] == 32  # a pooled state keeps its width, a token's state does not
    with apply_gates(model, {key: mask.float() for key, mask in kept.items()}):
        masked = output(model, batch)
    if narrower:
        whole, masked = whole[:, kept["width", -1]], masked[:, kept["width", -1]]
    small = output(remove(model, kept), batch)
    assert not torch.allclose(whole, masked, atol=1e-3)
    assert torch.allclose(small, masked, atol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_units_of_all_kinds_can_go_at_once(name: str):
    """Surgery on what surgery left: still whole, smaller each time, and the model that was given is as it was."""
    model = MAKERS[name]()
    (batch,) = models.batches(1)
    whole = output(model, batch)
    small = model
    for kind in (*KINDS, *KINDS[:5]):
        kept = halved(small, kind)
        if (
            kept
            and all(len(mask) > 1 for mask in kept.values())
            and not all(bool(mask.all()) for mask in kept.values())
        ):
            before = sum(entry.numel() for entry in small.parameters())
            small = remove(small, kept)
            assert sum(entry.numel() for entry in small.parameters()) < before
            assert torch.isfinite(output(small, batch)).all()
    assert torch.equal(output(model, batch), whole)


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in ("roberta", "xlm_roberta")])
def test_a_smaller_vocabulary_gives_the_same_outputs(name: str):
    model = MAKERS[name]()
    kept = torch.arange(models.VOCABULARY) % 3 != 1
    place = kept.cumsum(0) - 1
    chosen = kept.nonzero().flatten()
    (batch,) = models.batches(1)
    ids = chosen[batch["input_ids"] % len(chosen)] * batch["attention_mask"]
    batch = batch | {"input_ids": ids}
    small = remove(model, {("vocabulary", -1): kept})
    wanted, found = output(model, batch), output(small, batch | {"input_ids": place[ids]})
    wanted = wanted[:, kept] if wanted.shape[-1] == models.VOCABULARY else wanted
    assert torch.allclose(found, wanted, atol=1e-5)


def test_a_state_goes_from_all_groups():
    """Removed states equal rows of C that the convolution makes zero, in each group."""
    model = models.mamba2()
    (batch,) = models.batches(1)
    kept = halved(model, "state")
    masked = copy.deepcopy(model)
    for index, layer in enumerate(masked.backbone.layers):
        gone = (~kept["state", index]).nonzero().flatten()
        for group in range(2):
            layer.mixer.conv1d.weight.data[64 + 12 + 6 * group + gone] = 0
            layer.mixer.conv1d.bias.data[64 + 12 + 6 * group + gone] = 0
    assert torch.allclose(output(remove(model, kept), batch), output(masked, batch), atol=1e-5)
    assert not torch.allclose(output(model, batch), output(masked, batch), atol=1e-3)


def test_groups_of_b_and_c_keep_as_many_heads_each():
    model = models.mamba2()
    heads = family_of(model).describe(model).of_kind("ssm_head")
    uneven = {heads[0].key: torch.tensor([True, True, True, True, True, False, False, True])}
    with pytest.raises(UsageError, match="2 parts"):
        remove(model, uneven)
    even = level_parts(heads, uneven, {heads[0].key: torch.tensor([1.0, 4, 3, 2, 8, 7, 6, 5])})
    assert even[heads[0].key].tolist() == [False, True, True, True, True, True, True, False]
    mixer = remove(model, even).backbone.layers[0].mixer
    assert (mixer.num_heads, mixer.head_dim, mixer.n_groups) == (6, 8, 2)


@pytest.mark.parametrize("kind", ["vocabulary", "width"])
def test_tied_weights_stay_tied(kind: str):
    for make in (models.qwen2, models.mamba):
        small = remove(make(), halved(make(), kind))
        assert small.lm_head.weight is small.get_input_embeddings().weight
        assert small.lm_head.weight.shape == (small.config.vocab_size, small.config.hidden_size)


@pytest.mark.parametrize("name", ["mixtral", "qwen2_moe"])
def test_fewer_experts_than_a_token_takes_are_all_taken(name: str):
    model = MAKERS[name]()
    (batch,) = models.batches(1)
    anatomy = family_of(model).describe(model)
    kept = {group.key: torch.arange(group.count) == 2 for group in anatomy.of_kind("expert")}
    with apply_gates(model, {key: mask.float() for key, mask in kept.items()}):
        masked = output(model, batch)
    small = remove(model, kept)
    assert small.config.num_experts_per_tok == 1
    assert torch.allclose(output(small, batch), masked, atol=1e-5)


def test_experts_cost_bytes_and_no_multiply_adds():
    model = models.mixtral()
    groups = family_of(model).describe(model).of_kind("expert")
    small = remove(model, {group.key: torch.arange(6) < 3 for group in groups})
    assert cost(small, "parameters") < 0.7 * cost(model, "parameters")
    assert cost(small, "flops") == pytest.approx(cost(model, "flops"), rel=0.02)
    spared = sum(float(entry[:3].sum()) for entry in unit_costs(model, groups, "parameters").values())
    assert spared == cost(model, "parameters") - cost(small, "parameters")


def test_a_layer_of_experts_does_not_lose_all_of_one_kind():
    model = models.qwen2_moe()
    with pytest.raises(UsageError, match="others stay"):
        remove(model, {("expert", 0): torch.zeros(6, dtype=torch.bool)})
    small = remove(
        model, {("expert", 0): torch.zeros(6, dtype=torch.bool), ("neuron", 0): torch.zeros(40, dtype=torch.bool)}
    )
    assert len(family_of(small).describe(small).sublayers) == 5


@pytest.mark.parametrize("name", ["mixtral", "qwen2_moe", "mamba"])
def test_gates_of_rows_are_those_of_each_row(name: str):
    model = MAKERS[name]()
    (batch,) = models.batches(1, rows=2)
    anatomy = family_of(model).describe(model)
    generator = torch.Generator().manual_seed(0)
    gates = {
        key: torch.rand(2, 1, group.count, generator=generator)
        for key, group in anatomy.groups.items()
        if key[0] in ("expert", "neuron", "channel", "kv_group")
    }
    with apply_gates(model, gates), torch.no_grad():
        both = model(input_ids=batch["input_ids"]).logits
    for row in range(2):
        with apply_gates(model, {key: gate[row, 0] for key, gate in gates.items()}), torch.no_grad():
            assert torch.allclose(model(input_ids=batch["input_ids"][row : row + 1]).logits[0], both[row], atol=1e-5)


def test_a_router_that_chooses_in_another_way_is_refused():
    model = models.mixtral()
    model.model.layers[0].mlp.gate.norm_topk_prob = False  # says one thing and does another
    (batch,) = models.batches(1)
    with pytest.raises(InputError, match="softmax"), apply_gates(model, {("expert", 0): torch.ones(6)}):
        output(model, batch)


def test_a_model_of_another_family_is_refused():
    with pytest.raises(InputError, match="no known family") as caught:
        family_of(torch.nn.Linear(2, 2))
    for needed in ("subclass", "describe", "drop_layers", "drop_sublayer", "matches", "adapt", "ctxprune.families"):
        assert needed in caught.value.hint


def test_bad_masks_are_refused():
    model = models.bert()
    with pytest.raises(UsageError, match="no units"):
        remove(model, {("neuron", 9): torch.ones(48, dtype=torch.bool)})
    with pytest.raises(UsageError, match="mask of"):
        remove(model, {("neuron", 0): torch.ones(47, dtype=torch.bool)})
    with pytest.raises(UsageError, match="would be left"):
        remove(model, {("layer", -1): torch.zeros(4, dtype=torch.bool)})


def test_experts_run_at_widths_that_the_grouped_product_refuses():
    model = models.mixtral()
    (batch,) = models.batches(1)
    kept = {("width", -1): torch.arange(32) < 27}
    with apply_gates(model, {key: mask.float() for key, mask in kept.items()}):
        masked = output(model, batch)
    assert torch.allclose(output(remove(model, kept), batch), masked, atol=1e-5)
    assert model.config._experts_implementation != "eager"
