"""Words that count, sum, negate, group and sort, and the parts of a query that do what they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..linking.words import load_cues
from .degrees import Degrees
from .lexicon import MONTH_WORDS, UNITS, cue_of, word_set
from .periods import is_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from .reading import Part
    from .targets import Targets

__all__ = ["Grammar"]

_COUNTS = frozenset(("COUNT", "COUNTIF", "APPROXDISTINCT"))
_AMOUNTS = frozenset(("SUM", "AVG", "MIN", "MAX"))
_SORTING = word_set("order ordered list listed arrange arranged organized")
_COMPARED = word_set("more less fewer later earlier greater higher lower larger smaller")
_UPWARDS = word_set("more greater higher larger above over later")


class Grammar:
    """Explains the cues of one question by one query.

    `explain` gives None for a word that asks for nothing where it stands ("order" as the name of a table), and an empty
    list where the query lacks what the word asks for.
    """

    def __init__(self, targets: Targets) -> None:
        self._targets, self._asked, self._query = targets, targets.asked, targets.query
        degrees = self._degrees = Degrees(targets)
        self._rules: dict[str, Callable[[int], list[Part] | None]] = {
            "count": self._count, "sum": self._sum, "average": self._average, "high": degrees.superlative,
            "low": degrees.superlative, "more": degrees.comparative, "less": degrees.comparative,
            "between": degrees.between, "several": lambda _: degrees.several(), "not": self._negation,
            "missing": self._negation,
            "each": self._group, "distinct": lambda _: self._distinct(), "descending": self._direction,
            "ascending": self._direction, "sort": self._sort, "like": lambda _: self._pattern(), "ratio": self._ratio,
            "difference": lambda _: self._difference(), "money": self._money,
            "change": lambda place: None if self._asked.words[place].exact else self._targets.functions("sub") or None,
        }  # fmt: skip

    def explain(self, place: int) -> list[Part] | None:
        """The parts that the word at a position asks for; see the class."""
        word = self._asked.words[place]
        phrase = self._phrase(place)
        if phrase is not None:
            return phrase
        if word.text in UNITS or self._is_relative(place):
            return self._unit(place)
        return self._rules[word.cue](place) if word.cue else None

    def _text(self, place: int) -> str:
        return self._asked.text(place)

    def _phrase(self, place: int) -> list[Part] | None:
        """Cues of two words: "how many", "how much", "at least", "or more", "ordered by"."""
        before, text, after = self._text(place - 1), self._text(place), self._text(place + 1)
        if (text, after) == ("how", "many") or (before, text) == ("how", "many"):
            named = frozenset(self._targets.named(place))
            return self._counts() or self._targets.shown_numbers(load_cues().columns["count"] | named)
        if (text, after) == ("how", "much") or (before, text) == ("how", "much"):
            sums = self._targets.amounts(_AMOUNTS) or self._targets.functions("mul", "sub", "add")
            return sums or self._targets.shown_numbers()
        if before == "at" and text in {"least", "most"}:
            return self._degrees.bound(place, high=text == "least")
        if before == "or" and text in _COMPARED and not self._degrees.compares(place):
            return self._degrees.bound(place, high=text in _UPWARDS)
        return self._targets.orders() if self._sorts(place) else None

    def _sorts(self, place: int) -> bool:
        """ "ordered by", "listed by", "in order of", "in alphabetical order", "order the results by"."""
        before, text, after = self._text(place - 1), self._text(place), self._text(place + 1)
        if text in _SORTING and after == "by":
            return True
        if text != "order":
            return False
        first = self._asked.starts_sentence(place) or before in {"and", "then"}
        if first and after in {"the", "them", "it", "results", "result"}:
            return True
        if before == "in" or (before == "the" and self._text(place - 2) == "in"):
            return True
        return cue_of(before) in {"ascending", "descending", "sort", "high", "low"}

    def _counts(self) -> list[Part]:
        found = self._targets.aggregates(_COUNTS)
        if found:
            return found
        # A sum counts too ("how many seats"), but of numbers that count where another word asks for the sum.
        counting, summed = load_cues().columns["count"], any(word.cue == "sum" for word in self._asked.words)
        sums = [one for one in self._query.aggregates if one.name == "SUM"]
        return [one.part for one in sums if not summed or self._targets.has_amounts(one.columns, counting)]

    def _count(self, place: int) -> list[Part] | None:
        word = self._asked.words[place]
        if word.text.startswith("number") and self._text(place + 1) != "of":
            return None  # "phone number", "number 5"
        found = self._counts() or self._targets.used_numbers(place, load_cues().columns["count"])
        return found or (None if word.exact else [])

    def _sum(self, place: int) -> list[Part] | None:
        word = self._asked.words[place]
        found = self._targets.aggregates({"SUM", "COUNT"}, place) or self._targets.functions("add", "mul")
        if found or word.exact:
            return found or None
        return None if word.text in {"overall", "altogether", "combined"} else self._targets.shown_numbers()

    def _average(self, place: int) -> list[Part] | None:
        found = self._targets.aggregates({"AVG"}, place)
        if not found and self._targets.aggregates({"SUM"}):
            found = self._targets.functions("div")
        return found or (None if self._asked.words[place].exact else [])

    def _money(self, place: int) -> list[Part] | None:
        """ "revenue", "spent", "sales": sums of money, or of prices times quantities; None lets a name explain it."""
        if self._asked.words[place].exact:
            return None
        money = load_cues().columns["money"]
        sums = [one for one in self._query.aggregates if one.name in _AMOUNTS]
        amounts = [one.part for one in sums if self._targets.has_amounts(one.columns, money)]
        return amounts or self._targets.functions("mul") or None

    def _negation(self, place: int) -> list[Part] | None:
        text, before, after = self._text(place), self._text(place - 1), self._text(place + 1)
        if text in {"other", "others", "otherwise"} and before in {"each", "any", "and", "no", "the"}:
            return None
        if text == "no" and after == "of":
            return self._counts() or self._targets.used_numbers(place, load_cues().columns["count"])
        if text in {"no", "not"} and after in _COMPARED:
            return self._degrees.comparative(place + 1)
        return None if text in {"not", "no"} and after == "only" else list(self._query.negations)

    def _group(self, place: int) -> list[Part] | None:
        found = [part for _, part in self._query.groups]
        # Without an aggregate every row stands for itself, so "each" asks for nothing.
        if found or not self._query.aggregates:
            return found or None
        return [] if self._text(place) != "every" else None

    def _distinct(self) -> list[Part] | None:
        found = [*self._query.distinct, *(part for _, part in self._query.groups)]
        found += [part for name, part in self._query.combined.items() if name != "OR"]
        unequal = [test.part for test in self._query.tests if test.op == "!=" or test.negated]
        return found or unequal or self._targets.aggregates({"COUNT"}) or None

    def _direction(self, place: int) -> list[Part] | None:
        if self._text(place) == "reverse":
            return [one.part for one in self._query.orders]
        falling = self._asked.words[place].cue == "descending"
        return [one.part for one in self._query.orders if one.descending == falling]

    def _sort(self, place: int) -> list[Part] | None:
        named = self._asked.words[place].exact or self._text(place) in {"rank", "ranking"}
        return self._targets.orders() or (None if named else [])

    def _pattern(self) -> list[Part] | None:
        return [test.part for test in self._query.tests if test.op == "like"] or None

    def _ratio(self, place: int) -> list[Part] | None:
        found = self._targets.functions("div")
        if not found and self._targets.functions("case"):
            found = self._targets.aggregates({"AVG"})
        word, before = self._asked.words[place], self._asked.words[place - 1] if place else None
        # "20 percent" is a number, "share" also a verb
        other = word.exact or (before is not None and before.number is not None) or word.text in {"rate", "share"}
        return found or (None if other else [])

    def _difference(self) -> list[Part] | None:
        return self._targets.functions("sub") or self._query.negations[:1]

    def _is_relative(self, place: int) -> bool:
        """Part of "last 30 days", "this year", "yesterday"."""
        text, after = self._text(place), {self._text(place + 1), self._text(place + 2)}
        return text in {"today", "yesterday", "ago"} or (text in MONTH_WORDS and not after.isdisjoint(UNITS))

    def _unit(self, place: int) -> list[Part] | None:
        """ "per month", "monthly", "last 30 days", "this year"."""
        text, before = self._text(place), {self._text(place - 1), self._text(place - 2)}
        days = [one.part for one in self._query.literals if is_day(one)]
        relative = [*self._targets.functions("now"), *days]
        if text not in UNITS:
            return relative or self._degrees.extremes(place, text)
        if not before.isdisjoint(MONTH_WORDS):
            return relative or None
        units = self._targets.functions(UNITS[text])
        asked = text.endswith("ly") or self._text(place - 1) in {"per", "each", "every", "by"}
        return units or ([] if asked and not self._asked.words[place].exact and text != "daily" else None)
