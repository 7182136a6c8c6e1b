"""What the kinds of tokenizer (`model.type` in `tokenizer.json`) need when pieces are taken out of them.

Two things hold for all of them: a text that could be read stays readable, and a text whose pieces all stay is read as
the same pieces as before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["KINDS", "TokenizerKind", "kind_of"]

_SPACE = "▁"  # stands for a space; decoders look for it before they join bytes to characters
_BYTES = frozenset(f"<0x{number:02X}>" for number in range(256))


class TokenizerKind(ABC):
    """The `model` of a `tokenizer.json`.

    Args:
        model: As it stands there.
    """

    def __init__(self, model: Mapping[str, Any]) -> None:
        self.model = model
        self.ids = self.read_ids()
        self.bytes = bool(model.get("byte_fallback")) and self.ids.keys() >= _BYTES

    def read_ids(self) -> dict[str, int]:
        """Ids by piece."""
        return dict(self.model["vocab"])

    def unknown(self) -> str | None:
        """The piece that stands for what cannot be read; None where there is none."""
        return self.model.get("unk_token")

    def needed(self) -> set[int]:
        """Ids of what must stay: the piece for the unknown, and what spells every text, in bytes or characters."""
        names = (_BYTES | {_SPACE}) if self.bytes else self.characters()
        return {self.ids[name] for name in (*names, self.unknown()) if name in self.ids}

    @abstractmethod
    def characters(self) -> set[str]:
        """The pieces that spell every text where bytes do not."""

    def parts(self, name: str) -> set[str]:  # noqa: ARG002
        """The pieces without which this one is never found in a text."""
        return set()

    @abstractmethod
    def prior(self) -> NDArray[np.float64]:
        """How frequent pieces are in other texts, in no unit: (largest id + 1,)."""

    def cut(self, names: Sequence[str]) -> dict[str, Any]:
        """The model with these pieces alone, each with its place as its id."""
        return {**self.model, "vocab": {name: place for place, name in enumerate(names)}}

    def ranked(self, first: int) -> NDArray[np.float64]:
        """By Zipf's law, for a vocabulary that names pieces from `first` on in the order of how frequent they are."""
        ranks = np.arange(max(self.ids.values()) + 1, dtype=np.float64) - first
        return np.where(ranks >= 0, 1 / (np.maximum(ranks, 0) + 996), 0.0)


class WordPiece(TokenizerKind):
    """The longest piece first, as BERT."""

    def characters(self) -> set[str]:
        """Single characters in both forms, and pieces with a character that has not both."""
        prefix = str(self.model.get("continuing_subword_prefix") or "")
        bare = {name: name.removeprefix(prefix) for name in self.ids}
        whole = {text for name, text in bare.items() if len(text) == 1 and name == text}
        inside = {text for name, text in bare.items() if len(text) == 1 and name == prefix + text}
        # a word is spelled out only if each of its characters has a form for the start and for the inside
        both = whole & inside
        return {
            name
            for name, text in bare.items()
            if len(text) == 1 or (not name.startswith("[") and not set(text) <= both)
        }

    def prior(self) -> NDArray[np.float64]:
        """The vocabularies of BERT name whole words from 1996 on, about in the order of how frequent they are."""
        return self.ranked(1996)


