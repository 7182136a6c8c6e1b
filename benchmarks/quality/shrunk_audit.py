"""Where the bundled pruner is worse than the unshrunk one, though its mean holds: the audit on held-out questions.

    python benchmarks/quality/shrunk_audit.py [--model FOLDER] [--variant FOLDER]… [--html FILE] [--items 50]

Writes benchmarks/results/shrunk_audit.json, without the texts, and with --html a page that has them. Sentences of ten
sets on the side that was not trained on, `--items` questions of each, read under their documents' titles as in pruning
and ranked by the probability that the question needs them: nDCG@10, its loss with an interval over questions, sizes,
texts a second (one thread, one model after the other; where other work runs, trust shrunk_pruner.py), questions whose
first sentence is another, slices by length, rare words, negation, numbers and set, and how scores move when names and
gender are swapped. A `--variant` is a pruner of the same making (another seed, an earlier state): with one or more,
the questions that most of them answer otherwise are exemplars.

Multiply-adds need the train extra.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.record import RESULTS, SHARED, record
from benchmarks.quality.passages import TEN
from ctxprune.models.pruner import bundled, read_manifest
from ctxprune.shrink.audit import AuditedModel, AuditReport, Question, audit
from ctxprune.shrink.audit.models import load_audited
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.sentence_sets import Item, read_items

UNSHRUNK = RESULTS.parent / "models" / "pruner-v1"


def question(item: Item, domain: str) -> Question:
    """An item's sentences under their documents; evidence gains 1."""
    context = DocumentsContext(item.documents)
    texts = tuple(unit.text for unit in context.units)
    gains = tuple(map(float, context.labels))
    return Question(item.question, texts, gains, domain, context.sources, context.titles)


def named(folder: Path, variants: list[Path]) -> AuditedModel:
    """A model under its own name, with variants under their folders'."""
    model = load_audited(folder, variants=variants)
    own = {Path(place).name: score for place, score in model.variants.items()}
    return replace(model, name=read_manifest(folder).name, variants=own)


def figures(report: AuditReport) -> dict[str, object]:
    """The report without the texts of the sets."""
    found = report.to_dict()
    for model in found["models"]:
        for part in ("flips", "exemplars"):
            model.get(part, {}).pop("examples", None)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=bundled(), help="folder of the smaller pruner")
    parser.add_argument("--variant", type=Path, action="append", default=[], help="folder of one of the same making")
    parser.add_argument("--html", type=Path, help="page to write")
    parser.add_argument("--items", type=int, default=50, help="of each set")
    parser.add_argument("--seed", type=int, default=0, help="of the intervals")
    options = parser.parse_args()
    sets = {
        name: list(islice((item for item in read_items(SHARED / "data" / "rag" / name) if item.mixed), options.items))
        for name in TEN
    }
    asked = [question(item, name) for name, items in sets.items() for item in items]
    models = [named(UNSHRUNK, []), named(options.model, options.variant)]
    report = audit(models[0], models[1:], asked, seed=options.seed, progress=say)
    if options.html is not None:
        options.html.write_text(report.to_html(), encoding="utf-8")
    data = {name: fingerprint(items) for name, items in sets.items()}
    record("shrunk_audit", figures(report), seed=options.seed, data=data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
