"""What of a story is left for its questions at a quarter of the tokens: structured memories against chunks.

    python benchmarks/quality/memory.py [--split val] [--questions 6] [--model MODEL.gguf --answers 5 --answered 3]

Writes benchmarks/results/memory.json. Stories, sections and questions of FairytaleQA; a chunk is a section. Every row
gets a quarter of the story's tokens (bundled counter, of what would enter the prompt, citations included), but for
"whole story". Two measures:

- Evidence, without a model. Of explicit questions: the share of the answer's words that stand in the kept text of the
  gold sections (among those that stand in the gold sections at all), and the share of questions with all of them; the
  share whose answer sentence, the one with most of these words, is kept together with the sentence before it. Of all
  questions: the kept share of the gold sections' characters.
- Answers of a small chat model, with `--model`: token F1 and ROUGE-L, the best over the reference answers, of the first
  `--answers` sampled questions of the `--answered` shortest stories.

Chosen on train stories were the weight of a chunk beside its sentences, and the rank without a question; val stories
are only reported. The bundled model was trained on train questions of this set, so that rows with it look better
there; no val story is among its training data. With the question a memory of a quarter is compacted to three quarters
of it, one of a half to a half of it; both were set beforehand, as what the processor time allowed. A memory's budget
counts its paths and quotes, which its context does not have. Finished stories are kept in results/memory.part.jsonl,
answers in results/memory.part.sqlite. One thread.
"""

from __future__ import annotations

import argparse
import random
import re
import string
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time

import numpy as np

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import RESULTS, SHARED, record
from ctxprune.policies.token_budget import TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag import Passages
from ctxprune.rag.extract import Chunk
from ctxprune.rag.memory import ExtractiveWriter, MemoryWriter, Proposal, StructuredMemory
from ctxprune.scorers import SCORERS
from ctxprune.scorers.base import score_documents
from ctxprune.scorers.combined.fusion import DocumentFusion
from ctxprune.storage.json_lines import read_rows
from ctxprune.text.words import terms
from ctxprune.tokens import as_counter

SEED = 7
DATA = SHARED / "data" / "rag" / "fairytaleqa"
COUNTER = as_counter()
SCHEMA = {"properties": {"story": {"type": "array", "items": {"type": "string"}, "description": "what happens"}}}
BASELINE = "top-k chunks, mixture"
BEST = "memory of a half with the question, pruned, mixture"
Spans = list[tuple[int, int, int]]
"""Section, start, end of what is kept."""


@dataclass(frozen=True)
class Story:
    """One story; `context` has its sentences, `room` is a quarter of its tokens."""

    name: str
    ids: list[int]
    texts: list[str]
    context: Passages
    room: int
    questions: list[dict]


@dataclass(frozen=True)
class Kept:
    """What a row keeps for a question: the text of the prompt and the spans of it."""

    text: str
    spans: Spans


def read_stories(split: str, questions: int) -> list[Story]:
    stories = []
    for row in read_rows(DATA / f"{split}.jsonl.gz"):
        texts = [section["text"] for section in row["sections"]]
        asked = list(row["questions"])
        random.Random(f"{SEED} {row['id']}").shuffle(asked)
        room = COUNTER.count("\n".join(texts)) // 4
        ids = [section["section"] for section in row["sections"]]
        stories.append(Story(row["id"], ids, texts, Passages(texts), room, asked[:questions]))
    return stories


# What each row keeps.


def take_sentences(story: Story, order) -> Kept:
    """Sentences in the order given while they fit, rendered in the order of the story."""
    units, sources = story.context.units, story.context.sources
    sizes = COUNTER.count_many(unit.text for unit in units)
    left, kept = story.room, []
    for index in order:
        if sizes[index] <= left:
            left -= sizes[index]
            kept.append(int(index))
    text = "\n".join(part for part in story.context.render(sorted(kept)) if part)
    return Kept(text, [(sources[index], *units[index].span) for index in sorted(kept)])


