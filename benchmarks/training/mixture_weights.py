"""Trains the weights of the mixture: how much words count against the model, in short contexts and in long ones.

    python benchmarks/training/mixture_weights.py documents.json OWN [--answers FILE.npz]
    # ctxprune/scorers/combined/mixture_parts/weights.json, benchmarks/results/mixture_weights.json

documents.json is what `benchmarks/data/documentation/build.py` writes, OWN what `benchmarks/data/field_text/build.py`
does, of which the manuals and documents of the split "dev" are read. To it come the examples of the training sets
that were set aside when the model was trained (`ctxprune.train.mixture.split_examples`), at most 120 of a set. The
table that is recorded leaves each family of sets out in turn: what a family shows was learned from the others. Beside
it stands BM25.

The second pass, which follows names from one document to another, is learned from contexts of several documents: those
set aside, and, since these are few, 40 to 200 of each set that the model was trained on. It knows their evidence, so
that the second pass is learned to do less than it could. Its table leaves each set out in turn.

The held-out sides of the ten passage sets and the shared field set are not read here. Five minutes; with `--answers`,
what the model said is kept there, and read in the next run with the same model and the same questions.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.record import SHARED, record
from benchmarks.training._mixture_fit import Row, add_links, calibrate, fit, fit_links
from ctxprune.context.subset import ContextSubset
from ctxprune.models.network import Network
from ctxprune.rag import Passage, PassageOptions
from ctxprune.rag.evaluation.passages import select_within
from ctxprune.scorers.combined.cascade import choose_units, number_windows
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.combined.mixture_parts.features import LENGTHS, LEXICAL, MODEL, by_length, model_features
from ctxprune.scorers.combined.mixture_parts.links import LINKS
from ctxprune.scorers.combined.mixture_parts.weights import FORMAT, VERSION, MixtureWeights
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.storage.json_lines import read_rows
from ctxprune.storage.sealed import seal
from ctxprune.tokens import as_counter
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.examples import passages
from ctxprune.train.mixture import held_out_questions, split_examples

if TYPE_CHECKING:
    from ctxprune.context.base import Context

WEIGHTS = Path(__file__).resolve().parents[2] / "ctxprune" / "scorers" / "combined" / "mixture_parts" / "weights.json"
MOST, LONGEST = 120, 40_000  # questions of a set, characters of an example
LINKED = {"hotpotqa": 200, "2wikimultihop": 200, "lost_in_middle_nq": 40, "fairytaleqa": 60}
"""Questions of sets of several documents that the model was trained on."""
DECAY, LINK_DECAY = 5e-3, 1e-3
SHORT_WITHOUT = ("near", "wide")  # in a few sentences what stands around each is what stands around all
FAMILIES = (
    ("hand",), ("faq_cut", "faq_head"), ("heading", "cloze", "glossary"), ("man_cloze", "man_name", "changes"),
    ("fever_eraser",), ("hotpotqa", "2wikimultihop"), ("qed", "lost_in_middle_nq", "xquad_en"), ("selqa",),
    ("scifact",), ("squad_pairs",), ("fairytaleqa",), ("tatqa",),
    ("own_man", "own_docs"),
)  # fmt: skip
SETS = (*(kind for family in FAMILIES for kind in family), *LINKED)
SHARES, LINK_SHARES = (5, 10, 25), (10, 20, 30)
READ = "read "  # before the name of a set, of examples that the model was trained on


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("own", type=Path)
    parser.add_argument("--answers", type=Path, help="where what the model says is kept")
    options = parser.parse_args()
    documents = json.loads(options.documents.read_text(encoding="utf-8"))
    reader = Reader(options.answers)
    rows = [*reader.aside(), *reader.documented(documents), *reader.own(options.own)]
    linked = [*reader.linked(), *(row for row in rows if row.links is not None)]
    reader.answers.save()
    say(f"{len(rows)} questions; for the second pass {len(linked)}")
    full = fit(rows, COLUMNS, DECAY)
    rough = fit(rows, list(range(len(LEXICAL))), DECAY, lexical=True)
    links = fit_links(linked, full, LINK_DECAY)
    data = {
        "format": FORMAT,
        "version": VERSION,
        "features": {"lexical": list(LEXICAL), "model": list(MODEL), "links": list(LINKS)},
        "rough": rough.to_dict(),
        "full": full.to_dict(),
        "links": links.to_dict(),
        "calibration": calibrate(rows, [add_links(row, full(row.features), links) for row in rows]),
    }
    WEIGHTS.write_text(seal(data, indent=1) + "\n", encoding="utf-8")
    say(f"written; links {links.out}")
    figures = {"second_pass": leave_links_out(linked, full), "left_one_out": leave_families_out(rows, linked)}
    record("mixture_weights", figures, seed=0, data={"documents": fingerprint(documents)})
    return 0


def leave_families_out(rows: list[Row], linked: list[Row]) -> dict[str, dict[str, object]]:
    """Of each set, what weights keep that were learned without its family, in the second pass without the set alone.

    Without both sets of two hops the second pass would be learned from questions that need none.
    """
    figures: dict[str, dict[str, object]] = {}
    for family in FAMILIES:
        network = fit([row for row in rows if row.kind not in family], COLUMNS, DECAY)
        for kind in family:
            mine = [row for row in rows if row.kind == kind]
            links = fit_links([row for row in linked if row.kind.removeprefix(READ) != kind], network, LINK_DECAY)
            if mine:
                figures[kind] = {
                    "questions": len(mine),
                    "left out": kept_evidence(mine, [add_links(row, network(row.features), links) for row in mine]),
                    "bm25": kept_evidence(mine, [row.match for row in mine]),
                }
                say(f"{kind}: {figures[kind]}")
    return figures


def leave_links_out(linked: list[Row], network: Network) -> dict[str, dict[str, object]]:
    """Of each set of several documents, all evidence kept before the second pass and after one that others taught."""
    figures: dict[str, dict[str, object]] = {}
    for kind in LINKED:
        links = fit_links([row for row in linked if row.kind.removeprefix(READ) != kind], network, LINK_DECAY)
        mine = [row for row in linked if row.kind.removeprefix(READ) == kind]
        first = [network(row.features) for row in mine]
        figures[kind] = {
            "questions": len(mine),
            "first": complete_evidence(mine, first),
            "second": complete_evidence(mine, [add_links(*pair, links) for pair in zip(mine, first, strict=True)]),
        }
        say(f"{kind}: {figures[kind]}")
    return figures


class Answers:
    """What the model said of each context; kept in a file if one is named."""

    def __init__(self, scorer: MixtureScorer, file: Path | None) -> None:
        self.scorer, self.file = scorer, file
        self.known: dict[str, np.ndarray] = {}
        if file is not None and file.exists():
            self.known = dict(np.load(file))

    def get(self, question: str, context: Context) -> np.ndarray:
        """float64 (len(MODEL), n_units)."""
        asked = [question, [unit.text for unit in context.units], list(context.titles), list(context.sources or ())]
        key = fingerprint([self.scorer.pruner.fingerprint, asked, [unit.parent for unit in context.units]])
        if key not in self.known:
            found = self.scorer.pruner.features(question, context).units
            self.known[key] = np.stack([found[name] for name in MODEL])
        return self.known[key]

    def save(self) -> None:
        if self.file is not None:
            np.savez(self.file, **self.known)


class Reader:
    """Makes rows: features of words and model, as the scorer computes them."""

    def __init__(self, answers: Path | None = None) -> None:
        # Only its features are read, which do not depend on weights: those that are shipped may be of another version.
        none = Network(np.zeros(0), np.ones(0), None, None, np.zeros(0), 0.0)
        self.scorer = MixtureScorer(weights=MixtureWeights(none, none, none, 1.0, 0.0, 0.0, 0.0))
        self.bm25, self.counter = LexicalScorer(), as_counter()
        self.answers = Answers(self.scorer, answers)

    def aside(self):
        yield from self.sampled(split_examples(*trained())[1], dict.fromkeys(SETS, MOST))

    def linked(self):
        yield from self.sampled(split_examples(*trained())[0], LINKED, READ)

    def sampled(self, examples, sizes: dict[str, int], prefix: str = ""):
        by_set = defaultdict(list)
        for example in examples:
            if example.unlabelled or example.source not in sizes:
                continue
            context = DocumentsContext(example.documents, example.kind)
            length = sum(len(unit.text) for unit in context.units)
            if length <= LONGEST and 0 < sum(context.labels) < len(context.labels):
                by_set[example.source].append((example.question, context))
        rng = random.Random(0)
        for kind, found in by_set.items():
            for question, context in rng.sample(found, min(len(found), sizes[kind])):
                yield self.row(prefix + kind, question, context, np.asarray(context.labels))

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
        said = np.full((len(MODEL), len(labels)), np.nan)
        said[:, chosen] = self.answers.get(question, part)
        whole = np.concatenate([lexical, model_features(said)], axis=1)
        headings = sorted({unit.parent for unit in context.units if unit.parent is not None})
        tokens = np.asarray(self.counter.count_many([unit.text for unit in context.units]))
        match = self.bm25.score(question, context)
        features = by_length(whole, len(labels))
        links = None
        if context.sources is not None and len(set(context.sources)) > 1:
            links = partial(self.scorer.link_features, question, context, self.scorer.outlined(context)[0])
        characters = np.asarray([len(unit.text) for unit in context.units])
        return Row(kind, lexical, features, labels, headings, tokens, match, one_is_enough, characters, links)


def trained():
    """The examples of the training sets, and the questions that none of them may ask."""
    return passages(SHARED / "data"), held_out_questions(SHARED / "data")


def kept_evidence(rows: list[Row], scores: list[np.ndarray]) -> dict[str, float]:
    """Evidence that is kept in percent, by kept share of the tokens."""
    return {
        str(share): round(
            100 * float(np.mean([_kept(row, found, share / 100) for row, found in zip(rows, scores, strict=True)])), 1
        )
        for share in SHARES
    }


def complete_evidence(rows: list[Row], scores: list[np.ndarray]) -> dict[str, float]:
    """Questions all of whose evidence is kept in percent, by kept share of the characters."""
    found = {}
    for share in LINK_SHARES:
        kept = [
            set(select_within(row.characters.tolist(), logits.tolist(), row.characters.sum() * share / 100))
            for row, logits in zip(rows, scores, strict=True)
        ]
        complete = [set(np.flatnonzero(row.labels).tolist()) <= part for row, part in zip(rows, kept, strict=True)]
        found[str(share)] = round(100 * float(np.mean(complete)), 1)
    return found


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
