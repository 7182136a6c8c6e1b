"""Trains the weights of the mixture: how much words count against the model, in short contexts and in long ones.

    python benchmarks/training/mixture_weights.py documents.json OWN
    # ctxprune/scorers/combined/mixture_parts/weights.json, benchmarks/results/mixture_weights.json

documents.json is what `benchmarks/data/documentation/build.py` writes, OWN what `benchmarks/data/field_text/build.py`
does, of which the manuals and documents of the split "dev" are read. To it come the examples of the training sets
that were set aside when the model was trained (`ctxprune.train.mixture.split_examples`), at most 120 of a set. The
table that is recorded leaves each family of sets out in turn: what a family shows was learned from the others. Beside
it stands BM25. The held-out sides of the ten passage sets and the shared field set are not read here. Five minutes.
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.record import SHARED, record
from benchmarks.training._mixture_fit import Row, calibrate, fit
from ctxprune.context.subset import ContextSubset
from ctxprune.rag import Passage, PassageOptions
from ctxprune.scorers.combined.cascade import choose_units, number_windows
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.combined.mixture_parts.features import LENGTHS, LEXICAL, MODEL, by_length, model_features
from ctxprune.scorers.combined.mixture_parts.weights import FORMAT, VERSION
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.storage.json_lines import read_rows
from ctxprune.storage.sealed import seal
from ctxprune.tokens import as_counter
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.examples import passages
from ctxprune.train.mixture import held_out_questions, split_examples

WEIGHTS = Path(__file__).resolve().parents[2] / "ctxprune" / "scorers" / "combined" / "mixture_parts" / "weights.json"
MOST, LONGEST = 120, 40_000  # questions of a set, characters of an example
DECAY = 5e-3
SHORT_WITHOUT = ("near", "wide")  # in a few sentences what stands around each is what stands around all
FAMILIES = (
    ("hand",), ("faq_cut", "faq_head"), ("heading", "cloze", "glossary"), ("man_cloze", "man_name", "changes"),
    ("fever_eraser",), ("hotpotqa", "2wikimultihop"), ("qed", "lost_in_middle_nq", "xquad_en"), ("selqa",),
    ("scifact",), ("squad_pairs",), ("fairytaleqa",), ("tatqa",),
    ("own_man", "own_docs"),
)  # fmt: skip
SHARES = (5, 10, 25)


def main() -> int:
    documents = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    reader = Reader()
    rows = [*reader.aside(), *reader.documented(documents), *reader.own(Path(sys.argv[2]))]
    say(f"{len(rows)} questions")
    figures: dict[str, dict[str, object]] = {}
    for family in FAMILIES:
        others = [row for row in rows if row.kind not in family]
        network = fit(others, COLUMNS, DECAY)
        for kind in family:
            mine = [row for row in rows if row.kind == kind]
            if mine:
                figures[kind] = {
                    "questions": len(mine),
                    "left out": kept_evidence(mine, [network(row.features) for row in mine]),
                    "bm25": kept_evidence(mine, [row.match for row in mine]),
                }
                say(f"{kind}: {figures[kind]}")
    full = fit(rows, COLUMNS, DECAY)
    rough = fit(rows, list(range(len(LEXICAL))), DECAY, lexical=True)
    data = {
        "format": FORMAT,
        "version": VERSION,
        "features": {"lexical": list(LEXICAL), "model": list(MODEL)},
        "rough": rough.to_dict(),
        "full": full.to_dict(),
        "calibration": calibrate(rows, full),
    }
    WEIGHTS.write_text(seal(data, indent=1) + "\n", encoding="utf-8")
    record("mixture_weights", {"left_one_out": figures}, seed=0, data={"documents": fingerprint(documents)})
    return 0


class Reader:
    """Makes rows: features of words and model, as the scorer computes them."""

    def __init__(self) -> None:
        self.scorer, self.bm25, self.counter = MixtureScorer(), LexicalScorer(), as_counter()

    def aside(self):
        examples, _ = [], None
        _, kept = split_examples(passages(SHARED / "data"), held_out_questions(SHARED / "data"))
        by_set = defaultdict(list)
        for example in kept:
            context = DocumentsContext(example.documents, example.kind)
            length = sum(len(unit.text) for unit in context.units)
            if not example.unlabelled and length <= LONGEST and 0 < sum(context.labels) < len(context.labels):
                by_set[example.source].append((example.question, context))
        rng = random.Random(0)
        for kind, found in by_set.items():
            examples += [(kind, *pair) for pair in rng.sample(found, min(len(found), MOST))]
        for kind, question, context in examples:
            yield self.row(kind, question, context, np.asarray(context.labels))

    def documented(self, documents):
        read: dict[str, Passage] = {}
        for item in documents["items"]:
            name = item["doc"]
            if name not in read:
                options = PassageOptions(markdown=item["md"], headings=item["md"])
                read[name] = Passage(documents["docs"][name], options=options)
            context = read[name]
            labels = [
                any(unit.span[0] < end and start < unit.span[1] for start, end in item["spans"])
                for unit in context.units
            ]
            if any(labels):
                yield self.row(
                    item["set"], item["question"], context, np.asarray(labels), one_is_enough=item["set"] != "hand"
                )

    def own(self, folder: Path):
        read: dict[str, Passage] = {}
        for item in read_rows(folder / "items.jsonl"):
            if item["split"] != "dev" or item["group"] not in {"man", "docs"}:
                continue
            name, markdown = item["file"], item["kind"] == "markdown"
            if name not in read:
                text = (folder / name).read_text(encoding="utf-8")
                read[name] = Passage(text, options=PassageOptions(markdown=markdown, headings=markdown))
            context = read[name]
            spans = [(start, start + len(part)) for part in item["evidence"] if (start := context.text.find(part)) >= 0]
            labels = [any(u.span[0] < end and start < u.span[1] for start, end in spans) for u in context.units]
            if any(labels):
                yield self.row(f"own_{item['group']}", item["question"], context, np.asarray(labels))

    def row(self, kind, question, context, labels, *, one_is_enough=False) -> Row:
        lexical = self.scorer.features(question, context)
        places, part, chosen = number_windows(context, self.scorer.window), context, slice(None)
        if int(places[-1]) >= self.scorer.windows:
            # What is read while weights are made is chosen by BM25, since there are no weights yet.
            rough = TitledScorer().score(question, context)
            part = ContextSubset(context, choose_units(rough, places, self.scorer.windows))
            chosen = part.chosen
        found = self.scorer.pruner.features(question, part).units
        said = np.full((len(MODEL), len(labels)), np.nan)
        for place, name in enumerate(MODEL):
            said[place, chosen] = found[name]
        whole = np.concatenate([lexical, model_features(said)], axis=1)
        headings = sorted({unit.parent for unit in context.units if unit.parent is not None})
        tokens = np.asarray(self.counter.count_many([unit.text for unit in context.units]))
        match = self.bm25.score(question, context)
        features = by_length(whole, len(labels))
        return Row(kind, lexical, features, labels, headings, tokens, match, one_is_enough)


def kept_evidence(rows: list[Row], scores: list[np.ndarray]) -> dict[str, float]:
    """Evidence that is kept in percent, by kept share of the tokens."""
    return {
        str(share): round(
            100 * float(np.mean([_kept(row, found, share / 100) for row, found in zip(rows, scores, strict=True)])), 1
        )
        for share in SHARES
    }


def _kept(row: Row, scores: np.ndarray, share: float) -> float:
    left, kept = row.tokens.sum() * share, np.zeros(len(scores), dtype=bool)
    for index in np.argsort(-scores, kind="stable"):
        if row.tokens[index] <= left:
            kept[index] = True
            left -= row.tokens[index]
    found = kept[row.labels]
    return float(found.any() if row.one_is_enough else found.mean())


def _columns() -> list[int]:
    """Features that are fitted, by place: all but those that short contexts do without."""
    names = [*LEXICAL, *MODEL]
    return [
        place for place in range(len(LENGTHS) * len(names)) if place >= len(names) or names[place] not in SHORT_WITHOUT
    ]


COLUMNS = _columns()

if __name__ == "__main__":
    sys.exit(main())