def take_chunks(story: Story, scorer, question: str, *, cut: bool) -> Kept:
    """The best chunks that fit, whole, in the order of the story; with `cut` instead the best ones up to the first that
    does not fit, and of that one the sentences that do, from its beginning."""
    _, relevance = score_documents(scorer, question, story.context)
    sizes = COUNTER.count_many(story.texts)
    left = story.room
    spans: Spans = []
    for index in np.argsort(-relevance, kind="stable").tolist():
        if sizes[index] <= left:
            left -= sizes[index]
            spans.append((index, 0, len(story.texts[index])))
        elif cut:
            end = cut_text(story, index, left)
            spans += [(index, 0, end)] if end else []
            break
    spans.sort()
    return Kept("\n".join(story.texts[index][start:end] for index, start, end in spans), spans)


def cut_text(story: Story, index: int, room: int) -> int:
    """Where the last sentence of a chunk ends that fits into so many tokens."""
    text = story.texts[index]
    sources = story.context.sources
    ends = [unit.span[1] for place, unit in enumerate(story.context.units) if sources[place] == index]
    return max((end for end in ends if COUNTER.count(text[:end]) <= room), default=0)


def prune_story(story: Story, scorer, question: str) -> Kept:
    """Our pruner over the whole story, which has to be there at once."""
    pruned = Pruner(scorer, TokenBudget(story.room)).prune(question, story.context)
    return Kept("\n".join(filter(None, pruned.output)), [(unit.source, *unit.span) for unit in pruned.kept])


def build_memory(story: Story, writer, share: float, compact_to: float) -> StructuredMemory:
    """A memory whose text takes `share` of the room at most."""
    memory = StructuredMemory(SCHEMA, budget=int(story.room * share), compact_to=compact_to)
    memory.read(zip(map(str, story.ids), story.texts, strict=True), writer)
    return memory


def read_memory(story: Story, memory: StructuredMemory) -> Kept:
    """All that the memory holds."""
    context = memory.context()
    return Kept(context.render(range(len(context.units))), spans_of(story, context, range(len(context.units))))


def prune_memory(story: Story, memory: StructuredMemory, scorer, question: str) -> Kept:
    context = memory.context()
    pruned = Pruner(DocumentFusion(scorer), TokenBudget(story.room)).prune(question, context)
    return Kept(pruned.output, spans_of(story, context, [unit.index for unit in pruned.kept]))


def spans_of(story: Story, context, kept) -> Spans:
    number = {str(identifier): index for index, identifier in enumerate(story.ids)}
    return [(number[cited.chunk], *cited.span) for cited in context.cite_units(kept)]


class RandomWriter(MemoryWriter):
    """Writes all sentences and keeps random ones."""

    def __init__(self) -> None:
        self.writer, self.random = ExtractiveWriter(scorer="lexical.v1"), np.random.default_rng(SEED)
        self.ranks: dict[int, float] = {}

    def write(self, memory: StructuredMemory, chunk: Chunk) -> Proposal:
        return self.writer.write(memory, chunk)

    def rank(self, memory: StructuredMemory) -> np.ndarray:
        # An entry keeps its rank, so that what was read early is as likely to stay as what was read late.
        return np.asarray([self.ranks.setdefault(entry.number, self.random.random()) for entry in memory.entries])


def keep_blind(story: Story) -> list[dict[str, Kept]]:
    """By question what each row keeps that does not know the question until the story is read."""
    mixture, size = SCORERS.get("mixture.v1")(), len(story.context.units)
    shuffled = list(range(size))
    random.Random(SEED).shuffle(shuffled)
    same = {
        "first quarter": take_sentences(story, range(size)),
        "last quarter": take_sentences(story, range(size - 1, -1, -1)),
        "random sentences": take_sentences(story, shuffled),
        "memory without the question": read_memory(story, build_memory(story, ExtractiveWriter(), 1, 1.0)),
        "memory without the question, random": read_memory(story, build_memory(story, RandomWriter(), 1, 1.0)),
    }
    halves = {
        "memory of a half without the question, pruned": build_memory(story, ExtractiveWriter(), 2, 1.0),
        "memory of a half without the question, random, pruned": build_memory(story, RandomWriter(), 2, 1.0),
    }
    return [
        same | {name: prune_memory(story, memory, mixture, asked["question"]) for name, memory in halves.items()}
        for asked in story.questions
    ]


