"""Stories of FairytaleQA for the benchmark of memories: read, cut into sentences, with sampled questions."""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.common.record import SHARED
from ctxprune.rag import Passages
from ctxprune.storage.json_lines import read_rows
from ctxprune.tokens import as_counter

SEED = 7
DATA = SHARED / "data" / "rag" / "fairytaleqa"
COUNTER = as_counter()
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
