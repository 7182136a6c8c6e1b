"""What each recipe's work costs, in forward passes of the model: for each batch of data, and beside the data.

    python benchmarks/speed/shrink_costs.py    # benchmarks/results/shrink_costs.json; needs the train extra
    python benchmarks/speed/shrink_costs.py kprune liar    # only these, beside those recorded

A cross-encoder of MiniLM's shape with random weights and random tokens: time does not depend on their values. Each
recipe runs to its target of a half on one batch and on three, with one step wherever it trains; the time of those steps
is taken out again. Processor time of one thread, so that a busy machine counts less. What takes longer than `LIMIT`
seconds has that as its bound. `ctxprune shrink --recipe auto` estimates with these figures;
`benchmarks/report/first_choice.py` hands them over.
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
from ctxprune.shrink.run.trial import count_steps, with_steps
from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.shrink.recipes.recipe import Recipe

ROWS, TOKENS, FEW, MANY = 4, 128, 1, 3
LIMIT = 120
SHAPE = {"num_hidden_layers": 6, "hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}


def main() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, stop)
    subject = made()
    forward = timed(lambda: outputs(subject)) / MANY
    step = timed(lambda: train(subject.copy(), Schedule(steps=2)))
    step = timed(lambda: train(subject.copy(), Schedule(steps=3))) / 3
    path = RESULTS / "shrink_costs.json"
    found = parse_json(path.read_text(encoding="utf-8"))["figures"]["passes"] if path.is_file() else {}
    names = sys.argv[1:] or [name.removesuffix(".v1") for name in recipe_names()]
    for name in names:
        signal.alarm(LIMIT)
        try:
            found[name] = passes(subject, load_recipe(name), forward, step)
        except TimeoutError:
            found[name] = [0.0, round(LIMIT / forward, 1)]  # so much at least
        except Exception as error:  # noqa: BLE001 -- of another kind of model, or out of reach
            sys.stderr.write(f"{name}: {type(error).__name__} {str(error)[:100]}\n")
        finally:
            signal.alarm(0)
    figures = {"rows": ROWS, "tokens": TOKENS, "passes": dict(sorted(found.items()))}
    record("shrink_costs", figures | {"step": round(step / forward, 2)}, seed=0, data={})


def passes(subject: Subject, recipe: Recipe, forward: float, step: float) -> list[float]:
    bare = with_steps(recipe, 1, add=False)
    target = Target(recipe.measure, 0.5)
    taken = []
    for count in (FEW, MANY):
        few = Subject(subject.model, subject.task, subject.calibration[:count], related=subject.calibration[:count])
        trained = 0.7 * step * count_steps(bare)  # of a model that is half gone in part
        taken.append(max(timed(lambda few=few: shrink(few, bare, target)) - trained, 0.0) / forward)
    each = max((taken[1] - taken[0]) / (MANY - FEW), 0.0)
    sys.stderr.write(f"{recipe.name}: {each:.1f} a batch, {taken[0] - FEW * each:.1f} beside\n")
    return [round(each, 1), round(max(taken[0] - FEW * each, 0.0), 1)]


def made() -> Subject:
    torch.manual_seed(0)
    model = BertForSequenceClassification(BertConfig(**SHAPE, num_labels=1)).eval()
    draw = torch.Generator().manual_seed(0)
    batches = [
        {
            "input_ids": torch.randint(1000, 30_000, (ROWS, TOKENS), generator=draw),
            "attention_mask": torch.ones(ROWS, TOKENS, dtype=torch.int64),
            "labels": torch.arange(ROWS) % 2 * 1.0,
            "groups": torch.arange(ROWS) // 2,
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
