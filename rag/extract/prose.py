"""Values beside the labels of fields in running text: "the price is 3 EUR", "with a capacity of 500", "52 years old".

After Lou et al., Universal Information Extraction as Unified Semantic Matching, AAAI 2023 (arXiv:2301.03282): the
labels of the schema are matched with tokens of the text, and a label's token is linked to the span that says its value;
here by words and patterns in the place of a trained encoder.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, split_identifier, stem, word_spans

from .labels import compare_words
from .links import BEFORE, GAP, PRONOUNS, cut_next_value, find_given, is_aside, list_verbs, match_link, sentence_start
from .values import FoundValue, clean_text, find_typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .labels import LabelMatcher
    from .schema import RecordField

__all__ = ["Mention", "find_beside", "find_mentions"]

_REACH = 60  # characters between a label and a typed value that belongs to it
_LONGER = 0.3  # of score that a further word of a label outweighs
_BORDER = 0.75  # of score from which a label ends the value before it
_LONGEST = 200  # characters of a value that is no typed one
_LONGEST_WORD = 320  # characters; a float has up to 309 digits
_WORD_BEFORE, _WORD_BEHIND = re.compile(r"\S+\Z"), re.compile(r"\S+")
# Where a value of free text ends: behind a clause, or where the next part of a list begins.
_STOP = re.compile(
    r"[;\n|]|(?<!\b[A-Z])(?<!\b(?:Dr|Mr|Ms|St|No|vs))(?<!\b(?:Mrs|Rev|Gen|Col|Sgt|Hon|Sen|Rep|Gov))(?<!\bProf)"
    r"(?<!\bCapt)[.!?](?=\s+[A-Z(\"“]|\s*$)|\s[–—]\s"
    r"|,?\s(?:and|while|whereas|but|with|whose|which)\s(?=(?:the|its|his|her|their|an?)\b|$)"
    r"|,\s(?:while|whereas|but|whose|which|with|who|where)\b"
    # What speakers put behind a value.
    r"|,\s(?:I\s(?:think|believe|guess|suppose|mean)|you\sknow|by\sthe\sway|as\sfar\sas|if\sI|right|or\sso)\b"
    r"|\s(?:here|by\s(?:then|now)|at\s(?:the|that)\stime|so\sfar|as\swell)(?=[.,;!?]|\s*$)"
)
_LEAD = re.compile(
    r"[\s,;(]*(?:(?<![^\s,;(])(?:and|with|while|whereas|whose|which|has|have|had|also|plus|the|its|his|her|their|an?|where|under|by|"
    r"for|in|on|lists|list|shows|gives)\b[\s,;(]*)*\Z",
    re.I,
)
_ABBREVIATED = re.compile(r"(?:\.\w|\b(?:Inc|Ltd|Co|Jr|Sr|Corp|etc))\Z")
_LEAD_WORD = re.compile(r"(?:\b(?:the|its|his|her|their|an?|whose|with|and|has|of)|,)\s\Z", re.I)
_SENTENCE_END = re.compile(r"[.!?](?=\s+[A-Z])|\n\s*\n")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{1,200})[\"”]")
_NAME = re.compile(
    r"(?:[A-Z][\w'’.-]*|\d[\w.-]*)(?:(?:\s(?:of|the|de|van|von|and|&|la|du|in|for|on)){0,2}\s(?:[A-Z][\w'’.&-]*|\d[\w.-]*))*"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """Where a field's label stands: characters [start, end), and 0..1, how much of the label it is."""

    field: int
    start: int
    end: int
    score: float
    words: int = 1


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    stems: tuple[str, ...]


def find_mentions(text: str, matcher: LabelMatcher, fields: Sequence[RecordField]) -> list[Mention]:
    """Labels of fields in running text, by where they stand; of those that overlap the best, then the longest."""
    tokens = [
        _Token(start, end, tuple(map(stem, split_identifier(text[start:end])))) for start, end in word_spans(text)
    ]
    starts: defaultdict[str, list[tuple[int, tuple[str, ...], float]]] = defaultdict(list)
    for index, variants in enumerate(matcher.variants):
        for words, weight in variants:
            if not words:
                continue
            starts[words[0]].append((index, words, weight))
            if len(words) > 1:
                # Without its first word, which is often the name of the record ("singer name").
                starts[words[1]].append((index, words[1:], 0.8 * weight))
                starts[words[0]].append((index, words[:-1], 0.6 * weight))
    for verb, index, weight in list_verbs(matcher, fields):
        starts[verb].append((index, (verb,), weight))
    found: list[Mention] = []
    for at, token in enumerate(tokens):
        for first in dict.fromkeys(token.stems):
            for index, words, weight in starts.get(first, ()):
                end = _match_words(tokens, at, words)
                if end is not None:
                    found.append(Mention(index, token.start, end, weight, len(words)))
    return _without_overlaps(found)


