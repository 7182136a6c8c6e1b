"""Which words of a question the texts and numbers of a query come from; days are in `periods`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from ctxprune.text.words import stem, words

from .lexicon import is_opposite

if TYPE_CHECKING:
    from .parts import Literal
    from .question import Asked, Word

__all__ = ["find_literal"]

_TYPO = 84.0  # similarity as rapidfuzz gives it from which two texts are the same with a typo
_ALIKE_START = 4  # letters in which "French" and "France" agree
_DIGITS, _LONGEST_OFFSET = re.compile(r"\d{1,6}"), 20
_OFF_BY_ONE = {">": -1.0, ">=": 1.0, "<": 1.0, "<=": -1.0}
_EXACT = 1e-9


def find_literal(asked: Asked, literal: Literal) -> list[int]:
    """Positions of the words that one literal comes from; [] where no word says it."""
    if literal.number is not None:
        found = [place for place, word in enumerate(asked.words) if _same_number(asked, place, word, literal)]
        if found or literal.op == "limit":
            return found
    elif literal.op == "" and len(literal.text) <= _LONGEST_OFFSET:
        # date('now', '-30 days')
        numbers = {float(number) for number in _DIGITS.findall(literal.text)}
        return [place for place, word in enumerate(asked.words) if word.number in numbers]
    return _find_text(asked, literal)


def _same_number(asked: Asked, place: int, word: Word, literal: Literal) -> bool:
    if word.number is None or literal.number is None:
        return False
    if literal.op in {"limit", ""}:
        # A year is no number of rows, whatever the order of the words.
        return word.number == literal.number and not (word.year and literal.op == "limit")
    if abs(word.number - literal.number) < _EXACT:
        return True
    # "at least 3" is > 2 of whole numbers
    near = word.number + _OFF_BY_ONE.get(literal.op, 0.0)
    if float(word.number).is_integer() and literal.number == near:
        return True
    after = asked.question[word.token.end : word.token.end + 2].strip()
    percent = after.startswith("%") or asked.text(place + 1).startswith("percent")
    return percent and abs(word.number / 100 - literal.number) < _EXACT


def _find_text(asked: Asked, literal: Literal) -> list[int]:
    text = literal.text.strip("%_ ")
    wanted = words(text)
    if not wanted:
        return []
    found = (
        _as_written(asked, wanted)
        or _as_hit(asked, wanted, literal)
        or _nearby(asked, wanted)
        or _with_typo(asked, wanted)
        or _as_start(asked, wanted)
    )
    # "inactive" is spelt much like 'active'.
    return [place for place in found if not any(is_opposite(asked.text(place), one) for one in wanted)]


def _as_written(asked: Asked, wanted: list[str]) -> list[int]:
    """Every place where the words of the text stand side by side, up to plural and case."""
    flat, size = asked.flat, len(wanted)
    stems = [stem(word) for word in wanted]
    found: list[int] = []
    for start in range(len(flat) - size + 1):
        if all(stem(flat[start + k][0]) == stems[k] for k in range(size)):
            found += [flat[start + k][1] for k in range(size)]
    # Letters of patterns stand alone, but "a" and "i" are also words.
    alone = size == 1 and wanted[0] in {"a", "i"}
    return [place for place in found if asked.words[place].literal or asked.tokens[place].capital] if alone else found


def _as_hit(asked: Asked, wanted: list[str], literal: Literal) -> list[int]:
    """Words that the value index took for this stored text ("LA" for "Los Angeles")."""
    columns = set(literal.columns)
    hits = [(places, hit) for places, hit in asked.hits if words(hit.value) == wanted]
    own = [(places, hit) for places, hit in hits if hit.ref in columns]
    best = max(own or hits, key=lambda one: (one[1].score, one[1].likelihood), default=None)
    return list(best[0]) if best is not None else []


def _nearby(asked: Asked, wanted: list[str]) -> list[int]:
    """All words of the text within a few words of another ("division is not 1" for 'Division 1')."""
    stems = {stem(word) for word in wanted}
    found = [(stem(part), place) for part, place in asked.flat if stem(part) in stems]
    places = list(dict.fromkeys(place for _, place in found))
    if len(wanted) < 2 or not places or {part for part, _ in found} != stems:
        return []
    return places if places[-1] - places[0] <= len(wanted) + 3 else []


def _with_typo(asked: Asked, wanted: list[str]) -> list[int]:
    folded = " ".join(wanted)
    if len(folded) < _ALIKE_START:
        return []
    best, found = _TYPO, list[int]()
    for size in sorted({max(len(wanted) - 1, 1), len(wanted), len(wanted) + 1}):
        for start in range(len(asked.tokens) - size + 1):
            if asked.words[start].generic and asked.words[start + size - 1].generic:
                continue
            said = " ".join(token.text for token in asked.tokens[start : start + size])
            close = fuzz.ratio(folded, said, score_cutoff=best)
            if close >= best:
                # The same words may stand twice.
                found = [*(found if close == best else ()), *range(start, start + size)]
                best = close
    return found


def _as_start(asked: Asked, wanted: list[str]) -> list[int]:
    """Codes and forms of a word: 'F' for "female", 'France' for "French"; initials of several ("NYC")."""
    if len(wanted) > 1:
        initials = "".join(word[0] for word in wanted)
        return [place for place, word in enumerate(asked.words) if word.text == initials]
    return [
        place
        for place, word in enumerate(asked.words)
        if not word.generic and word.number is None and _begins_alike(wanted[0], word)
    ]


def _begins_alike(short: str, word: Word) -> bool:
    same = 0
    for one, other in zip(short, word.text, strict=False):
        if one != other:
            break
        same += 1
    if same == len(short) <= 3:
        return len(word.text) > len(short) and not word.exact
    return same >= _ALIKE_START and same >= 0.6 * max(len(short), len(word.text)) - 1
