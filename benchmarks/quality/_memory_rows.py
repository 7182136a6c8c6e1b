"""What each row of the benchmark of memories keeps of a story, for a question or before it is known."""

from __future__ import annotations

import random

import numpy as np

from benchmarks.quality._memory_stories import COUNTER, SEED, Kept, Spans, Story
from ctxprune.policies.token_budget import TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.extract import Chunk
from ctxprune.rag.memory import ExtractiveWriter, MemoryScorer, MemoryWriter, Proposal, StructuredMemory
from ctxprune.scorers import SCORERS
from ctxprune.scorers.base import Scorer, score_documents

SCHEMA = {"properties": {"story": {"type": "array", "items": {"type": "string"}, "description": "what happens"}}}
BASELINE = "top-k chunks, BM25"
FIRST = "first quarter"
PRUNED = "pruned sentences, mixture"
BEST = "memory of a half with the question, pruned, mixture"
BLIND = "memory of a half without the question, pruned"


class OrderScorer(Scorer):
    """Scores sentences by an order that is given, whatever the question."""

    def __init__(self, order) -> None:
        self.order = list(order)

    def score(self, query: str, context) -> np.ndarray:
        del query, context
        scores = np.zeros(len(self.order), dtype=np.float32)
        scores[self.order] = np.arange(len(self.order), 0, -1)
        return scores


def take_sentences(story: Story, order) -> Kept:
    """Sentences in the order given while they fit, rendered in the order of the story."""
    return prune_story(story, OrderScorer(order), "any")


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
    pruned = Pruner(MemoryScorer(scorer), TokenBudget(story.room)).prune(question, context)
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
        FIRST: take_sentences(story, range(size)),
        "last quarter": take_sentences(story, range(size - 1, -1, -1)),
        "random sentences": take_sentences(story, shuffled),
        "memory without the question": read_memory(story, build_memory(story, ExtractiveWriter(), 1, 1.0)),
        "memory without the question, random": read_memory(story, build_memory(story, RandomWriter(), 1, 1.0)),
    }
    halves = {
        BLIND: build_memory(story, ExtractiveWriter(), 2, 1.0),
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
        rows[BEST] = prune_memory(story, build_memory(story, writer, 2, 0.75), scorer, question)
        found.append(rows)
    return found
