"""The phrase generator: questions become SQL by their phrases, without a language model."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from ctxprune.errors import GenerationError, UsageError

from ...guard.intent import write_request
from ..base import Candidate, Generator
from .actors import find_actor
from .alternatives import with_patterns
from .averages import read_averages
from .bare import read_bare
from .conditions import Clause, read_all
from .contrasts import read_apart
from .directions import read_directions
from .explain import explain
from .given import with_evidence
from .groups import SPENT_MORE
from .kinds import find_kind_rows
from .measures import OWED_AMOUNT
from .pairs import read_pairs
from .readings import Context, Prepared, add_contrasts, compose, scale_scores
from .relations import read_existence, read_relations
from .sale_days import read_unsold, with_sale_days
from .scan import Mask
from .shared import read_presences
from .topic import find_topic
from .windows import find_trend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...schema.schema import Schema
    from ..base import Request
    from .compose import Ranked
    from .given import Given
    from .terms import Terms

__all__ = ["PhraseGenerator"]

_LONGEST = 1_200  # characters that are read
_VIEWS = 16
_SHARP = 6
_UNSURE, _NAMED = 0.6, 0.75  # scores of a condition, and of a name that its words may be instead
_ROWS_OF_KIND, _KIND_ITSELF = (
    1.1,
    0.8,
)  # "how many dogs": the animals of that kind, rather than the row of a lookup table
_DROPPED = 0.8  # for each doubtful condition that is left out


@dataclass
class PhraseGenerator(Generator):
    """Composes SELECT statements from the phrases of a question.

    What is shown, counted, grouped, sorted and kept is read phrase by phrase, conditions by the readers of
    `conditions`. Only names of the request's schema and literals come into the SQL. Deterministic: the seed is
    ignored. One object may be shared between threads.
    """

    name = "phrases.v1"
    paths = ("full+values",)
    wants_samples = True  # of stored forms: how a column writes yes and no, and its days
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _held: OrderedDict[int, Prepared] = field(default_factory=OrderedDict, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[type[PhraseGenerator], tuple[()]]:
        return type(self), ()

    def generate(self, request: Request) -> Sequence[Candidate]:
        """Up to `request.n` candidates, best first, with scores that add up to at most 1.

        () for an empty question, one that asks for a change of the data, and one that says nothing about the schema.
        Of a very long question only the first 1,200 characters are read; a note says so.

        Raises:
            UsageError: `request.n` is below 1.
        """
        if request.n < 1:
            raise UsageError(f"n is {request.n}, it must be at least 1")
        start = time.perf_counter()
        text = request.question[:_LONGEST]
        if not text.strip() or not request.schema.n_columns or write_request(text):
            return ()
        prepared = self._prepare(request.schema)
        text, moved, given = with_evidence(text, request, prepared.terms, prepared.view)
        ranked, problems = _read(text[:_LONGEST], prepared, moved, given)
        notes = (f"only the first {_LONGEST} characters were read",) if len(request.question) > _LONGEST else ()
        made = self._candidates(ranked, prepared, request, (notes, (time.perf_counter() - start) * 1000))
        return [replace(one, doubts=problems) for one in made] if problems else made

    def _candidates(
        self, ranked: list[Ranked], prepared: Prepared, request: Request, extra: tuple[tuple[str, ...], float]
    ) -> list[Candidate]:
        notes, ms = extra
        held: dict[str, Ranked] = {}
        for one in ranked:
            if not one.plan.select:
                continue
            try:
                sql = prepared.composer.writer.write(one.plan)
            except GenerationError:
                continue  # tables without a join path
            held.setdefault(sql, one)
            if len(held) == request.n:
                break
        # A high power, so that the first ones stand out; what the best reading leaves open is not voted.
        total = sum(one.score**_SHARP for one in held.values()) or 1.0
        best = max((one.score for one in held.values()), default=0.0)
        return [
            Candidate(
                sql=sql,
                generator=self.name,
                path=request.path,
                score=min(best, 1.0) * one.score**_SHARP / total,
                ms=ms,
                notes=(*notes, *explain(one.plan)),
            )
            for sql, one in held.items()
        ]

    def _prepare(self, schema: Schema) -> Prepared:
        """What was made for a schema; the last few are kept, each with its schema so that its identity stays taken."""
        with self._lock:
            held = self._held.get(id(schema))
            if held is not None:
                self._held.move_to_end(id(schema))
                return held
        made = Prepared.of(schema)
        with self._lock:
            self._held[id(schema)] = made
            while len(self._held) > _VIEWS:
                self._held.popitem(last=False)
        return made


def _read(text: str, prepared: Prepared, request: Request, given: Given) -> tuple[list[Ranked], tuple[str, ...]]:
    """All readings, and what is said of conditions that cannot hold.

    The readings are with every condition, and without the doubtful ones, whose words then name parts of the schema.
    """
    mask = Mask.of(text)
    said = read_all(
        read_apart(text, mask.text),
        prepared.view,
        hits=request.hits,
        ranges=request.ranges,
        today=request.today,
        samples=request.samples,
    )
    clauses = [clause for clause in said.clauses if not _far(clause, text) and not _sorts(clause, text)]
    trend = find_trend(mask.text)
    if trend is not None:
        # "from the previous month" compares every month with the one before; it is no condition.
        clauses = _apart(clauses, [Clause(trend.start, trend.end, ())])
    lines = {product.table for product in prepared.terms.sums.products}
    sold = any(term.table in lines for term in given.formulas.values())
    clauses = with_sale_days(clauses, mask.text, prepared.terms, sold=sold)
    if prepared.terms.sums.debts:
        # "the outstanding amount" is a difference, no condition on rows.
        owed = [Clause(match.start(), match.end(), ()) for match in OWED_AMOUNT.finditer(mask.text)]
        clauses = _apart(clauses, owed)
    if prepared.terms.sums.products:
        # "spent more than 30" compares a sum, which `groups` reads.
        sums = [Clause(match.start(), match.end(), ()) for match in SPENT_MORE.finditer(mask.text)]
        clauses = _apart(clauses, sums)
    clauses = with_patterns(clauses, request.evidence)
    topic, roles = find_topic(mask.text, prepared.terms), prepared.terms.lexicon.roles.reflexive()
    topic = replace(topic, formulas=given.formulas)
    averages = read_averages(mask.text, prepared.terms, topic)
    clauses = _replaced(clauses, [*averages, *_apart(read_pairs(mask.text, prepared.terms, topic, roles), averages)])
    clauses = [*clauses, *_apart(read_bare(mask.text, prepared.terms), clauses)]
    clauses = [*clauses, *_apart(read_unsold(mask.text, prepared.terms, topic), clauses)]
    clauses = _replaced(clauses, read_existence(mask.text, roles))
    related = read_relations(mask.text, clauses, roles)
    directed = read_directions(mask.text, related.clauses, prepared.terms)
    presences = read_presences(mask.text, prepared.composer, topic)
    clauses = _replaced(_replaced(directed, presences), given.clauses)
    firm = [clause for clause in clauses if not _doubtful(clause, text, prepared.terms)]
    target = related.target or find_actor(mask.text, clauses, prepared.schema)
    context = Context(text, prepared, request.evidence, target, given.formulas, trend)
    ranked = compose(context, clauses)
    kinds = find_kind_rows(text, clauses, topic, prepared.terms)
    if kinds:
        rows = [one for table in kinds for one in compose(replace(context, rows=table), clauses)]
        ranked = [*scale_scores(rows, _ROWS_OF_KIND), *scale_scores(ranked, _KIND_ITSELF)]
    if len(firm) < len(clauses):
        weight = _DROPPED ** (len(clauses) - len(firm))
        dropped = [text[c.start : c.end] for c in clauses if c not in firm]
        ranked += scale_scores(compose(context, firm, dropped), weight)
    ranked = add_contrasts(ranked, context, clauses, topic)
    return sorted(ranked, key=lambda one: -one.score), said.problems


def _apart(clauses: Sequence[Clause], others: Sequence[Clause]) -> list[Clause]:
    """Those that share no character with the others."""
    return [one for one in clauses if all(one.end <= other.start or other.end <= one.start for other in others)]


def _replaced(clauses: Sequence[Clause], better: Sequence[Clause]) -> list[Clause]:
    """All clauses in order; of those that overlap, the better ones."""
    return sorted([*_apart(clauses, better), *better], key=lambda clause: clause.start)


def _far(clause: Clause, text: str) -> bool:
    """Does a stored text only begin alike? "courses" is not "This course introduces the basics"."""
    said = len(text[clause.start : clause.end])
    stored = [len(one.name) for o in clause.options[:1] for one in o.test.find_all(exp.Literal) if one.is_string]
    return clause.options[0].kind == "value" and bool(stored) and min(stored) > 2.5 * said + 4


def _sorts(clause: Clause, text: str) -> bool:
    """Does a clause only say where the rows begin, or which rows are of no interest?"""
    words = text[clause.start : clause.end].lower()
    sentence = re.split(r"[.?!]\s", text[: clause.start])[-1].lower()
    if re.match(r"\s*(?:ignore|disregard|do not (?:include|consider))\b", sentence + words):
        return clause.options[0].kind in {"absence", "null"}
    return bool(re.match(r"start(?:ing)?\s+(?:from|with)\s+(?:the\s+)?\w+(?:est|st)\b", words))


def _doubtful(clause: Clause, text: str, terms: Terms) -> bool:
    """Do the words of a condition rather name something of the schema, or stand in lower case without quotes?"""
    words = text[clause.start : clause.end]
    if clause.options[0].kind not in {"value", "boolean", "null", "pattern"} or words[:1] in "\"'“‘`":
        return False
    if clause.options[0].score < _UNSURE and words == words.lower():
        return True
    scores = [*(one.score for one in terms.things(words)), *(one.score for one in terms.lexicon.columns(words))]
    return words == words.lower() and max(scores, default=0.0) >= _NAMED
