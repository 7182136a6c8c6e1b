"""How much the model must read of a tool's result for a LiteLLM proxy, which waits for the answer.

    python benchmarks/studies/gateway_windows.py [--own FOLDER]     # benchmarks/results/gateway_windows.json

Results of 20,000 characters, cut to 1,000 tokens as the gateway cuts them: passages of HotpotQA and Natural Questions
(those not trained on), filled up with the passages of other questions; and with `--own`, the folder that
benchmarks/data/field_text/build.py makes, parts of documents of its side "dev". Evidence kept is the mean share of a
question's evidence. `words` is what BM25 keeps; `model, N` lets the model read at most N characters of what the words
put first (`[model] gateway_characters`), `model` as many as in other requests. Processor milliseconds include parsing
and cutting; they are higher where the machine does other work.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from random import Random
from statistics import fmean
from time import process_time

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.record import SHARED, record
from ctxprune.integrations.texts import TextsPruner
from ctxprune.rag.evaluation.field_set import read_field_items
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.combined.structured import structured
from ctxprune.tokens import as_counter
from ctxprune.train.sentence_sets import read_items

SIZE, LIMIT, SEED = 20_000, 1_000, 0
CHARACTERS = (2_000, 3_000, 4_000, 8_000)
PASSAGES = {"hotpotqa": 60, "lost_in_middle_nq": 40}
OWN = {"docs": 50, "man": 33}
Case = tuple[str, str, list[str]]  # question, result, evidence


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", type=Path, help="folder that benchmarks/data/field_text/build.py makes")
    options = parser.parse_args()
    sets = {name: passages(name, count) for name, count in PASSAGES.items()}
    if options.own is not None:
        sets |= {name: parts_of_documents(options.own, name, count) for name, count in OWN.items()}
    mixture = MixtureScorer()
    scorers: dict[str, Scorer] = {"words": structured(mixture.cheap)}
    scorers |= {f"model, {size}": structured(mixture.limited_to(size)) for size in CHARACTERS}
    scorers["model"] = structured(mixture)
    figures: dict[str, object] = {"questions": {name: len(cases) for name, cases in sets.items()}}
    for name, scorer in scorers.items():
        figures[name] = measure(scorer, sets)
        say(f"{name}: {figures[name]}")
    record("gateway_windows", figures, seed=SEED, data={name: fingerprint(cases) for name, cases in sets.items()})
    return 0


def passages(name: str, count: int) -> list[Case]:
    """Questions with their passages among those of other questions, in any order."""
    rng = Random(SEED)
    items = [item for item in read_items(SHARED / "data" / "rag" / name) if item.mixed and not item.for_training]
    found = []
    for place in rng.sample(range(len(items)), min(count, len(items))):
        item = items[place]
        others = (document for step in range(1, len(items)) for document in items[place - step].documents)
        documents = list(item.documents)
        while sum(len("".join(document.sentences)) for document in documents) < SIZE - 300:
            documents.append(next(others))
        rng.shuffle(documents)
        text = "\n\n".join(f"{document.title}\n{' '.join(document.sentences)}" for document in documents)
        marked = [zip(document.sentences, document.labels, strict=True) for document in item.documents]
        found.append((item.question, text, [text for part in marked for text, needed in part if needed]))
    return found


def parts_of_documents(folder: Path, group: str, count: int) -> list[Case]:
    """Questions about documents, each with a part of its document that has the evidence anywhere in it."""
    rng = Random(SEED)
    found = []
    for item in read_field_items(folder, split="dev"):
        text = item.file.read_text(encoding="utf-8")
        if item.group != group or not item.evidence or len(text) < SIZE // 2:
            continue
        places = [text.find(part) for part in item.evidence]
        first, last = min(places), max(place + len(part) for place, part in zip(places, item.evidence, strict=True))
        if last - first > SIZE:
            continue
        start = max(0, min(rng.randint(last - SIZE, first), len(text) - SIZE))
        found.append((item.question, text[start : start + SIZE], list(item.evidence)))
    return rng.sample(found, min(count, len(found)))


def measure(scorer: Scorer, sets: dict[str, list[Case]]) -> dict[str, object]:
    """Percent of the evidence kept, and milliseconds a result."""
    pruner = TextsPruner(LIMIT, scorer, as_counter())
    kept, times = {}, {}
    for name, cases in sets.items():
        start = process_time()
        shares = [_share_kept(pruner.cut(question, (text,))[0], evidence) for question, text, evidence in cases]
        times[name] = round((process_time() - start) * 1e3 / len(cases), 1)
        kept[name] = round(100 * fmean(shares), 1)
    return {"evidence kept": kept, "mean": round(fmean(kept.values()), 1), "processor ms": times}


def _share_kept(text: str, evidence: list[str]) -> float:
    joined = " ".join(text.split())
    return fmean(" ".join(part.split()) in joined for part in evidence)


if __name__ == "__main__":
    sys.exit(main())
