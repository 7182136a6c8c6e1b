"""Answers of a small chat model from what the rows of the benchmark of memories keep, and how right they are."""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.common.record import RESULTS
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.llama_cpp import LlamaCppModel

if TYPE_CHECKING:
    from collections.abc import Sequence

SYSTEM = "You answer questions about a story in a few words, with words of the story. Answer with the answer alone."


class Answerer:
    """The small chat model; the text comes first, so that questions about one text share its computation."""

    def __init__(self, path: str) -> None:
        self._sampling = Sampling(max_tokens=32, stop=("\n",), seconds=600)
        self._model = CachedModel(LlamaCppModel(path, threads=1), GenerationCache(RESULTS / "memory.part.sqlite"))

    def answer(self, text: str, question: str) -> str:
        asked = f"{text}\n\nQuestion: {question}\nAnswer:"
        messages = [Message("system", SYSTEM), Message("user", asked)]
        return self._model.complete(messages, self._sampling)[0].text.strip()


def measure_answers(row: str, asked: Sequence[tuple[dict, str]], model: Answerer) -> list[dict]:
    """How right the answers of one row are, over questions with the text that each is asked of."""
    found = []
    # Equal texts one after the other, so that the model reads each but once.
    for question, text in sorted(asked, key=lambda pair: pair[1]):
        said = model.answer(text, question["question"])
        found.append(
            {
                "row": row,
                "question": question["id"],
                "f1": max(token_f1(said, answer) for answer in question["answers"]),
                "rouge_l": max(rouge_l(said, answer) for answer in question["answers"]),
            }
        )
    return found


def normalize(text: str) -> list[str]:
    """Words without case, punctuation and articles, as the measures of SQuAD and FairytaleQA compare them."""
    text = text.lower().translate(str.maketrans("", "", string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def token_f1(answer: str, reference: str) -> float:
    """F-measure of the words that both have."""
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
