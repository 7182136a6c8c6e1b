"""What of a story is left for its questions at a quarter of the tokens: structured memories against chunks.

    python benchmarks/quality/memory.py [--split val] [--questions 10] [--model MODEL.gguf --answered 12]

Writes benchmarks/results/memory.json. Stories, sections and questions of FairytaleQA; a chunk is a section. Every row
gets a quarter of the story's tokens (bundled counter, of all that enters the prompt, citations and gaps included), but
for "whole story". Two measures, each with its difference to top-k chunks by BM25, in points, and the 95 % interval of a
paired bootstrap over questions:

- Evidence, without a model. Of explicit questions: the share of the answer's words that stand in the kept text of the
  gold sections (among those that stand in the gold sections at all), and the share of questions with all of them; the
  share whose answer sentence, the one with most of these words, is kept together with the sentence before it. Of all
  questions: the kept share of the gold sections' characters.
- Answers of a small chat model, with `--model`: token F1 and ROUGE-L, the best over the reference answers, of the
  questions of the `--answered` shortest stories.

Chosen on train stories were the weight of a chunk beside its sentences, the rank without a question, the share of a
sentence's score that the one before it gets (`MemoryScorer`, 198 explicit questions of 40 stories of 800 to 4500
tokens: all words of the answer 94.4 % without and 95.5 % with it, in place 81.3 and 83.8), and that a memory of a half
is compacted to three quarters of itself, the library's default, in place of a half (92.9 and 76.8). How a memory is
rendered was compared on 60 train questions of 12 stories by answers: F1 37.3 with the citations of chunks, 35.7
without, 36.6 with its sentences joined, 34.9 for top-k chunks, which is no difference; the default stayed. Val stories
are only reported. The bundled model was trained on train questions of this set, so that rows with it look better
there; no val story is among its training data. A memory's budget counts its paths and quotes, which its context does
not have. Finished stories are kept in results/memory.part.jsonl, answers in results/memory.part.sqlite. One thread.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from time import process_time

import numpy as np

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import record
from benchmarks.quality._memory_answers import Answerer, measure_answers
from benchmarks.quality._memory_evidence import measure_evidence
from benchmarks.quality._memory_rows import BASELINE, BEST, BLIND, FIRST, PRUNED, keep_asked, keep_blind
from benchmarks.quality._memory_stories import DATA, SEED, Kept, Story, read_stories

WHOLE = "whole story"
ANSWERED = (BASELINE, BEST, BLIND, PRUNED, FIRST, WHOLE)


def measure_story(story: Story, keep: Callable[[Story], list[dict[str, Kept]]]) -> dict:
    """Of one story: the evidence that each row keeps, and the texts that the model is given."""
    start = process_time()
    rows = keep(story)
    evidence = [
        {"row": name, "question": asked["id"], **measure_evidence(story, asked, kept)}
        for asked, found in zip(story.questions, rows, strict=True)
        for name, kept in found.items()
    ]
    texts = [{name: kept.text for name, kept in found.items() if name in ANSWERED} for found in rows]
    return {"evidence": evidence, "texts": texts, "seconds": round(process_time() - start, 1)}


def answer_stories(stories: list[Story], texts: dict[str, list[dict[str, str]]], path: str, number: int) -> list[dict]:
    """The answers to the questions of the shortest stories, row by row."""
    model, found = Answerer(path), []
    shortest = sorted(stories, key=lambda story: story.room)[:number]
    for name in ANSWERED:
        for story in shortest:
            whole = {WHOLE: "\n".join(story.texts)}
            asked = [
                (question, (whole | own)[name])
                for question, own in zip(story.questions, texts[story.name], strict=True)
            ]
            found += measure_answers(name, asked, model)
        say(f"answered: {name}")
    return found


def summarize(measured: list[dict]) -> dict[str, dict[str, float]]:
    """Means in percent by row, and the difference to `BASELINE` with its bootstrap interval over questions."""
    table: dict[str, dict[str, float]] = {}
    names = [name for name in measured[0] if name not in ("row", "question")]
    by_row: dict[str, list[dict]] = {}
    for entry in measured:
        by_row.setdefault(entry["row"], []).append(entry)
    for row, entries in by_row.items():
        table[row] = {"questions": len(entries)}
        for name in names:
            values = [entry[name] for entry in entries if entry[name] is not None]
            table[row][name] = round(100 * float(np.mean(values)), 2)
            others = {entry["question"]: entry[name] for entry in by_row[BASELINE]}
            pairs = [(entry[name], others[entry["question"]]) for entry in entries if entry[name] is not None]
            if row != BASELINE and name != "tokens":
                table[row][f"{name}_ahead"] = interval([mine - theirs for mine, theirs in pairs])
    return table


def interval(differences: list[float]) -> list[float]:
    """Mean difference in points, and the 2.5 and 97.5 percentiles of 2000 resamples."""
    values = np.asarray(differences)
    means = values[np.random.default_rng(SEED).integers(0, len(values), (2000, len(values)))].mean(axis=1)
    return [round(100 * float(part), 2) for part in (values.mean(), *np.percentile(means, [2.5, 97.5]))]


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--stories", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=10, help="sampled of each story")
    parser.add_argument("--model", help="a GGUF file; without it no answers are measured")
    parser.add_argument("--answered", type=int, default=12, help="stories whose questions the model answers")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    parts = Parts("memory", keep=not options.fresh)
    stories = read_stories(options.split, options.questions)
    random.Random(SEED).shuffle(stories)
    stories = stories[: options.stories]
    evidence, texts = [], {}
    for story in stories:
        found = [
            parts.row(f"{word} {options.split} {story.name}", options.questions, lambda: measure_story(story, keep))  # noqa: B023
            for word, keep in (("blind", keep_blind), ("asked", keep_asked))
        ]
        evidence += [entry for row in found for entry in row["evidence"]]
        texts[story.name] = [one | other for one, other in zip(*(row["texts"] for row in found), strict=True)]
        say(f"{story.name}: {sum(row['seconds'] for row in found):.0f} s")
    answers = answer_stories(stories, texts, options.model, options.answered) if options.model else []
    figures = {"evidence": summarize(evidence), "answers": summarize(answers) if answers else {}}
    for part, table in figures.items():
        for name, row in table.items():
            say(f"{part} {name}: {row}")
    if options.split == "val":
        data = {f"fairytaleqa {options.split}": fingerprint((DATA / f"{options.split}.jsonl.gz").read_bytes())}
        record("memory", figures, seed=SEED, data=data)


if __name__ == "__main__":
    main()
