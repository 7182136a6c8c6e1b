"""Predicts the form of the SQL from the words of a question: a probability for every fact of the form."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .forms import HEADS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Expectations", "extract_phrases", "read_words"]

_WORD = re.compile(r"'[^']*'|\"[^\"]*\"|``[^`']*''|\d+(?:\.\d+)?|[^\W\d_]+|[,?;]")
_LONGEST = 4_000  # characters that are read
_WIDTH = 4  # words of the longest phrase
_NUMBER, _QUOTED, _OTHER = "#", "'", "_"


def read_words(question: str) -> list[str]:
    """Words in lower case; numbers and quoted texts as a sign each."""
    return [
        _NUMBER if word[0].isdigit() else _QUOTED if word[0] in "'\"`" else word.lower()
        for word in _WORD.findall(question[:_LONGEST])
    ]


def extract_phrases(words: Sequence[str], common: frozenset[str] | set[str]) -> set[str]:
    """All runs of one to four words; those not common are a blank, and a run of blanks is one."""
    masked = ["^"]
    for word in words:
        sign = word if word in common else _OTHER
        # A run of rare words is one blank, however many words a name has.
        if sign != _OTHER or masked[-1] != _OTHER:
            masked.append(sign)
    masked.append("$")
    return {
        " ".join(masked[start : start + width])
        for width in range(1, _WIDTH + 1)
        for start in range(len(masked) - width + 1)
    }


@dataclass(frozen=True)
class Expectations:
    """One hidden layer over the phrases of a question, a softmax for every fact.

    Attributes:
        common: The words that are not blanks.
        vocabulary: Row of `inner` by phrase.
        inner: float32 (n_phrases, n_hidden).
        inner_bias: float32 (n_hidden,).
        outer: float32 (n_hidden, sum of the values in `HEADS`).
        outer_bias: float32 (the same,).
    """

    common: frozenset[str]
    vocabulary: Mapping[str, int]
    inner: NDArray[np.float32]
    inner_bias: NDArray[np.float32]
    outer: NDArray[np.float32]
    outer_bias: NDArray[np.float32]

    def __call__(self, question: str, evidence: str = "") -> dict[str, NDArray[np.float64]]:
        """Log-probabilities of the values of every fact in `HEADS`."""
        found = extract_phrases(read_words(question), self.common)
        if evidence.strip():
            found |= {f"{phrase} @" for phrase in extract_phrases(read_words(evidence), self.common)}
        rows = [self.vocabulary[phrase] for phrase in sorted(found) if phrase in self.vocabulary]
        hidden = np.tanh(self.inner[rows].sum(axis=0, dtype=np.float64) + self.inner_bias)
        logits = hidden @ self.outer + self.outer_bias
        scores: dict[str, NDArray[np.float64]] = {}
        start = 0
        for name, size in HEADS.items():
            part = logits[start : start + size]
            # Log-softmax with the maximum taken off.
            top = part.max()
            scores[name] = part - (top + np.log(np.exp(part - top).sum()))
            start += size
        return scores

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Expectations:
        """The inverse of `to_dict`."""
        vocabulary = {phrase: row for row, phrase in enumerate(data["phrases"])}
        inner = _unpacked(data["inner"]).reshape(len(vocabulary), -1)
        outer = _unpacked(data["outer"]).reshape(inner.shape[1], -1)
        biases = (np.asarray(data[name], dtype=np.float32) for name in ("inner_bias", "outer_bias"))
        inner_bias, outer_bias = biases
        return cls(frozenset(data["common"]), vocabulary, inner, inner_bias, outer, outer_bias)

    def to_dict(self) -> dict[str, Any]:
        """Texts and numbers; matrices as bytes in base64, 127 steps up to the largest of them."""
        return {
            "common": sorted(self.common),
            "phrases": sorted(self.vocabulary, key=lambda phrase: self.vocabulary[phrase]),
            "inner": _packed(self.inner),
            "inner_bias": [round(float(value), 4) for value in self.inner_bias],
            "outer": _packed(self.outer),
            "outer_bias": [round(float(value), 4) for value in self.outer_bias],
        }


def _packed(values: NDArray[np.float32]) -> dict[str, Any]:
    step = float(np.abs(values).max()) / 127 or 1.0
    numbers = np.clip(np.rint(values / step), -127, 127).astype(np.int8)
    return {"step": step, "bytes": base64.b64encode(numbers.tobytes()).decode("ascii")}


def _unpacked(data: Mapping[str, Any]) -> NDArray[np.float32]:
    numbers = np.frombuffer(base64.b64decode(data["bytes"]), dtype=np.int8)
    return numbers.astype(np.float32) * np.float32(data["step"])
