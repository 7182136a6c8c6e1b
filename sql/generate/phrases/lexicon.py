"""Which columns and tables a noun phrase may name, with scores."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process
from sqlglot import exp

from ctxprune.text.words import STOP_WORDS, fold, split_identifier, stem

from ...schema.schema import ColumnRef
from .roles import Roles
from .wordset import word_set

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..sketch.view import ColumnFacts, SchemaView

__all__ = ["GENERIC", "Lexicon", "Scored"]

_WORD = re.compile(r"[^\W_]+")
_MOST_CACHED = 4096
_OWNER, _VERB = 0.7, 0.9
_MEMBERS = frozenset({"member", "members"})
_RELATIVE = 0.9  # score of a table named by a word for a relation
# Words that say how a thing is shown or measured and never which one: they neither match nor count against a match.
GENERIC = STOP_WORDS | word_set(
    "each every all different distinct unique various total overall average mean many much list their its "
    "whole entire respective corresponding database also please there together per combined full complete"
)
# These only count where the schema has them: "details of the staff" may be a column, or all of them.
_SOFT = word_set("table record records result results value values information details data first member members")
_HEAD_END = re.compile(r"\s(?:of|for|in|from|at|by|on|to|per)\s")
_KEYED = frozenset(map(stem, ("id", "ids", "key", "number", "code", "identifier")))
# Question words and the words of identifiers that often stand for them, in any domain.
_SYNONYMS = {
    "spend": ("amount", "total", "cost", "price", "fare"), "spent": ("amount", "total", "cost", "price", "fare"),
    "revenue": ("amount", "total", "price", "fare"),
    "sale": ("amount", "total"), "earn": ("salary", "income", "amount"), "paid": ("amount", "payment"),
    "money": ("amount",), "cost": ("price",), "price": ("cost",), "score": ("rating",), "rating": ("score",),
    "nation": ("country",), "kind": ("type",), "category": ("type",), "sex": ("gender",), "mail": ("email",),
    "surname": ("last",), "called": ("name",), "identifier": ("id",), "signup": ("created", "registered", "joined"),
    "registration": ("created", "registered", "joined"), "joining": ("joined", "created", "registered"),
    "title": ("name",), "telephone": ("phone",), "wage": ("salary",), "pay": ("salary", "amount"), "job": ("position",),
    "admitted": ("admission",), "seat": ("capacity",), "published": ("publication",), "closing": ("close",),
    "opening": ("open",),
}  # fmt: skip
_LINKED = {stem(word): tuple(map(stem, others)) for word, others in _SYNONYMS.items()}
_ISSION = re.compile(r"issions?$")
_TIMED = word_set("at on date time by ts timestamp datetime day")
_SYNONYM, _SPELLED = 0.7, 0.8
_NOT_SAID = 0.6


@dataclass(frozen=True, slots=True)
class Scored:
    """A number of the view's columns or tables, and how well a phrase names it, 0..1."""

    number: int
    score: float


