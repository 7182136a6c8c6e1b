"""Superlatives and comparatives, and the orders and comparisons that say the same in the same direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..linking.words import load_cues
from .gradable import GRADABLE
from .lexicon import GENERIC, TEMPORAL, TURNED, is_high, word_set

if TYPE_CHECKING:
    from ..schema.schema import ColumnRef
    from .parts import Test
    from .question import Word
    from .reading import Part
    from .targets import Targets

__all__ = ["Degrees"]

_UPWARDS, _DOWNWARDS = frozenset((">", ">=", "between")), frozenset(("<", "<=", "between"))
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_NUMEROUS = word_set("most fewest least")
_SIZES = word_set(
    "longest shortest largest biggest smallest oldest eldest youngest newest latest earliest heaviest lightest tallest "
    "fastest slowest cheapest priciest expensive costliest highest lowest longer shorter larger smaller"
)
# A number of rows is neither long nor old; the largest may have the most of them.
_DIMENSIONS = _SIZES - word_set("largest biggest smallest highest lowest larger smaller")
_MEANS = word_set("average mean median")
_PLAIN_LIMITS = word_set("first last latest recent")
_RELATIONS = word_set("above below under over beneath beyond exceed exceeds exceeding exceeded surpass surpasses")
_OWN = word_set("the their its his her a an own")
_NEAR, _FAR = 5, 6  # words after a comparative in which its number may stand


class Degrees:
    """The rules of `Grammar` for degrees; the same results."""

    def __init__(self, targets: Targets) -> None:
        self._targets, self._asked, self._query = targets, targets.asked, targets.query

    def superlative(self, place: int) -> list[Part] | None:
        """ "highest", "most", "oldest", "top 5", "first three"."""
        word, text = self._asked.words[place], self._asked.text(place)
        after = self._asked.words[place + 1] if place + 1 < len(self._asked.words) else None
        if self._asked.text(place - 1) in {"most", "least"}:
            text = self._asked.text(place - 1)  # "least common"
        if text in {"first", "last"} and after is not None and after.text in {"name", "names", "and", "or"}:
            return None
        if self._ends_range(place):
            return self._targets.orders()
        found = self.extremes(place, text)
        if text in _PLAIN_LIMITS and after is not None and after.number is not None and not after.year:
            # "first three" may mean any rows; "top 5" needs an order.
            return found or [*self._query.limits, *(one.part for one in self._query.orders)]
        if not found and text == word.text and text in GRADABLE:
            # "expensive rooms" need no order: a comparison of their price says so, too.
            found = self._of_direction(self._query.tests, is_high(text, days=False))
        if found or not (word.exact or text in {"first", "last"}):
            return found
        return None

    def _ends_range(self, place: int) -> bool:
        """ "from highest to lowest": the first of the two gives the direction."""
        before = self._asked.words[max(place - 5, 0) : place]
        to = any(word.text == "to" for word in before[-2:])
        return to and any(word.cue in {"high", "low", "more", "less"} for word in before)

    def extremes(self, place: int, text: str) -> list[Part]:
        """Orders, MAX and MIN in the direction that a superlative asks for, of the noun after it."""
        query, target = self._query, self._targets.find(place)
        numerous = self._asked.text(place) in _NUMEROUS
        found = [
            one.part
            for one in query.orders
            if self._right_way(one.columns, text, high=one.descending)
            and self._targets.fits_order(one, target)
            and not (text in _DIMENSIONS and one.counted and not one.columns)
            and not (numerous and not one.counted and not self._counts(place, one.columns))
        ]
        if found:
            return [*found, *query.limits[:1]]
        return [
            one.part
            for one in query.aggregates
            if one.name in {"MAX", "MIN"}
            and self._targets.fits(one.columns, target)
            and self._right_way(one.columns, text, high=one.name == "MAX")
        ]

    def _counts(self, place: int, columns: tuple[ColumnRef, ...]) -> bool:
        """Whether columns hold how many there are of what follows: "most orders" is no highest number of an order."""
        return not self._targets.counts_rows(place) or self._targets.has_amounts(columns, load_cues().columns["count"])

    def _right_way(self, columns: tuple[ColumnRef, ...], text: str, *, high: bool) -> bool:
        wanted = is_high(text, days=self._targets.has_days(columns), ranks=self._targets.has_ranks(columns))
        if text in _SIZES and self._targets.has_only_words(columns) and "length" not in self._query.functions:
            return False
        return (wanted is None or wanted == high) and self._targets.measures(columns, text)

    def comparative(self, place: int) -> list[Part] | None:
        """ "more than 5", "older than", "after May 2022", "above the average"; None where nothing follows."""
        if not self.compares(place):
            return self._between_columns(place)
        text, tests = self._asked.text(place), self._near_tests(place)
        days = [test for test in tests if self._targets.has_days(test.columns)]
        tests = [test for test in tests if self._targets.measures(test.columns, text) and not self._sizes_keys(test)]
        turned = bool(days) and (text in TEMPORAL or text in TURNED)
        if text in TEMPORAL and not days and self._follows_year(place):
            tests = [test for test in tests if self._holds_years(test)]  # "before 1980" of no other number
        wanted = is_high(text, days=turned)
        if self._asked.text(place - 1) in {"no", "not"} and wanted is not None:
            wanted = not wanted
        return self._of_direction(days if turned else tests, wanted)

    def _sizes_keys(self, test: Test) -> bool:
        """Whether keys are compared with an aggregate, as if they had a size."""
        return test.nested and bool(test.columns) and all(map(self._targets.is_key, test.columns))

    def _between_columns(self, place: int) -> list[Part] | None:
        """ "below their reorder level": a comparison of two columns; None where no column of amounts follows."""
        if self._asked.text(place) not in _RELATIONS:
            return None
        for word in self._asked.words[place + 1 : place + _NEAR - 1]:
            if word.text in _OWN:
                continue
            amounts = word.exact and self._targets.names_amount(word.token.stem)
            compared = [test for test in self._query.tests if len(test.columns) > 1 or test.nested or test.counted]
            return self._of_direction(compared, is_high(self._asked.text(place), days=False)) if amounts else None
        return None

    def _follows_year(self, place: int) -> bool:
        return any(word.year or word.month or word.day for word in self._asked.words[place + 1 : place + _FAR])

    def _holds_years(self, test: Test) -> bool:
        """Whether a number of the question lies within what a column of the comparison holds."""
        inside = {hit.ref for _, hit in self._asked.ranges if hit.inside}
        return not self._asked.ranges or not test.columns or not inside.isdisjoint(test.columns)

    def bound(self, place: int, *, high: bool) -> list[Part]:
        """ "at least 5", "5 or more"."""
        found = self._of_direction(self._near_tests(place), high)
        one = any(word.number == 1 for word in self._asked.words[place + 1 : place + 3])
        # "at least one" is what a join says, too.
        return found or (list(self._query.tables.values()) if high and one and len(self._query.tables) > 1 else [])

    def between(self, place: int) -> list[Part] | None:
        """BETWEEN, or an upper comparison; None where no number or day follows."""
        tests = self._query.tests
        found = [test.part for test in tests if test.op == "between"] or self._of_direction(tests, True)
        return found or ([] if any(map(_is_bound, self._asked.words[place + 1 : place + 4])) else None)

    def several(self) -> list[Part] | None:
        """ "multiple", "several": more than one."""
        return self._of_direction(self._query.tests, True) or None

    def _of_direction(self, tests: list[Test], high: bool | None) -> list[Part]:
        ops = _UPWARDS | _DOWNWARDS if high is None else _UPWARDS if high else _DOWNWARDS
        flipped = {_FLIPPED.get(op, "") for op in ops}
        return [test.part for test in tests if test.op in (flipped if test.negated else ops)]

    def _near_tests(self, place: int) -> list[Test]:
        """The comparisons with the number or day after a word (before "or more"); all where none follows."""
        if self._asked.text(place - 1) == "or" and place > 1 and not self.compares(place):
            return self._tests_of(place - 2)
        for step, word in enumerate(self._asked.words[place + 1 : place + _FAR], 1):
            if word.number is not None or word.day is not None or (word.month and not word.names):
                return self._tests_of(place + step)
            if word.text in _MEANS or (word.text == "than" and step > 1):
                break
        return self._query.tests

    def _tests_of(self, place: int) -> list[Test]:
        """The comparisons with one number or day of the question."""
        texts = [part.text for part in self._targets.said[place]]
        # A number may stand within a function: date('now', '-30 years').
        tests = [test for test in self._query.tests if any(text in test.part.text for text in texts)]
        # "more than 3 orders" counts them, and compares no key.
        return [test for test in tests if not self._compares_keys(place, test)]

    def _compares_keys(self, place: int, test: Test) -> bool:
        counts = self._targets.counts_rows(place)
        return (
            counts
            and not test.counted
            and bool(test.columns)
            and all(self._targets.is_key(ref) for ref in test.columns)
        )

    def compares(self, place: int) -> bool:
        """Whether a word such as "over" or "more" compares: something is compared with what follows."""
        for step, word in enumerate(self._asked.words[place + 1 : place + _NEAR], 1):
            if _is_bound(word) or word.text == "than" or word.text in _MEANS:
                return True
            if word.text not in GENERIC and step > 1:
                return False
        return False


def _is_bound(word: Word) -> bool:
    return word.number is not None or bool(word.month) or word.day is not None
