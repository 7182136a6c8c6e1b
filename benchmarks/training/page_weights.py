"""Trains the weights by which a page scorer chooses among the tables and the text of a page.

    python benchmarks/training/page_weights.py --docs FOLDER    # ctxprune/scorers/structured/page_parts/weights.json,
    benchmarks/results/page_weights.json

Questions about tables are those of wtq_html; for questions about text, a paragraph of xquad_en is planted in such a
page, at the end of a paragraph drawn by a seed (both CC BY-SA 4.0), and those about documentation are asked
(page_text_weights.py, which says what FOLDER holds). Pages are halved by the hash of their name, documentation by that
of its package: the figures are those of weights trained on one half, on the other; what is written is trained on both.
`unseen` are those of pages that no weights have seen at all: the questions of wtq_html are among those that the tabular
scorer's networks are trained on, so these are trained anew for it without the tables of its pages. Five minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import random
import re
import sys
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.common.cell_networks import CellNetworks
from benchmarks.common.cell_networks import train as train_cells
from benchmarks.common.parts import fingerprint, say
from benchmarks.common.ranking_network import Shape, train
from benchmarks.common.record import SHARED, record
from benchmarks.training.page_text_weights import DOCUMENTATION, Asked, find_right, read_documentation
from benchmarks.training.tabular_weights import SOURCES, examples_of
from ctxprune.models.network import Network
from ctxprune.rag.evaluation.html import JudgedPage, measure_questions
from ctxprune.rag.evaluation.html_sets import PageItem, read_pages
from ctxprune.rag.html import HtmlOptions, HtmlPage
from ctxprune.scorers.structured.page import PageScorer
from ctxprune.scorers.structured.page_parts.parts import FEATURES
from ctxprune.scorers.structured.page_parts.weights import FORMAT, VERSION, network_of
from ctxprune.scorers.structured.table_reading.weights import TabularWeights
from ctxprune.scorers.structured.tabular import TabularScorer
from ctxprune.storage.json_lines import read_rows
from ctxprune.storage.sealed import seal

DATA = SHARED / "data" / "rag"
SEED = 5
QUESTIONS = 2  # about each planted paragraph
SHAPE = Shape(hidden=0, epochs=150, drop=0.0, decay=1e-4)
PARAGRAPH = "planted"  # value of the attribute tid of a planted paragraph


@dataclass(frozen=True)
class Example:
    """The features of a page's parts for one question, and which of them it is about."""

    features: np.ndarray
    right: int
    half: bool

    @property
    def kind(self) -> str:
        return "tables" if self.right else "text"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, required=True, help="folder of the unpacked packages")
    docs = read_documentation(parser.parse_args().docs)
    pages = read_pages(DATA / "wtq_html")
    text = planted(pages)
    scorer = PageScorer(network=None)
    examples = [example for item in chain(pages, text) if (example := example_of(item, scorer)) is not None]
    for half, name in enumerate(DOCUMENTATION):
        examples += [made for asked in docs[name] if (made := documentation_example(asked, scorer, bool(half)))]
    halves = {half: [example for example in examples if example.half == half] for half in (False, True)}
    right: dict[str, list[bool]] = {"tables": [], "text": []}
    networks = {half: network_for(halves[not half]) for half in halves}
    for half, network in networks.items():
        for example in halves[half]:
            right[example.kind].append(int(np.argmax(network(example.features))) == example.right)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": "benchmarks/training/page_weights.py",
        "trained_on": "pages of WikiTableQuestions, paragraphs of XQuAD (both CC BY-SA 4.0), questions of"
        " page_questions.jsonl about documentation",
        "features": FEATURES,
        "network": network_for(examples).to_dict(),
    }
    network_of(json.loads(json.dumps(document)))
    path = Path(network_of.__code__.co_filename).with_name("weights.json")
    path.write_text(seal(document, indent=1) + "\n", encoding="utf-8")
    figures = {
        "questions": {kind: len(flags) for kind, flags in right.items()},
        "right_part": {kind: round(100 * float(np.mean(flags)), 1) for kind, flags in right.items()},
    }
    figures["unseen"] = unseen(pages, networks)
    say(json.dumps(figures))
    record("page_weights", figures, seed=SEED, data={"wtq_html": fingerprint(pages), "xquad_en": fingerprint(text)})
    return 0