@dataclass
class Lexicon:
    """Matches phrases with the names of one schema; safe to share between threads.

    Attributes:
        view: The prepared schema.
        roles: Second copies of tables in it.
        related: For a question stem, schema stems that it often stands for, 0..1.
    """

    view: SchemaView
    roles: Roles = field(default_factory=lambda: Roles({}, {}))
    related: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    _similar: dict[str, dict[str, float]] = field(default_factory=dict, repr=False)

    def columns(
        self, phrase: str, *, owner: int | None = None, focus: Mapping[int, float] | None = None
    ) -> list[Scored]:
        """Columns that the phrase may name, best first, at most 12.

        Args:
            phrase: A noun phrase such as "name of the customer".
            owner: Number of the table that is spoken of, whose columns are preferred.
            focus: For tables that the question mentions, how clearly it does.
        """
        words, head = self._content(phrase)
        if not words:
            return []
        names = self._matches(words, self.view.column_words)
        for position, word in enumerate(words):
            for number in self._compounds.get(stem(word), ()):
                names[number] = dict.fromkeys(range(len(self.view.columns[number].name.stems)), (position, 1.0))
        tables = self._matches(words, self.view.table_words)
        found = []
        for number, places in names.items():
            facts = self.view.columns[number]
            # Columns of a second copy are only meant by those who name it: "the manager's salary".
            if facts.ref.table in self.roles.by_name and facts.table not in (owner, *tables):
                continue
            score = _column_score(facts, places, tables.get(facts.table, {}), (words, head))
            score *= self._only_table(facts, places)
            score += self._context(facts, owner, focus or {}) - _key_cost(facts, words)
            if score > 0.25:
                found.append(Scored(number, min(score, 1.0)))
        return sorted(found, key=lambda one: (-one.score, one.number))[:12]

    def tables(self, phrase: str) -> list[Scored]:
        """Tables that the phrase may name, best first, at most 4."""
        words, head = self._content(phrase)
        found = []
        for number, places in self._matches(words, self.view.table_words).items():
            said = self._owners(number, words, head)
            score = _score(self.view.tables[number].weights, places, (words, head), said)
            if head not in {w for _, (w, _) in places.items()}:
                score *= 0.5
            if score > 0.25:
                found.append(Scored(number, score))
        return sorted(found, key=lambda one: (-one.score, one.number))[:4]

    def _owners(self, number: int, words: Sequence[str], head: int) -> dict[int, float]:
        """Words before the head that name a table next to this one: "product category" of categories."""
        if head == 0:
            return {}
        own, keys = self.view.table_name(number), self.view.schema.foreign_keys
        near = {key.ref_table for key in keys if key.table == own} | {key.table for key in keys if key.ref_table == own}
        index = self.view.table_index
        stems = {self.view.tables[index[name]].stems for name in near if name in index}
        return {place: _OWNER for place, word in enumerate(words[:head]) if (stem(word),) in stems}

    def relatives(self, phrase: str) -> list[Scored]:
        """Tables that a word for a relation names: "subordinates" are staff where staff have managers."""
        if not self.roles.words:
            return []
        words, head = self._content(phrase)
        if not words:
            return []
        table = self.roles.words.get(words[head])
        if table is not None:
            return [Scored(self.view.table_index[table], _RELATIVE)]
        part = words[head].removeprefix("sub")
        wholes = {self.view.table_index[role.base] for role in self.roles.reflexive() if role.is_parent}
        parts = self.tables(part) if part != words[head] and len(part) > 3 else []
        return [Scored(one.number, _RELATIVE) for one in parts if one.number in wholes and one.score >= _RELATIVE]

    @cached_property
    def _table_names(self) -> frozenset[tuple[str, ...]]:
        return frozenset(name.stems for name in self.view.tables)

    @cached_property
    def _compounds(self) -> dict[str, tuple[int, ...]]:
        """Columns by their words written as one: "username" for "user name"."""
        found: dict[str, tuple[int, ...]] = {}
        for number, facts in enumerate(self.view.columns):
            if len(facts.name.stems) > 1:
                comment = self.view.schema.table(facts.ref.table).column(facts.ref.column).comment
                joined = stem("".join(split_identifier(comment or facts.ref.column)))
                found[joined] = (*found.get(joined, ()), number)
        return found

    def _content(self, phrase: str) -> tuple[list[str], int]:
        """Words that name something, folded, and the position of the head noun among them."""
        folded = fold(phrase)
        cut = _HEAD_END.search(f"{folded} ")
        words: list[str] = []
        head = 0
        for match in _WORD.finditer(folded):
            word = "id" if match[0] == "ids" else match[0]
            if self.skips(word) or (len(word) == 1 and not word.isdecimal()):
                continue
            # "staff members" are staff, though there be members too.
            if word in _MEMBERS and words and (stem(words[-1]),) in self._table_names:
                continue
            if cut is None or match.start() < cut.start() or not words:
                head = len(words)
            words.append(word)
        return words, head

    def _only_table(self, facts: ColumnFacts, places: Mapping[int, object]) -> float:
        """A column of which only the table's name is said, as "user type" by "user", is hardly meant."""
        own = set(self.view.tables[facts.table].stems)
        said = {facts.name.stems[place] for place in places}
        return _NOT_SAID if said <= own and set(facts.name.stems) - own and len(said) < len(facts.name.stems) else 1.0

    def _context(self, facts: ColumnFacts, owner: int | None, focus: Mapping[int, float]) -> float:
        if owner == facts.table:
            return 0.15
        bonus = 0.08 * focus.get(facts.table, 0.0)
        if owner is not None:
            names = {edge.other for edge in self.view.graph.neighbours(self.view.table_name(owner))}
            bonus += 0.03 if facts.ref.table in names else -0.05
        return bonus

    def _matches(
        self, words: Sequence[str], postings: Mapping[str, Sequence[tuple[int, int]]]
    ) -> dict[int, dict[int, tuple[int, float]]]:
        """For each name: its places that words match, with the word's position and the closeness."""
        found: dict[int, dict[int, tuple[int, float]]] = {}
        for position, word in enumerate(words):
            after = words[position + 1] if position + 1 < len(words) else ""
            for name, close in self.similar(word, after).items():
                for number, place in postings.get(name, ()):
                    places = found.setdefault(number, {})
                    if close > places.get(place, (0, 0.0))[1]:
                        places[place] = position, close
        return found

    def facts(self, node: exp.Expression) -> ColumnFacts | None:
        """What is known of a column; None for any other expression."""
        number = self.view.index.get(ColumnRef(node.table, node.name)) if isinstance(node, exp.Column) else None
        return None if number is None else self.view.columns[number]

    def skips(self, word: str) -> bool:
        """Whether a folded word never names anything."""
        return word in GENERIC or (word in _SOFT and stem(word) not in self.view.words)

    def is_verb(self, word: str) -> bool:
        """Whether a folded word is a past tense that no name of the schema is written with: "harvested"."""
        return word.endswith("ed") and len(word) > 4 and word not in self._written

    @cached_property
    def _written(self) -> frozenset[str]:
        """Words of names as they are written."""
        tables = self.view.schema.tables
        names = [table.comment or table.name for table in tables]
        names += [column.comment or column.name for table in tables for column in table.columns]
        # "booked at" is the time of what "booked" says.
        return frozenset(
            word
            for name in names
            if (words := split_identifier(name))[-1:] and words[-1] not in _TIMED
            for word in words
        )

    def similar(self, word: str, after: str = "") -> dict[str, float]:
        """Stems of the schema that a word may stand for, alone or together with the next, 0..1."""
        key = f"{word} {after}"
        held = self._similar.get(key)
        if held is None:
            held = self._find_similar(word, after)
            if len(self._similar) < _MOST_CACHED:
                self._similar[key] = held
        return held

    def _find_similar(self, word: str, after: str) -> dict[str, float]:
        view, root = self.view, stem(word)
        found = {name: 0.8 * weight for name, weight in self.related.get(root, {}).items() if name in view.words}
        found |= {name: _SYNONYM for name in _LINKED.get(root, ()) if name in view.words}
        if after:
            joined = stem(word + after)
            if joined in view.words:
                found[joined] = 1.0
            for name, before in view.endings.get(stem(after), ()):
                if word.startswith(before):
                    found[name] = 0.9
        # "admission" and "submission" are of "admit" and "submit".
        verb = stem(_ISSION.sub("it", word))
        if verb in view.words:
            found[verb] = _SPELLED
        if root in view.words:
            found[root] = 1.0
        elif word.endswith("ed") and (verb := self._verb(word)):
            found[verb] = _VERB
        elif len(root) >= 4 and word not in STOP_WORDS and not word.isdecimal():
            found |= {name: max(close, found.get(name, 0.0)) for name, close in self._spelled_alike(root)}
        return found

    def _verb(self, word: str) -> str:
        """The name that a past tense stands for, "hire" of "hired"; "" for none."""
        return next(
            (name for name in (stem(word[:-1]), stem(word[:-2])) if len(name) > 2 and name in self.view.words), ""
        )

    def _spelled_alike(self, root: str) -> list[tuple[str, float]]:
        found = []
        for name, ratio, _ in process.extract(
            root, self.view.vocabulary, scorer=fuzz.ratio, score_cutoff=70.0, limit=3
        ):
            shared = len(root) >= 4 and len(name) >= 4 and root[:4] == name[:4]
            if ratio >= 84.0 or shared:
                found.append((name, _SPELLED))
        for name in self.view.short.get(root[:1], ()):
            letters = iter(root)
            if len(name) < len(root) and all(letter in letters for letter in name):
                found.append((name, 0.6))
        return found