def keep_asked(story: Story) -> list[dict[str, Kept]]:
    """By question what each row keeps that knows the question."""
    found = []
    for asked in story.questions:
        question = asked["question"]
        rows: dict[str, Kept] = {}
        for name in ("BM25", "mixture"):
            scorer = SCORERS.get({"BM25": "lexical.v1"}.get(name, "mixture.v1"))()
            writer = ExtractiveWriter(question, scorer)
            rows[f"top-k chunks, {name}"] = take_chunks(story, scorer, question, cut=False)
            rows[f"top-k chunks and a part of the next, {name}"] = take_chunks(story, scorer, question, cut=True)
            rows[f"pruned sentences, {name}"] = prune_story(story, scorer, question)
            rows[f"memory with the question, {name}"] = read_memory(story, build_memory(story, writer, 1, 0.75))
        rows[BEST] = prune_memory(story, build_memory(story, writer, 2, 0.5), scorer, question)
        found.append(rows)
    return found


# Evidence.


def measure_evidence(story: Story, asked: dict, kept: Kept) -> dict[str, float | None]:
    gold = {story.ids.index(section) for section in asked["gold_sections"]}
    spans = [span for span in kept.spans if span[0] in gold]
    size = sum(len(story.texts[index]) for index in gold)
    figures: dict[str, float | None] = {
        "gold_share": sum(end - start for _, start, end in spans) / size,
        "answer_words": None,
        "all_words": None,
        "answer_in_place": None,
        "tokens": COUNTER.count(kept.text) / story.room,
    }
    answer, sentence = find_answer(story, asked, gold)
    if asked["explicit"] == "explicit" and answer:
        said = set(terms(" ".join(story.texts[index][start:end] for index, start, end in spans)))
        figures["answer_words"] = len(answer & said) / len(answer)
        figures["all_words"] = float(answer <= said)
        figures["answer_in_place"] = float(all(holds(kept, story, index) for index in (sentence - 1, sentence)))
    return figures


def find_answer(story: Story, asked: dict, gold: set[int]) -> tuple[set[str], int]:
    """The words of the answer that the gold sections say, and the sentence that says most of them."""
    places = [place for place, source in enumerate(story.context.sources) if source in gold]
    said = [set(terms(story.context.units[place].text)) for place in places]
    whole = set().union(*said)
    answers = [set(terms(answer)) for answer in asked["answers"]]
    best = max(answers, key=lambda words: (len(words & whole) / max(len(words), 1), len(words)))
    counts = [len(best & own) for own in said]
    return best & whole, places[counts.index(max(counts))]


def holds(kept: Kept, story: Story, index: int) -> bool:
    """Whether a sentence is kept as a whole; one before the first counts as kept."""
    if index < 0:
        return True
    source, (start, end) = story.context.sources[index], story.context.units[index].span
    covered = sum(max(0, min(end, stop) - max(start, first)) for own, first, stop in kept.spans if own == source)
    return covered >= 0.9 * (end - start)


# Answers.