def _match_words(tokens: Sequence[_Token], at: int, words: Sequence[str]) -> int | None:
    """Where the words end that begin at a token; stop words may stand between them ("date of birth")."""
    wanted, end, skipped = list(words), tokens[at].end, 0
    while wanted:
        if at >= len(tokens):
            return None
        token = tokens[at]
        if token.stems and _covers(token.stems, wanted):
            del wanted[: len(token.stems)]
            end, skipped = token.end, 0
        elif token.stems and token.stems[0] in STOP_WORDS and skipped < 2 and end > tokens[0].start:
            skipped += 1
        else:
            return None
        at += 1
    return end


def _covers(stems: tuple[str, ...], wanted: Sequence[str]) -> bool:
    return len(stems) <= len(wanted) and all(compare_words(*pair) >= 0.85 for pair in zip(stems, wanted, strict=False))


def _without_overlaps(found: list[Mention]) -> list[Mention]:
    kept: list[Mention] = []
    taken: set[int] = set()
    # One place may name two fields only where both fit it equally well.
    best: dict[tuple[int, int], float] = {}
    # "Section id" is no mention of "id", however well that fits.
    for mention in sorted(found, key=lambda one: (-one.score - _LONGER * one.words, one.start - one.end, one.start)):
        place = (mention.start, mention.end)
        if best.get(place) == mention.score or taken.isdisjoint(range(*place)):
            best[place] = mention.score
            taken.update(range(*place))
            kept.append(mention)
    return sorted(kept, key=lambda one: (one.start, -one.score))


def find_beside(
    text: str, mentions: Sequence[Mention], fields: Sequence[RecordField]
) -> Iterator[tuple[Mention, FoundValue, float]]:
    """For each mention the values beside it, each with 0..1, how sure the place is."""
    borders = [one.start for one in mentions if _is_border(text, one)]
    ends = [0, *sorted(one.end for one in mentions)]
    for mention in mentions:
        field = fields[mention.field]
        # What other labels stand at is no value of this one.
        place = bisect_left(borders, mention.end)
        following = borders[place] if place < len(borders) else len(text)
        before = ends[bisect_right(ends, mention.start) - 1]
        if field.kind in ("string", "object"):
            yield from ((mention, *entry) for entry in _find_free(text, mention, before, following))
        else:
            yield from ((mention, *entry) for entry in _find_beside_typed(text, mention, before, following, field))


def _is_border(text: str, mention: Mention) -> bool:
    """Whether a value ends before this label: it fits well, and stands where a label does."""
    if mention.score < _BORDER:
        return False
    return (
        match_link(text, mention.start, mention.end, len(text)) is not None
        or _LEAD_WORD.search(text, max(mention.start - 8, 0), mention.start) is not None
    )


def _find_beside_typed(
    text: str, mention: Mention, before: int, following: int, field: RecordField
) -> Iterator[tuple[FoundValue, float]]:
    stop = min(following, _word_end(text, mention.end + _REACH))
    link = match_link(text, mention.start, mention.end, stop)
    at = link[0] if link else mention.end
    stop = min(stop, _sentence_end(text, at))
    for found in find_typed(text, at, stop, field)[:1]:
        gap = found.start - at
        yield found, 0.95 if link and gap <= 4 else 0.8 if gap <= 3 else 0.6 if link or gap <= 20 else 0.45
    start = max(before, _word_start(text, mention.start - _REACH))
    behind = find_typed(text, start, mention.start, field)[-1:]
    for found in behind:
        between = text[found.end : mention.start]
        if GAP.fullmatch(between):
            yield found, 0.75 if between.strip() == "" else 0.65
        elif BEFORE.fullmatch(between):
            yield found, 0.85


def _word_start(text: str, at: int) -> int:
    """Where the word begins that a window from `at` would cut: a number without its sign is another number."""
    if at <= 0 or text[at].isspace():
        return max(at, 0)
    word = _WORD_BEFORE.search(text, max(at - _LONGEST_WORD, 0), at)
    return at if word is None else word.start()


def _word_end(text: str, at: int) -> int:
    """Where the word ends that a window up to `at` would cut."""
    if text[at - 1 : at].isspace():
        return at
    word = _WORD_BEHIND.match(text, at, at + _LONGEST_WORD)
    return at if word is None else word.end()


