"""Tables of the bundled pruner's model card, from recorded figures and from the report of its training run."""

from __future__ import annotations

import json
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.common.record import RESULTS
from ctxprune.cli._training_data import SCHEMA_SOURCES
from ctxprune.models.pruner import bundled
from ctxprune.train.examples import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

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
OWN, BM25 = "pruner.v1", "lexical.v1"  # scorers
UNSHRUNK = "pruner.v1 model, int8"
WEIGHTS = (bundled(), RESULTS.parent / "models" / "pruner-v1")
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
    for source, count in sorted(read("pruner_distil")["examples"].items(), key=lambda entry: -entry[1]):
        folder = next(name for name in sorted(licences, key=len, reverse=True) if source.startswith(name))
        rows.append([NAMES[source], f"{count:,}", licences[folder]])
    return table(["set", "examples", "licence"], rows)


def run() -> str:
    """The run, as `ctxprune train distil` reports it: shape, recipe, time."""
    report = read("pruner_distil")
    shape, plan = report["shape"], report["plan"]
    layers = ", ".join(f"{heads}x{inner}" for heads, inner in shape["layers"])
    rows = [
        ["layers, heads x neurons", f"{layers}; heads of {shape['size']}, width {shape['width']}"],
        ["word pieces, positions", f"{shape['vocabulary']:,}, {shape['positions']}"],
        ["of the teacher's layers", ", ".join(map(str, report["layers"]))],
        ["sha256 of the teacher", report["teacher_sha256"]],
        ["sha256 of what it goes on from", report["student_sha256"] or "nothing: first weights of the teacher"],
        ["what the teacher read", ", ".join(f"{name} {value}" for name, value in plan.items() if name != "vocabulary")],
        ["recipe", ", ".join(f"{name} {value}" for name, value in report["recipe"].items())],
        ["examples", f"{sum(report['examples'].values()):,} in all, {report['aside']:,} set aside by question"],
        ["sha256 of the data", report["data_sha256"]],
        ["steps, seconds", f"{report['steps']:,}, {report['seconds']:,}"],
        ["torch", report["torch"]],
    ]
    return table(["of the run", ""], rows)


def sets() -> str:
    """Evidence recall on each set beside BM25, and beside the unshrunk model where that was measured."""
    found = read("passages")["figures"]
    shown = [key for key in (OWN, UNSHRUNK, BM25) if key in found["mean_evidence_recall"]]
    rows = []
    for name, row in found["sets"].items():
        title = f"{name} (evaluation only)" if name in EVALUATION_ONLY else name
        recalls = [_shares(row[key]["evidence_recall"]) for key in shown]
        rows.append([title, row["items"], *recalls, f"{row[OWN]['calibration_error']:.2f}"])
    means = [_shares(found["mean_evidence_recall"][key]) for key in shown]
    error = fmean(row[OWN]["calibration_error"] for row in found["sets"].values())
    rows.append(["mean", "", *means, f"{error:.2f}"])
    return table(["set", "items", *(_named(key, found) for key in shown), "calibration error"], rows)


def measured() -> str:
    """What else was measured."""
    found, speed = read("passages")["figures"], read("pruner_speed")["figures"]
    rows = [["MB of the weights, this model / unshrunk", " / ".join(f"{_megabytes(place):.2f}" for place in WEIGHTS)]]
    for key in (OWN, UNSHRUNK, BM25):
        if row := found["sets"]["hotpotqa"].get(key):
            kept = f"{row['all_evidence']['20']:.1f} / {row['answer_retention']['20']:.1f}"
            title = f"HotpotQA, 20 % kept: all evidence / answer retention, {_named(key, found)}"
            rows.append([title, f"{kept} %"])
    rerank = found["scifact_rerank"]
    ordered = f"{rerank['ndcg@10']:.1f} (BM25 itself {rerank['first_stage']['ndcg@10']:.1f})"
    rows.append([f"SciFact, BM25's top 100 of {rerank['items']} claims, nDCG@10", ordered])
    means = found["mean_evidence_recall"]
    for key, title in ((f"{OWN}, float32", "float32"), (UNSHRUNK, "unshrunk int8")):
        if key in means:
            rows.append([f"mean recall at 30 %, int8 / {title}", f"{means[OWN]['30']:.1f} / {means[key]['30']:.1f} %"])
    ratio = speed["speed"]["ratio_of_cpu_time"]
    rows.append(["10 passages of 200 tokens, one thread, against float32 MiniLM-L6", f"{ratio} x"])
    if (RESULTS / "shrunk_pruner.json").is_file():
        against = read("shrunk_pruner")["figures"]
        pair = " / ".join(f"{against['times_as_fast'][key]}" for key in ("bundled", "unshrunk int8"))
        rows.append(["the same, this model / unshrunk int8 against the unshrunk model in float32", f"{pair} x"])
    return table(["", "figure"], rows)


def _shares(recall: dict[str, float]) -> str:
    return " / ".join(f"{recall[share]:.1f}" for share in SHARES)


def _named(key: str, found: dict[str, Any]) -> str:
    """A row's model by its own name, as it was recorded; a scorer without one by the scorer's."""
    model = found["models"].get(key, key).split(" ")[0]
    return f"{model}, unshrunk" if key == UNSHRUNK else model


def _megabytes(folder: Path) -> float:
    return (folder / "model.onnx").stat().st_size / 1e6


TABLES = {"training": training, "run": run, "sets": sets, "measured": measured}
