"""headroom's TextCrusher (PyPI: headroom-ai, Apache-2.0) as a scorer of sentences, for passages.py.

Runs in an environment of its own (`python -m venv V && V/bin/pip install headroom-ai`). Reads JSON lines
`{"question", "sentences"}` and writes `{"scores", "seconds"}`; the first line that it writes is `{"version"}`.

TextCrusher gives text and no scores: it keeps a share of the words, the best by BM25 against the question, place and
salience, without near-duplicates. So it is asked for every share from 2 to 100 %, in steps of 2, and a sentence scores
the higher the smaller the share in which half of its characters first stand; one that is never kept comes last.
It gets all sentences of a question together, one a line, as it gets a retrieved text in its own pipeline; it knows no
titles. Its weights are its defaults. Two settings are not, since with them it returns short texts whole or drops short
lines unseen: fewest segments (6) and fewest characters (12), here 1 and 1. `seconds` is one call, at 30 %.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter

os.environ.setdefault("HEADROOM_OFFLINE", "1")

from headroom import __version__
from headroom.transforms.text_crusher import TextCrusher, TextCrusherConfig

STEPS = 50


def main() -> None:
    crusher = TextCrusher(TextCrusherConfig(min_segments_for_crush=1, min_segment_chars=1))
    write({"version": __version__})
    for line in sys.stdin:
        asked = json.loads(line)
        sentences = [" ".join(text.split()) for text in asked["sentences"]]
        content = "\n".join(sentences)
        started = perf_counter()
        crusher.compress(content, asked["question"], 0.3)
        seconds = perf_counter() - started
        scores = [0.0] * len(sentences)
        for step in range(STEPS, 0, -1):
            kept = kept_shares(
                sentences, content, crusher.compress(content, asked["question"], step / STEPS).compressed
            )
            scores = [1 + STEPS - step if share >= 0.5 else old for share, old in zip(kept, scores, strict=True)]
        write({"scores": scores, "seconds": seconds})


def kept_shares(sentences: list[str], content: str, kept: str) -> list[float]:
    """Of each sentence the share of its characters that was kept; the lines of `kept` are parts of it, in order."""
    marks = bytearray(len(content))
    at = 0
    for part in kept.split("\n"):
        found = content.find(part, at) if part else -1
        if found >= 0:
            at = found + len(part)
            marks[found:at] = b"\1" * len(part)
    shares, start = [], 0
    for sentence in sentences:
        end = start + len(sentence)
        shares.append(sum(marks[start:end]) / max(len(sentence), 1))
        start = end + 1
    return shares


def write(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
