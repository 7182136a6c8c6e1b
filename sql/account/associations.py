"""Words of a question and the words of schema names that they may stand for: equal, joined, glued, related, near."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import stem

from ..generate.sketch.analysis import similar_words
from ..generate.sketch.generator import load_related
from ..generate.sketch.view import SchemaView
from ..linking.words import load_cues
from .lexicon import GENERIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ..generate.sketch.analysis import Token
    from ..schema.schema import Schema

__all__ = ["Prepared", "find_names", "sure_relations"]

_NEAR, _NEAR_WEIGHT = 0.65, 0.5  # cosine of word vectors, and what it is worth as a closeness
_KEY_ENDINGS, _KEY_WEIGHT = ("id", "no", "key", "num", "code"), 0.9
_SHORTEST_WRITTEN_IN, _WRITTEN_IN_WEIGHT = 4, 0.6
_SURE_RELATION = 0.65
_HINT_WEIGHT = 0.55  # "oldest" for a column of ages


@dataclass(frozen=True)
class Prepared:
    """A schema prepared for accounts of many questions; build it with `Prepared.of`.

    Attributes:
        view: Names cut to stems.
        stems: All stems of names, sorted.
        vectors: Of `stems`, float32 (n, d), unit length or zero.
        hinted: For a question's stem, the schema stems of the kinds of columns that it speaks of.
    """

    view: SchemaView
    stems: tuple[str, ...]
    vectors: NDArray[np.float32] = field(repr=False)
    hinted: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def of(cls, schema: Schema | SchemaView | Prepared) -> Prepared:
        """The prepared schema; one that is prepared already comes back as it is."""
        if isinstance(schema, Prepared):
            return schema
        view = schema if isinstance(schema, SchemaView) else SchemaView.of(schema)
        stems, cues = tuple(sorted(view.words)), load_cues()
        hinted: dict[str, set[str]] = {}
        for kind, own in cues.columns.items():
            held = own & view.words
            for word in cues.questions[kind] if held else ():
                hinted.setdefault(word, set()).update(held)
        return cls(view, stems, load_vectors().of(stems), {word: frozenset(some) for word, some in hinted.items()})


def find_names(tokens: Sequence[Token], prepared: Prepared) -> list[dict[str, float]]:
    """For each word the schema stems that it may stand for, with a closeness 0..1; 1.0 where it is written there."""
    view, related = prepared.view, sure_relations()
    found = [similar_words(tokens, place, view, related) for place in range(len(tokens))]
    for place in range(len(tokens) - 1):
        # The generator lets any word before "name" or "id" stand for a name that ends so; "name" itself has no more.
        if tokens[place].stem != tokens[place + 1].stem:
            found[place].pop(tokens[place + 1].stem, None)
        # "last name" for a column called lastname
        joined = stem(tokens[place].text + tokens[place + 1].text)
        if joined in view.words:
            found[place][joined] = found[place + 1][joined] = 1.0
    for token, names in zip(tokens, found, strict=True):
        if token.number is None and token.stem not in names:
            _add_related(token, names, prepared)
        for name, weight in _glued(token, view):
            names.setdefault(name, weight)
        if not names and len(token.stem) >= _SHORTEST_WRITTEN_IN and token.text not in GENERIC:
            names.update(dict.fromkeys(_written_in(token.stem, prepared), _WRITTEN_IN_WEIGHT))
    _add_near(tokens, found, prepared)
    return found


@lru_cache(maxsize=1)
def sure_relations() -> Mapping[str, Mapping[str, float]]:
    """The associations of the sketch generator but for the weak ones: "student" came to stand for a name."""
    return {
        word: sure
        for word, some in load_related().items()
        if (sure := {other: weight for other, weight in some.items() if weight >= _SURE_RELATION})
    }


def _add_related(token: Token, names: dict[str, float], prepared: Prepared) -> None:
    for word, weight in load_cues().related.get(token.stem, {}).items():
        if word in prepared.view.words:
            names[word] = max(weight, names.get(word, 0.0))
    for word in prepared.hinted.get(token.stem, ()):
        names.setdefault(word, _HINT_WEIGHT)


def _glued(token: Token, view: SchemaView) -> Iterator[tuple[str, float]]:
    """Names that are the word and "id" in one ("paperid" for "papers"), or end with it ("custname" for "name")."""
    for whole in (token.stem, token.text, token.text.removesuffix("s")):
        for ending in _KEY_ENDINGS:
            if stem(whole + ending) in view.words:
                yield stem(whole + ending), _KEY_WEIGHT
    for name, _ in view.endings.get(token.stem, ()):
        yield name, _WRITTEN_IN_WEIGHT


def _written_in(word: str, prepared: Prepared) -> list[str]:
    """Names that are glued together with the word: "sbtxprice" for "price"."""
    return [
        name for name in prepared.stems if name.endswith(word) or (len(word) > _SHORTEST_WRITTEN_IN and word in name)
    ]


def _add_near(tokens: Sequence[Token], found: list[dict[str, float]], prepared: Prepared) -> None:
    """Add the schema words that are near in meaning to words that nothing else explains."""
    left = [
        place
        for place, token in enumerate(tokens)
        if not found[place] and token.text not in GENERIC and token.number is None
    ]
    if not left or not prepared.stems:
        return
    close = load_vectors().of([tokens[place].stem for place in left]) @ prepared.vectors.T
    for row, column in zip(*np.nonzero(close >= _NEAR), strict=True):
        found[left[row]][prepared.stems[column]] = _NEAR_WEIGHT
