"""Words that ask for something else than the query measures: rows of another table, a share, rows that are referred to,
an order by a column without values, what is lacking.

Each rule gives positions of words that count as left over although a part of the query has the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, stem

from .lexicon import word_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import ForeignKey
    from .objections import Case

__all__ = ["find_other_measures"]

_SHARES = word_set("share shares percentage percent proportion fraction ratio")
_LEADS = frozenset(map(stem, word_set("manager boss supervisor superior mentor referrer parent lead leader head")))
_LED = word_set("managed supervised led headed overseen mentored referred invited")
_REPORTS = word_set("report reports reporting reported answers work works")
_LACKING = word_set("no without not never missing lack lacks lacking don't doesn't didn't")
_AS = word_set("as is was named called their his her a an the")
_LONGEST_WORD = 22  # letters; a longer one is a question that was typed without blanks
_FAR = 4  # words after "how many" among which its noun is looked for


def find_other_measures(case: Case) -> Iterator[int]:
    """Positions of words that count as left over; one may come twice."""
    yield from _find_uncounted_nouns(case)
    yield from _find_missing_shares(case)
    yield from _find_unspaced_words(case)
    yield from _find_unfollowed_references(case)
    yield from _find_empty_orders(case)
    # No row fulfils the condition, so that it does not find what lacks something.
    if case.query.vacuous:
        yield from (place for place, word in enumerate(case.asked.words) if word.text in _LACKING)


def _find_uncounted_nouns(case: Case) -> Iterator[int]:
    """ "How many orders are there without a coupon": the rows that are counted must be those of the noun."""
    counted = set(case.query.counted)
    if not counted:
        return
    view = case.asked.prepared.view
    for place in range(len(case.asked.words) - 1):
        many = case.asked.text(place) == "how" and case.asked.text(place + 1) == "many"
        number = case.asked.text(place) in {"number", "count"} and case.asked.text(place + 1) == "of"
        noun = _find_noun(case, place + 2) if many or number else None
        if noun is None:
            continue
        named = {view.table_name(n) for n, _ in view.table_words.get(case.asked.words[noun].token.stem, ())}
        # A table that the query does not read may be counted by what refers to it.
        if named & case.query.tables.keys() and named.isdisjoint(counted):
            yield noun


def _find_noun(case: Case, start: int) -> int | None:
    """The position of the first noun from `start` on that names a table, past adjectives and values."""
    words = case.asked.words
    for place in range(start, min(start + _FAR, len(words))):
        word = words[place]
        if word.exact and word.token.stem in case.asked.prepared.view.table_words and not word.cue:
            return place
        if word.text in STOP_WORDS and word.text not in {"the", "of", "all", "different", "distinct"}:
            return None
    return None


def _find_missing_shares(case: Case) -> Iterator[int]:
    """ "What share of the contracts is active": without a quotient no share is given."""
    if "div" in case.query.functions or any(one.name == "AVG" for one in case.query.aggregates):
        return
    for place, word in enumerate(case.asked.words):
        if word.text in _SHARES and not word.exact and not case.parts[place]:
            yield place


def _find_unspaced_words(case: Case) -> Iterator[int]:
    """Words that are too long to be any: the question was typed without blanks."""
    for place, word in enumerate(case.asked.words):
        if len(word.text) >= _LONGEST_WORD and word.text.isalpha() and not case.said[place] and not word.exact:
            yield place


def _find_unfollowed_references(case: Case) -> Iterator[int]:
    """ "who have Ann Lee as their manager": the value is of the row that is referred to, not of the one that refers."""
    view = case.asked.prepared.view
    keys = [key for key in view.schema.foreign_keys if key.table == key.ref_table and key.table in case.query.tables]
    if not keys or any(_is_followed(case, key) for key in keys):
        return
    texts = set(_text_parts(case))
    for place, word in enumerate(case.asked.words):
        after, before = _is_said_after(case, place, texts), _is_said_before(case, place, texts)
        led = word.text in _LED and case.asked.text(place + 1) == "by" and after
        reports = word.text in _REPORTS and case.asked.text(place + 1) in {"to", "under", "for"} and after
        leads = word.token.stem in _LEADS and (before or (case.asked.text(place + 1) in _AS and after))
        if led or reports or leads:
            yield place


def _text_parts(case: Case) -> Iterator[str]:
    return (one.part.text for one in case.query.literals if one.number is None and one.columns)


def _is_followed(case: Case, key: ForeignKey) -> bool:
    """Whether a query joins a reference with the rows referred to, or looks them up."""
    linked = any(ref.table == key.table and ref.column in key.columns for ref in case.query.linking)
    nested = any(
        test.nested and any(ref.table == key.table and ref.column in key.columns for ref in test.columns)
        for test in case.query.tests
    )
    return linked or nested


def _is_said_after(case: Case, place: int, texts: set[str]) -> bool:
    """Whether a text of the query is said right after a word."""
    at = place + 1
    while at < len(case.said) and (case.asked.text(at) in _AS or case.asked.text(at) in {"by", "to", "under", "for"}):
        at += 1
    return at < len(case.said) and any(part.text in texts for part in case.said[at])


def _is_said_before(case: Case, place: int, texts: set[str]) -> bool:
    """Whether a text of the query is said right before "as their manager"."""
    at = place - 1
    while at > 0 and case.asked.text(at) in _AS - {"as"}:
        at -= 1
    return at > 0 and case.asked.text(at) == "as" and any(part.text in texts for part in case.said[at - 1])


def _find_empty_orders(case: Case) -> Iterator[int]:
    """ "The heaviest machine" where no row has a weight: the order says nothing."""
    samples = case.asked.samples
    for order in case.query.orders:
        if order.limit is None or not order.columns or any(ref not in samples or samples[ref] for ref in order.columns):
            continue
        for place, word in enumerate(case.asked.words):
            if word.cue in {"high", "low"}:
                yield place
