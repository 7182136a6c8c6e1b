"""A prompt before every text of a language model, in training and afterwards."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.measure.activations import module_inputs  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import unit_costs  # noqa: E402
from ctxprune.shrink.model.tasks.language_model import LanguageModel  # noqa: E402
from ctxprune.shrink.recover.learn_gates import LearnGates  # noqa: E402

PROMPT = (7, 9, 11)


def test_the_prompt_is_read_first_and_has_no_logits():
    subject, task = models.decoder(), LanguageModel(PROMPT)
    batch = subject.calibration[0]
    with torch.no_grad():
        found = task.output(subject.model, batch)
        for row in range(8):  # row by row, without padding
            own = batch["input_ids"][row][batch["attention_mask"][row].bool()]
            alone = subject.model(input_ids=torch.cat([torch.tensor(PROMPT), own])[None]).logits[0, 3:]
            assert torch.allclose(found[row, : len(own)], alone, atol=1e-5)
        assert not torch.allclose(found, LanguageModel().output(subject.model, batch), atol=1e-3)
    path = subject.anatomy.layers[1].sublayers[1].output
    with_prompt = module_inputs(dataclasses.replace(subject, task=task), [path])[path]
    assert len(with_prompt) == sum(int(batch["attention_mask"].sum()) for batch in subject.calibration)


def test_gates_are_learned_behind_the_prompt_and_the_task_keeps_it():
    subject = models.decoder().copy()
    groups = subject.groups(["head", "neuron"])
    subject = dataclasses.replace(subject, budget=Budget(groups, unit_costs(subject.model, groups, "flops"), 1e6))
    found = LearnGates(steps=2, weights="adapters", prompt=PROMPT)(subject)
    assert found.task == LanguageModel(PROMPT)
    assert set(found.learned) == {group.key for group in groups}
    plain = LearnGates(steps=2, weights="adapters")(subject)
    assert plain.task == LanguageModel()
    with pytest.raises(UsageError, match="none of the model's 64"):
        LearnGates(steps=1, prompt=(7, 64))(subject)
    with pytest.raises(UsageError, match="for language models"):
        LearnGates(steps=1, prompt=PROMPT)(dataclasses.replace(models.encoder(), budget=subject.budget))
