"""Candidates of the sketch generator on databases that its networks never saw, judged by what they return."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from ..sketch_training.examples import folds, read_examples
from ..sketch_training.fitting import fit_rank, fit_slots
from ..sketch_training.train import judge

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_candidates", "write_candidates"]

_LOG = logging.getLogger(__name__)
_FOLDS = 4


def write_candidates(spider: Path, out: Path, *, seed: int = 0) -> None:
    """Cross-fit the generator over Spider's training databases and write what it offers, a JSON line a question.

    Each line has `number` (position in train_spider.json), `db_id`, `sql`, `right`, `empty` and `logit`, the
    generator's own score by a ranking network that did not see the database either. Some twelve minutes on one core.

    Raises:
        InputError: The folder cannot be read.
    """
    examples = read_examples(spider)
    fold = folds(examples, _FOLDS, seed)
    judged = []
    for held in range(_FOLDS):
        model = fit_slots([one for one in examples if fold[one.db_id] != held], seed)
        judged.append(judge(model, [one for one in examples if fold[one.db_id] == held]))
        _LOG.info("fold %d of %d judged: %d questions", held + 1, _FOLDS, len(judged[-1]))
    with out.open("w", encoding="utf-8") as file:
        for held in range(_FOLDS):
            net = fit_rank([one for place, part in enumerate(judged) if place != held for one in part], seed)
            for one in judged[held]:
                row: dict[str, Any] = {"number": one.example.number, "db_id": one.example.db_id, "sql": one.sql}
                row |= {"right": list(map(bool, one.right)), "empty": list(map(bool, one.empty))}
                row["logit"] = net(one.features)[:, 0].tolist() if one.features else []
                file.write(json.dumps(row) + "\n")


def read_candidates(path: Path) -> dict[int, dict[str, Any]]:
    """The lines of such a file by the number of the question."""
    with path.open(encoding="utf-8") as file:
        return {row["number"]: row for row in map(json.loads, file)}
