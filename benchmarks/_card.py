"""Tables of the pruner's model card, from recorded figures and from the report of its training run."""

from __future__ import annotations

import json
from statistics import fmean
from typing import Any

from _record import RESULTS

from ctxprune.cli._training_data import SCHEMA_SOURCES
from ctxprune.train.examples import SOURCES

SHARES = ("10", "20", "30", "50")
NAMES = {
    "2wikimultihop": "2WikiMultihopQA", "bird": "BIRD train (part)", "fairytaleqa": "FairytaleQA train, sentences",
    "fairytaleqa_rank": "FairytaleQA train, sections", "fetaqa": "FeTaQA", "fever_eraser": "FEVER (ERASER)",
    "hotpotqa": "HotpotQA", "lost_in_middle_nq": "Lost in the middle, NQ", "pubmedqa": "PubMedQA, abstracts",
    "qed": "QED", "scifact": "SciFact, rationales", "scifact_rank": "SciFact, claims over abstracts",
    "scifact_titles": "SciFact, titles over abstracts", "selqa": "SelQA", "spider": "Spider train",
    "squad_pairs": "SQuAD question and sentence pairs (NQG split)", "tatqa": "TAT-QA",
    "wikitablequestions": "WikiTableQuestions train, look-up questions", "xquad_en": "XQuAD en",
}  # fmt: skip
EVALUATION_ONLY = ("multirc", "policyqa", "wikiqa")


def read(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def table(head: list[str], rows: list[list[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def training() -> str:
    """Examples of each source, and their licences."""
    licences: dict[str, str] = {}
    for path, licence in (SOURCES | SCHEMA_SOURCES).items():
        licences.setdefault(path.split("/")[1], licence)
    licences["bird"] = licences["bird_train_mini"]
    rows = []
    for source, count in sorted(read("pruner_training")["examples"].items(), key=lambda entry: -entry[1]):
        folder = next(name for name in sorted(licences, key=len, reverse=True) if source.startswith(name))
        rows.append([NAMES[source], f"{count:,}", licences[folder]])
    return table(["set", "examples", "licence"], rows)


def run() -> str:
    """The run: recipe, time, losses."""
    report = read("pruner_training")
    recipe = ", ".join(f"{name} {value}" for name, value in report["recipe"].items())
    rows = [
        ["recipe", recipe],
        ["examples", f"{sum(report['examples'].values()):,} in all, {report['aside']:,} set aside by question"],
        ["sha256 of the data", report["data_sha256"]],
        ["steps, seconds", f"{report['steps']:,}, {report['seconds']:,}"],
        ["torch", report["torch"]],
        ["loss, by examples read", ", ".join(f"{entry['loss']} ({entry['examples']:,})" for entry in report["log"])],
    ]
    return table(["of the run", ""], rows)


def sets() -> str:
    """Evidence recall on each set beside BM25."""
    found = read("passages")["figures"]
    rows = []
    for name, row in found["sets"].items():
        shown = f"{name} (evaluation only)" if name in EVALUATION_ONLY else name
        recalls = [" / ".join(f"{row[key]['evidence_recall'][share]:.1f}" for share in SHARES) for key in PAIR]
        rows.append([shown, row["items"], *recalls, f"{row['pruner.v1']['calibration_error']:.2f}"])
    means = [" / ".join(f"{found['mean_evidence_recall'][key][share]:.1f}" for share in SHARES) for key in PAIR]
    error = fmean(row["pruner.v1"]["calibration_error"] for row in found["sets"].values())
    rows.append(["mean", "", *means, f"{error:.2f}"])
    return table(["set", "items", *PAIR, "calibration error"], rows)


def measured() -> str:
    """What else was measured."""
    found, speed = read("passages")["figures"], read("pruner_speed")["figures"]
    rows = []
    for key in PAIR:
        row = found["sets"]["hotpotqa"][key]
        kept = f"{row['all_evidence']['20']:.1f} / {row['answer_retention']['20']:.1f}"
        rows.append([f"HotpotQA, 20 % kept: all evidence / answer retention, {key}", f"{kept} %"])
    rerank = found["scifact_rerank"]
    ordered = f"{rerank['ndcg@10']:.1f} (BM25 itself {rerank['first_stage']['ndcg@10']:.1f})"
    rows.append([f"SciFact, BM25's top 100 of {rerank['items']} claims, nDCG@10", ordered])
    exact = found["mean_evidence_recall"].get("pruner.v1, float32")
    if exact:
        own = found["mean_evidence_recall"]["pruner.v1"]
        rows.append(["mean recall at 30 %, int8 / float32", f"{own['30']:.1f} / {exact['30']:.1f} %"])
    rows.append(
        ["10 passages of 200 tokens, one thread, against float32 MiniLM-L6", f"{speed['speed']['ratio_of_cpu_time']} x"]
    )
    return table(["", "figure"], rows)


PAIR = ("pruner.v1", "lexical.v1")
TABLES = {"training": training, "run": run, "sets": sets, "measured": measured}
