"""Evidence kept of whole documents (docs, man pages, HTML, CSV, JSON, logs), beside BM25 and the first units.

    python benchmarks/quality/field.py [--own FOLDER]      # benchmarks/results/field.json

The shared field set is for evaluation alone: nothing is tuned on it. `--own` is the folder that
benchmarks/data/field_text/build.py makes; only its part "test" is measured here, whose products are in none of the
documents that anything was tuned on. The same as `ctxprune bench field --data FOLDER --json`. Times are of one process
on a machine that does other work too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.common.parts import fingerprint, say, ticker
from benchmarks.common.record import SHARED, record
from ctxprune.rag.evaluation.field import default_methods, measure_field
from ctxprune.rag.evaluation.field_set import FieldItem, read_field_items

SEED = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", type=Path, help="folder that benchmarks/data/field_text/build.py makes")
    options = parser.parse_args()
    sets = {"field": read_field_items(SHARED / "data" / "rag" / "field")}
    if options.own is not None:
        sets["own"] = read_field_items(options.own, split="test")
    figures = {name: measured(name, items) for name, items in sets.items()}
    record("field", figures, seed=SEED, data={name: described(items) for name, items in sets.items()})
    return 0


def measured(name: str, items: list[FieldItem]) -> dict[str, object]:
    report, _ = measure_field(items, default_methods(), seed=SEED, progress=ticker(name))
    figures = report.to_dict()
    for method, kept in figures["evidence_kept"].items():
        say(f"{name}, {method}: {kept['all']}")
    return figures


def described(items: list[FieldItem]) -> str:
    """Of the questions and documents, whatever folder they are in."""
    return fingerprint([(item.name, item.file.name, item.question, item.evidence) for item in items])


if __name__ == "__main__":
    sys.exit(main())