def _column_score(
    facts: ColumnFacts,
    places: Mapping[int, tuple[int, float]],
    table: Mapping[int, tuple[int, float]],
    phrase: tuple[Sequence[str], int],
) -> float:
    extra = {position: 0.8 * close for position, close in table.values()}
    score = _score(facts.name.weights, places, phrase, extra)
    # The head noun names the column: "restaurant name" is no restaurant id.
    return score if phrase[1] in {position for position, _ in places.values()} else 0.45 * score


def _score(
    weights: Sequence[float],
    places: Mapping[int, tuple[int, float]],
    phrase: tuple[Sequence[str], int],
    extra: Mapping[int, float],
) -> float:
    """How much of the phrase the name explains, and how much of the name the phrase says."""
    words, head = phrase
    said = dict(extra)
    for position, close in places.values():
        said[position] = max(close, said.get(position, 0.0))
    # The head noun counts double.
    share = [2.0 if position == head else 1.0 for position in range(len(words))]
    explained = sum(share[position] * close for position, close in said.items()) / sum(share)
    named = sum(weights[place] * close for place, (_, close) in places.items())
    return 0.6 * explained + 0.4 * named


def _key_cost(facts: ColumnFacts, words: Sequence[str]) -> float:
    """Keys are meant only by those who say so, and then rather the table's own."""
    if facts.kind == "id" and not _KEYED & {stem(word) for word in words}:
        return 0.2
    return 0.04 if facts.foreign else 0.0
