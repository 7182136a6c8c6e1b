"""Terms that come with a question: "margin = price - cost", "VIP means tier = 'gold'", "exclude cancelled orders"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ctxprune.text.words import fold, stem

from .conditions import Option
from .conditions.build import negate
from .definitions import Replacement
from .formula_names import name_stems
from .formulas import read_formula, read_test
from .plan import has_aggregate, tables_of
from .term import Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

    from .conditions import Clause
    from .term import Topic
    from .terms import Terms

    Conditions = Callable[[str, int, int], list[Clause]]

__all__ = ["Knowledge", "Sentence", "find_name", "read_knowledge"]

_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\s*\n\s*|\s*;\s*")
_DEFINES = re.compile(
    r"^\W*(?:(?:the|an?|term|note:|where)\s+)*(?P<name>[^\s=:<>()][^=:<>()\n]{0,60}?)\s*(?:\(\s*(?P<short>[^()\n]{1,60})\)\s*)?"
    r"(?P<verb>==?|:|\bmeans?\b|\brefers?\s+to\b|\bstands?\s+for\b|\bdenotes?\b|"
    r"\b(?:is|are)\s+(?:defined|calculated|computed|measured|understood)\s+(?:as|by)\b|\bis\b|\bare\b)\s*(?P<body>\S.{1,298}?)\s*\.?\s*$",
    re.IGNORECASE,
)
_QUOTES = "\"'“”‘’` "
_ONES = re.compile(
    r"^(?:(?:an?|any|the|every|each|all)\s+)?(?:ones?|those|that|such|someone|anyone|people|(?P<noun>[^\W\d_]+))\s+"
    r"(?=(?:over|under|above|below|with|without|who|whose|that|which|in|from|of|after|before|since|at|more|less|on)\b)",
    re.IGNORECASE,
)
_QUOTIENT = re.compile(
    r"^\(?\s*(?P<top>[^/÷]{3,120}?)\s*(?:/|÷|\bdivided\s+by\b)\s*(?P<bottom>[^/÷()]{3,120}?)\s*\)?\s*"
    r"(?P<percent>(?:\*|×|times|multiplied\s+by)\s*100(?:\.0)?)?\s*%?\s*$",
    re.IGNORECASE,
)
_IF = re.compile(
    r"^\W*(?:an?|any|the|every)\s+(?P<subject>(?:[^\W\d_]+\s+){1,3}?)(?:(?:is|are)\s+(?:called|considered)(?:\s+as)?|is|are|counts?\s+as)\s+(?:an?\s+)?"
    r"(?P<name>[^\s=:<>(),][^=:<>()\n,]{0,40}?)\s*,?\s+(?:if|when|where|once)\s+(?P<body>\S.{1,298}?)\s*\.?\s*$",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"^(?:they|he|she|it|who)\s+(?=(?:have|has|had|made|placed|spent|bought|ordered|booked|took)\b)", re.IGNORECASE
)
_NOT = re.compile(r"\b(?:(?:is|are|was|were)\s+)?((?:non|not)[\s-]+)(?:an?\s+|the\s+)?$", re.IGNORECASE)
_LEAVE_OUT = re.compile(
    r"^\W*(?:please\s+)?(?:always\s+)?(?:(?:exclud|ignor|omit|skip|disregard|leave\s+out)\w*|do\s+not\s+(?:include|count|consider|use)|"
    r"don['’]t\s+(?:include|count|consider|use))\b\s*",
    re.IGNORECASE,
)
_KEEP = re.compile(
    r"^\W*(?:please\s+)?(?:always\s+)?(?:(?:only|just)\s+(?:count|consider|include|use|look\s+at|take|keep)|"
    r"(?:count|consider|include|use|keep)\s+only|restrict\s+(?:this\s+|it\s+)?to)\b\s*",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"^(?:the\s+)?(?:total\s+)?(?:number|count|total|sum|average|mean|maximum|minimum)\b", re.IGNORECASE
)
_LEAD = re.compile(r"^\W*(?:(?:an?|the|any|every|all)\s+)?")
_VERB = re.compile(
    r"\s+(?P<body>(?:(?:have|has|cost|weigh|last|take|cover|span|exceed|earn|hold|live|work|start|end|begin|contain|own|make|"
    r"use|run|reach|were|was)(?:e?s)?)\b.{3,298}?)\s*\.?\s*$",
    re.IGNORECASE,
)
_CLEAR = 0.8
_MOST = 12  # sentences
_LONGEST = 4_000  # characters


@dataclass(frozen=True, slots=True)
class Sentence:
    """An instruction, at characters [start, end) of the evidence; `left_out` where its rows are not wanted."""

    start: int
    end: int
    left_out: bool


@dataclass
class Knowledge:
    """What the evidence of one question says.

    Attributes:
        replaced: What stands in the question for the names of terms.
        tests: Conditions of terms that the question uses, each with the place of its name in the question.
        formulas: By stems of a name, the expression that it stands for, with how sure it is.
        instructions: Sentences that state conditions.
    """

    replaced: list[Replacement] = field(default_factory=list)
    tests: list[tuple[int, tuple[Option, ...]]] = field(default_factory=list)
    formulas: dict[tuple[str, ...], Term] = field(default_factory=dict)
    instructions: list[Sentence] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing of it concerns the question."""
        return not (self.replaced or self.tests or self.formulas or self.instructions)


