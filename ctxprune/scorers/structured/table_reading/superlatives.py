"""Superlatives of a question: in which direction they order rows, and by columns of which names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

__all__ = ["Superlative", "comparative_measures", "find_superlatives"]

_GENERIC_MOST = "most highest largest biggest greatest maximum maximal max top"
_GENERIC_LEAST = "least lowest smallest fewest minimum minimal min bottom tiniest"
_LAST = "last latest newest final recent recently"
_FIRST = "first earliest initial initially debut"
# Adjectives of degree, by what their superlative asks for. What most of them measure, the word vectors know: "deep" is
# near "depth", "snowy" near "snowfall".
_ASK_MOST = (
    "heavy weighty massive tall high long hot warm wet rainy windy stormy snowy sunny cloudy deep wide broad thick "
    "steep large big great huge fast quick speedy expensive costly pricey dear rich wealthy affluent prosperous old "
    "aged new modern late northern north northerly eastern east easterly busy populous populated crowded dense densely "
    "powerful strong bright popular far distant remote common frequent loud noisy hard dangerous deadly lethal violent "
    "efficient economical profitable lucrative prestigious successful valuable good experienced educated urban rural "
    "dark sweet rough sharp healthy famous productive intense severe difficult active fertile diverse accurate reliable"
)
_ASK_LEAST = (
    "light low short cold cool chilly dry calm shallow narrow thin small tiny little slow cheap affordable inexpensive "
    "poor young southern south southerly western west westerly quiet weak close near nearby rare early safe bad"
)
# What word vectors do not tell: quantities by other words, units, and names behind "-" that are ordered the other way.
_TEMPERATURE = "temperature temp celsius fahrenheit"
_LENGTH = "length distance extent km miles metres meters feet"
_TIME = "duration runtime time seconds minutes hours days weeks months years"
_SPEED = "speed velocity pace mph kmh knots"
_PRICE = "price cost fee fare charge amount"
_SIZE = "size area population capacity volume"
_MASS = "weight mass wt kg lb lbs pounds grams tonnes load"
_DATES = "born birth founded built established released opened year date"
_LOSSES = "deaths fatalities casualties killed accidents crime mortality"
_MEASURES = {
    "heavy weighty massive light": _MASS,
    "tall high low": "height elevation altitude ht",
    "long short": f"{_LENGTH} {_TIME}",
    "hot warm cold cool chilly": _TEMPERATURE,
    "wet dry": "precipitation rain rainfall humidity moisture",
    "deep shallow": "depth",
    "calm": "wind",
    "wide broad narrow": "width breadth",
    "large big great huge small tiny little": _SIZE,
    "fast quick speedy slow": f"{_SPEED} {' '.join(f'-{name}' for name in _TIME.split())}",
    "expensive costly pricey dear cheap affordable inexpensive": _PRICE,
    "rich wealthy affluent prosperous poor": "income wealth gdp worth assets -poverty",
    "old aged": f"age {' '.join(f'-{name}' for name in _DATES.split())}",
    "new modern": f"{_DATES} -age",
    "young": f"age {' '.join(f'-{name}' for name in _DATES.split())}",
    "late early": "date time year",
    "northern north northerly southern south southerly": "latitude",
    "eastern east easterly western west westerly": "longitude lng",
    "busy quiet": "traffic passengers visitors flights trips movements",
    "populous populated crowded": "population inhabitants residents density",
    "powerful": "power horsepower hp kw watts",
    "strong weak": "strength magnitude force power intensity wind",
    "popular": "votes popularity views downloads rating sales users",
    "far distant remote close near nearby": "distance",
    "common frequent rare": "count frequency number",
    "dangerous deadly lethal violent": _LOSSES,
    "safe": _LOSSES,
    "efficient economical": "efficiency mileage consumption",
    "profitable lucrative": "profit margin earnings",
    "successful": "wins titles medals",
    "valuable": "value price worth",
    "good bad": "score rating points grade stars -rank -ranking",
    "experienced": "experience years",
}
_IRREGULAR = {
    "best": "good", "better": "good", "worst": "bad", "worse": "bad", "furthest": "far", "farthest": "far",
    "eldest": "old", "northernmost": "northern", "southernmost": "southern", "easternmost": "eastern",
    "westernmost": "western", "topmost": "high",
}  # fmt: skip
_VERBS = {
    "earn": "salary wage income pay earnings compensation", "paid": "salary wage income pay",
    "pay": "salary wage income pay",
    "pays": "salary wage income pay", "cost": "price cost fee", "weigh": "weight mass wt", "live": "life lifespan",
    "lived": "life lifespan", "spend": "spending expenditure cost amount", "sold": "sales units sold",
    "sell": "sales units sold", "scored": "points goals score", "won": "wins gold titles",
    "paying": "salary wage income",
}  # fmt: skip
_RANKS = {
    word: rank
    for rank, words in enumerate(("second 2nd", "third 3rd", "fourth 4th", "fifth 5th"), start=2)
    for word in words.split()
}
_NUMBERS = {
    word: number
    for number, word in enumerate(("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=2)
}
_MOST_RANKS = 100  # rows that one superlative can ask for
_OPPOSITE = {"most": "least", "least": "most"}
_POLES = {"north": "northern", "south": "southern", "east": "eastern", "west": "western"}


@dataclass(frozen=True, slots=True)
class Superlative:
    """One superlative.

    Attributes:
        place: Number of its word in the question.
        size: How many words it takes.
        kind: "most", "least", "first" or "last".
        measures: For each name of a column that it may be about whether the greatest values are asked for.
        rank: How many rows from the extreme on it asks for: 2 for "the second highest", 5 for "the top 5".
        rank_place: Number of the word that says so; -1 for none.
        base: The adjective, whose meaning tells what else it may be about; "" for none.
        general: Whether it is about the column that is named beside it, first of all ("highest").
    """

    place: int
    size: int
    kind: str
    measures: dict[str, bool]
    base: str = ""
    general: bool = False
    rank: int = 1
    rank_place: int = -1


@lru_cache(maxsize=1)
def _poles() -> dict[str, bool]:
    """Of each adjective whether its superlative asks for the greatest values of what it measures."""
    return {**dict.fromkeys(_ASK_MOST.split(), True), **dict.fromkeys(_ASK_LEAST.split(), False)}


@lru_cache(maxsize=1)
def _measures_of() -> dict[str, dict[str, bool]]:
    """Of each adjective the names of columns that it may be about, and whether the greatest values are asked for."""
    found: dict[str, dict[str, bool]] = {base: {} for base in _poles()}
    for bases, names in _MEASURES.items():
        for base in bases.split():
            # The opposite adjective asks for the other end, of names that are turned round too.
            found[base] = {name.lstrip("-"): _poles()[base] != name.startswith("-") for name in names.split()}
    return found


@lru_cache(maxsize=1)
def _general() -> dict[str, str]:
    named = (("most", _GENERIC_MOST), ("least", _GENERIC_LEAST), ("last", _LAST), ("first", _FIRST))
    return {word: kind for kind, words in named for word in words.split()}


def find_superlatives(asked: Sequence[str]) -> list[Superlative]:
    """The superlatives among the folded words of a question, in order; "at least" and "most of" are none."""
    found: list[Superlative] = []
    place = 0
    while place < len(asked):
        superlative = _read_at(asked, place)
        if superlative is not None:
            found.append(_with_rank(superlative, asked))
        place += superlative.size if superlative is not None else 1
    return found


def _with_rank(superlative: Superlative, asked: Sequence[str]) -> Superlative:
    """With the rank that stands beside it: "second highest", "three highest", "top 5"."""
    place, end = superlative.place, superlative.place + superlative.size
    before = asked[place - 1] if place else ""
    if before in _RANKS:
        return replace(superlative, rank=_RANKS[before], rank_place=place - 1)
    for beside in (place - 1, end):
        word = asked[beside] if 0 <= beside < len(asked) else ""
        number = int(word) if word.isascii() and word.isdecimal() and len(word) < 4 else _NUMBERS.get(word, 0)
        if 1 < number <= _MOST_RANKS:
            return replace(superlative, rank=number, rank_place=beside)
    return superlative


def _read_at(asked: Sequence[str], place: int) -> Superlative | None:
    word = asked[place]
    kind = _general().get(word)
    following = asked[place + 1] if place + 1 < len(asked) else ""
    if (place and asked[place - 1] == "at") or (word == "most" and following == "of"):
        return None
    if kind in ("most", "least"):
        return _read_general(asked, place, kind)
    if kind is not None:
        return Superlative(place, 1, kind, {})
    base = _base_of(word)
    if base is None:
        return None
    if base == "far" and following in _POLES:
        base, size = _POLES[following], 2
        return Superlative(place, size, "most", _measures_of()[base], base)
    return Superlative(place, 1, "most" if _poles()[base] else "least", _measures_of()[base], base)


def _read_general(asked: Sequence[str], place: int, kind: str) -> Superlative:
    """ "Most expensive", "earns the most"; the adjective may be one word further on ("most densely populated")."""
    for size in (2, 3):
        word = asked[place + size - 1] if place + size - 1 < len(asked) else ""
        base = word if word in _measures_of() else None
        if base is not None and asked[place] in ("most", "least"):
            measures = {name: most == (kind == "most") for name, most in _measures_of()[base].items()}
            return Superlative(place, size, kind if _poles()[base] else _OPPOSITE[kind], measures, base)
    before = next((word for word in reversed(asked[max(place - 3, 0) : place]) if _verb(word)), "")
    if before:
        return Superlative(place, 1, kind, dict.fromkeys(_verb(before).split(), kind == "most"))
    base = _base_of(asked[place])
    return Superlative(place, 1, kind, _measures_of()[base] if base else {}, base or "", general=True)


def _verb(word: str) -> str:
    for form in (word, word.removesuffix("s"), word.removesuffix("ed")):
        if form in _VERBS:
            return _VERBS[form]
    return ""


@lru_cache(maxsize=4096)
def _base_of(word: str) -> str | None:
    """The adjective whose superlative a folded word is: "heaviest" gives heavy; None for one that is not known here, as
    "forest" and "interest" end like superlatives."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return _read_base(word, "est") if len(word) >= len("oldest") else None


def comparative_measures(word: str) -> tuple[str, ...]:
    """The names of columns that a folded comparative may be about: "stronger" of magnitude; () for other words."""
    base = _read_base(word, "er")
    return tuple(_measures_of()[base]) if base is not None else ()


def _read_base(word: str, ending: str) -> str | None:
    if not word.endswith(ending):
        return None
    root = word.removesuffix(ending)
    if len(root) < len("dry"):
        return None
    bases = (
        root,
        f"{root}e",
        f"{root[:-1]}y" if root.endswith("i") else root,
        root[:-1] if root[-1] == root[-2] else root,
    )
    return next((base for base in bases if base in _measures_of()), None)
