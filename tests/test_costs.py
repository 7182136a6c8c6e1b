"""What pruning costs grows with the size of a context, whatever its shape; see benchmarks/stress/contexts.py."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from types import ModuleType

import pytest

from ctxprune import Pruned
from ctxprune.errors import BudgetError, InputError
from ctxprune.policies import TableBudget, TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.kinds import TABLES, read_context
from ctxprune.scorers.combined.structured import structured
from ctxprune.scorers.lexical.words import LexicalScorer

TESTS = Path(__file__).resolve().parent
LEAST = 0.01  # seconds below which a clock says little
# Of a text four times as long; 16 would be the square. Other work on the machine may slow one of the two runs.
MOST = 9.0
SMALL = 15_000
BUDGET = 300  # tokens
# By kind, the shapes that at `SHORT` hold nothing that fits into the budget; every other one must be pruned to it.
REFUSED = json.loads((TESTS / "refused_shapes.json").read_text(encoding="utf-8"))
SHORT = 1000
# What took the square of its size, or nearly, and one sound shape of each kind.
NAMED = (
    ("csv", "5 columns"),
    ("csv", "one line"),
    ("html", "paragraphs on one line"),
    ("json", "lists of two records"),
    ("json", "records"),
    ("log", "JSON lines"),
    ("markdown", "fences that do not close"),
    ("markdown", "indented code after empty lines"),
    ("markdown", "list items"),
    ("markdown", "open fences"),
    ("markdown", "open images"),
    ("schema", "any of itself"),
    ("schema", "of itself"),
    ("schema", "properties, flat"),
    ("table", "5 columns"),
    ("text", "U+2028"),
    ("text", "question marks"),
    ("tools", "tools"),
)


def load() -> ModuleType:
    return importlib.import_module("benchmarks.stress.shapes")


def prune_text(text: str, kind: str, question: str) -> Pruned | None:
    """What is left of a text; None where it is refused."""
    policy = TableBudget(BUDGET) if kind in TABLES else TokenBudget(BUDGET)
    try:
        return Pruner(structured(LexicalScorer()), policy).prune(question, read_context(text, kind))
    except (BudgetError, InputError):
        return None


def cost(text: str, kind: str, question: str) -> float:
    """Seconds of a core that reading and pruning takes, or saying that nothing fits."""
    started = time.process_time()
    prune_text(text, kind, question)
    return time.process_time() - started


def test_there_are_40_shapes_of_each_kind() -> None:
    shapes = load().SHAPES
    assert len(shapes) == 9
    assert {len(of_kind) for of_kind in shapes.values()} == {40}
    assert all(shape(500) for of_kind in shapes.values() for shape in of_kind.values())


@pytest.mark.parametrize("kind", sorted(load().SHAPES))
def test_every_shape_is_pruned_or_refused_as_it_must(kind: str) -> None:
    module = load()
    refused = []
    for name, shape in module.SHAPES[kind].items():
        started = time.process_time()
        pruned = prune_text(shape(SHORT), kind, module.QUESTION)
        assert time.process_time() - started < 2, name
        if pruned is None:
            refused.append(name)
        else:
            assert pruned.tokens_after <= BUDGET, name
    assert refused == REFUSED[kind]


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_time_grows_with_the_size(kind: str, name: str) -> None:
    module = load()
    shape = module.SHAPES[kind][name]
    cost(shape(SHORT), kind, module.QUESTION)  # what is imported or read once
    ratios = []
    for _ in range(3):
        small, large = (cost(shape(size), kind, module.QUESTION) for size in (SMALL, 4 * SMALL))
        ratios.append(large / max(small, LEAST))
        if ratios[-1] < MOST:
            return
    pytest.fail(f"four times the text takes {min(ratios):.1f} times as long")
