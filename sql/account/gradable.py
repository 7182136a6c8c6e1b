"""Adjectives of degree ("big", "recent", "cheaply"): without a comparison, an order or a value they are not used.

Where the border lies is for the person who asks to say, so that no column alone answers "big cities". A count of the
column in place of the rows answers another question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS

from .lexicon import word_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import ColumnRef
    from .objections import Case

__all__ = ["GRADABLE", "find_counted_measures", "find_ungraded"]

# Superlatives and comparatives are cues of their own (`lexicon.cue_of`).
_HIGH = word_set(
    "big large huge enormous massive gigantic giant sizable sizeable great tall high long lengthy deep wide broad "
    "thick heavy bulky fast quick rapid speedy expensive pricey costly dear rich wealthy affluent prosperous strong "
    "powerful hot warm loud bright populous crowded busy profitable successful lucrative excellent outstanding good "
    "highly heavily quickly rapidly expensively strongly densely widely greatly"
)
_LOW = word_set(
    "small little tiny mini short low shallow narrow thin lightweight slow cheap inexpensive affordable poor weak cold "
    "cool quiet dim uncrowded unprofitable unsuccessful bad terrible rare unpopular underweight "
    "cheaply slowly poorly rarely seldom weakly sparsely lightly badly"
)
_UNDIRECTED = word_set(
    "old aged elderly ancient young youthful new recent modern early late fresh stale popular famous frequent common "
    "recently newly frequently important significant difficult hard easy simple complex near nearby distant far often "
    "overweight obese senior"
)
GRADABLE = _HIGH | _LOW | _UNDIRECTED
# Words after which an adjective asks for the measure itself or is part of a superlative: "how old", "most common".
_MEASURING = word_set("how most least more less as")
_UPWARDS, _DOWNWARDS = frozenset((">", ">=", "between")), frozenset(("<", "<=", "between"))
_COUNTED_NAMES = word_set("distinct different unique various")
_NUMBER_AFTER = 3  # words after an adjective in which the number of its measure may stand: "aged either 35 or 36"


def find_ungraded(case: Case) -> Iterator[int]:
    """Positions of adjectives of degree that the query neither compares nor orders by."""
    for place, word in enumerate(case.asked.words):
        if word.text not in GRADABLE or case.said[place] or word.literal or word.stored:
            continue
        # A name of the schema, alone or with its neighbour ("high school"), is no adjective.
        if 1.0 in word.names.values() or _measures(case, place):
            continue
        if not _is_graded(case, place, word.text):
            yield place


def _measures(case: Case, place: int) -> bool:
    """ "How big is", "6 feet tall": the measure itself, or a number of it."""
    words = case.asked.words
    # A unit stands between a number and its adjective: "30 years old", but "two old cities".
    before = place > 1 and words[place - 2].number is not None and not words[place - 1].exact
    after = any(word.number is not None for word in words[place + 1 : place + _NUMBER_AFTER + 1])
    return case.asked.text(place - 1) in _MEASURING or before or after


def _is_graded(case: Case, place: int, word: str) -> bool:
    """Whether a column that stands for the word, or any where none does, decides on rows the way the word says."""
    # A column of what another word says ("order items" for "big order items") does not stand for this one.
    refs = {case.refs[part.text] for part in case.parts[place] if part.kind == "column" and part.text in case.refs}

    def meant(columns: tuple[ColumnRef, ...]) -> bool:
        return not refs or not refs.isdisjoint(columns)

    numbered = any(one.number is not None for one in case.asked.words)
    ordered = any(
        meant(one.columns) and not one.counted and (one.limit is None or numbered) for one in case.query.orders
    )
    ops = _UPWARDS if word in _HIGH else _DOWNWARDS if word in _LOW else _UPWARDS | _DOWNWARDS
    return ordered or any(
        test.op in ops and not test.negated and meant(test.columns) and not _is_said(case, test.part.text)
        for test in case.query.tests
    )


def _is_said(case: Case, text: str) -> bool:
    """Whether other words of the question say a comparison already: "big cities founded after 1900"."""
    return any(part.text == text for some in case.said for part in some)


def find_counted_measures(case: Case) -> Iterator[int]:
    """ "How many" where the rows of a table are asked for, and different values of one of its measures are counted."""
    words, view = case.asked.words, case.asked.prepared.view
    counts = [one for one in case.query.aggregates if one.name == "COUNT" and one.distinct and one.shown]
    if len(counts) != 1 or any(word.text in _COUNTED_NAMES for word in words):
        return
    columns = counts[0].columns
    stems = {word.token.stem for word in words if word.exact}
    if not columns or not all(_is_measure(case, ref) and stems.isdisjoint(case.kinds.facts(ref).name.stems)
                              for ref in columns):  # fmt: skip
        return
    for place in range(len(words) - 1):
        if (words[place].text, words[place + 1].text) != ("how", "many"):
            continue
        # Past adjectives, up to the noun.
        for word in words[place + 2 : place + 5]:
            tables = {view.table_name(number) for number, _ in view.table_words.get(word.token.stem, ())}
            if word.exact and tables & {ref.table for ref in columns}:
                yield from (place, place + 1)
            if word.exact or word.text in STOP_WORDS:
                break


def _is_measure(case: Case, ref: ColumnRef) -> bool:
    return case.kinds.facts(ref).kind == "number" and not case.kinds.is_link(ref)
