"""Several rows in one pass: what is mixed, what comes back, what it costs and how it is learned."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models, trained  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost  # noqa: E402
from ctxprune.shrink.model.multiplexed import Multiplexed  # noqa: E402
from ctxprune.shrink.recover.multiplex import Multiplex  # noqa: E402
from ctxprune.shrink.run.multiplexing import Multiplexing, choose_multiplexing, measure_multiplexing  # noqa: E402


def asked(subject, gone: float, measure: str = "flops"):
    work = subject.copy()
    return replace(work, budget=Budget((), {}, gone * cost(work.model, measure), measure=measure))


def test_rows_are_mixed_and_told_apart():
    """By loops over groups, rows and tokens; the fifth row stands alone and fills its group."""
    model = models.bert()
    module = Multiplexed(model.bert.encoder, 2).eval()
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(5, 4, 32, generator=generator)
    mask = torch.ones(5, 1, 4, 4, dtype=torch.bool)
    mask[0, ..., 2:] = False
    mask[1, ..., 3:] = False
    with torch.no_grad():
        found = module(states, mask).last_hidden_state
        for group, rows in enumerate(([0, 1], [2, 3], [4, 4])):
            mixed = torch.stack(
                [
                    sum(states[row, token] * module.vectors[place] for place, row in enumerate(rows)) / 2
                    for token in range(4)
                ]
            )[None]
            seen = mask[rows[1]][None]  # the longer of the two
            for layer in model.bert.encoder.layer:
                mixed = layer(mixed, seen)
                mixed = mixed[0] if isinstance(mixed, tuple) else mixed
            for place, row in enumerate(rows[: 2 if group < 2 else 1]):
                for token in range(4):
                    state = mixed[0, token]
                    hidden = torch.nn.functional.gelu(module.apart(torch.cat([state, module.keys[place]])))
                    told = module.back(hidden) + state
                    wanted = (told - told.mean()) / (told.var(correction=0) + 1e-5).sqrt()
                    assert torch.allclose(found[row, token], wanted, atol=1e-4)
    assert found.shape == states.shape


def test_the_fewest_rows_that_meet_the_budget_and_what_they_cost():
    subject = asked(models.encoder(), 0.3)
    Multiplex(steps=1)(subject)
    assert subject.notes["multiplexed"] == 2
    layers = subject.teacher.bert.encoder.layer
    held = sum(entry.numel() for entry in layers.parameters() if entry.ndim >= 2)
    share = 1 / 2 + 3 * 32 * 32 / held
    assert cost(subject.model, "flops") == pytest.approx(share * cost(subject.teacher, "flops"))
    more = asked(models.encoder(), 0.5)
    Multiplex(steps=1)(more)
    assert more.notes["multiplexed"] > 2
    assert cost(more.model, "flops") <= 0.5 * cost(more.teacher, "flops")


def test_refusals():
    with pytest.raises(UsageError, match="too dear"):
        Multiplex(steps=1)(asked(models.encoder(), 0.97))
    with pytest.raises(UsageError, match="time alone"):
        Multiplex(steps=1)(asked(models.encoder(), 0.3, "parameters"))
    with pytest.raises(UsageError, match="BERT's family"):
        Multiplex(steps=1)(asked(models.decoder(), 0.3))
    with pytest.raises(UsageError, match="teacher"):
        Multiplex(steps=1)(replace(models.encoder(), budget=Budget((), {}, 0.0)))
    with pytest.raises(UsageError, match="count"):
        Multiplex(count=1)


@pytest.mark.long
def test_a_mixed_encoder_learns_its_task():
    subject = asked(trained.trained_encoder(), 0.3)
    subject = replace(subject, calibration=trained.passages(40, rows=48, seed=5))
    Multiplex(count=2, steps=300, rate=2e-3)(subject)
    quality = subject.task.quality(subject.model, trained.held_out("encoder"))
    assert quality > 0.6  # by chance 0.5


def grid(quality, speed):
    return [Multiplexing(n, keep, quality(n, keep), speed(n, keep)) for n in (2, 10) for keep in (0.2, 0.8)]


def test_the_fastest_predicted_setting_within_the_loss_is_chosen():
    """Where quality is bilinear and the logarithm of speed, too, the best of a fine grid is the best in truth."""

    def quality(n, keep):
        return 0.9 - 0.02 * n * (1.2 - keep)

    def speed(n, keep):
        return 2.0 ** (n * (1.1 - keep) / 3)

    best = choose_multiplexing(grid(quality, speed), 0.9, 0.1)
    places = [(n, 0.2 + 0.03 * step) for n in range(2, 11) for step in range(21)]
    n, keep = max((place for place in places if quality(*place) >= 0.81 - 1e-9), key=lambda place: speed(*place))
    assert (best.count, best.keep) == (n, pytest.approx(keep))
    assert best.quality == pytest.approx(quality(n, keep))
    assert best.speed == pytest.approx(speed(n, keep))
    with pytest.raises(UsageError, match="no setting loses 1 %"):
        choose_multiplexing(grid(quality, speed), 0.9, 0.01)
    with pytest.raises(UsageError, match="four settings"):
        choose_multiplexing(grid(quality, speed)[:2], 0.9, 0.1)


def test_settings_are_measured_on_pruned_and_mixed_models():
    subject = models.encoder()
    (found,) = measure_multiplexing(subject, subject.calibration, [(2, 0.7)], steps=1)
    assert (found.count, found.keep) == (2, 0.7)
    assert 1 / 0.7 < found.speed < 2 / 0.6
    assert 0 <= found.quality <= 1
