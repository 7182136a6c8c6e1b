"""Which values a question names: stored ones, words that come from them, quoted texts and names that are not stored."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxprune.text.words import STOP_WORDS, fold

from ....values.dates import MONTHS
from ....values.spans import COMMON_WORDS
from .booleans import truth_values, without_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ....schema.hits import ValueHit
    from ....schema.schema import ColumnRef
    from .inputs import Inputs

__all__ = ["Named", "Place", "find_quoted", "find_values"]

_QUOTED = re.compile(
    r"\"([^\"\n]{1,200})\"|(?<!\w)'([^'\n]{1,200})'(?!\w)|“([^”\n]{1,200})”|‘([^’\n]{1,200})’|`([^`\n]{1,200})`"
)
_LEADS = re.compile(r"\b(?:in|from|at|by|named|called|titled|of|for|is|are|to|with|the)\s+$")
_GENDERS = {"F": ("female", "females", "women", "woman", "girl", "girls"), "M": ("male", "males", "men", "man", "boys")}
_SPELT = frozenset({"exact", "folded", "synonym"})
_LEAST_LIKELY = 0.05
_FEW, _SHORT = 14, 30
_SMALL = COMMON_WORDS | {"all", "none", "several", "together", "same"}


class Place(NamedTuple):
    """A column's stored text that a value may mean, how likely, whether it may be shown, and whether it is spelt so."""

    value: str
    closeness: float
    masked: bool = False
    spelt: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """A value that characters [start, end) name, and the columns that store it with their stored texts and scores."""

    start: int
    end: int
    places: dict[ColumnRef, Place]
    stored: bool = True


def find_values(inputs: Inputs, taken: Sequence[tuple[int, int]]) -> list[Named]:
    """The values that a question names outside of the spans in `taken`, in its order."""
    named = [*_hits(inputs, taken)]
    spans = [(one.start, one.end) for one in named]
    named += [one for one in (*_derived(inputs), *_genders(inputs)) if _free(one, [*spans, *taken])]
    named += [one for one in _quoted(inputs, named) if _free(one, taken)]
    spans = [(one.start, one.end) for one in named]
    named += [one for one in _capitals(inputs) if _free(one, [*spans, *taken])]
    named.sort(key=lambda one: one.start)
    return named


def find_quoted(text: str) -> list[tuple[int, int, str]]:
    """Quoted texts: characters [start, end) with the marks, and what stands between these."""
    found = []
    for match in _QUOTED.finditer(text):
        inside = next(group for group in match.groups() if group is not None).strip()
        if inside:
            found.append((match.start(), match.end(), inside))
    return found


def _free(one: Named, spans: Sequence[tuple[int, int]]) -> bool:
    return all(one.end <= start or end <= one.start for start, end in spans)


def _hits(inputs: Inputs, taken: Sequence[tuple[int, int]]) -> Iterator[Named]:
    """The hits by span; a long or close one silences those inside it."""
    groups: dict[tuple[int, int], dict[ColumnRef, ValueHit]] = defaultdict(dict)
    for hit in inputs.hits:
        ref = inputs.view.known(hit.ref)
        start, end = hit.span
        # Spans beyond the question belong to the evidence.
        # Columns of yes and no, which have a reader of their own, are found by their names.
        letter = hit.span[1] - hit.span[0] == 1 and hit.value == inputs.question[hit.span[0] : hit.span[1]] != "I"
        if ref is None or hit.stage == "column" or (hit.likelihood < _LEAST_LIKELY and not letter):
            continue
        if end > len(inputs.text) or start >= end:
            continue
        start, end = _trimmed(inputs, start, end, hit.value)
        before = groups[start, end].get(ref)
        if before is None or (hit.score, hit.likelihood) > (before.score, before.likelihood):
            groups[start, end][ref] = hit
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(groups, key=lambda span: (-_rank(span, groups[span].values()), span)):
        words = [token.text for token in inputs.tokens if token.start < end and token.end > start]
        if (
            not words
            or not _telling(inputs, start, words)
            or _is_number(inputs, (start, end), groups[start, end])
            or any(a < end and start < b for a, b in (*chosen, *taken))
        ):
            continue
        chosen.append((start, end))
        places = {
            ref: Place(
                hit.value,
                0.5 * hit.score + 0.5 * hit.likelihood,
                hit.masked,
                hit.stage in _SPELT or fold(inputs.question[start:end]) == fold(hit.value),
            )
            for ref, hit in groups[start, end].items()
            if truth_values(inputs, inputs.view.index[ref]) is None
        }
        # "unpaid" is found as a misspelt "paid", which it denies.
        bare = without_prefix(words[0]) if len(words) == 1 else ""
        denied = {ref: place for ref, place in places.items() if bare and fold(place.value) == bare}
        kept = {ref: place for ref, place in places.items() if ref not in denied}
        if kept or denied:
            yield Named(start, end, kept or denied, stored=bool(kept))


