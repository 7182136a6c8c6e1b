"""Folding, word splitting and light stemming: the one place that decides when two strings are the same words.

Scorers, the schema linker, the value index and the sketch generator share it, so that a question and a column name are
cut in the same way. Everything works offline, on any script, and is safe on lone surrogates and NUL characters.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

__all__ = [
    "STOP_WORDS",
    "Folded",
    "fold",
    "fold_with_offsets",
    "join_hyphenated",
    "split_identifier",
    "stem",
    "terms",
    "terms_of_words",
    "word_spans",
    "words",
]

# Letters that carry no decomposition in Unicode, and typographic marks that stand for an ASCII one.
_LETTERS = {
    "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n",
    "’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-",
    "\u00ad": "", "\u200b": "", "\u2060": "", "\ufeff": "",
}  # fmt: skip
_ACCENTS = re.compile("[\u0300-\u036f]")
# Scripts written without spaces: kana, Han, Thai, Lao, Khmer, Burmese.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Python's \w leaves out combining marks, without which Indic words and Thai syllables fall apart.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0951-\u0957"
    "\u0981-\u0983\u09bc-\u09d7\u0a01-\u0a51\u0a70-\u0a83\u0abc-\u0ad7\u0b01-\u0b03\u0b3c-\u0b57\u0b82"
    "\u0bbe-\u0bd7\u0c00-\u0c04\u0c3c-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d57\u0d81-\u0d83"
    "\u0dca-\u0ddf\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u3099\u309a"
)
# Runs of letters, then of marks, and so on: a choice at each character would take 100 bytes each in one long word.
_WORD = re.compile(rf"[^\W_]+(?:[{_MARKS}]+[^\W_]*)*")
_ASCII_WORD = re.compile("[a-z0-9]+")
_ASCII_LETTERS = re.compile("[A-Za-z0-9]+")  # as `_WORD`, in half the time
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")
_LOWER, _UPPER = "a-zß-öø-ÿ", "A-ZÀ-ÖØ-Þ"
_HUMP = re.compile(
    rf"(?<=[{_LOWER}0-9])(?=[{_UPPER}])|(?<=[{_UPPER}])(?=[{_UPPER}][{_LOWER}])|(?<=[{_LOWER}{_UPPER}])(?=[0-9])"
)
_ONE_HUMP = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_DIGITS = "0123456789"
# The parts between which `_HUMP` cuts an ASCII word.
_ASCII_HUMPS = re.compile("[0-9]+[a-z]*|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_STOP = (
    "a about an and any are as at be been being but by can could did do does doing for from had has have having "
    "he her hers him his how i if in into is it its itself me my no nor not of off on or our ours out over own "
    "she should so some such than that the their theirs them then there these they this those through to too "
    "under until up very was we were what when where which while who whom whose why will with would you your "
    "yours s t "
)
_DIVIDED = re.compile("\u2010\\n[ \\t]*")
_CACHED = 64  # characters: longer words are no vocabulary, and would only fill the caches
_MOST_PARTS = 1 << 16  # texts between spaces of which the terms are remembered
STOP_WORDS = frozenset(_STOP.split())


class _FoldTable(dict[int, str]):
    """Translation table that works out each character once, when it is first met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = "".join(_LETTERS.get(part, part) for part in unicodedata.normalize("NFKD", char).casefold())
        plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain))
        self[code] = unicodedata.normalize("NFC", "".join(_LETTERS.get(part, part) for part in plain))
        return self[code]


_FOLD = _FoldTable()


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text that remembers where it came from.

    Attributes:
        text: The folded text, equal to `fold(source)`.
        starts: For each folded character the index of its source character, then the length of the source:
            len(text) + 1 numbers, never falling.
    """

    text: str
    starts: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Source characters [a, b) that folded to [start, end); accents that folded away stay with their letter."""
        if start >= end:
            return self.starts[start], self.starts[start]
        last = self.starts[end - 1]
        later = (position for position in self.starts[end:] if position > last)
        return self.starts[start], next(later, self.starts[-1])


def fold(text: str) -> str:
    """`text` without the differences that people overlook: case, accents, ligatures, width and style of characters.

    "São Paulo" becomes "sao paulo", "Łódź" "lodz", "Straße" "strasse", "ＥＵＲ" "eur". White space and punctuation stay
    (typographic quotes and dashes become ASCII ones), so the length may change. Folding twice changes nothing.
    """
    if text.isascii():
        return text.lower()
    folded = text.translate(_FOLD)
    return folded if unicodedata.is_normalized("NFC", folded) else unicodedata.normalize("NFC", folded)


