"""Several sparse models in one: whose rows take which, what each computes, and how masks adapt."""

from __future__ import annotations

import copy
import inspect
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402
from transformers import DynamicCache  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.io.saving import save_model  # noqa: E402
from ctxprune.shrink.learning.domains import split_domains  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost  # noqa: E402
from ctxprune.shrink.model.pathways import Choosing, ChosenNeurons, Masked, choose_pathway  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.language_model import LanguageModel  # noqa: E402
from ctxprune.shrink.recover.choose_neurons import ChooseNeurons  # noqa: E402
from ctxprune.shrink.recover.pathways import Pathways, masks_within  # noqa: E402

PART = "model.layers.1.mlp"


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def asked(subject, measure: str, gone: float):
    work = subject.copy()
    return replace(work, budget=Budget((), {}, gone * cost(work.model, measure), measure=measure))


def with_domains(subject, count: int = 2):
    """Every second row is of the other domain, and looks like it: its second token."""
    told = []
    for batch in subject.calibration:
        domains = torch.arange(len(batch["input_ids"])) % count
        ids = batch["input_ids"].clone()
        ids[:, 1:6] = 10 + domains[:, None]
        told.append({**batch, "input_ids": ids, "sources": domains})
    return replace(subject, calibration=told)


def chosen(share: float = 0.1, tasks: int = 2):
    subject = with_domains(asked(models.decoder(), "flops", share))
    return ChooseNeurons(tasks)(subject)


def test_rows_compute_with_the_neurons_of_the_nearest_task():
    subject = chosen()
    part, chooser = subject.model.get_submodule(PART), subject.model.get_submodule("model.embed_tokens")
    assert (type(part), type(chooser)) == (ChosenNeurons, Choosing)
    assert not torch.equal(part.kept[0], part.kept[1])
    batch = subject.calibration[0]
    subject.task.output(subject.model, batch)
    means = [chooser.weight[ids[ids != chooser.pad]].mean(0).detach() for ids in batch["input_ids"]]
    wanted = [min(range(2), key=lambda place: float((chooser.centres[place] - mean).norm())) for mean in means]
    assert chooser.choice.tolist() == wanted == batch["sources"].tolist()
    states = torch.randn(8, 2, 32, generator=generator())
    with torch.no_grad():
        found = part(states)
        for row in (0, 3):
            result = torch.zeros(32)
            for neuron in range(48):
                if part.kept[wanted[row], neuron]:
                    state = states[row, 1]
                    inner = part.act_fn(part.gate_proj.weight[neuron] @ state) * (part.up_proj.weight[neuron] @ state)
                    result += part.down_proj.weight[:, neuron] * inner
            assert torch.allclose(found[row, 1], result, atol=1e-3)


def test_a_row_of_one_token_has_the_pathway_of_its_own_text():
    """Also behind another text, and in a copy of the model: alone it gives the same."""
    model = copy.deepcopy(chosen().model)
    chooser = model.get_submodule("model.embed_tokens")
    first, second = (torch.tensor([[10 + number]]) for number in range(2))
    wanted, rows = [], {0: first, 1: second}
    for row in rows.values():
        chooser.choice = None
        wanted.append((model(row, use_cache=False).logits, chooser.choice.tolist()))
    assert wanted[0][1] != wanted[1][1]
    for use_cache in (False, True):
        for number in (1, 0, 1):
            found = model(rows[number], use_cache=use_cache).logits
            assert chooser.choice.tolist() == wanted[number][1]
            assert torch.equal(found, wanted[number][0])


def test_the_cost_is_what_rows_meet_and_a_text_stays_on_the_pathway_of_its_prompt():
    subject = chosen(0.15)
    assert cost(subject.model, "flops") <= 0.85 * cost(subject.teacher, "flops")
    assert sum(subject.notes["tasks"]) == 24
    chooser = subject.model.get_submodule("model.embed_tokens")
    prompt = subject.calibration[0]["input_ids"][1:2]
    # the argument has another name in earlier releases
    name = "cache" if "cache" in inspect.signature(subject.model.forward).parameters else "past_key_values"
    cache = {name: DynamicCache(config=subject.model.config)}
    subject.model(prompt, use_cache=True, **cache)
    (before,) = chooser.choice.tolist()
    for token in (10, 11):
        subject.model(torch.tensor([[token]]), use_cache=True, **cache)
        assert chooser.choice.tolist() == [before]
    choose_pathway(subject.model, 1 - before)
    chooser(prompt)
    assert chooser.choice.tolist() == [1 - before]
    choose_pathway(subject.model, None)
    chooser(prompt)
    assert chooser.choice.tolist() == [before]
    with pytest.raises(UsageError, match="pathway 2 of 2"):
        choose_pathway(subject.model, 2)
    with pytest.raises(UsageError, match="no pathways"):
        choose_pathway(subject.teacher, 0)
    with pytest.raises(UsageError, match="no pathway"):
        subject.model.get_submodule(PART)(torch.zeros(3, 1, 32))


