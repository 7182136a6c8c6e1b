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
# Of each adjective, by its base: what it measures; a name behind "-" is ordered the other way round.
_MEASURES = {
    "heavy weighty massive": "weight mass wt kg lb pounds grams load tonnage bodywt",
    "light": "-weight -mass -wt -kg -lb -grams",
    "tall": "height tall elevation altitude ht",
    "high": "height elevation altitude",
    "low": "-height -elevation -altitude",
    "long": "length duration long runtime time distance minutes hours days years",
    "short": "-length -duration -height -runtime -time -distance -minutes -hours -days",
    "hot warm": "temperature temp tmax heat max",
    "cold cool chilly": "-temperature -temp -tmin -min",
    "wet rainy": "precipitation rain rainfall precip humidity",
    "dry": "-precipitation -rain -rainfall -precip -humidity",
    "windy stormy": "wind gust",
    "calm": "-wind -gust",
    "snowy": "snow snowfall",
    "sunny": "sunshine sun solar",
    "cloudy": "cloud clouds",
    "deep": "depth deep",
    "shallow": "-depth",
    "wide broad": "width breadth wide",
    "narrow": "-width -breadth",
    "thick": "thickness",
    "thin": "-thickness",
    "steep": "slope gradient",
    "large big great huge": "size area population capacity volume",
    "small tiny": "-size -area -population -capacity -volume",
    "fast quick speedy": "speed velocity mph kmh pace -time -duration -seconds",
    "slow": "-speed -velocity -mph -kmh time duration seconds",
    "expensive costly pricey dear": "price cost fee fare amount",
    "cheap affordable inexpensive": "-price -cost -fee -fare -amount",
    "rich wealthy affluent prosperous": "income wealth gdp worth assets",
    "poor": "-income -wealth -gdp poverty",
    "old aged": "age -born -birth -founded -built -established -year -date",
    "young": "-age born birth",
    "new modern": "year date built founded established released -age",
    "northern north northerly": "latitude lat",
    "southern south southerly": "-latitude -lat",
    "eastern east easterly": "longitude lon lng long",
    "western west westerly": "-longitude -lon -lng -long",
    "busy": "traffic passengers visitors flights trips volume movements",
    "quiet": "-traffic -passengers -visitors -noise -volume",
    "populous populated crowded": "population pop inhabitants residents poptotal density",
    "dense densely": "density popdensity",
    "powerful": "horsepower power hp kw watts",
    "strong": "magnitude mag strength force power wind intensity",
    "weak": "-magnitude -mag -strength -force -power",
    "bright": "brightness luminosity",
    "popular": "votes popularity views downloads rating count sales users",
    "close near nearby": "-distance -dist",
    "far distant remote": "distance dist",
    "common frequent": "count frequency freq number",
    "rare": "-count -frequency -freq",
    "loud noisy": "noise decibels loudness",
    "hard": "hardness",
    "early": "-date -time -year",
    "late": "date time year",
    "safe": "-crime -accidents -deaths -fatalities -violent -murder",
    "dangerous deadly lethal violent": "deaths fatalities casualties killed crime murder accidents violent mortality",
    "efficient economical": "mpg mileage efficiency",
    "profitable lucrative": "profit margin earnings",
    "prestigious": "prestige",
    "successful": "wins titles medals",
    "valuable": "value price worth",
    "good": "score rating points grade stars -rank -ranking",
    "bad": "-score -rating -points -grade -stars rank ranking -change -growth -return",
    "experienced": "experience years",
    "educated": "education schooling",
    "urban": "urban",
    "rural": "rural",
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
        general: Whether it is about the column that is named beside it, first of all ("highest").
    """

    place: int
    size: int
    kind: str
    measures: dict[str, bool]
    general: bool = False
    rank: int = 1
    rank_place: int = -1


@lru_cache(maxsize=1)
def _measures_of() -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for bases, names in _MEASURES.items():
        measures = {name.lstrip("-"): not name.startswith("-") for name in names.split()}
        found.update(dict.fromkeys(bases.split(), measures))
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
        return Superlative(place, 2, "most", _measures_of()[_POLES[following]])
    measures = _measures_of()[base]
    return Superlative(place, 1, "most" if next(iter(measures.values())) else "least", measures)


def _read_general(asked: Sequence[str], place: int, kind: str) -> Superlative:
    """ "Most expensive", "earns the most"; the adjective may be one word further on ("most densely populated")."""
    for size in (2, 3):
        word = asked[place + size - 1] if place + size - 1 < len(asked) else ""
        base = word if word in _measures_of() else None
        if base is not None and asked[place] in ("most", "least"):
            measures = {name: most == (kind == "most") for name, most in _measures_of()[base].items()}
            return Superlative(place, size, kind, measures)
    before = next((word for word in reversed(asked[max(place - 3, 0) : place]) if _verb(word)), "")
    if before:
        return Superlative(place, 1, kind, dict.fromkeys(_verb(before).split(), kind == "most"))
    base = _base_of(asked[place])
    return Superlative(place, 1, kind, _measures_of()[base] if base else {}, general=True)


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