def read_knowledge(question: str, evidence: str, terms: Terms, topic: Topic, conditions: Conditions) -> Knowledge:
    """The terms of the evidence that the question uses, and its instructions; empty without any.

    Args:
        question: As asked.
        evidence: Sentences or lines; the first 12 within 4,000 characters are read.
        terms: Reads phrases.
        topic: What the question is about.
        conditions: Reads conditions in words.
    """
    found = Knowledge()
    for start, end in _sentences(evidence[:_LONGEST])[:_MOST]:
        text = evidence[start:end]
        kept, left_out = _KEEP.match(text), _LEAVE_OUT.match(text)
        opening = kept or left_out
        if opening is not None:
            found.instructions.append(Sentence(start + opening.end(), end, left_out is not None))
            continue
        match = _IF.match(text) or _says(text, question) or _DEFINES.match(text)
        if match is not None:
            offset = len(question) + 1 + start
            _Definition(question, match, offset, (terms, topic, conditions)).add_to(found)
    return found


def _says(text: str, question: str) -> re.Match[str] | None:
    """The match of "a long-haul flight covers more than 4000 km", where the question uses the words before the verb."""
    lead = _LEAD.match(text)
    words = list(re.finditer(r"[^\W_][\w-]*", text[lead.end() :])) if lead else []
    for count in (3, 2, 1):
        if lead is None or len(words) <= count:
            continue
        name = text[lead.end() : lead.end() + words[count - 1].end()]
        pattern = rf"{re.escape(text[: lead.end()])}(?P<name>{re.escape(name)}){_VERB.pattern}"
        found = re.match(pattern, text, re.IGNORECASE)
        if found is not None and find_name(name, question) is not None:
            return found
    return None


def _sentences(text: str) -> list[tuple[int, int]]:
    found, place = [], 0
    for match in _SENTENCE.finditer(text):
        found.append((place, match.start()))
        place = match.end()
    return [(a, b) for a, b in [*found, (place, len(text))] if text[a:b].strip()]