def unseen(pages: list[PageItem], networks: dict[bool, Network]) -> dict[str, object]:
    """Retention of each half of the pages with weights that have seen none of its pages."""
    names = {f"{name.replace('_', '/')}.csv" for name in {item.name for item in pages}}
    examples = [example for name in SOURCES for example in examples_of(name, without=names)]
    tables = TabularScorer(weights=TabularWeights(*train_cells(CellNetworks(), examples)))
    reports = []
    for half, network in networks.items():
        items = [item for item in pages if is_second_half(item) == half]
        options = HtmlOptions(output="markdown", columns=True)
        report = measure_questions(items, PageScorer(tables=tables, network=network), options=options)
        reports.append(report)
    sizes = [report.items for report in reports]
    kept = {
        share: round(float(np.average([report.answer_retention[share] for report in reports], weights=sizes)), 2)
        for share in reports[0].answer_retention
    }
    return {"answer_retention": kept, "items": sum(sizes), "tabular_questions": len(examples)}


def is_second_half(item: PageItem) -> bool:
    return hashlib.sha256(item.name.encode()).digest()[0] % 2 == 1


def planted(pages: list[PageItem]) -> list[PageItem]:
    """Questions about a paragraph in a page with tables."""
    rng = random.Random(SEED)
    hosts = list({item.name: item for item in pages}.values())
    texts = {row["id"]: " ".join(row["sentences"]) for row in read_rows(DATA / "xquad_en" / "test_passages.jsonl.gz")}
    asked: dict[int, list[dict]] = {}
    for row in read_rows(DATA / "xquad_en" / "test_questions.jsonl.gz"):
        asked.setdefault(row["passage_id"], []).append(row)
    items = []
    for number, (passage, rows) in enumerate(sorted(asked.items())):
        host = hosts[number % len(hosts)]
        ends = [match.end() for match in re.finditer("</p>", host.html)] or [host.html.index("</table>") + 8]
        place = rng.choice(ends)
        paragraph = f'<p tid="{PARAGRAPH}">{html.escape(texts[passage])}</p>'
        page = replace(
            host, html=host.html[:place] + paragraph + host.html[place:], gold_table=None, gold_tid=PARAGRAPH
        )
        items += [replace(page, question=row["question"]) for row in rows[:QUESTIONS]]
    return items


def example_of(item: PageItem, scorer: PageScorer) -> Example | None:
    """None where the gold part has no text, or stands in no table that is one of data."""
    asked = JudgedPage(item, HtmlOptions())
    if not asked.gold:
        return None
    parts = scorer.parts(asked.page)
    places = parts.places[sorted(asked.gold)]
    right = 0 if item.gold_tid else int(np.bincount(places).argmax())
    if not item.gold_tid and not right:
        return None
    scores, logits = scorer.by_themselves(item.question, asked.page, parts)
    return Example(parts.features(item.question, scores, logits), right, is_second_half(item))


def documentation_example(asked: Asked, scorer: PageScorer, half: bool) -> Example | None:
    """None for a page without tables, or whose evidence is in no unit."""
    page = HtmlPage(asked.html)
    parts, right = scorer.parts(page), find_right(page, asked.evidence)
    if len(parts) == 1 or not right.any():
        return None
    scores, logits = scorer.by_themselves(asked.question, page, parts)
    place = int(np.bincount(parts.places[right]).argmax())
    return Example(parts.features(asked.question, scores, logits), place, half)


def network_for(examples: list[Example]) -> Network:
    rows = np.concatenate([example.features for example in examples])
    owner = np.repeat(np.arange(len(examples)), [len(example.features) for example in examples])
    right = np.concatenate([np.arange(len(example.features)) == example.right for example in examples])
    return train(SHAPE, rows, owner, right.astype(float), np.ones(len(examples)))


if __name__ == "__main__":
    sys.exit(main())