def test_pathways_are_saved_with_the_model(tmp_path: Path):
    full = load_model(folders.decoder(tmp_path / "full"))
    subject = chosen()
    choose_pathway(subject.model, 1)
    save_model(full.with_model(subject.model), tmp_path / "small")
    found = load_model(tmp_path / "small").model
    for number in (1, None, 0):
        for model in (found, subject.model):
            choose_pathway(model, number)
        outputs = [subject.task.output(model, subject.calibration[0]) for model in (found, subject.model)]
        assert torch.equal(*outputs)


def test_masks_have_one_share_and_their_union_meets_the_target():
    scores = [
        {"a": torch.rand(9, 7, generator=generator()), "b": torch.rand(4, 4, generator=generator())} for _ in "xy"
    ]
    scores[1] = {name: torch.rand(part.shape, generator=generator().manual_seed(5)) for name, part in scores[0].items()}
    masks = masks_within(scores, 0.5)
    union = sum(int(part.any(0).sum()) for part in masks.values())
    assert 0.45 * 79 < union <= 0.5 * 79
    for name, part in masks.items():
        for own, mask in zip(scores, part, strict=True):
            assert own[name][mask].min() > own[name][~mask].max()
            assert abs(int(mask.sum()) / mask.numel() - int(masks["a"][0].sum()) / 63) < 0.07
    assert int(masks_within(scores[:1], 0.5)["a"].sum()) == 31


def test_each_domain_trains_its_own_weights_and_masks_adapt(monkeypatch: pytest.MonkeyPatch):
    """At first a mask is Wanda's on the domain's rows; a step moves only what is in the mask of its domain."""
    subject = with_domains(asked(models.encoder(), "weights", 0.4))
    name = "bert.encoder.layer.1.output.dense"
    seen = []
    real = Masked.forward

    def watched(self, states):
        if self is subject.model.get_submodule(name) and torch.is_grad_enabled():
            seen.append((int(self.chooser[0].choice[0]), self.kept.clone(), self.weight.detach().clone()))
        return real(self, states)

    monkeypatch.setattr(Masked, "forward", watched)
    Pathways(steps=8, every=2, rate=0.01, towards="labels")(subject)
    before = subject.teacher.get_submodule(name).weight.detach()
    rows = split_domains(subject, 2, 0).batches
    inputs = []

    def hook(_, given, __):
        inputs.append(given[0])

    handle = subject.teacher.get_submodule(name).register_forward_hook(hook)
    with torch.no_grad():
        for batch in rows[0]:
            subject.task.output(subject.teacher, batch)
    handle.remove()
    real_tokens = torch.cat(
        [states[batch["attention_mask"].bool()] for states, batch in zip(inputs, rows[0], strict=True)]
    )
    score = before.abs() * real_tokens.square().sum(0).sqrt()
    first = seen[0][1][0]
    assert score[first].min() >= 0.999 * score[~first].max()
    moved = seen[1][2] != seen[0][2]
    assert bool(moved.any())
    assert not bool((moved & ~seen[0][1][seen[0][0]]).any())
    assert not torch.equal(seen[-1][1], seen[0][1]), "no mask has adapted"
    assert {path for path, *_ in seen} == {0, 1}
    union = subject.model.get_submodule(name).kept.any(0)
    assert not bool(subject.model.get_submodule(name).weight[~union].any())


def test_pathways_meet_the_target_and_know_their_domain():
    subject = with_domains(asked(models.encoder(), "weights", 0.4))
    done = Pathways(steps=4)(subject)
    assert cost(done.model, "weights", masks=done.masks) <= 0.6 * cost(subject.teacher, "weights")
    assert [rows for rows, _ in done.notes["domains"]] == [12, 12]
    batch = subject.calibration[1]
    done.task.output(done.model, batch)
    chooser = next(module for module in done.model.modules() if isinstance(module, Choosing))
    assert chooser.choice.tolist() == batch["sources"].tolist()
    with pytest.raises(UsageError, match="target weights"):
        Pathways()(asked(models.encoder(), "flops", 0.4))
    with pytest.raises(UsageError, match="every"):
        Pathways(every=0)
    with pytest.raises(UsageError, match="gated"):
        ChooseNeurons()(asked(models.encoder(), "flops", 0.1))


def test_domains_are_the_sources_of_rows_or_clusters():
    subject = with_domains(models.encoder())
    told = split_domains(subject, 2, 0)
    blind = [{name: value for name, value in batch.items() if name != "sources"} for batch in subject.calibration]
    found = split_domains(replace(subject, calibration=blind), 2, 0)
    assert found.labels.tolist() in (told.labels.tolist(), (1 - told.labels).tolist())


def test_a_state_space_model_gets_masks_only_where_modules_are_called():
    subject = asked(Subject(models.mamba(), LanguageModel(), models.batches(2)), "weights", 0.3)
    found = Pathways(2, every=1)(subject)
    masked = {name.rpartition(".")[2] for name, part in found.model.named_modules() if isinstance(part, Masked)}
    assert masked == {"in_proj", "x_proj", "out_proj"}