def _sentence_end(text: str, start: int) -> int:
    found = _SENTENCE_END.search(text, start, start + 4 * _REACH)
    return found.start() if found else start + 4 * _REACH


def _find_free(text: str, mention: Mention, before: int, following: int) -> Iterator[tuple[FoundValue, float]]:
    """A value of free text behind "LABEL is", quoted behind or before the label, or a name before "is the LABEL"."""
    stop = min(following, mention.end + _LONGEST)
    if link := match_link(text, mention.start, mention.end, stop):
        place = _bound_free(text, link[0], stop, cut_lead=following == stop)
        if place is not None:
            yield _as_found(text, *place), 0.9 if link[1] not in ("of", "as", "at") else 0.8
    else:
        yield from _find_behind(text, mention, stop, cut_lead=following == stop)
    start = max(before, mention.start - _LONGEST)
    if (found := BEFORE.search(text, start, mention.start)) is not None:
        yield from _find_before(text, start, found.start(), found["link"].strip().lower())


def _find_behind(text: str, mention: Mention, stop: int, *, cut_lead: bool) -> Iterator[tuple[FoundValue, float]]:
    """A value that no word links to the label before it: quoted, a name, or between commas."""
    at = mention.end + 1
    if quoted := _QUOTED.match(text, at, mention.end + _LONGEST):
        yield _as_found(text, *quoted.span(1)), 0.8
    elif text[at - 1 : at] == " " and (named := _NAME.match(text, at, stop)):
        place = _bound_free(text, named.start(), named.end(), cut_lead=cut_lead)
        if place is not None:
            yield _as_found(text, *place), 0.7
    elif _LEAD_WORD.search(text, max(mention.start - 8, 0), mention.start):
        named = _NAME.match(text, at + 1, stop)
        if named and is_aside(text, *named.span()):
            yield _as_found(text, *named.span()), 0.65


def _find_before(text: str, start: int, end: int, link: str) -> Iterator[tuple[FoundValue, float]]:
    """A value in [start, end) that ends where the words begin that link it to the label behind it."""
    part = text[start:end]
    quotes = [*_QUOTED.finditer(part)]
    if quotes and quotes[-1].end() == len(part):
        yield _as_found(text, start + quotes[-1].start(1), start + quotes[-1].end(1)), 0.85 if link != "," else 0.55
        return
    given = find_given(part, link) if link != "," else None
    names = [*_NAME.finditer(part, sentence_start(part))]
    named = names[-1] if names and names[-1].end() == len(part) and names[-1][0].lower() not in PRONOUNS else None
    # A name that begins inside a word is a part of a longer one ("A&SCI").
    whole = named is not None and part[max(named.start() - 1, 0) : named.start()].strip() in ("", "(", '"', "“", "'")
    if given is not None and given[2] >= 0.8:
        yield _as_found(text, start + given[0], start + given[1]), given[2]
    elif named is not None and (whole or given is None):
        yield _as_found(text, start + named.start(), end), 0.75 if link != "," else 0.55
    elif given is not None:
        yield _as_found(text, start + given[0], start + given[1]), given[2]


def _bound_free(text: str, start: int, stop: int, *, cut_lead: bool) -> tuple[int, int] | None:
    """Characters of the value that begins at `start`, up to the end of its clause or the next label."""
    if quoted := _QUOTED.match(text, start):
        return quoted.span(1)
    said = cut_next_value(text[start:stop]) if cut_lead else text[start:stop]
    if end := _STOP.search(said):
        said = said[: end.start()]
    elif cut_lead and (lead := _LEAD.search(said)):
        said = said[: lead.start()]
    said = said[: _find_closing(said)]
    left = len(said) - len(said.lstrip(" \t*_`\"'“"))
    right = len(said.rstrip(" \t,;:.*_`\"'”"))
    # "St. Louis Inc." keeps its point; that of a sentence goes.
    if right < len(said) and said[right] == "." and _ABBREVIATED.search(said, 0, right):
        right += 1
    return (start + left, start + right) if left < right else None


def _find_closing(said: str) -> int:
    """Where a bracket is closed that was opened before; the length where none is."""
    depth = 0
    for at, char in enumerate(said):
        depth += (char in "([") - (char in ")]")
        if depth < 0:
            return at
    return len(said)


def _as_found(text: str, start: int, end: int) -> FoundValue:
    return FoundValue(start, end, clean_text(text[start:end]))
