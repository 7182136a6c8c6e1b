"""What each recipe's work costs, in forward passes of the model: for each batch of data, and beside the data.

    python benchmarks/speed/shrink_costs.py    # benchmarks/results/shrink_costs.json; needs the train extra
    python benchmarks/speed/shrink_costs.py kprune liar    # only these, beside those recorded
    python benchmarks/speed/shrink_costs.py --rest         # those that the record does not have

A cross-encoder of MiniLM's shape with random weights and random tokens: time does not depend on their values. Each
recipe runs to its target of a half on one small batch and on three, with one step wherever it trains; the time of those
steps is taken out again. Work for each batch is in passes of that batch, work beside the data in passes of a batch of
`UNIT`, about what users have. Processor time of one thread, so that a busy machine counts less. What takes longer than
`LIMIT` seconds of it has what was seen until then as its bound. The record is written after each recipe.

`ctxprune shrink --recipe auto` estimates with these figures; `benchmarks/report/first_choice.py` hands them over.
"""

from __future__ import annotations

import signal
import sys
from time import process_time
from typing import TYPE_CHECKING

import torch
from transformers import BertConfig, BertForSequenceClassification

from benchmarks.common.record import RESULTS, record
from ctxprune.shrink.learning.training import Schedule, train
from ctxprune.shrink.model.cost import Target
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder
from ctxprune.shrink.recipes.recipe import load_recipe, recipe_names
from ctxprune.shrink.run.runner import shrink
from ctxprune.shrink.run.steps import count_steps
from ctxprune.shrink.run.trial import with_steps
from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.shrink.recipes.recipe import Recipe

ROWS, TOKENS, FEW, MANY = 4, 32, 1, 3
UNIT = (4, 128)
LIMIT = 15
SHAPE = {"num_hidden_layers": 6, "hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}


def main() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGPROF, stop)
    subject = made(ROWS, TOKENS)
    forward, unit = forward_time(subject), forward_time(made(*UNIT))
    train(subject.copy(), Schedule(steps=1))
    step = timed(lambda: train(subject.copy(), Schedule(steps=3))) / 3
    path = RESULTS / "shrink_costs.json"
    found = parse_json(path.read_text(encoding="utf-8"))["figures"]["passes"] if path.is_file() else {}
    every = [name.removesuffix(".v1") for name in recipe_names()]
    rest = "--rest" in sys.argv
    names = [name for name in every if name not in found] if rest else sys.argv[1:] or every
    for name in names:
        # processor time of this process: by the clock a busy machine would stop recipes that are quick
        signal.setitimer(signal.ITIMER_PROF, LIMIT)
        try:
            found[name] = passes(subject, load_recipe(name), (forward, unit), step)
        except Exception as error:  # noqa: BLE001 -- of another kind of model, or out of reach
            sys.stderr.write(f"{name}: {type(error).__name__} {str(error)[:100]}\n")
            continue
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        figures = {"rows": ROWS, "tokens": TOKENS, "unit": UNIT, "passes": dict(sorted(found.items()))}
        record("shrink_costs", figures | {"step": round(step / forward, 2)}, seed=0, data={})


def forward_time(subject: Subject) -> float:
    """Seconds of a pass over one batch."""
    outputs(subject)  # warm
    return timed(lambda: outputs(subject)) / MANY


def passes(subject: Subject, recipe: Recipe, forwards: tuple[float, float], step: float) -> list[float]:
    """Passes for each batch of the subject's data, and beside the data.

    Args:
        subject: With `MANY` batches.
        recipe: What is timed.
        forwards: Seconds of a pass over one of these batches, and over one of `UNIT`.
        step: Seconds of a training step.
    """
    forward, unit = forwards
    bare = with_steps(recipe, 1, add=False)
    target = Target(recipe.measure, 0.5)
    taken = []
    started = process_time()
    for count in (FEW, MANY):
        few = Subject(subject.model, subject.task, subject.calibration[:count], related=subject.calibration[:count])
        trained = 0.7 * step * count_steps(bare)  # of a model that is half gone in part
        try:
            taken.append(max(timed(lambda few=few: shrink(few, bare, target)) - trained, 0.0))
        except TimeoutError:
            sys.stderr.write(f"{recipe.name}: over {LIMIT} seconds\n")
            # so much at least; that the first run took its time beside the data is the least that can be said of it
            spent = process_time() - started
            taken += [spent, spent] if not taken else [max(spent - taken[0] - trained, taken[0])]
            break
    each = max((taken[1] - taken[0]) / (MANY - FEW), 0.0)
    beside = max(taken[0] - FEW * each, 0.0)
    sys.stderr.write(f"{recipe.name}: {each / forward:.1f} a batch, {beside / unit:.1f} beside\n")
    return [round(each / forward, 1), round(beside / unit, 1)]


def made(rows: int, tokens: int) -> Subject:
    torch.manual_seed(0)
    model = BertForSequenceClassification(BertConfig(**SHAPE, num_labels=1)).eval()
    draw = torch.Generator().manual_seed(0)
    batches = [
        {
            "input_ids": torch.randint(1000, 30_000, (rows, tokens), generator=draw),
            "attention_mask": torch.ones(rows, tokens, dtype=torch.int64),
            "labels": torch.arange(rows) % 2 * 1.0,
            "groups": torch.arange(rows) // 2,
        }
        for _ in range(MANY)
    ]
    return Subject(model, CrossEncoder(), batches)


def outputs(subject: Subject) -> None:
    with torch.no_grad():
        for batch in subject.calibration:
            subject.task.output(subject.model, batch)


def timed(work: Callable[[], object]) -> float:
    started = process_time()
    work()
    return process_time() - started


def stop(*_: object) -> None:
    raise TimeoutError(f"over {LIMIT} seconds")


if __name__ == "__main__":
    main()
