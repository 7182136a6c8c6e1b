"""The golden test: the reduced model equals the masked full model, for every kind of unit and family."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.families import family_of  # noqa: E402
from ctxprune.shrink.gates import gated  # noqa: E402
from ctxprune.shrink.surgery import remove  # noqa: E402

MAKERS = {"bert": models.bert, "llama": models.llama, "qwen2": models.qwen2}
KINDS = ("neuron", "head", "kv_group", "sublayer", "layer", "width")


def output(model, batch):
    with torch.no_grad():
        found = model(**{name: batch[name] for name in ("input_ids", "attention_mask")}).logits
    return found[batch["attention_mask"].bool()] if found.ndim == 3 else found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAKERS)
def test_the_reduced_model_equals_the_masked_one(name: str, kind: str):
    model = MAKERS[name]()
    (batch,) = models.batches(1)
    anatomy = family_of(model).describe(model)
    chance = torch.Generator().manual_seed(3)
    kept = {}
    for key, group in anatomy.groups.items():
        if key[0] == kind:
            mask = torch.rand(group.count, generator=chance) > 0.4
            mask[0], mask[-1] = True, False
            kept[key] = mask
    if not kept:
        pytest.skip(f"{name} has no units of this kind")
    with gated(model, {key: mask.float() for key, mask in kept.items()}):
        masked = output(model, batch)
    whole = output(model, batch)
    small = output(remove(model, kept), batch)
    assert not torch.allclose(whole, masked, atol=1e-3)
    assert torch.allclose(small, masked, atol=1e-5)
    assert torch.equal(output(model, batch), whole)


def test_a_model_of_another_family_is_refused():
    with pytest.raises(InputError, match="no known family"):
        family_of(torch.nn.Linear(2, 2))


def test_bad_masks_are_refused():
    model = models.bert()
    with pytest.raises(UsageError, match="no units"):
        remove(model, {("neuron", 9): torch.ones(48, dtype=torch.bool)})
    with pytest.raises(UsageError, match="mask of"):
        remove(model, {("neuron", 0): torch.ones(47, dtype=torch.bool)})
    with pytest.raises(UsageError, match="would be left"):
        remove(model, {("layer", -1): torch.zeros(4, dtype=torch.bool)})
