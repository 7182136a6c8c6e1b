"""Bad models, bad data and targets that cannot be met are refused before or as soon as they are seen."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from dataclasses import replace  # noqa: E402

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.model.checks import check_subject, longest_input  # noqa: E402
from ctxprune.shrink.model.cost import Target  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder  # noqa: E402
from ctxprune.shrink.model.tasks.language_model import LanguageModel  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402


def flap(subject: Subject, keep: float = 0.6):
    return shrink(subject, load_recipe("flap.v1"), Target("flops", keep))


def changed(**tensors) -> Subject:
    subject = models.encoder()
    batch = dict(subject.calibration[0]) | tensors
    return replace(subject, calibration=[{name: value for name, value in batch.items() if value is not None}])


def test_a_model_of_another_family():
    with pytest.raises(InputError, match="no known family"):
        Subject(torch.nn.Sequential(torch.nn.Linear(2, 2)), CrossEncoder())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(value: float):
    subject = models.encoder()
    with torch.no_grad():
        subject.model.bert.encoder.layer[1].output.dense.weight[3, 2] = value
    with pytest.raises(InputError, match=r"not finite \[bert\.encoder\.layer\.1\.output\.dense\.weight\]"):
        flap(subject)


def test_half_precision():
    subject = models.encoder()
    with pytest.raises(InputError, match=r"model\.float"):
        flap(replace(subject, model=subject.model.half()))


def test_no_data_where_some_is_needed():
    with pytest.raises(InputError, match="0 calibration rows"):
        flap(replace(models.encoder(), calibration=[]))
    found = shrink(replace(models.encoder(), calibration=[]), load_recipe("random.v1"), Target("flops", 0.6))
    assert found.left <= 0.6


def test_one_row_is_enough_for_what_is_only_watched():
    batch = {name: value[:1] for name, value in models.encoder().calibration[0].items()}
    assert flap(replace(models.encoder(), calibration=[batch])).left <= 0.6


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"attention_mask": None}, "there is no attention_mask"),
        ({"input_ids": None}, "there is no input_ids"),
        ({"attention_mask": torch.ones(8, 11, dtype=torch.long)}, "rows, tokens"),
        ({"attention_mask": torch.zeros(8, 12, dtype=torch.long)}, "without a token"),
        ({"input_ids": torch.zeros(0, 4).long(), "attention_mask": torch.zeros(0, 4).long()}, "there is no row"),
        ({"input_ids": torch.ones(2, 33).long(), "attention_mask": torch.ones(2, 33).long()}, "33 tokens.* reads 32"),
        ({"input_ids": torch.full((8, 12), models.VOCABULARY)}, "token 64 is none of the model's 64"),
    ],
)
def test_batches_that_do_not_fit(tensors: dict, message: str):
    subject = changed(**tensors)
    with pytest.raises(InputError, match=message):
        check_subject(subject)
    with pytest.raises(InputError, match=r"related data"):
        check_subject(replace(models.encoder(), related=subject.calibration))


def test_the_longest_input_is_what_the_model_has_places_for():
    assert longest_input(models.bert()) == 32
    assert longest_input(models.llama()) == 64
    assert longest_input(models.mamba()) is None
    roberta = models.roberta()
    most = longest_input(roberta)
    ids = torch.full((1, most), 9)
    with torch.no_grad():
        roberta(input_ids=ids, attention_mask=torch.ones_like(ids))
        longer = torch.full((1, most + 1), 9)
        with pytest.raises((IndexError, RuntimeError)):
            roberta(input_ids=longer, attention_mask=torch.ones_like(longer))


@pytest.mark.parametrize("keep", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_shares_that_are_none(keep: float):
    with pytest.raises(UsageError, match="above 0 and under 1"):
        Target("flops", keep)


def test_targets_that_cannot_be_met():
    with pytest.raises(UsageError, match="raise the target"):
        flap(models.encoder(), 0.001)
    with pytest.raises(UsageError, match="zeros do not lower flops"):
        shrink(models.encoder(), load_recipe("random_weights.v1"), Target("flops", 0.5))
    with pytest.raises(UsageError, match="has no units of kind"):
        shrink(Subject(models.mamba(), LanguageModel(), models.batches()), load_recipe("flap.v1"), Target("flops", 0.5))


def test_tied_weights_stay_tied_through_a_recipe():
    subject = Subject(models.qwen2(), LanguageModel(), models.batches())
    found = flap(subject).subject.model
    assert found.lm_head.weight is found.model.embed_tokens.weight
    assert torch.equal(found.lm_head.weight, subject.model.lm_head.weight)


def test_a_loss_that_is_not_finite_raises():
    from ctxprune.shrink.learning.training import Schedule, train

    subject = models.encoder()
    with pytest.raises(InputError, match="lower the rate"):
        train(subject, Schedule(3, 1e-3), loss=lambda model, _: model.classifier.weight.sum() * float("nan"))


def test_a_training_that_cannot_begin_leaves_the_model_as_it_was(monkeypatch: pytest.MonkeyPatch):
    """A device may be full when the model is there and the teacher follows."""
    from ctxprune.shrink.learning.training import Schedule, train

    subject = models.encoder().copy()
    subject.model.classifier.bias.requires_grad_(False)
    move = torch.nn.Module.to

    def to(module: torch.nn.Module, device: str) -> torch.nn.Module:
        if module is subject.teacher and device != "cpu":
            raise torch.OutOfMemoryError("out of memory")
        # what is on another device is seen here by its type
        return move(module, torch.float64 if device != "cpu" else torch.float32)

    monkeypatch.setattr(torch.nn.Module, "to", to)
    with pytest.raises(torch.OutOfMemoryError):
        train(replace(subject, device="meta"), Schedule(1), parameters=[subject.model.classifier.weight])
    assert [name for name, entry in subject.model.named_parameters() if not entry.requires_grad] == ["classifier.bias"]
    assert {entry.dtype for entry in subject.model.parameters()} == {torch.float32}
