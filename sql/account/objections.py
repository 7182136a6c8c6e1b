"""Words that a query names without doing what they ask for: conditions that are only shown, absence of something else.

Each rule gives positions of words that count as left over although a part of the query has the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, stem

from .kinds import ColumnKinds
from .lexicon import is_participle, word_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..schema.schema import ColumnRef
    from .parts import QueryParts
    from .question import Asked
    from .reading import Part

__all__ = ["Case", "find_objections"]

_BE = word_set("is are was were be been being isn't aren't wasn't weren't")
_STATES = word_set("still currently already yet now not never also both either no longer")
_ASKING = word_set("what which who whom whose when where how and or of whether if")
_SHOWN_AS = word_set("whether if flag flags indicator indicators status statuses")
_TIMES = word_set("when date dates time times day days year years month months long")
_SINCE = word_set("since before after until till during from")
_ARTICLES = word_set("a an any the their its his her this that these those all some one single other")
_LACKING = word_set("no without missing lack lacks lacking")
_NEGATED = word_set("not don't doesn't didn't haven't hasn't hadn't never")
_LISTED = word_set("and or of for")
_HAVING = word_set("have has had having got")
_RELATIONS = frozenset(
    map(stem, word_set(
        "report reports reporting manager managers manages managed boss bosses supervisor supervisors supervise "
        "supervises supervised supervising subordinate subordinates parent parents child children subcategory "
        "subcategories superior superiors predecessor predecessors successor successors referrer mentor mentors"
    ))
)  # fmt: skip
_RESTRICTS = word_set("of with who that")
_SHORTEST_ROOT, _LONGEST_ENDING = 4, 3
_FAR = 4


@dataclass(frozen=True)
class Case:
    """One question and one query, with what explains each word so far.

    Attributes:
        parts: By position of the word.
        said: By position, only the parts whose literals the word says.
    """

    asked: Asked
    query: QueryParts
    parts: Sequence[Sequence[Part]]
    said: Sequence[Sequence[Part]]

    @cached_property
    def kinds(self) -> ColumnKinds:
        """What the columns hold."""
        return ColumnKinds(self.asked)

    @cached_property
    def refs(self) -> dict[str, ColumnRef]:
        """The columns of the query by the text of their parts."""
        return {part.text: ref for ref, part in {**self.query.columns, **self.query.linking}.items()}

    @cached_property
    def working(self) -> frozenset[ColumnRef]:
        """Columns that do more than being shown: compared, aggregated, ordered or grouped by."""
        return frozenset(
            self.deciding | {ref for one in self.query.orders for ref in one.columns} | self.query.linking.keys()
        )

    @cached_property
    def deciding(self) -> frozenset[ColumnRef]:
        """Columns of which the values decide on rows or numbers; an order by yes and no decides nothing, and a count
        says how many values there are, whatever they are.
        """
        query = self.query
        compared = [*(one.columns for one in query.tests), *(one.columns for one in query.literals)]
        computed = [one.columns for one in query.aggregates if one.name != "COUNT"]
        columns = [*compared, *computed, *(keys for keys, _ in query.groups)]
        return frozenset(ref for some in columns for ref in some)

    @cached_property
    def flags(self) -> list[ColumnRef]:
        """Columns of yes and no in the tables of the query."""
        view = self.asked.prepared.view
        return [one.ref for one in view.columns if one.ref.table in self.query.tables and self.kinds.is_flag(one.ref)]

    def shown_only(self, place: int) -> list[ColumnRef]:
        """The columns that explain a word, where it is explained by columns alone and all of them are only shown."""
        refs = [self.refs.get(part.text) for part in self.parts[place] if part.kind == "column"]
        found = [ref for ref in refs if ref is not None and self._is_only_shown(ref)]
        return found if found and len(found) == len(self.parts[place]) else []

    def _is_only_shown(self, ref: ColumnRef) -> bool:
        return ref not in self.working or (ref not in self.deciding and self.kinds.is_flag(ref))


def find_objections(case: Case) -> Iterator[int]:
    """Positions of words that count as left over; one may come twice."""
    yield from _shown_conditions(case)
    yield from _ignored_flags(case)
    yield from _opposites(case)
    yield from _absences(case)
    yield from _years(case)
    yield from _outside(case)
    yield from _groups(case)
    yield from _relations(case)
    yield from _idle_orders(case)


def _is_plain(case: Case, place: int) -> bool:
    word = case.asked.words[place]
    return not (word.cue or word.number is not None or case.said[place] or word.text in STOP_WORDS)


def _shown_conditions(case: Case) -> Iterator[int]:
    """ "discontinued products", "rooms that are private": a column that is only shown is no condition."""
    words = case.asked.words
    whether = any(word.text in _SHOWN_AS for word in words)
    for place in range(len(words)):
        shown = case.shown_only(place) if _is_plain(case, place) else []
        if not shown or case.asked.text(place + 1) in _LISTED:
            continue
        flags = place not in case.asked.wanted and not whether and all(map(case.kinds.is_flag, shown))
        timed = any(one.text in _TIMES for one in words) and all(map(case.kinds.is_day, shown))
        if flags or _stands_before_table(case, place) or (_is_predicate(case, place) and not timed and not whether):
            yield place


def _stands_before_table(case: Case, place: int) -> bool:
    """Whether a word is an adjective of the noun of a table in the query."""
    view, words = case.asked.prepared.view, case.asked.words

    def names_table(at: int) -> bool:
        if at >= len(words) or words[at].text in STOP_WORDS or is_participle(words[at].text):
            return False
        named = view.table_words.get(words[at].token.stem, ())
        return any(view.table_name(number) in case.query.tables for number, _ in named)

    after = words[place + 2] if place + 2 < len(words) else None
    # "product customer names" asks for a column of the noun, and so does "city of".
    goes_on = after is not None and after.exact and after.text not in STOP_WORDS and not after.cue
    noun = words[place + 1].token.stem if place + 1 < len(words) else ""
    compound = any(noun in case.kinds.facts(ref).name.stems for ref in case.shown_only(place))
    return names_table(place + 1) and not names_table(place) and not goes_on and not compound


def _is_predicate(case: Case, place: int) -> bool:
    """Whether a word follows "are" as in "products that are discontinued", but not "what are names"."""
    text = case.asked.text
    at = place - 1
    while at > 0 and text(at) in _STATES:
        at -= 1
    word = case.asked.words[place]
    adjective = is_participle(word.text) or at < place - 1 or text(at - 1) in {"that", "which", "who"}
    return at > 1 and text(at) in _BE and adjective and text(at - 1) not in _ASKING - {"which", "who"}


def _ignored_flags(case: Case) -> Iterator[int]:
    """ "who smoke" where the column "smoker" of the same table has no part in the query."""
    for place, word in enumerate(case.asked.words):
        if case.parts[place] or not _is_plain(case, place) or len(word.token.stem) < _SHORTEST_ROOT:
            continue
        named = [ref for ref in case.flags if any(_same_root(word.token.stem, one) for one in case.kinds.roots(ref))]
        if named and case.working.isdisjoint(named):
            yield place


def _same_root(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _SHORTEST_ROOT and long.startswith(short) and len(long) - len(short) <= _LONGEST_ENDING


def _opposites(case: Case) -> Iterator[int]:
    """ "private rooms" with private = 'N', where no word denies it."""
    negations = {part.text for part in case.query.negations}
    if not negations or any(word.cue in {"not", "missing"} for word in case.asked.words):
        return
    for place, word in enumerate(case.asked.words):
        refs = [ref for ref in case.flags if word.token.stem in case.kinds.roots(ref)]
        tests = [test for test in case.query.tests if not set(refs).isdisjoint(test.columns)]
        texts = {test.part.text for test in tests}
        others = [part.text for at, some in enumerate(case.said) for part in some if at != place]
        if tests and texts <= negations and texts.isdisjoint(others):
            yield place


def _absences(case: Case) -> Iterator[int]:
    """ "no email", "without orders": the negation must speak of that column or table."""
    for place, word in enumerate(case.asked.words):
        denied = word.text in _LACKING or (case.asked.text(place - 1) in _NEGATED and word.text in _HAVING)
        nouns = _nouns_after(case, place) if denied else range(0)
        if nouns and not any(_is_denied(case, noun) for noun in nouns):
            yield from nouns


def _nouns_after(case: Case, place: int) -> range:
    """Positions of the words of the schema that follow side by side, past articles and adjectives."""
    words = case.asked.words
    for at in range(place + 1, min(place + _FAR, len(words))):
        text = words[at].text
        if words[at].number is not None or words[at].cue or case.said[at]:
            break
        if text in STOP_WORDS or not words[at].exact:
            if text in STOP_WORDS and text not in _ARTICLES:
                break
            continue
        last = at + 1
        while last < len(words) and words[last].exact and words[last].text not in STOP_WORDS:
            last += 1
        return range(at, last)
    return range(0)


def _owners(case: Case, place: int) -> list[str]:
    """Names of the tables and columns that a word is part of."""
    view, name = case.asked.prepared.view, case.asked.words[place].token.stem
    tables = [view.table_name(number) for number, _ in view.table_words.get(name, ())]
    return tables + [view.columns[number].ref.column for number, _ in view.column_words.get(name, ())]


def _is_denied(case: Case, place: int) -> bool:
    texts = [part.text.casefold() for part in case.query.negations]
    # A count of rows that is 0 denies whatever is counted.
    counted = any(test.counted for test in case.query.tests)
    return counted or any(name.casefold() in text for name in _owners(case, place) for text in texts)


def _years(case: Case) -> Iterator[int]:
    """ "in 2022" with posted_epoch = 2022: a column that holds no such numbers does not explain a year."""
    for place, word in enumerate(case.asked.words):
        if not word.year or word.number is None or not case.said[place]:
            continue
        number, before = float(word.number), case.asked.text(place - 1)
        # "student 2004" is no year.
        if before not in STOP_WORDS | _TIMES | _SINCE and not case.asked.words[place - 1].month:
            continue
        mine = [one for one in case.query.literals if one.part in case.parts[place] and one.number == number]
        if mine and all(one.columns and not any(case.kinds.holds_year(ref, number) for ref in one.columns)
                        and not one.counted for one in mine):  # fmt: skip
            yield place


def _outside(case: Case) -> Iterator[int]:
    """A number beyond all that its column holds, where another column holds such numbers."""
    for place in range(len(case.asked.words)):
        hits = [hit for places, hit in case.asked.ranges if place in places]
        beyond = {hit.ref for hit in hits if not hit.inside and not case.kinds.is_day(hit.ref)}
        beyond -= {hit.ref for hit in hits if hit.inside}
        mine = [one for one in case.query.literals if one.op == "=" and one.part in case.parts[place] and one.columns]
        if mine and any(hit.inside for hit in hits) and all(beyond.issuperset(one.columns) for one in mine):
            yield place


def _groups(case: Case) -> Iterator[int]:
    """ "by city", "for each city" without groups by it, where the query aggregates."""
    if not case.query.aggregates or case.query.orders or case.query.distinct:
        return
    grouped = [ref for keys, _ in case.query.groups for ref in keys]
    computed = any(not keys for keys, _ in case.query.groups)
    for place, word in enumerate(case.asked.words[:-1]):
        if not (word.text in {"per", "each"} or _says_by(case, place)) or computed:
            continue
        noun = place + 1
        asked = case.asked.words[noun]
        if not asked.exact or case.said[noun] or asked.cue or case.asked.text(noun + 1) in _RESTRICTS:
            continue
        if _is_one_name(case, place - 1, noun):
            continue
        beside = case.said[noun + 1] if noun + 1 < len(case.said) else ()
        if not beside and not _groups_by(case, noun, grouped):
            yield noun


def _is_one_name(case: Case, first: int, last: int) -> bool:
    """Whether two words belong to the name of one column: "pages per minute"."""
    stems = {case.asked.words[at].token.stem for at in (first, last) if at >= 0}
    return any(stems <= set(case.kinds.facts(ref).name.stems) for ref in case.query.columns)


def _says_by(case: Case, place: int) -> bool:
    """ "by" that groups: not that of "written by", "sorted by"."""
    before = case.asked.text(place - 1)
    related = is_participle(before) or before in {"order", "sort", "group", "made", "won", "sold", "held", "broken"}
    return case.asked.text(place) == "by" and not related and not case.query.groups


def _groups_by(case: Case, noun: int, grouped: Sequence[ColumnRef]) -> bool:
    view, name = case.asked.prepared.view, case.asked.words[noun].token.stem
    tables = {view.table_name(number) for number, _ in view.table_words.get(name, ())}
    # A key of a table, and one that refers to it, stand for its rows.
    keys = [key for key in view.schema.foreign_keys if key.ref_table in tables]
    targets = {(key.table, column) for key in keys for column in key.columns}
    return any(
        name in case.kinds.facts(ref).name.stems or ref.table in tables or tuple(ref) in targets for ref in grouped
    )


def _relations(case: Case) -> Iterator[int]:
    """ "who report to", "subcategories of": a relation of rows of one table, which the query does not follow."""
    view = case.asked.prepared.view
    keys = [key for key in view.schema.foreign_keys if key.table == key.ref_table and key.table in case.query.tables]
    if not keys:
        return
    used = {*case.query.columns, *case.query.linking}
    if any(ref.table == key.table and ref.column in key.columns for key in keys for ref in used):
        return
    own = {name for key in keys for ref in view.index for name in case.kinds.roots(ref)
           if ref.table == key.table and ref.column in key.columns}  # fmt: skip
    for place, word in enumerate(case.asked.words):
        if word.token.stem in _RELATIONS or (word.token.stem in own and _is_plain(case, place)):
            mine = {view.table_name(number) for number, _ in view.table_words.get(word.token.stem, ())}
            other = [case.refs.get(part.text) for part in case.parts[place] if part.kind == "column"]
            named = any(ref is not None and word.token.stem in case.kinds.roots(ref) for ref in other)
            if not case.said[place] and not named and mine.isdisjoint(case.query.tables):
                yield place


def _idle_orders(case: Case) -> Iterator[int]:
    """ "recently published" with the order of one number: where all rows make one, an order decides nothing."""
    query = case.query
    if query.groups or not query.orders or not query.outputs or not all(one.aggregate for one in query.outputs):
        return
    idle = {*query.limits, *(one.part for one in query.orders)}
    for place, parts in enumerate(case.parts):
        if not idle.isdisjoint(parts) and not case.said[place]:
            yield place