class Bpe(TokenizerKind):
    """Merges of pairs, of bytes (GPT-2, Qwen, Llama 3) or of characters, with bytes to fall back on (Llama 2)."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__(model)
        self._prefix = str(model.get("continuing_subword_prefix") or "")
        self._suffix = str(model.get("end_of_word_suffix") or "")

    @cached_property
    def _merges(self) -> list[tuple[str, str]]:
        pairs = (entry.split(" ", 1) if isinstance(entry, str) else entry for entry in self.model["merges"])
        return [(str(left), str(right)) for left, right in pairs]

    @cached_property
    def _ranks(self) -> dict[tuple[str, str], int]:
        return {pair: rank for rank, pair in enumerate(self._merges)}

    def characters(self) -> set[str]:
        """Single characters, which are bytes where a tokenizer reads those, in each form that a place in a word has."""
        return {name for name in self.ids if len(self._bare(name)) == 1}

    def parts(self, name: str) -> set[str]:
        """All pieces on the way from its characters to this one; of one that merges do not make, none.

        A piece in a text was merged there as it is alone: merges across its ends would have made another piece of it.
        """
        symbols, found = self._symbols(name), set[str]()
        while len(symbols) > 1:
            found.update(symbols)
            rank, place = min(
                (self._ranks.get(pair, len(self._ranks)), place) for place, pair in enumerate(pairwise(symbols))
            )
            if rank == len(self._ranks):
                return set()
            symbols[place : place + 2] = [self._joined(*symbols[place : place + 2])]
        return found & self.ids.keys()

    def prior(self) -> NDArray[np.float64]:
        """Pieces are numbered as they were merged, the most frequent first."""
        merged = [self.ids[name] for pair in self._merges if (name := self._joined(*pair)) in self.ids]
        return self.ranked(min(merged, default=0))

    def cut(self, names: Sequence[str]) -> dict[str, Any]:
        """Merges stay in their order where both parts and the whole do: what was the first merge to apply still is."""
        kept = set(names)
        merges = [list(pair) for pair in self._merges if kept.issuperset((*pair, self._joined(*pair)))]
        return {**super().cut(names), "merges": merges}

    def _joined(self, left: str, right: str) -> str:
        return left + right.removeprefix(self._prefix)

    def _bare(self, name: str) -> str:
        return name.removeprefix(self._prefix).removesuffix(self._suffix) or name

    def _symbols(self, name: str) -> list[str]:
        """The characters that a piece begins as."""
        inside = bool(self._prefix) and name.startswith(self._prefix)
        text = list(self._bare(name))
        symbols = [(self._prefix if place or inside else "") + letter for place, letter in enumerate(text)]
        if self._suffix and name.endswith(self._suffix):
            symbols[-1] += self._suffix
        return symbols


class Unigram(TokenizerKind):
    """The most probable division into pieces (XLM-R, T5)."""

    def read_ids(self) -> dict[str, int]:
        """Ids are places in the list."""
        return {name: place for place, (name, _) in enumerate(self.model["vocab"])}

    def unknown(self) -> str | None:
        """Named by its place."""
        place = self.model.get("unk_id")
        return None if place is None else str(self.model["vocab"][place][0])

    def needed(self) -> set[int]:
        """Also the least probable piece: what is unknown is charged by its score."""
        scores = [score for _, score in self.model["vocab"]]
        return {*super().needed(), scores.index(min(scores))}

    def characters(self) -> set[str]:
        """Single characters, and pieces with one that is no piece itself."""
        single = {name for name in self.ids if len(name) == 1}
        return {name for name in self.ids if len(name) == 1 or not set(name) <= single}

    def prior(self) -> NDArray[np.float64]:
        """By the pieces' own probabilities; special pieces have the score 0 and are none."""
        return np.asarray([np.exp(score) if score < 0 else 0.0 for _, score in self.model["vocab"]])

    def cut(self, names: Sequence[str]) -> dict[str, Any]:
        """Scores go with their pieces."""
        unknown = self.unknown()
        return {
            **self.model,
            "vocab": [[name, self.model["vocab"][self.ids[name]][1]] for name in names],
            "unk_id": None if unknown is None else list(names).index(unknown),
        }


KINDS: Mapping[str, type[TokenizerKind]] = {"BPE": Bpe, "Unigram": Unigram, "WordPiece": WordPiece}
"""By `model.type` in `tokenizer.json`."""


def kind_of(document: Mapping[str, Any]) -> TokenizerKind:
    """The tokenizer's kind.

    Args:
        document: A `tokenizer.json`.

    Raises:
        UsageError: It is none of `KINDS`.
    """
    model = document.get("model") or {}
    if model.get("type") not in KINDS:
        raise UsageError(
            f"a tokenizer of the kind {model.get('type')!r} cannot be cut", hint=f"known are {', '.join(KINDS)}"
        )
    return KINDS[model["type"]](model)
