"""Whether what a query shows is of the kind that the question asks for: a name, a day, a place, the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, stem

from .lexicon import is_participle, word_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import ColumnRef
    from .objections import Case
    from .parts import Output
    from .question import Word

__all__ = ["find_other_answers"]

_POLITE = word_set("and so ok hi hello please can could would you tell me us let know i want to see")
_LISTING = word_set("show list give find display name return get")
_COPULAS = word_set("is are was were")
_FILLERS = word_set("me us all the of our any every each most different distinct unique other single one a an")
_ENDS = word_set(
    "who that which whose with without in on at from for by to where when is are was were do does did have has had can "
    "will sorted ordered per and"
)
_TIME_FUNCTIONS = ("date", "year", "month", "day", "hour", "quarter", "week", "now")
_PLACES = frozenset(map(stem, word_set("latitude longitude lat lng lon zip postcode floor room gate platform")))
_FAR = 6


def find_other_answers(case: Case) -> Iterator[int]:
    """Positions of the words that ask for another kind of answer, or for more than what is given already."""
    place = _opener(case)
    if place is None:
        return
    rules = {"who": _person, "whose": _person, "when": _time, "where": _site}
    word = case.asked.text(place)
    outputs = case.query.outputs
    if not outputs or any(one.star for one in outputs):
        return
    if word in rules:
        if not rules[word](case, outputs):
            yield place
    elif word in {"which", "what"} or word in _LISTING or not case.asked.words[place].generic:
        # "Organic farms" alone lists them.
        asks = word in {"which", "what"} or word in _LISTING
        # "What is the largest farm": the verb stands before the noun.
        copula = word == "what" and case.asked.text(place + 1) in _COPULAS
        noun = _table_noun(case, place + asks + copula)
        if noun is not None and not _identifies(case, noun, outputs, name=word == "which"):
            yield noun
    if case.query.hollow:
        yield from _first_content(case, place)


def _opener(case: Case) -> int | None:
    """Position of the word that says what is asked for; None where the question does not begin with one."""
    for place, word in enumerate(case.asked.words[:_FAR]):
        if word.text not in _POLITE:
            return place
    return None


def _first_content(case: Case, place: int) -> Iterator[int]:
    """The first word that the query only repeats: nothing but what the question says already is shown."""
    for at in range(place, len(case.parts)):
        word = case.asked.words[at]
        if not case.said[at] and case.parts[at] and word.text not in STOP_WORDS:
            yield at
            return
    # "Who bought wheat?" has no word that the query explains, but one that asks.
    if not case.said[place]:
        yield place


def _person(case: Case, outputs: tuple[Output, ...]) -> bool:
    """Whether a readable name is shown, where the tables of the query or those that they refer to have one."""
    if any(not one.refs and not one.aggregate for one in outputs):
        return True
    shown = [ref for one in outputs if not one.aggregate for ref in one.refs]
    # A column of persons need not say "name": "friend".
    readable = any(case.kinds.is_readable(ref) or case.kinds.is_wordy(ref) for ref in shown)
    return readable or not any(_label(case, name) for name in _reached(case))


def _reached(case: Case) -> set[str]:
    keys = case.asked.prepared.view.schema.foreign_keys
    return {*case.query.tables, *(key.ref_table for key in keys if key.table in case.query.tables)}


def _label(case: Case, table: str) -> ColumnRef | None:
    view = case.asked.prepared.view
    found = view.labels.get(view.table_index[table])
    return None if found is None else view.columns[found].ref


def _time(case: Case, outputs: tuple[Output, ...]) -> bool:
    if any(case.kinds.is_day(ref) or case.kinds.looks_like_days(ref) for one in outputs for ref in one.refs):
        return True
    # Epochs and texts under other names may hold days: only what cannot be one is refused.
    functions = any(name in case.query.functions for name in _TIME_FUNCTIONS)
    return functions or any(not one.refs and not one.aggregate for one in outputs)


def _site(case: Case, outputs: tuple[Output, ...]) -> bool:
    def tells(ref: ColumnRef) -> bool:
        placed = not _PLACES.isdisjoint(case.kinds.facts(ref).name.stems)
        return placed or case.kinds.is_readable(ref) or case.kinds.facts(ref).foreign

    return any(not one.aggregate and (not one.refs or any(map(tells, one.refs))) for one in outputs)


def _table_noun(case: Case, place: int) -> int | None:
    """Position of the noun of a table whose rows are asked for: "which customers", "list all active customers"."""
    view, words = case.asked.prepared.view, case.asked.words
    for at in range(place, min(place + _FAR, len(words))):
        word = words[at]
        if _names_table(case, at) and not _is_column(case, word.token.stem):
            return at if at + 1 == len(words) or _ends_noun(words[at + 1]) else None
        # "organic farms": a column before the noun is an adjective.
        adjective = word.token.stem not in view.table_words and at + 1 < len(words) and _names_table(case, at + 1)
        if word.text in _ENDS or (word.exact and not word.cue and not adjective):
            return None
        part = word.text == "of" and case.asked.text(at - 1) not in {"all", "any", "each", "most"}
        if part or (word.text in STOP_WORDS and word.text not in _FILLERS):
            return None
    return None


def _names_table(case: Case, place: int) -> bool:
    word = case.asked.words[place]
    return word.exact and word.token.stem in case.asked.prepared.view.table_words


def _ends_noun(after: Word) -> bool:
    """Whether a word goes on with something else: "customers and their emails", "customer emails" ask for columns."""
    if after.text in {"and", "of", "s"} or (after.exact and not is_participle(after.text) and after.text not in _ENDS):
        return False
    return after.text in _ENDS or after.number is not None or is_participle(after.text) or not after.names


def _is_column(case: Case, root: str) -> bool:
    """Whether a column is called by this one word, so that it need not mean the rows of a table."""
    view = case.asked.prepared.view
    return any(view.columns[number].name.stems == (root,) for number, _ in view.column_words.get(root, ()))


def _identifies(case: Case, noun: int, outputs: tuple[Output, ...], *, name: bool) -> bool:
    """Whether one of the columns tells the rows of the noun's table; with `name` by its name where it has one."""
    view, root = case.asked.prepared.view, case.asked.words[noun].token.stem
    tables = {view.table_name(number) for number, _ in view.table_words.get(root, ())}
    if tables.isdisjoint(_reached(case)):
        return True
    said = {word.token.stem for word in case.asked.words if word.exact}
    by_key = any(word.text in {"id", "ids", "code", "codes", "number", "numbers"} for word in case.asked.words)
    ordered = {ref for one in case.query.orders for ref in one.columns}
    labelled = name and not by_key and any(_label(case, table) for table in tables & _reached(case))

    def tells(ref: ColumnRef) -> bool:
        facts = case.kinds.facts(ref)
        # "The biggest farm by hectares" is no number of hectares.
        asked = not said.isdisjoint(facts.name.stems) and ref not in ordered
        if asked and ref.table not in tables and not facts.foreign:
            return True
        if ref.table in tables:
            readable = case.kinds.is_readable(ref) or not said.isdisjoint(set(facts.name.stems) - {root})
            return readable or (not labelled and case.kinds.is_link(ref))
        targets = [key for key in view.schema.foreign_keys if key.table == ref.table and ref.column in key.columns]
        return not labelled and any(key.ref_table in tables for key in targets)

    return any(not one.refs or any(map(tells, one.refs)) for one in outputs)