@dataclass(frozen=True)
class _Definition:
    """One sentence that defines a name; `offset` is where it begins in question + newline + evidence."""

    question: str
    match: re.Match[str]
    offset: int
    context: tuple[Terms, Topic, Conditions]

    @property
    def terms(self) -> Terms:
        """Reads phrases."""
        return self.context[0]

    @property
    def topic(self) -> Topic:
        """What the question is about."""
        return self.context[1]

    def add_to(self, found: Knowledge) -> None:
        """Add what the definition says, where the question uses its name."""
        match = self.match
        names = [part.strip(_QUOTES) for part in (match["name"], match.groupdict().get("short") or "")]
        place = next((span for one in names if one and (span := find_name(one, self.question))), None)
        # An abbreviation is spelt out by `definitions`, unless it names a formula or a test.
        body = match["body"].strip()
        if place is None or not body:
            return
        if (test := read_test(body, self.terms, self.topic)) is not None:
            self._add_test(found, place, *test)
            return
        formula = read_formula(body, self.terms, self.topic) or self._measure(body)
        if formula is not None:
            node, score = formula
            table = (tables_of([node]) or [""])[0]
            kind = "measure" if has_aggregate(node) else "column"
            for one in filter(None, names):
                found.formulas[name_stems(one)] = Term(score, (node,), table, kind)
            return
        if _QUOTIENT.match(body) is None and self._add_worded(found, place, body):
            return
        self._reword(found, place, body)

    def _measure(self, body: str) -> tuple[exp.Expression, float] | None:
        """The measure that a body names alone: "number of bookings"."""
        if not _MEASURE.match(body) or re.search(r"[/*()+=<>]|\s-\s", body):
            return None
        readings, used = self.terms.beginning(body.lower(), self.topic)
        whole = used.split()[-1:] == body.lower().strip(" .").split()[-1:]
        measures = [one for one in readings[:1] if one.kind == "measure" and one.score >= _CLEAR and whole]
        return (measures[0].expressions[0], measures[0].score) if measures else None

    def _add_worded(self, found: Knowledge, place: tuple[int, int], body: str) -> bool:
        """Whether the body states conditions in words, which are then those of the name."""
        start = self.offset - len(self.question) - 1 + self.match.start("body")
        ones = _ONES.match(body)
        begin = ones.end() if ones else 0
        noun = self._spoken(place) or (ones["noun"] if ones and ones["noun"] else "")
        noun = noun or (self.match.groupdict().get("subject") or "").strip()
        if not noun:
            return False
        clauses = self.context[2](noun, start + begin, start + len(body))
        if not clauses:
            return False
        tables = clauses[0].options[0].tables
        own_start, own_end = self._own(place)
        begin, first = self._denied(own_start, clauses[0].options)
        if begin != own_start and len(clauses) > 1:
            return False  # what a denied term of several conditions means is not known
        own_start = begin
        found.tests += [(own_start, first), *((own_start, clause.options) for clause in clauses[1:])]
        found.replaced.append(Replacement(own_start, own_end, self._noun(own_start, own_end, tables)))
        return True

    def _following(self, end: int) -> tuple[int, int] | None:
        """Where the word after a name stands, if it names a table."""
        match = re.compile(r"[\s-]+([^\W\d_]+)").match(self.question, end)
        return match.span(1) if match is not None and self._is_thing(match[1]) else None

    def _spoken(self, place: tuple[int, int]) -> str:
        """The noun of a name, or the one that follows it in the question."""
        words = self.question[place[0] : place[1]].split()
        following = re.match(r"[\s-]+((?:[^\W\d_]+\s+)?[^\W\d_]+)", self.question[place[1] :])
        tries = [words[-1], *([following[1], following[1].split()[0]] if following else [])]
        return next((one for one in tries if self._is_thing(one)), "")

    def _add_test(self, found: Knowledge, place: tuple[int, int], test: exp.Expression, score: float) -> None:
        tables = tuple(tables_of([test]))
        option = Option(max(min(score, 1.0), 0.5), test, tables, "value")
        start, end = self._own(place)
        start, (option,) = self._denied(start, (option,))
        found.tests.append((start, (option,)))
        found.replaced.append(Replacement(start, end, self._noun(start, end, tables)))

    def _own(self, place: tuple[int, int]) -> tuple[int, int]:
        """The words of a name without the noun that names a table: "loyal" of "loyal members"."""
        start, end = place
        words = list(re.finditer(r"\S+", self.question[start:end]))
        if len(words) > 1 and self._is_thing(words[-1][0]):
            return start, start + words[-2].end()
        return place

    def _denied(self, start: int, options: tuple[Option, ...]) -> tuple[int, tuple[Option, ...]]:
        """The options of a name and where it begins; denied and from "non" or "not" on where that stands before it."""
        match = _NOT.search(self.question[:start])
        if match is None:
            return start, options
        return match.start(1), tuple(replace(option, test=negate(option.test.copy())) for option in options)

    def _is_thing(self, word: str) -> bool:
        return any(term.score >= 0.7 for term in self.terms.things(word.lower()))

    def _noun(self, start: int, end: int, tables: tuple[str, ...]) -> list[tuple[str, int | None]]:
        """What stands for the name: nothing before a noun, else the name of the table whose rows it means."""
        following = re.match(r"[\s-]+([^\W\d_]+)", self.question[end:])
        before = re.search(r"\b(?:is|are|was|were)\s+(?:an?\s+|the\s+)?$", self.question[:start])
        if before or (following and self._is_thing(following[1])) or not tables:
            return [("", None)]
        view = self.terms.lexicon.view
        table = view.schema.table(tables[0])
        return [((table.comment or table.name).replace("_", " "), None)]

    def _reword(self, found: Knowledge, place: tuple[int, int], body: str) -> None:
        """The body in place of the name: as a ratio in words, or after the noun of the name."""
        start, end = place
        base = self.offset + self.match.start("body")
        quotient = _QUOTIENT.match(body)
        if quotient is not None:
            form = "percentage ratio of " if quotient["percent"] else "ratio of "
            copied = [
                (form, None), (quotient["top"], base + quotient.start("top")), (" to ", None),
                (quotient["bottom"], base + quotient.start("bottom")),
            ]  # fmt: skip
            found.replaced.append(Replacement(start, end, copied))
            return
        who = _WHO.match(body)
        if who is not None and (following := self._following(end)) is not None:
            # "loyal customers" are "customers who have more than 3 orders".
            text = self.question[following[0] : following[1]]
            copied = [(f"{text} who ", None), (body[who.end() :], base + who.end())]
            found.replaced.append(Replacement(start, following[1], copied))
            return
        ones = _ONES.match(body)
        words = self.question[start:end].split()
        if (
            ones is not None
            and words
            and (self._is_thing(words[-1]) or (ones["noun"] and self._is_thing(ones["noun"])))
        ):
            noun = words[-1] if self._is_thing(words[-1]) else ones["noun"]
            found.replaced.append(
                Replacement(start, end, [(f"{noun} ", None), (body[ones.end() :], base + ones.end())])
            )


def find_name(name: str, question: str) -> tuple[int, int] | None:
    """Where a question uses a name, in any number and case; None where it does not."""
    wanted = name_stems(name)
    words = list(re.finditer(r"\w+", question))
    stems = [stem(fold(word[0])) for word in words]
    for place in range(len(words) - len(wanted) + 1 if wanted else 0):
        if tuple(stems[place : place + len(wanted)]) == wanted:
            return words[place].start(), words[place + len(wanted) - 1].end()
    return None