def _trimmed(inputs: Inputs, start: int, end: int, value: str) -> tuple[int, int]:
    """The span without a word at an end that the value does not hold: "got cancelled" is "cancelled"."""
    words = [token for token in inputs.tokens if token.start >= start and token.end <= end]
    named = {at for places in inputs.named_tables.values() for at, _ in places}
    # "the Computer Science program" keeps the word for what it is.
    kind = bool(words) and inputs.tokens.index(words[-1]) in named
    for part in (words[1:], [] if kind else words[:-1]):
        if part and fold(inputs.question[part[0].start : part[-1].end]) == fold(value):
            return part[0].start, part[-1].end
    return start, end


def _is_number(inputs: Inputs, span: tuple[int, int], hits: dict[ColumnRef, ValueHit]) -> bool:
    """A number is compared as one, unless a text of just these digits is stored."""
    surface = inputs.question[span[0] : span[1]]
    return surface.replace(",", "").isdigit() and all(hit.value != surface for hit in hits.values())


def _rank(span: tuple[int, int], hits: Any) -> float:
    best = max(hits, key=lambda hit: hit.score + hit.likelihood)
    return (span[1] - span[0]) / 10 + 2.0 * float(best.score) + 2.0 * float(best.likelihood)


def _telling(inputs: Inputs, start: int, words: list[str]) -> bool:
    """Small words are stored somewhere in every database; a single capital may be a grade or a gender."""
    if len(words) == 2 and inputs.question[start + len(words[0]) : start + len(words[0]) + 1] == "-":
        return True  # "no-show" is one word
    if all(word in STOP_WORDS for word in words):
        surface = inputs.question[start : start + len(words[0])]
        # "IT" in capitals is a name, unless all of the question is.
        return len(words) == 1 and surface.isupper() and start > 0 and not inputs.question.isupper()
    # "more" and "all" are stored somewhere, too; only capitals make a name of them.
    return not all(word in _SMALL for word in words) or inputs.question[start].isupper()


def _derived(inputs: Inputs) -> Iterator[Named]:
    """Words that come from a stored text of few ("successful" of "success", "unpaid" of "paid")."""
    texts: dict[str, dict[ColumnRef, str]] = defaultdict(dict)
    for number, facts in enumerate(inputs.view.columns):
        stored = inputs.stored(number)
        if facts.kind == "id" or not 2 <= len(stored) <= _FEW or truth_values(inputs, number) is not None:
            continue
        for value in stored:
            if isinstance(value, str) and 4 <= len(value) <= _SHORT and value.replace("_", "").isalpha():
                texts[fold(value)][facts.ref] = value
    for token in inputs.tokens:
        if token.text in STOP_WORDS or token.number is not None or len(token.text) < 5:
            continue
        for text, places in texts.items():
            if _comes_from(token.text, text):
                yield Named(token.start, token.end, {ref: Place(value, 0.6) for ref, value in places.items()})
                break
        else:
            bare = without_prefix(token.text)
            if bare in texts and token.text not in texts:
                # The span leaves the prefix out, so that it reads as a negation.
                yield Named(
                    token.start, token.end, {ref: Place(value, 0.6) for ref, value in texts[bare].items()}, False
                )


