"""Fits the eight weights of the presql linker to published SQL of other systems and writes sql/linking/presql.json.

    python benchmarks/training/linking_presql_weights.py    # presql.json, and
    benchmarks/results/linking_presql_weights.json

There is no published SQL for training questions, so the questions are those of Spider dev and BIRD dev; the figures are
those of weights that were fitted without the question's database (three folds by database). Systems of different
strength, so that the weights hold for a small model as well; none that was shown the gold schema. Fitted are logistic
regressions over the columns and the tables that the SQL does not name. Five minutes on one core.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune.sql.evaluation.candidates import read_candidates
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.linking import LinkingCase, linking_cases, linking_scores
from ctxprune.sql.linking.base import Linked
from ctxprune.sql.linking.presql import FORMAT, Draft, PresqlLinker, PresqlScorer, PresqlWeights, presql_features
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.storage.sealed import seal

RANKED = RankedLinker()
DATA = SHARED / "data" / "nl2sql"
FOLDS = 3
SEVEN = "Artessay.Base.Qwen.Qwen2.5-Coder-7B-Instruct.VanillaLinker"
SETS = {
    "bird_dev": (
        "bird_dev_candidates.jsonl",
        (
            "RSL-SQL.gpt-4o.step1",
            "RSL-SQL.deepseek.step1",
            "Artessay.Base.openai.gpt-4o.VanillaLinker",
            "TA-SQL.gpt-4",
            "Artessay.Base.Qwen.Qwen3-8B.VanillaLinker",
            SEVEN,
            "Artessay.Base.DeepSeek.DeepSeek-R1-32B.VanillaLinker",
            "BIRD-official.chatgpt.turbo_output_kg",
        ),
    ),
    "spider": (
        "spider_dev_candidates.jsonl",
        (
            "DAIL-SQL.gpt-4",
            "C3SQL.gpt-3.5",
            "Artessay.Base.Qwen.Qwen3-8B.VanillaLinker",
            SEVEN,
            "DIN-SQL-repo.gpt-4.few-shot",
        ),
    ),
}


@dataclass
class Example:
    """One question with the SQL of one system."""

    folder: str
    system: str
    case: LinkingCase
    plain: Linked
    draft: Draft | None
    fold: int
    weight: float


def main() -> None:
    examples, fingerprints = collect()
    weights = fit(examples)
    document = {
        "format": FORMAT,
        "version": 1,
        "made_by": "benchmarks/training/linking_presql_weights.py",
        "features": ["bias", "plain", "told", "agreement"],
        "columns": [round(float(value), 4) for value in weights.columns],
        "tables": [round(float(value), 4) for value in weights.tables],
    }
    path = Path(__file__).resolve().parents[2] / "sql" / "linking" / "presql.json"
    path.write_text(seal(document, indent=1) + "\n", encoding="utf-8")
    figures = {"weights": {name: document[name] for name in ("columns", "tables")}, "held_out": held_out(examples)}
    record("linking_presql_weights", figures, seed=None, data=fingerprints)


def collect() -> tuple[list[Example], dict[str, str]]:
    examples: list[Example] = []
    fingerprints = {}
    for folder, (file, systems) in SETS.items():
        benchmark = load(DATA / folder)
        candidates = read_candidates(DATA / "candidates" / file)
        fingerprints |= {f"{folder} dev": benchmark.fingerprint, file: candidates.fingerprint}
        cases = linking_cases(benchmark).cases
        plain = {case.item.index: case.link(RANKED) for case in cases}
        linker = PresqlLinker(inner=Remembering(plain))
        names = sorted({case.item.db_id for case in cases})
        for system in systems:
            sqls = candidates.of(system, benchmark.items)
            for case in cases:
                item = case.item
                linker.inner.start(item.index)
                sql = sqls.get(item.index, "")
                draft = linker.draft([sql], item.question, case.schema, hits=case.hits, evidence=case.evidence)
                fold = names.index(item.db_id) % FOLDS
                examples.append(Example(folder, system, case, plain[item.index], draft, fold, 1 / len(systems)))
            sys.stderr.write(f"read {folder} {system}\n")
    return examples, fingerprints


class Remembering:
    """The ranked linker, which says again what it said to the question alone."""

    def __init__(self, plain: dict[int, Linked]) -> None:
        self.plain, self.index, self.asked = plain, 0, False

    def start(self, index: int) -> None:
        self.index, self.asked = index, False

    def link(self, question, schema, *, hits=(), evidence=""):
        told = RANKED.link(question, schema, hits=hits, evidence=evidence) if self.asked else self.plain[self.index]
        self.asked = not self.asked
        return told


def fit(examples: list[Example]) -> PresqlWeights:
    columns, tables = [], []
    for example in examples:
        if example.draft is None:
            continue
        schema, usage, gold = example.case.schema, example.draft.usage, example.case.gold
        of_columns, of_tables = presql_features(example.draft)
        for rows, features, refs, named, needed in (
            (columns, of_columns, list(schema.refs()), usage.columns, gold.columns),
            (tables, of_tables, [table.name for table in schema.tables], usage.tables, gold.tables),
        ):
            free = np.array([ref not in named for ref in refs])
            labels = np.array([ref in needed for ref in refs], dtype=float)
            rows.append((features[free], labels[free], np.full(free.sum(), example.weight)))
    return PresqlWeights(*(logistic(*map(np.concatenate, zip(*rows, strict=True))) for rows in (columns, tables)))


def logistic(features: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ridge logistic regression by Newton's method: the bias first."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    rows = np.column_stack([np.ones(len(labels)), (features - mean) / scale])
    ridge = np.eye(rows.shape[1])
    ridge[0, 0] = 0.0
    beta = np.zeros(rows.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(rows @ beta, -30, 30)))
        gradient = rows.T @ (weights * (p - labels)) + ridge @ beta
        beta -= np.linalg.solve((rows * (weights * p * (1 - p))[:, None]).T @ rows + ridge, gradient)
    slopes = beta[1:] / scale
    return np.concatenate([[beta[0] - slopes @ mean], slopes])


def held_out(examples: list[Example]) -> dict[str, dict[str, dict[str, float]]]:
    """Figures by set and system, of weights fitted without the database."""
    linkers = [
        PresqlLinker(scorer=PresqlScorer(fit([example for example in examples if example.fold != fold])))
        for fold in range(FOLDS)
    ]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for folder, (_, systems) in SETS.items():
        for system in systems:
            pairs = [
                (linked(linkers[example.fold], example), example.case.gold)
                for example in examples
                if (example.folder, example.system) == (folder, system)
            ]
            scores = linking_scores(pairs)
            row = {name: round(100 * getattr(scores, name), 2) for name in ("strict_recall", "kept_share")}
            row["without_sql"] = sum(example.draft is None for example in examples if example.system == system)
            found.setdefault(folder, {})[system] = row
            sys.stderr.write(f"{folder:12} {system:70} {row}\n")
    return found


def linked(linker: PresqlLinker, example: Example) -> Linked:
    case = example.case
    if example.draft is None:
        return example.plain
    return linker.combine(example.draft, case.item.question, hits=case.hits, evidence=case.evidence)


if __name__ == "__main__":
    main()
