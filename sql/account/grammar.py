"""Words that count, compare, order, negate and group, and the parts of a query that do what they ask for."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ..linking.words import load_cues
from .lexicon import GENERIC, MONTH_WORDS, TEMPORAL, TURNED, UNITS, is_high
from .literals import is_day
from .reading import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..schema.schema import ColumnRef
    from .query import Order, QueryParts, Test
    from .question import Asked

__all__ = ["Grammar"]

_UPWARDS, _DOWNWARDS = {">", ">=", "between"}, {"<", "<=", "between"}
_DAY_STEMS = frozenset("dat year tim birth birthday birthdat dob born month day founded start end joined since".split())
_AMOUNTS = frozenset(("SUM", "AVG", "MIN", "MAX"))
_SKIPPED = frozenset("the a an of number numbers amount total average value values count each all their its in".split())


class Grammar:
    """Explains the cues of one question by one query.

    `explain` gives None for a word that asks for nothing where it stands ("order" as the name of a table), and an empty
    list where the query lacks what the word asks for.
    """

    def __init__(self, asked: Asked, query: QueryParts) -> None:
        self._asked, self._query = asked, query
        self._rules: dict[str, Callable[[int], list[Part] | None]] = {
            "count": self._count, "sum": self._sum, "average": self._average, "high": self._superlative,
            "low": self._superlative, "more": self._comparative, "less": self._comparative, "between": self._between,
            "not": self._negation, "missing": self._negation, "each": self._group, "distinct": self._distinct,
            "descending": self._direction, "ascending": self._direction, "sort": self._sort, "like": self._pattern,
            "ratio": self._ratio, "difference": self._difference, "several": self._several,
        }  # fmt: skip

    def explain(self, place: int) -> list[Part] | None:
        """The parts that the word at a position asks for; see the class."""
        word = self._asked.words[place]
        phrase = self._phrase(place)
        if phrase is not None:
            return phrase
        if word.cue:
            return self._rules[word.cue](place)
        if word.text in UNITS or word.text in MONTH_WORDS:
            return self._unit(place)
        if place and self._text(place - 1) in {"how"}:
            return None
        return self._prefix(place)

    def _text(self, place: int) -> str:
        return self._asked.text(place)

    def _phrase(self, place: int) -> list[Part] | None:
        """Cues of two words: "how many", "how much", "at least", "at most"."""
        before, text, after = self._text(place - 1), self._text(place), self._text(place + 1)
        if (text, after) == ("how", "many") or (before, text) == ("how", "many"):
            return self._how_many()
        if (text, after) == ("how", "much") or (before, text) == ("how", "much"):
            return self._how_much()
        if before == "at" and text in {"least", "most"}:
            return self._tests(_UPWARDS if text == "least" else _DOWNWARDS) or self._small_count(text)
        if text in {"more", "less", "greater", "fewer", "higher", "lower"} and before == "or":
            return self._tests(_UPWARDS if text in {"more", "greater", "higher"} else _DOWNWARDS)
        return None

    def _small_count(self, text: str) -> list[Part]:
        # "at least one" is what a join says, too.
        one = any(word.number == 1 for word in self._asked.words)
        return list(self._query.tables.values()) if text == "least" and one and len(self._query.tables) > 1 else []

    def _how_many(self) -> list[Part]:
        counts = self._aggregates({"COUNT", "SUM", "COUNTIF", "APPROXDISTINCT"})
        return counts or self._shown_numbers(load_cues().columns["count"])

    def _how_much(self) -> list[Part]:
        return self._aggregates(_AMOUNTS) or self._functions("mul", "sub", "add") or self._shown_numbers(None)

    def _shown_numbers(self, stems: Iterable[str] | None) -> list[Part]:
        """Shown columns of numbers; with `stems` only those whose names have one of them."""
        wanted = None if stems is None else set(stems)
        found = []
        for ref in self._query.shown:
            facts = self._facts(ref)
            if facts.kind == "number" and (wanted is None or wanted & set(facts.name.stems)):
                found.append(self._query.columns[ref])
        return found

    def _facts(self, ref: ColumnRef):  # type: ignore[no-untyped-def]
        view = self._asked.prepared.view
        return view.columns[view.index[ref]]

    def _aggregates(self, names: Iterable[str], place: int | None = None) -> list[Part]:
        """The aggregates of these names; with a place those that fit the noun after it."""
        found = [one for one in self._query.aggregates if one.name in names]
        if place is not None:
            target = self._target(place)
            found = [one for one in found if not one.columns or self._fits(one.columns, target)]
        return [one.part for one in found]

    def _functions(self, *names: str) -> list[Part]:
        return [part for name in names for part in self._query.functions.get(name, ())]

    def _target(self, place: int) -> set[str]:
        """The stems of the schema that the noun after a cue certainly names; empty where it may be anything."""
        for step in range(1, 5):
            if place + step >= len(self._asked.words):
                break
            word = self._asked.words[place + step]
            if word.text in _SKIPPED and not word.exact:
                continue
            if word.exact and self._names_numbers(word.token.stem):
                return {word.token.stem}
            break
        return set()

    def _names_numbers(self, name: str) -> bool:
        """Whether a stem names a column that can be summed up or compared."""
        view = self._asked.prepared.view
        return any(view.columns[number].kind in {"number", "date"} for number, _ in view.column_words.get(name, ()))

    def _fits(self, columns: Iterable[ColumnRef], target: set[str]) -> bool:
        """Whether one of the columns is meant by the target; an empty target is any column."""
        if not target:
            return True
        view = self._asked.prepared.view
        for ref in columns:
            facts = self._facts(ref)
            if target & {*facts.name.stems, *view.tables[facts.table].stems}:
                return True
        return False

    def _count(self, place: int) -> list[Part] | None:
        word = self._asked.words[place]
        if word.text.startswith("number") and self._text(place + 1) != "of":
            return None  # "phone number", "number 5"
        found = self._aggregates({"COUNT", "SUM", "COUNTIF"})
        return found or (None if word.exact or word.names else [])

    def _sum(self, place: int) -> list[Part] | None:
        word = self._asked.words[place]
        found = self._aggregates({"SUM", "COUNT"}, place) or self._functions("add", "mul")
        if found or word.exact:
            return found or None
        return None if word.text in {"overall", "altogether", "combined"} else self._shown_numbers(None)

    def _average(self, place: int) -> list[Part] | None:
        found = self._aggregates({"AVG"}, place) or (self._functions("div") if self._aggregates({"SUM"}) else [])
        return found or (None if self._asked.words[place].exact else [])

    def _is_days(self, ref: ColumnRef) -> bool:
        facts = self._facts(ref)
        return facts.kind == "date" or bool(_DAY_STEMS & set(facts.name.stems))

    def _superlative(self, place: int) -> list[Part] | None:
        word, text = self._asked.words[place], self._text(place)
        if text in {"first", "last", "top", "bottom", "common", "latest", "recent"} and self._is_plain_limit(place):
            return [*self._query.limits] or self._extremes(place, text)
        found = self._extremes(place, text)
        if found or word.exact or text in {"most", "common"}:
            return found or (None if word.exact else [])
        return found if text not in {"first", "last"} else None

    def _is_plain_limit(self, place: int) -> bool:
        """"first three", "top 5": words that only say how many rows are wanted."""
        after = self._asked.words[place + 1] if place + 1 < len(self._asked.words) else None
        return after is not None and after.number is not None and not after.year

    def _extremes(self, place: int, text: str) -> list[Part]:
        """Orders with a limit, MAX and MIN, window functions, and comparisons with all, in the asked direction."""
        query, target = self._query, self._target(place)
        found = [
            one.part
            for one in query.orders
            if self._right_way(one.columns, text, high=one.descending) and self._fits_order(one, target)
        ]
        if found:
            return [*found, *(part for part in query.limits[:1])]
        for aggregate in query.aggregates:
            if aggregate.name in {"MAX", "MIN"} and self._fits(aggregate.columns, target):
                if self._right_way(aggregate.columns, text, high=aggregate.name == "MAX"):
                    found.append(aggregate.part)
        return found

    def _fits_order(self, order: Order, target: set[str]) -> bool:
        return not order.columns or self._fits(order.columns, target)

    def _right_way(self, columns: tuple[ColumnRef, ...], text: str, *, high: bool) -> bool:
        wanted = is_high(text, days=any(map(self._is_days, columns)))
        return wanted is None or wanted == high

    def _comparative(self, place: int) -> list[Part] | None:
        if not self._compares(place):
            return None
        text = self._text(place)
        days = [test for test in self._query.tests if any(map(self._is_days, test.columns))]
        chosen = days if days and (text in TEMPORAL or text in TURNED) else self._query.tests
        wanted = is_high(text, days=bool(days) and chosen is days)
        ops = _UPWARDS | _DOWNWARDS if wanted is None else _UPWARDS if wanted else _DOWNWARDS
        if self._is_negated(place):
            ops = _DOWNWARDS if ops is _UPWARDS else _UPWARDS
        found = [test.part for test in chosen if test.op in ops or (test.negated and test.op in _flipped(ops))]
        if found or text not in TEMPORAL:
            return found or self._order_of(wanted)
        return [one.part for one in self._query.literals if is_day(one)]

    def _order_of(self, wanted: bool | None) -> list[Part]:
        # "from higher to lower" orders
        return [one.part for one in self._query.orders if wanted is None or one.limit is None]

    def _is_negated(self, place: int) -> bool:
        return self._text(place - 1) in {"no", "not"}

    def _compares(self, place: int) -> bool:
        """Whether a word such as "over" or "more" compares: something is compared with what follows."""
        for step in range(1, 4):
            if place + step >= len(self._asked.words):
                return False
            word = self._asked.words[place + step]
            if word.number is not None or word.month or word.day is not None or word.text == "than":
                return True
            if word.text in {"average", "mean", "median"}:
                return True
            if word.text not in GENERIC and step > 1:
                return False
        return False

    def _tests(self, ops: set[str]) -> list[Part]:
        flipped = _flipped(ops)
        return [one.part for one in self._query.tests if one.op in ops or (one.negated and one.op in flipped)]

    def _between(self, place: int) -> list[Part] | None:
        found = self._tests({"between"}) or self._tests({">", ">="})
        after = self._asked.words[place + 1 : place + 4]
        numbers = any(word.number is not None or word.month or word.day is not None for word in after)
        return found or ([] if numbers else None)

    def _negation(self, place: int) -> list[Part] | None:
        text = self._text(place)
        if text in {"other", "otherwise", "unless"} and self._text(place - 1) in {"each", "any", "and", "no", "the"}:
            return None
        if text in {"no", "not"} and self._text(place + 1) in {"more", "less", "fewer", "later", "earlier", "greater"}:
            return self._comparative(place + 1)
        if text in {"not", "no"} and self._text(place + 1) == "only":
            return None
        return list(self._query.negations)

    def _prefix(self, place: int) -> list[Part] | None:
        """"unpaid", "inactive", "non-vegan": what is left without the prefix must be there, and negated."""
        return None

    def _group(self, place: int) -> list[Part] | None:
        found = [part for _, part in self._query.groups]
        # Without an aggregate every row stands for itself, so "each" asks for nothing.
        if found or not self._query.aggregates:
            return found or None
        return [] if self._text(place) != "every" else None

    def _distinct(self, place: int) -> list[Part] | None:
        found = [*self._query.distinct, *(part for _, part in self._query.groups)]
        found += [part for name, part in self._query.combined.items() if name != "OR"]
        unequal = [test.part for test in self._query.tests if test.op == "!=" or test.negated]
        return found or unequal or self._aggregates({"COUNT"}) or None

    def _direction(self, place: int) -> list[Part] | None:
        high = self._asked.words[place].cue == "descending"
        if self._text(place) == "reverse":
            return [one.part for one in self._query.orders]
        return [one.part for one in self._query.orders if one.descending == high]

    def _sort(self, place: int) -> list[Part] | None:
        found = [one.part for one in self._query.orders]
        exact = self._asked.words[place].exact
        return found or (None if exact or self._text(place) in {"rank", "ranking"} else [])

    def _pattern(self, place: int) -> list[Part] | None:
        found = [test.part for test in self._query.tests if test.op == "like"]
        return found or None

    def _ratio(self, place: int) -> list[Part] | None:
        found = self._functions("div") or (self._aggregates({"AVG"}) if self._functions("case") else [])
        word = self._asked.words[place]
        if found or word.exact or word.names or self._text(place - 1).replace(".", "").isdigit():
            return found or None
        return None if word.text in {"rate", "share"} else []

    def _difference(self, place: int) -> list[Part] | None:
        return self._functions("sub") or self._query.negations[:1] or []

    def _several(self, place: int) -> list[Part] | None:
        return self._tests({">", ">=", "!="}) or None

    def _unit(self, place: int) -> list[Part] | None:
        """"per month", "monthly", "last 30 days", "this year"."""
        text = self._text(place)
        relative = self._functions("now") + [one.part for one in self._query.literals if is_day(one)]
        near = chain((place - 2, place - 1), (place + 1, place + 2))
        texts = [self._text(one) for one in near]
        if text in {"today", "yesterday", "ago"} or (
            text in MONTH_WORDS and any(one in UNITS for one in texts[2:])
        ):
            return relative or self._extremes(place, text) or []
        if text not in UNITS:
            return None
        if any(one in MONTH_WORDS for one in texts[:2]):
            return relative or None
        units = self._functions(UNITS[text])
        asked = text.endswith("ly") or texts[1] in {"per", "each", "every", "by"}
        exact = self._asked.words[place].exact
        return units or ([] if asked and not exact and text != "daily" else None)


def _flipped(ops: set[str]) -> set[str]:
    swapped = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
    return {swapped.get(op, op) for op in ops if op != "between"}
