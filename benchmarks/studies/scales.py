"""Calibration error of the chances that `fit_scale` gives, on documents that it has not seen.

    python benchmarks/studies/scales.py [--scorer NAME] [--limit N]

Fitted on the training part of the sets of passage_options.py (all together, as many questions of each), measured on
the held-out part: expected calibration error over sentences in ten bins of equal width, in percent; and the share of
needed sentences beside it, since chances of nearly 0 for all would be well calibrated and useless.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common.record import record
from benchmarks.studies.passage_options import SETS, Sentences, in_split, items
from ctxprune import SCORERS, CalibrationExample, fit_scale
from ctxprune.rag import PassageOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray


def examples(name: str, split: str, limit: int) -> list[CalibrationExample]:
    found: list[CalibrationExample] = []
    for question, documents, titles, gold, title in items(name, split):
        if in_split(name, title, split) and 0 < len(gold) < sum(map(len, documents)):
            found.append(CalibrationExample(question, Sentences(documents, titles, PassageOptions()), gold))
        if len(found) == limit:
            break
    return found


def error(chances: NDArray[Any], labels: NDArray[Any]) -> float:
    bins = np.minimum((chances * 10).astype(int), 9)
    parts = [(bins == number) for number in range(10)]
    return float(sum(abs(chances[p].mean() - labels[p].mean()) * p.mean() for p in parts if p.any()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scorer", default="lexical.v1")
    parser.add_argument("--limit", type=int, default=300)
    options = parser.parse_args()
    scorer = SCORERS.get(options.scorer)()
    scale = fit_scale([item for name in SETS for item in examples(name, "train", options.limit)], scorer)
    figures: dict[str, Any] = {"scorer": options.scorer, "slope": scale.slope, "offset": scale.offset}
    chances, labels = [], []
    for name in SETS:
        found = examples(name, "heldout", options.limit)
        chances.append(np.concatenate([scale(scorer.score(item.query, item.context)) for item in found]))
        labels.append(np.concatenate([np.isin(np.arange(len(i.context.units)), list(i.needed)) for i in found]))
        figures[name] = {
            "error": round(100 * error(chances[-1], labels[-1]), 1),
            "needed": round(100 * float(labels[-1].mean()), 1),
        }
    figures["all"] = {
        "error": round(100 * error(np.concatenate(chances), np.concatenate(labels)), 1),
        "needed": round(100 * float(np.concatenate(labels).mean()), 1),
    }
    print(json.dumps(figures, indent=1))
    record("scales", figures, seed=None, data={name: SETS[name] for name in SETS})


if __name__ == "__main__":
    main()
