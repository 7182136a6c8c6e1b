"""Trains the weights of what speaks for a block of a page: its words, those alike, those above it, a model's odds.

    python benchmarks/training/page_text_weights.py --docs FOLDER
    # ctxprune/scorers/structured/page_parts/text_weights.json, benchmarks/results/page_text_weights.json

Questions about documentation are those of page_questions.jsonl, which were written for this, each about a paragraph
drawn by a seed; FOLDER has the packages that it names, unpacked (`apt-get download`, `dpkg-deb -x`; rust-docs comes
with rustup). The others are those of sets that may be trained on, whose texts are written as pages of sections:
xquad_en, selqa, qed, scifact, hotpotqa, fairytaleqa; of these the words alone count, since the bundled model was
trained on most of them. The figures of a set are those of weights that were trained without it; for documentation,
without its half of the packages. Beside them those of BM25 of a block under its headings, and without them, with how
far ours is before it. Two minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.common.parts import fingerprint, say, ticker
from benchmarks.common.record import SHARED, record
from ctxprune.models.network import Network
from ctxprune.rag.evaluation.html import normalize_text
from ctxprune.rag.html import HtmlPage
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.combined.cascade import CascadeScorer
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.page import PageScorer
from ctxprune.scorers.structured.page_parts.weights import TEXT_FEATURES, TEXT_FORMAT, TEXT_VERSION, text_network_of
from ctxprune.storage.json_lines import read_rows
from ctxprune.storage.sealed import seal

DATA = SHARED / "data" / "rag"
SEED = 3
SECTIONS = 18  # of a page made of several texts
QUESTIONS = 120  # of each set
DECAY = 1.0
DOCUMENTATION = ("documentation, first half", "documentation, second half")
WEIGHT = dict.fromkeys(DOCUMENTATION, 2.0)  # of a set; 1 for others: those are no pages that a user prunes


@dataclass(frozen=True)
class Asked:
    """A page, a question, and the texts of which one is needed."""

    html: str
    question: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """Features of the units of a page, (n_units, n_features), which are needed, and BM25 of each, by its name."""

    features: np.ndarray
    right: np.ndarray
    lexical: dict[str, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, required=True, help="folder of the unpacked packages")
    sets = read_documentation(parser.parse_args().docs) | read_sections() | {"fairytaleqa": read_stories()}
    untrained = Network(np.zeros(1), np.ones(1), None, None, np.zeros(1), 0.0)  # only its features are asked for
    lexical = TitledScorer()
    plain = {"titled.v1": lexical, "lexical.v1": LexicalScorer()}
    # What a model says of sets that it was trained on does not tell how far it is to be trusted on others.
    readers = {
        name: PageScorer(reader, network=untrained, text_network=untrained)
        for name in sets
        for reader in [CascadeScorer() if name in DOCUMENTATION else lexical]
    }
    examples = {}
    for name, questions in sets.items():
        tick = ticker(name)
        found = []
        for done, asked in enumerate(questions, start=1):
            example = example_of(asked, readers[name], plain)
            found += [example] if example.right.any() and not example.right.all() else []
            tick(done, len(questions))
        examples[name] = found
    figures = {name: measure(name, examples) for name in sets}
    network = fit(examples)
    document = {
        "format": TEXT_FORMAT,
        "version": TEXT_VERSION,
        "made_by": "benchmarks/training/page_text_weights.py",
        "trained_on": "questions of page_questions.jsonl about Debian documentation; XQuAD, SelQA, QED, SciFact,"
        " HotpotQA, FairytaleQA",
        "features": TEXT_FEATURES,
        "network": network.to_dict(),
    }
    text_network_of(json.loads(json.dumps(document)))
    path = Path(text_network_of.__code__.co_filename).with_name("text_weights.json")
    path.write_text(seal(document, indent=1) + "\n", encoding="utf-8")
    figures["weights"] = dict(zip(TEXT_FEATURES, np.round(network.out, 2).tolist(), strict=True))
    say(json.dumps(figures, indent=1))
    record("page_text_weights", figures, seed=SEED, data={name: fingerprint(asked) for name, asked in sets.items()})
    return 0


def read_documentation(folder: Path) -> dict[str, list[Asked]]:
    """The questions by half of the packages."""
    found: dict[str, list[Asked]] = {name: [] for name in DOCUMENTATION}
    for row in read_rows(Path(__file__).with_name("page_questions.jsonl")):
        page = (folder / row["package"] / row["path"]).read_text(encoding="utf-8", errors="replace")
        half = hashlib.sha256(row["package"].encode()).digest()[0] % 2
        found[DOCUMENTATION[half]].append(Asked(page, row["question"], (row["evidence"],)))
    return found


def read_sections() -> dict[str, list[Asked]]:
    """Sets of texts with titles and sentences, several texts to a page."""
    rng, found = random.Random(SEED), {}
    for name, file in (("selqa", "dev"), ("qed", "dev"), ("scifact", "sel_train")):
        rows = [row for row in read_rows(DATA / name / f"{file}.jsonl.gz") if any(row["labels"])]
        chosen = rng.sample(rows, min(len(rows), 2 * QUESTIONS))
        pages = [chosen[first : first + SECTIONS] for first in range(0, len(chosen), SECTIONS)]
        asked = [(page_of(page), row) for page in pages for row in page[: SECTIONS // 2]]
        found[name] = [Asked(page, row["question"], evidence_of([row])) for page, row in asked][:QUESTIONS]
    rows = rng.sample(list(read_rows(DATA / "hotpotqa" / "dev.jsonl.gz")), QUESTIONS)
    found["hotpotqa"] = [Asked(page_of(row["docs"]), row["question"], evidence_of(row["docs"])) for row in rows]
    passages = {row["id"]: row for row in read_rows(DATA / "xquad_en" / "test_passages.jsonl.gz")}
    numbers = sorted(passages)
    pages = {
        number: page_of([passages[other] for other in numbers[place - place % SECTIONS :][:SECTIONS]])
        for place, number in enumerate(numbers)
    }
    rows = rng.sample(list(read_rows(DATA / "xquad_en" / "test_questions.jsonl.gz")), QUESTIONS)
    found["xquad_en"] = [
        Asked(
            pages[row["passage_id"]],
            row["question"],
            tuple(passages[row["passage_id"]]["sentences"][place] for place in row["evidence"]),
        )
        for row in rows
    ]
    return found


def read_stories() -> list[Asked]:
    rng = random.Random(SEED)
    rows = rng.sample(list(read_rows(DATA / "fairytaleqa" / "train.jsonl.gz")), QUESTIONS)
    found = []
    for row in rows:
        texts = {section["section"]: " ".join(section["text"].split()) for section in row["sections"]}
        page = "".join(f"<p>{html.escape(text)}</p>" for text in texts.values())
        local = [question for question in row["questions"] if question["local_or_summary"] == "local"]
        question = rng.choice(local)
        found.append(Asked(page, question["question"], tuple(texts[number] for number in question["gold_sections"])))
    return found


def page_of(texts: list[dict]) -> str:
    parts = (
        f"<h2>{html.escape(text['title'].replace('_', ' '))}</h2>"
        f"<p>{html.escape(' '.join(sentence.strip() for sentence in text['sentences']))}</p>"
        for text in texts
    )
    return f"<h1>Collection</h1>{''.join(parts)}"


def evidence_of(texts: list[dict]) -> tuple[str, ...]:
    return tuple(
        sentence for text in texts for sentence, needed in zip(text["sentences"], text["labels"], strict=True) if needed
    )


def example_of(asked: Asked, scorer: PageScorer, plain: dict[str, Scorer]) -> Example:
    page = HtmlPage(asked.html)
    features = scorer.text_features(asked.question, page, scorer.parts(page))
    scores = {name: other.score(asked.question, page) for name, other in plain.items()}
    return Example(features, find_right(page, asked.evidence), scores)


def find_right(page: HtmlPage, evidence: tuple[str, ...]) -> np.ndarray:
    """Which units hold any of the evidence; of a long sentence, which may be cut, each that is part of it."""
    texts = [normalize_text(unit.text) for unit in page.units]
    wanted = [normalize_text(text) for text in evidence]
    return np.array([any(one in text or (len(text) > 25 and text in one) for one in wanted) for text in texts])


def fit(sets: dict[str, list[Example]]) -> Network:
    """A softmax over the units of each question, then the scale and bias that make its logits log-odds.

    First the words alone, since a page may be read without a model; then the weight of the model beside them.
    """
    examples = [example for found in sets.values() for example in found]
    shares = [WEIGHT.get(name, 1.0) / len(found) for name, found in sets.items() for _ in found]
    size = examples[0].features.shape[1]

    def loss(free: np.ndarray, fixed: np.ndarray, is_free: np.ndarray) -> tuple[float, np.ndarray]:
        weights = fixed + np.where(is_free, free, 0)
        total, slope = DECAY * weights @ weights / QUESTIONS, 2 * DECAY * weights / QUESTIONS
        for example, share in zip(examples, shares, strict=True):
            logits = example.features @ weights
            odds = np.exp(logits - logits.max())
            likely = odds / odds.sum()
            held = likely[example.right].sum() + 1e-12
            total -= share * np.log(held)
            slope -= share * example.features.T @ (np.where(example.right, likely / held, 0) - likely)
        return total, np.where(is_free, slope, 0)

    is_word = np.array([feature != "model" for feature in TEXT_FEATURES])
    words = minimize(loss, np.zeros(size), (np.zeros(size), is_word), jac=True, method="L-BFGS-B").x
    model = minimize(loss, np.zeros(size), (words, ~is_word), jac=True, method="L-BFGS-B").x
    weights = words + model

    def odds_loss(line: np.ndarray) -> float:
        logits = [(line[0] * (example.features @ weights) + line[1], example.right) for example in examples]
        return sum(
            share * np.logaddexp(0, np.where(right, -values, values)).mean()
            for share, (values, right) in zip(shares, logits, strict=True)
        )

    scale, bias = minimize(odds_loss, np.array([1.0, -5.0]), method="Nelder-Mead").x
    return Network(np.zeros(size), np.ones(size), None, None, scale * weights, float(bias))


def measure(name: str, sets: dict[str, list[Example]]) -> dict[str, object]:
    """Of a set, with weights that were trained on the others."""
    network = fit({other: found for other, found in sets.items() if other != name})
    ours = [place_of(network(example.features), example.right) for example in sets[name]]
    is_word = np.array([feature != "model" for feature in TEXT_FEATURES])
    words = [example.features * is_word for example in sets[name]]
    alone = [place_of(network(rows), example.right) for rows, example in zip(words, sets[name], strict=True)]
    places = {"page.v1": ours, "page.v1, words alone": alone}
    for other in sets[name][0].lexical:
        places[other] = [place_of(example.lexical[other], example.right) for example in sets[name]]
    return {"questions": len(ours)} | {label: describe_places(found, ours) for label, found in places.items()}


def describe_places(places: list[float], ours: list[float]) -> dict[str, float]:
    """Figures of one scorer, and how far ours is before it: MRR, with the standard error of the difference."""
    found = 1 / np.array(places)
    before = 1 / np.array(ours) - found
    figures = {"mrr": found.mean(), "first_5": 100 * (found >= 1 / 5).mean()}
    if before.any():
        figures |= {"ours_before": before.mean(), "standard_error": before.std(ddof=1) / len(before) ** 0.5}
    return {name: round(float(value), 3) for name, value in figures.items()}


def place_of(scores: np.ndarray, right: np.ndarray) -> float:
    """Place of the first needed unit, from 1; of equal scores the mean place."""
    best = scores[right].max()
    return 1 + float((scores > best).sum()) + float(((scores == best) & ~right).sum()) / 2


if __name__ == "__main__":
    sys.exit(main())