def _genders(inputs: Inputs) -> Iterator[Named]:
    """ "female" of a column that stores F."""
    columns = [n for n in range(len(inputs.view.columns)) if not {"sex", "gender"}.isdisjoint(inputs.parts[n])]
    for token in inputs.tokens if columns else ():
        letter = next((letter for letter, words in _GENDERS.items() if token.text in words), "")
        places = {
            inputs.facts(number).ref: Place(str(value), 0.6)
            for number in columns
            for value in inputs.stored(number)
            if letter and str(value).upper() == letter
        }
        if places:
            yield Named(token.start, token.end, places)


def _comes_from(word: str, text: str) -> bool:
    short, long = sorted((word, text), key=len)
    root = short[:-1] if short[-1] in "ey" else short
    return len(root) >= 4 and long.startswith(root) and len(long) - len(root) <= 4 and not word.endswith("ity")


def _quoted(inputs: Inputs, named: list[Named]) -> Iterator[Named]:
    """Quoted texts that no column stores as they are; hits inside them are dropped."""
    for start, end, inside in find_quoted(inputs.question[: len(inputs.text)]):
        within = [one for one in named if start <= one.start and one.end <= end]
        whole = [one for one in within if any(fold(v) == fold(inside) for v, *_ in one.places.values())]
        if whole:
            continue
        for one in within:
            named.remove(one)
        yield Named(start, end, _likely(inputs, start, inside), stored=False)


def _capitals(inputs: Inputs) -> Iterator[Named]:
    """Runs of capitalised words after the first word that name nothing in the schema and are not stored."""
    position = 1
    tokens = inputs.tokens
    named = {place for places in inputs.named_tables.values() for place, share in places if share >= 0.3}
    while position < len(tokens):
        last = position
        while last < len(tokens) and tokens[last].capital and tokens[last].number is None and last not in named:
            last += 1
        words = tokens[position:last]
        sentence = bool(words) and re.search(r"[.?!:]\s*$", inputs.question[: words[0].start]) is not None
        if words and not sentence and not all(word.text in STOP_WORDS or len(word.text) < 3 for word in words):
            text = inputs.question[words[0].start : words[-1].end]
            shouted = inputs.question.isupper()
            columns = any(
                inputs.fits(k, n) >= 0.5 for k in range(position, last) for n in range(len(inputs.view.columns))
            )
            # Letters alone are an abbreviation of the asker's own rather than a name.
            led = _LEADS.search(inputs.text[: words[0].start]) is not None or position - 1 in named
            month = words[0].text in MONTHS
            if not shouted and not columns and not month and led and not (text.isupper() and len(text) <= 5):
                yield Named(words[0].start, words[-1].end, _likely(inputs, words[0].start, text), stored=False)
        position = max(last, position + 1)


def _likely(inputs: Inputs, start: int, text: str) -> dict[ColumnRef, Place]:
    """Columns of texts that a name which is not stored may be looked for in: named nearby, or readable names."""
    first, _ = inputs.covered(start, start + len(text))
    found = {}
    for number, facts in enumerate(inputs.view.columns):
        if facts.kind != "text" or truth_values(inputs, number) is not None:
            continue
        near = inputs.near(number, first, first + 1, window=4)
        if facts.foreign and near < 0.5:
            continue
        label = 0.3 * inputs.spoken(facts.table, first) if number in inputs.labels else 0.0
        # "the song 'Badlands'": the readable name of what the word before it names.
        beside = any(place == first - 1 for place, _ in inputs.named_tables.get(facts.table, ()))
        label += 0.3 if label and beside else 0.0
        if near >= 0.3 or label >= 0.15:
            found[facts.ref] = Place(text, min(0.6, 0.15 + 0.2 * near + label))
    return found