def normalize(text: str) -> list[str]:
    text = text.lower().translate(str.maketrans("", "", string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def token_f1(answer: str, reference: str) -> float:
    mine, theirs = normalize(answer), normalize(reference)
    common = sum((Counter(mine) & Counter(theirs)).values())
    return 2 * common / (len(mine) + len(theirs)) if common else 0.0


def rouge_l(answer: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words."""
    mine, theirs = normalize(answer), normalize(reference)
    row = [0] * (len(theirs) + 1)
    for word in mine:
        before = 0
        for place, other in enumerate(theirs, start=1):
            before, row[place] = row[place], before + 1 if word == other else max(row[place], row[place - 1])
    return 2 * row[-1] / (len(mine) + len(theirs)) if row[-1] else 0.0


SYSTEM = "You answer questions about a story in a few words, with words of the story. Answer with the answer alone."


class Answerer:
    """The small chat model; the story comes first, so that questions about one text share its computation."""

    def __init__(self, path: str) -> None:
        from ctxprune.llm.base import Message, Sampling
        from ctxprune.llm.cache import CachedModel, GenerationCache
        from ctxprune.llm.llama_cpp import LlamaCppModel

        self.message, self.sampling = Message, Sampling(max_tokens=24, stop=("\n",), seconds=600)
        self.model = CachedModel(LlamaCppModel(path, threads=1), GenerationCache(RESULTS / "memory.part.sqlite"))
        self.fingerprint = self.model.fingerprint

    def answer(self, text: str, question: str) -> str:
        asked = f"{text}\n\nQuestion: {question}\nAnswer:"
        messages = [self.message("system", SYSTEM), self.message("user", asked)]
        return self.model.complete(messages, self.sampling)[0].text.strip()


ANSWERED = ("whole story", "first quarter", BASELINE, BEST)


def measure_answers(story: Story, texts: list[dict[str, str]], model: Answerer, number: int) -> list[dict]:
    whole = "\n".join(story.texts)
    found = []
    pairs = list(zip(story.questions, texts, strict=True))[:number]
    for name in ANSWERED:
        # Equal texts one after the other, so that the model reads each but once.
        asked_of = [(whole if name == "whole story" else own[name], asked) for asked, own in pairs]
        for text, asked in sorted(asked_of, key=lambda pair: pair[0]):
            said = model.answer(text, asked["question"])
            found.append(
                {
                    "row": name,
                    "question": asked["id"],
                    "f1": max(token_f1(said, answer) for answer in asked["answers"]),
                    "rouge_l": max(rouge_l(said, answer) for answer in asked["answers"]),
                }
            )
    return found


# The record.


def summarize(measured: list[dict]) -> dict[str, dict[str, float]]:
    """Means in percent by row, and the difference to `BASELINE` with its bootstrap interval over questions."""
    table: dict[str, dict[str, float]] = {}
    names = [name for name in measured[0] if name != "row"]
    by_row: dict[str, list[dict]] = {}
    for entry in measured:
        by_row.setdefault(entry["row"], []).append(entry)
    for row, entries in by_row.items():
        table[row] = {"questions": len(entries)}
        for name in names:
            if name == "question":
                continue
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


def measure_story(story: Story, keep: Callable[[Story], list[dict[str, Kept]]]) -> dict:
    start = process_time()
    rows = keep(story)
    evidence = [
        {"row": name, "question": asked["id"], **measure_evidence(story, asked, kept)}
        for asked, found in zip(story.questions, rows, strict=True)
        for name, kept in found.items()
    ]
    texts = [{name: kept.text for name, kept in found.items() if name in ANSWERED} for found in rows]
    return {"evidence": evidence, "texts": texts, "seconds": round(process_time() - start, 1)}


def answer_stories(
    stories: list[Story], texts: list[list[dict[str, str]]], options: argparse.Namespace, parts: Parts
) -> list[dict]:
    """The answers to the questions of the shortest stories."""
    model = Answerer(options.model)
    found: list[dict] = []
    shortest = sorted(zip(stories, texts, strict=True), key=lambda pair: pair[0].room)
    for story, own in shortest[: options.answered]:
        what = (model.fingerprint, options.answers, fingerprint(own))
        found += parts.row(
            f"answers {story.name}",
            what,
            lambda: measure_answers(story, own, model, options.answers),  # noqa: B023
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--stories", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=6, help="sampled of each story")
    parser.add_argument("--model", help="a GGUF file; without it no answers are measured")
    parser.add_argument("--answers", type=int, default=5, help="questions of each story that the model answers")
    parser.add_argument("--answered", type=int, default=3, help="stories whose questions the model answers")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    parts = Parts("memory", keep=not options.fresh)
    stories = read_stories(options.split, options.questions)
    random.Random(SEED).shuffle(stories)
    stories = stories[: options.stories]
    evidence, texts = [], []
    for story in stories:
        found = [
            parts.row(f"{word} {options.split} {story.name}", options.questions, lambda: measure_story(story, keep))  # noqa: B023
            for word, keep in (("blind", keep_blind), ("asked", keep_asked))
        ]
        evidence += [entry for row in found for entry in row["evidence"]]
        texts.append([one | other for one, other in zip(*(row["texts"] for row in found), strict=True)])
        say(f"{story.name}: {sum(row['seconds'] for row in found):.0f} s")
    answers = answer_stories(stories, texts, options, parts) if options.model else []
    figures = {"evidence": summarize(evidence), "answers": summarize(answers) if answers else {}}
    for part, table in figures.items():
        for name, row in table.items():
            say(f"{part} {name}: {row}")
    if options.split == "val":
        data = {f"fairytaleqa {options.split}": fingerprint((DATA / f"{options.split}.jsonl.gz").read_bytes())}
        record("memory", figures, seed=SEED, data=data)


if __name__ == "__main__":
    main()
