"""Calibration data: pairs and texts from files, as batches in a model's real format.

Pairs of a user's own are JSON lines, gzipped or not, one pair a line:

{"query": "who wrote it?", "passage": "It was written by Ann.", "label": 1}
{"query": "who wrote it?", "text": "It was sold in May.", "label": 0, "teacher": -4.2, "source": "shop"}

`query` (or `question`) and `passage` (or `text`) are needed; `label` is 0 or 1 or a grade from 0 up, `teacher` a score
of a model that is not at hand, `source` (or `lang`, a language) where the pair comes from. Label and teacher stand in
all lines or in none. Pairs of one query are a group: what is ranked against one another.

How Does Calibration Data Affect the Post-training Pruning (Williams and Aletras, ACL 2024) found that samples differ
by source and by chance: take pairs of the domain with passages that are not relevant, and more than one seed.
"""

from __future__ import annotations

from ctxprune.shrink.data.batches import Calibration, batches_of
from ctxprune.shrink.data.pairs import Pair, group_by_source, read_pairs
from ctxprune.shrink.data.texts import batches_of_texts, read_texts
from ctxprune.shrink.io.loaded import InputFormat

__all__ = [
    "Calibration",
    "InputFormat",
    "Pair",
    "batches_of",
    "batches_of_texts",
    "group_by_source",
    "read_pairs",
    "read_texts",
]
