"""What stands between a label and its value in running text: verbs, questions, fronted topics, hedges, appositions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import stem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .labels import LabelMatcher
    from .schema import RecordField

__all__ = [
    "BEFORE",
    "GAP",
    "PRONOUNS",
    "cut_next_value",
    "find_given",
    "is_aside",
    "list_verbs",
    "match_link",
    "sentence_start",
]

_THE = r"(?:(?:the|its|his|her|their|our|my|your|this|that|an?)\s)"
_BE = (
    r"(?:is|was|are|were|be|been|being|equals|becomes?|became|remains|remained|reads|says|totals|totall?ed|reached|"
    r"(?:is|was|are|were) (?:called|named|said to be)|"
    r"(?:would|will|should|must|may|might|could|has|have|had|seems? to|seemed to|appears? to|appeared to|happens? to|"
    r"happened to|turns? out to|turned out to) (?:be|been|have been|become)|"
    r"(?:(?:then|now|still|soon|later|once|currently) )?(?:stands|stood) at|"
    r"(?:comes|came|amounts|amounted|works|worked|runs|ran) (?:out )?(?:to|at)|goes by)"
)
_IT = r"(?:(?:it|that|this|these|those|they|he|she|there)(?:['’](?:s|re|d be|ll be)|\s" + _BE + ")"
_IT += (
    r"|(?:we|I|you|they|it|he|she)(?:['’](?:ve|d|s))?(?:\s(?:have|has|had|got|see|read|put|wrote|say|says|said)){1,2}"
    r"(?:\s(?:down|here))?)"
)
# What speakers put before a value; words that may be a part of one are not listed.
_HEDGE = (
    r"(?:(?:well|um+|uh+|erm?|hm+|oh|let me see|let['’]s see|I (?:think|believe|guess|suppose|would say)|I['’]d say|"
    r"you know|actually|apparently|probably|presumably|if I (?:remember|recall)(?: correctly| right)?)"
    r"(?:,|\.\.\.|…|:)?\s)"
)
_ASSENT = r"(?:(?:yes|yeah|sure|right|okay|ok),\s)"
_PLAIN = re.compile(
    r"(?:['’]s)?[\"'”*_`)]{0,3}\s{0,3}(?:\([^)\n]{1,30}\)\s)?(?P<link>[:=]\s?|[–—-]\s|"
    r"(?:(?:is|was|are|were|has been|had been|being|equals|of|at|"
    r"reads|stands at|came to|comes to|amounts to|amounted to|remains|remained|reached|totals|totaled|totalled|"
    r"(?:is |was |are )?(?:listed|recorded|given|registered|reported|stated|noted|shown|set|known) "
    r"(?:as|at|to|with)|as)\b))"
    r"\s{0,3}(?:(?:given as|listed as|recorded as|set to|equal to|about|approximately|around|roughly|exactly|now|"
    r"currently|only)\s)?",
    re.I,
)
# "the price of this one is", "the price here is", "the price, if I remember, is", "the price would be".
_TOLD = re.compile(
    r"(?:,\s(?:if|as|so|I|we|you|let|to|which|who|by|according|from|though|however|apparently|actually|again|of|at|for|"
    r"in|on)\b[^,;:.?!\n]{0,40},|\s(?:here|there|itself|in question|then|now|today|also)|"
    r"\s(?:of|for|in|on|at)\s(?:(?-i:the|this|that|it|them|which|whom)\b)[^,;:.?!\n]{0,30}?)?\s(?P<link>"
    + _BE
    + r")(?:,\s(?=\w+[^,\n]{0,20},)|\s)",
    re.I,
)
_TOPIC = re.compile(r"\s?(?:[,:–—-]|\.\.\.|…)\s" + _HEDGE + r"{0,2}(?P<link>" + _IT + r")\s", re.I)
# Only a label that opens its sentence is what "it" refers to: in "released in the country, it was" it is not.
_FRONT = (
    r"(?:(?:and|so|now|then|well|ok|okay|but|also|finally),?\s){0,2}(?:(?:as (?:for|to)|about|regarding|concerning|"
    r"considering|speaking of|talking about|when it comes to|with regard to|in terms of|on|for|what about)\s)?"
    rf"{_THE}?\Z"
)
_OPENING = re.compile(rf"(?:\A|[.!?…;:\n]\s*){_FRONT}", re.I)
# A point behind a single capital is taken for that of an initial, unless the next label opens a sentence there.
_NEXT = re.compile(rf"(?-i:(?:(?<=\s[A-Z])|(?<=\A[A-Z]))\.\s+(?=[A-Z])){_FRONT}", re.I)
_QUESTION = re.compile(
    r"(?P<link>(?:\s[^,;:.?!\n]{1,40})?\?)[\"”’]?\s{1,3}(?:[-–—]\s|\w{1,12}:\s)?"
    + _ASSENT
    + "?"
    + _HEDGE
    + r"{0,2}(?:"
    + _IT
    + r"\s)?",
    re.I,
)
_HEDGES = re.compile(_HEDGE + r"{1,3}(?:" + _IT + r"\s)?", re.I)
_AROUND = 60  # characters before a label in which its sentence's opening is looked for

GAP = re.compile(r"[\s-]{0,3}(?:of\s|in\s|\w{1,12}[\s-])?\Z", re.I)
BEFORE = re.compile(
    r"(?P<link>\s(?:is|was|are|were|being|remains|remained|becomes|became|has become|had become)|,"
    r"|\s(?:(?:is |was |are |were )?(?:serves?|served|counts?|given|listed|recorded|registered|noted|entered|known|"
    r"shown) as|(?:down )?(?:as|for|under))"
    r"|,?\s(?:that|this|which)(?:['’]s|\s(?:is|was|would be))"
    r"|\s(?:is|was)\s(?:what|the one)\s[^,;:.?!\n]{1,30}\s(?:for|as|under))\s" + _THE + r"?\Z",
    re.I,
)
# Verbs whose object is a value: "it has X as its name". In small letters, since "Used Cars" is a title.
_GIVING = re.compile(
    r"\b(?:have|has|had|having|got|puts?|noted|wrote|written|gave|gives?|given|lists?|listed|recorded|entered|shows?|"
    r"showed|uses?|used|with|chose|took|takes)\s(?:down\s)?"
)
_PARTS = re.compile(r"[,;]\s|[.!?]\s|\sand\s|\n")
_SENTENCE = re.compile(r"(?<!\b[A-Z])(?<!\b(?:Dr|Mr|Ms|St|No|vs))(?<!\b(?:Mrs|Rev|Gen))[.!?]\s+(?=[A-Z\d\"“])|\n")
# What stands in the place of a value and is none.
PRONOUNS = frozenset(
    [
        "it",
        "this",
        "that",
        "he",
        "she",
        "they",
        "what",
        "which",
        "who",
        "there",
        "these",
        "those",
        "i",
        "we",
        "you",
        "how",
        "when",
        "where",
    ]
)
_VERBS = {
    "born": ("birth", "birthdate", "birthday", "birthyear"), "died": ("death",), "weighs": ("weight",),
    "weighed": ("weight",), "costs": ("price",), "cost": ("price",), "founded": ("foundation", "founding"),
    "established": ("establishment", "foundation"), "aged": ("age",), "opened": ("opening",), "ended": ("end",),
    "began": ("start", "beginning"), "started": ("start", "beginning"),
}  # fmt: skip
_VERB_STEMS = {stem(verb): tuple(map(stem, nouns)) for verb, nouns in _VERBS.items()}


def match_link(text: str, start: int, end: int, stop: int) -> tuple[int, str] | None:
    """Where the value behind a label [start, end) begins, and the words between; None where nothing links them.

    Args:
        text: The text.
        start: Where the label begins.
        end: Where it ends.
        stop: Where the search ends.
    """
    found = _TOLD.match(text, end, stop) or _QUESTION.match(text, end, stop)
    if found is None and (found := _TOPIC.match(text, end, stop)):
        found = found if _OPENING.search(text, max(start - _AROUND, 0), start) else None
    found = found or _PLAIN.match(text, end, stop)
    if found is None:
        return None
    hedges = _HEDGES.match(text, found.end(), stop)
    return (hedges or found).end(), found["link"].strip().lower()


def is_aside(text: str, start: int, end: int) -> bool:
    """Whether [start, end) stands between commas, as the value in "the country, Chile, exports"."""
    return text[end : end + 2] == ", " and text[max(start - 2, 0) : start] == ", "


def find_given(part: str, link: str) -> tuple[int, int, float] | None:
    """The value that ends a part of a text, before words that link it to a label: start, end, and 0..1, how sure.

    Args:
        part: What stands before the link, back to the label before.
        link: The words of the link.
    """
    border = sentence_start(part)
    words = link.split()
    if words[-1] in ("as", "for", "under") and len(words) < 3:
        verbs = [*_GIVING.finditer(part, border)]
        start = verbs[-1].end() if verbs else -1
        sure = 0.8
    else:
        parts = [found.end() for found in _PARTS.finditer(part, border) if link == "being"]
        start, sure = (parts or [border])[-1], 0.6
    said = part[start:].removesuffix(" down") if start >= 0 else ""
    left = len(said) - len(said.lstrip())
    right = len(said.rstrip(" ,"))
    if left >= right or right > 100 or said[left:right].split()[0].lower() in PRONOUNS:
        return None
    return start + left, start + right, sure


def sentence_start(part: str) -> int:
    """Where the last sentence of a text begins."""
    return max((found.end() for found in _SENTENCE.finditer(part)), default=0)


def cut_next_value(said: str) -> str:
    """What is left of a value before the next label: of "M, Schultz being" before "its name" it is "M".

    The next label may follow its own value, or open its sentence ("F. When it comes to").
    """
    if opening := _NEXT.search(said, max(len(said) - _AROUND, 0)):
        return said[: opening.start() + 1]
    link = BEFORE.search(said)
    if link is None or link["link"] == ",":
        return said
    parts = [*_PARTS.finditer(said, 0, link.start())]
    return said[: parts[-1].start()] if parts else ""


def list_verbs(matcher: LabelMatcher, fields: Sequence[RecordField]) -> Iterator[tuple[str, int, float]]:
    """Stems of verbs that say what a noun of a label says ("born" for "birth date"), the field, and a weight.

    Only for numbers and dates: "born in" may name a day and a town.
    """
    for index, (variants, field) in enumerate(zip(matcher.variants, fields, strict=True)):
        if field.kind not in ("number", "integer", "date", "datetime"):
            continue
        own = {word for words, _ in variants for word in words}
        for verb, nouns in _VERB_STEMS.items():
            if not own.isdisjoint(nouns):
                yield verb, index, 0.85
