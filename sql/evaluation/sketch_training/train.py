"""Makes the shipped weights of the sketch generator from Spider's training questions.

Run as `python -m ctxprune.sql.evaluation.sketch_training.train --data DIR`, DIR being a Spider folder
(train_spider.json, tables.json, database/). Takes some ten minutes on one core; the same data, seed and numpy give the
same weights.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import GenerationError

from ...generate.sketch.analysis import analyse
from ...generate.sketch.compose import make_drafts
from ...generate.sketch.generator import WEIGHTS
from ...generate.sketch.model import Model
from ...generate.sketch.rank import Ranker
from ..spider import equal_results, order_matters, prepare_gold
from .examples import Example, execute, folds, read_examples
from .fit_about import fit_about
from .fitting import Judged, fit_rank, fit_slots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...generate.sketch.net import Net
    from ...generate.sketch.rank import Draft

__all__ = ["cross_validate", "judge", "main"]

_LOG = logging.getLogger(__name__)
_FOLDS = 4
_WRONG = "a query that cannot be written"


def judge(model: Model, examples: Sequence[Example]) -> list[Judged]:
    """Candidates of every example whose database is present and whose gold query runs, compared with its result."""
    found: list[Judged] = []
    for example in examples:
        if example.database is None:
            continue
        gold = execute(example.database, [prepare_gold(example.gold)])[0]
        if gold is None:
            continue
        analysis = analyse(example.question, example.view, example.hits, model.related)
        scores = model.score(model.read(analysis, example.view))
        made = make_drafts(model, scores)
        ranker = Ranker(scores.reading, scores)
        sql = [_written(example, draft) for draft in made]
        rows = execute(example.database, [prepare_gold(text) for text in sql])
        ordered = order_matters(example.gold)
        right = [row is not None and equal_results(gold, row, ordered=ordered) for row in rows]
        features = [ranker.features(draft) for draft in made]
        found.append(Judged(example, features, right, sql, [not row for row in rows]))
    return found


def _written(example: Example, draft: Draft) -> str:
    try:
        return example.view.writer.write(draft.query)
    except GenerationError:
        return _WRONG


def cross_validate(examples: Sequence[Example], seed: int) -> tuple[list[list[Judged]], dict[str, Any]]:
    """Judged candidates of every fold by a model that never saw its databases, and the figures of the whole."""
    fold = folds(examples, _FOLDS, seed)
    judged: list[list[Judged]] = []
    for k in range(_FOLDS):
        model = fit_slots([example for example in examples if fold[example.db_id] != k], seed)
        judged.append(judge(model, [example for example in examples if fold[example.db_id] == k]))
        _LOG.info("fold %d of %d judged: %d questions", k + 1, _FOLDS, len(judged[-1]))
    hits: list[list[bool]] = []
    for k in range(_FOLDS):
        net = fit_rank([one for i, part in enumerate(judged) if i != k for one in part], seed)
        hits += [_placed(one, net) for one in judged[k]]
    shares = np.mean(np.array(hits, float), axis=0).round(4).tolist()
    figures = dict(zip(("ex", "oracle_4", "oracle_8", "oracle_all"), shares, strict=True))
    return judged, {**figures, "items": len(hits), "folds": _FOLDS, "split": "by database", "seed": seed}


def _placed(one: Judged, net: Net) -> list[bool]:
    """Is a right candidate first, among the first four, the first eight, anywhere?"""
    if not one.right:
        return [False] * 4
    order = np.argsort(-net(one.features)[:, 0], kind="stable")
    right = np.array(one.right)[order]
    return [bool(right[:n].any()) for n in (1, 4, 8, len(right))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, cross-validate, write the weights and their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Spider folder")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    examples = read_examples(options.data)
    _LOG.info("%d questions read", len(examples))
    judged, figures = cross_validate(examples, options.seed)
    _LOG.info("cross-validation: %s", figures)
    model = fit_slots(examples, options.seed)
    nets = {
        **model.nets,
        "about": fit_about(model, examples, options.seed),
        "rank": fit_rank([one for part in judged for one in part], options.seed),
    }
    data = Model(nets, model.templates, model.selects, model.skeletons, model.cues, model.related).save()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / WEIGHTS).write_bytes(data)
    text = json.dumps({"data": "Spider train", "bytes": len(data), "cross_validation": figures}, indent=1)
    (options.out / "figures.json").write_text(text + "\n", encoding="utf-8")
    _LOG.info("%d bytes of weights written to %s", len(data), options.out)


if __name__ == "__main__":
    main()
