"""The kind of a question, told by its words: a share, a difference, a total, a change over time and so on.

After SBI-RAG ("SBI-RAG: Enhancing Math Word Problem Solving for Students through Schema-Based
Instruction and Retrieval-Augmented Generation", 2024): a word problem is first given its schema, which then chooses the
instruction. There a trained classifier does it, here lists of words, so that a reader can see why. English only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.text.words import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OTHER", "QUESTION_KINDS", "QuestionKind", "find_question_kinds", "question_kind"]

OTHER = "other"
_LONGEST = 4_000  # characters that are read
_WITHIN = r"[^.?!]{0,80}?"  # within one sentence, and bounded so that a long text costs no more than its length
# Listed, since "-er" and "-est" also end "water" and "interest".
_ADJECTIVES = (
    "higher|lower|larger|smaller|bigger|greater|older|younger|taller|shorter|longer|heavier|lighter|faster|slower|cheaper"
    "|later|earlier|further|farther|wider|deeper|stronger|weaker|closer|nearer|newer|richer|poorer"
)
_COMPARATIVE = rf"(?:more|fewer|less|{_ADJECTIVES}|better|worse)"
_SUPERLATIVE = rf"(?:{re.sub('er(?=[|]|$)', 'est', _ADJECTIVES)}|fewest|best|worst)"
_NUMBER = r"(?:\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|hundred|thousand|million)\b)"
_PERIOD = r"(?:year|quarter|month|week|day|hour)"

# By kind its schema of schema-based instruction, and its words. In order: of several kinds in one question the earlier
# is the main one, as its computation encloses the later ones ("the share of the total", "how many more").
_CUES: dict[str, tuple[str, str]] = {
    "multiple": (
        "multiplicative compare",
        rf"\btimes (?:as|{_COMPARATIVE}|the (?:number|amount|size))\b|\btwice\b|\bthrice\b"
        r"|\b(?:double|triple|half|a third|a quarter) (?:as|the (?:number|amount|size))\b",
    ),
    "change": (
        "change",
        r"\b(?:change|increase|decrease|decline)[sd]?\b|\b(?:changing|increasing|decreasing|declining)\b"
        r"|\b(?:grow|grows|grew|growth|growing|rose|risen|shrank)\b"
        r"|\b(?:fell|dropped|doubled|tripled|halved)\b|\btrends?\b|\bover time\b|\bover the (?:years|months|weeks)\b"
        rf"|\b{_PERIOD}[- ](?:over|on|to)[- ]{_PERIOD}\b|\b(?:gave|gives|give|took) away\b|\bused up\b"
        rf"|\b{_NUMBER}\w* more\b(?!{_WITHIN}\bthan\b)"
        # "Left" also is a direction, and what employees do with a company.
        rf"|\bhow (?:many|much)\b{_WITHIN}\b(?:left(?! (?:the|join|outer|side|hand|on|at|by)\b)|remain|remains|now)\b",
    ),
    "ratio": ("ratio", rf"\bratios?\b|\bfor every {_NUMBER}|\bout of every\b|\bin proportion to\b"),
    "share": (
        "ratio",
        r"%|\bper ?cent\b|\bpercentages?\b|\bproportions?\b(?! to\b)|\bfractions?\b|\bshares? of\b|\bmarket share\b",
    ),
    "difference": (
        "compare",
        rf"\bdifferences?\b|\bdiffers? by\b|\bby how (?:many|much)\b|\bhow (?:many|much) {_COMPARATIVE}\b"
        r"|\bgap between\b|\bminus\b|\bsubtract",
    ),
    "average": ("", r"\baverages?\b|\bavg\b|\bmean\b(?= \w)|\bmedian\b|\bon average\b"),
    "per-group": (
        "equal groups",
        rf"\beach\b(?! other\b)|\b(?:for|in|of|from) every\b(?! {_NUMBER})|(?<!\bas )\bper\b(?! ?cent\b)|\bequally\b"
        rf"|\bby {_PERIOD}\b|\bbroken down by\b|\bgroup(?:ed)? by\b|\bbreakdown\b",
    ),
    "comparison": (
        "compare",
        # "Than 5" is a condition on one quantity; a comparison has two.
        rf"\bcompar(?:e|es|ed|ing|ison)\b|\bversus\b|\bvs\b|\b{_COMPARATIVE}\b{_WITHIN}\bthan\b(?! (?:an? )?{_NUMBER})"
        rf"|\b(?:which|who|what)\b{_WITHIN}\b{_COMPARATIVE}\b{_WITHIN}\bor\b|\bas (?:many|much)\b{_WITHIN}\bas\b",
    ),
    "superlative": (
        "",
        rf"(?<!\bat )\b(?:most|least)\b|\b{_SUPERLATIVE}\b|\b(?:maximum|minimum|max|min)\b"
        rf"|\b(?:top|bottom|first|last) {_NUMBER}|\bthe top\b",
    ),
    "total": (
        "combine",
        r"\btotals?\b|\baltogether\b|\ball together\b|\bin all\b(?! \w)|\bsum\b|\bcombined\b|\boverall\b",
    ),
    "count": (
        "",
        rf"\bhow many\b(?! (?:{_COMPARATIVE}|times (?:as|{_COMPARATIVE})|percent)\b)"
        r"|\bnumber of\b|\bcounts? of\b|\bcount the\b",
    ),
    "list": (
        "",
        r"\b(?:list|show|display|print|enumerate|which)\b|\bgive (?:me )?(?:the|all)\b|\bnames? of\b|\bwhat are the\b",
    ),
}
QUESTION_KINDS: tuple[str, ...] = tuple(_CUES)
_PATTERNS = {kind: re.compile(pattern) for kind, (_, pattern) in _CUES.items()}
_QUOTED = re.compile(r"\"[^\"\n]{1,200}\"|(?<!\w)'[^'\n]{1,200}'(?!\w)")


@dataclass(frozen=True, slots=True)
class QuestionKind:
    """What a question asks for, and how that is known.

    Attributes:
        name: One of `QUESTION_KINDS`, or "other".
        schema: The schema of word problems: "change", "combine", "compare", "multiplicative compare", "equal groups"
            or "ratio"; "" for kinds that these have none for.
        cues: The folded words of the question that say so, each once, in order; () for "other".
    """

    name: str
    schema: str = ""
    cues: tuple[str, ...] = ()

    def __str__(self) -> str:
        """For people: 'share (ratio), by "percentage"'."""
        schema = f" ({self.schema})" if self.schema else ""
        return f"{self.name}{schema}" + (f', by "{", ".join(self.cues)}"' if self.cues else "")


def question_kind(question: str) -> QuestionKind:
    """The main kind of a question; "other" for an empty one and for one without any of the words.

    Raises:
        UsageError: It is not a text.
    """
    return find_question_kinds(question)[0]


def find_question_kinds(question: str) -> tuple[QuestionKind, ...]:
    """All kinds of a question, the main one first; never empty.

    Text in quotation marks is a name and not read, and nothing after 4,000 characters.

    Raises:
        UsageError: It is not a text.
    """
    if not isinstance(question, str):
        raise UsageError(f"the question is a {type(question).__name__}, not a text", where="question")
    # Typographic quotes are ASCII ones only after folding.
    text = " ".join(_QUOTED.sub(" _ ", fold(question[:_LONGEST])).split())
    return tuple(_find(text)) or (QuestionKind(OTHER),)


def _find(text: str) -> Iterator[QuestionKind]:
    for kind, pattern in _PATTERNS.items():
        cues = tuple(dict.fromkeys(match[0].strip() for match in pattern.finditer(text)))
        if cues:
            yield QuestionKind(kind, _CUES[kind][0], cues)
