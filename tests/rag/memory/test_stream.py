"""Long streams: the memory stays within its budget, and the time grows with the number of chunks alone."""

from __future__ import annotations

import sys
from time import process_time

import pytest

from ctxprune.rag.memory import ExtractiveWriter, StructuredMemory

SCHEMA = {"properties": {"notes": {"type": "array", "items": {"type": "string"}}}}


def stream(chunks: int, sentences: int = 10):
    for i in range(chunks):
        yield (
            f"c{i}",
            " ".join(
                f"On day {i} visitor {i * 7 % 101} met guest {(i + j) * 13 % 97} in room {j}." for j in range(sentences)
            ),
        )


def read(chunks: int, question: str) -> tuple[StructuredMemory, float]:
    memory = StructuredMemory(SCHEMA, budget=600)
    start = process_time()
    memory.read(stream(chunks), ExtractiveWriter(question, scorer="lexical.v1"))
    return memory, process_time() - start


def check(chunks: int, question: str) -> None:
    read(chunks // 20, question)  # what is loaded and cached once
    few = min(read(chunks // 4, question)[1] for _ in range(2))
    memory, many = read(chunks, question)
    account = memory.account
    assert memory.tokens <= 600
    assert account.chunks == chunks
    assert account.written - account.dropped["budget"][0] == len(memory.entries)
    assert len(account.latest) == 1000  # the records are bounded as well
    assert sys.getsizeof(memory.text) < 5000
    assert many < 4 * few * 2  # quadratic time would be 16 times as much


@pytest.mark.parametrize("question", ["", "Who met guest 13?"])
def test_a_stream_takes_linear_time(question: str) -> None:
    check(160, question)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("question", ["", "Who met guest 13?"])
def test_a_hundred_thousand_sentences(question: str) -> None:
    check(10_000, question)