def fold_with_offsets(text: str) -> Folded:
    """`fold(text)` with the way back from each of its characters to the source."""
    if text.isascii():
        return Folded(text.lower(), tuple(range(len(text) + 1)))
    parts: list[tuple[int, str]] = []
    for index, char in enumerate(text):
        piece = _FOLD[ord(char)]
        if not piece:
            continue
        if parts and not piece.isascii():
            start, before = parts[-1]
            joined = unicodedata.normalize("NFC", before + piece)
            if joined != before + piece:
                parts[-1] = (start, joined)
                continue
        parts.append((index, piece))
    starts = [start for start, piece in parts for _ in piece]
    return Folded("".join(piece for _, piece in parts), (*starts, len(text)))


def word_spans(text: str) -> list[tuple[int, int]]:
    """Characters [start, end) of every word in `text`: maximal runs of letters, digits and their marks."""
    return [match.span() for match in _WORD.finditer(text)]


def split_identifier(name: str) -> list[str]:
    """The folded words of a name: "customerID" gives customer, id; "GDP_per-capita10" gives gdp, per, capita, 10."""
    return _plain_words(_HUMP.sub(" ", name))


def words(text: str) -> list[str]:
    """The folded words of `text` in order; identifiers inside it are split, unspaced scripts become character pairs."""
    return split_identifier(text)


def join_hyphenated(text: str) -> str:
    """`text` with the words whole that a typesetter divided at the end of a line, as man pages have them.

    Only the typographic hyphen (U+2010) is taken for such a mark: an ASCII one may be a part of the word.
    """
    return _DIVIDED.sub("", text)


def terms(text: str) -> list[str]:
    """What a lexical scorer counts: stemmed words without stop words; a split identifier also counts as a whole.

    A text of nothing but stop words keeps them, so that a question such as "Who is it?" still says something.
    """
    if "\u2010" in text:
        text = join_hyphenated(text)
    if len(text) <= _CACHED:
        return _terms_of_part(text)
    # No word goes over white space, and most of what stands between two spaces comes again in a long text.
    return [*chain.from_iterable(map(_PARTS.__getitem__, text.split()))] or _terms_of_part(text)


class _Parts(dict[str, tuple[str, ...]]):
    """The telling terms of what stands between two spaces, worked out when it is first met."""

    def __missing__(self, part: str) -> tuple[str, ...]:
        found = tuple(term for telling, _ in _find_stems(part) for term in telling)
        if len(part) <= _CACHED:
            # The next text may have other words: a full table starts anew, so that it does not stay full of old ones.
            if len(self) >= _MOST_PARTS:
                self.clear()
            self[part] = found
        return found


_PARTS = _Parts()


def _terms_of_part(text: str) -> list[str]:
    found = _find_stems(text)
    telling = [term for stems, _ in found for term in stems]
    return telling or [term for _, stems in found for term in stems]


def _find_stems(text: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """For each word of `text` what `_stems` gives."""
    words = (_ASCII_LETTERS if text.isascii() else _WORD).findall(text)
    if len(text) <= _CACHED:
        return [*map(_stems, words)]
    return [_stems(word) if len(word) <= _CACHED else _stems.__wrapped__(word) for word in words]


def terms_of_words(texts: list[str]) -> list[tuple[str, ...]] | None:
    """The `terms` of each of many texts, each once, where each is one word that is not likely to come again; else None.

    Words that do come again are cheaper one by one, since their terms are remembered.
    """
    if not all(map(str.isalnum, texts)) and _WORD.findall("\n".join(texts)) != texts:
        return None
    heads: dict[str, tuple[str, tuple[str, ...]] | None] = {}
    found: list[tuple[str, ...]] = []
    for text in texts:
        head = text.rstrip(_DIGITS)
        if not head:
            found.append((text,))
        elif len(head) == len(text) or len(text) > _CACHED:
            found.append(_terms_of_word(text))
        else:
            # Large tables are full of names with a number; the terms of the name are the same for all its numbers.
            if head not in heads:
                heads[head] = _before_number(head)
            if (known := heads[head]) is None:
                found.append(_terms_of_word(text))
                continue
            whole, stems = known
            number = text[len(head) :]
            found.append((text if whole == head else whole + number, *stems, number))
    return found


def _before_number(head: str) -> tuple[str, tuple[str, ...]] | None:
    """The folded head and the telling stems of words that are `head` and a number, whose terms are then the word, these
    stems and the number; None where they may be others, or a term may come twice."""
    numbered = _numbered(head)
    if numbered is None or not numbered[0]:
        return None
    whole, (stems, _) = numbered
    held = any(char.isdigit() for stem in stems for char in stem)
    return None if held or len(stems) > len({*stems}) else (whole, stems)


def _terms_of_word(word: str) -> tuple[str, ...]:
    telling, stems = _stems.__wrapped__(word)
    found: tuple[str, ...] = telling or stems
    return found if len(found) == len({*found}) else tuple(dict.fromkeys(found))


def stem(word: str) -> str:
    """A folded English word without its commonest endings; other words and numbers come back as they are.

    Made for matching, not for reading: "studies" and "study" meet in "study", "populated" and "population" do not meet.
    """
    if len(word) < 4 or len(word) > _CACHED or not word.isascii() or not word.isalpha():
        return word
    return _stem(word)


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    word = _singular(word)
    for ending in ("ing", "ed"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) > 2 and re.search("[aeiouy]", root):
            return _undouble(root)
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _undouble(root: str) -> str:
    if root[-1] == root[-2] and root[-1] not in "lsz":
        return root[:-1]
    return root[:-1] if root.endswith("e") and len(root) > 4 else root


def _plain_words(text: str) -> list[str]:
    folded = fold(text)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return [piece for word in _WORD.findall(folded) for piece in _pairs(word)]


@lru_cache(maxsize=65536)
def _stems(word: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The stems of a word's forms that are no stop words, and those of all its forms."""
    # Large contexts are full of names with a number, each met once: what is the same for all numbers is cached.
    head = word.rstrip(_DIGITS)
    if len(head) < len(word) <= _CACHED and (numbered := _numbered(head)) is not None:
        return _with_number(*numbered, word=word, number=word[len(head) :])
    if word.isascii():  # as below, in a fraction of the time
        forms, whole = [form.lower() for form in _ASCII_HUMPS.findall(word)], word.lower()
    else:
        forms, whole = split_identifier(word), fold(word)
    if len(forms) > 1 and (word.isascii() or not _UNSPACED_RUN.search(whole)):
        forms.insert(0, whole)
    return _telling(forms)


def _telling(forms: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The stems of the forms that are no stop words, and those of all."""
    stems = tuple(map(stem, forms))
    if STOP_WORDS.isdisjoint(forms):  # as most words are; the pair then holds one tuple twice
        return stems, stems
    return tuple(stem for form, stem in zip(forms, stems, strict=True) if form not in STOP_WORDS), stems


@lru_cache(maxsize=16384)
def _numbered(head: str) -> tuple[str, tuple[tuple[str, ...], tuple[str, ...]]] | None:
    """Of a word that ends with ASCII digits what stands before them, folded, or "" where that counts by its parts
    alone; and the stems of those parts, as `_stems` gives them. None for one that may be cut otherwise with the digits
    than without."""
    if not head:
        return "", ((), ())
    if head.isascii():
        return (head.lower(), _stems.__wrapped__(head)) if _ONE_HUMP.fullmatch(head) else None
    parts = split_identifier(head)
    if not _UNSPACED_RUN.fullmatch(parts[-1][-1:] if parts else ""):
        return None
    return "", _telling(parts)


def _with_number(
    whole: str, parts: tuple[tuple[str, ...], tuple[str, ...]], *, word: str, number: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What `_stems` gives for a word that ends with a number; no stop word holds a digit."""
    named = whole + number
    first = () if not whole else (word,) if named == word else (named,)  # one object for both takes less memory
    telling, stems = parts
    found = (*first, *stems, number)
    return (found, found) if telling is stems else ((*first, *telling, number), found)


def _pairs(word: str) -> list[str]:
    """`word` itself, or the overlapping character pairs of its runs in scripts written without spaces."""
    if word.isascii() or not _UNSPACED_RUN.search(word):
        return [word]
    pieces: list[str] = []
    end = 0
    for match in _UNSPACED_RUN.finditer(word):
        pieces += [word[end : match.start()]] if match.start() > end else []
        run, end = match.group(), match.end()
        pieces += [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    return [*pieces, word[end:]] if end < len(word) else pieces
