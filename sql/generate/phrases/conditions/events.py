"""General English words that name one event or dimension in several ways: "joined", "signed up", "registration"."""

from __future__ import annotations

from functools import lru_cache

from ctxprune.text.words import stem

__all__ = ["dimension_words", "event_words", "is_event", "same_event"]

# Compiled by hand from general knowledge; each line is one event. A word may belong to several.
_EVENTS = (
    "join joined joining signup sign signed register registered registration enrol enroll enrolled enrollment "
    "enrolment member membership subscribe subscribed subscription",
    "join joined sign signed signup register registered registration create created creation added opened",
    "born birth birthday birthdate dob bday",
    "hire hired hiring employ employed employment start started join joined begin began appointed",
    "die died death dead deceased",
    "place placed order ordered purchase purchased buy bought make made",
    "create created creation make made issue issued open opened generate generated "
    "write wrote written post posted submit submitted",
    "publish published publication release released launch launched issue issued",
    "start started begin began beginning commence commenced effective",
    "end ended finish finished complete completed completion close closed expire expired expiry expiration stop "
    "until leave left terminate terminated resolve resolved",
    "update updated modify modified change changed edit edited",
    "pay paid payment settle settled settlement",
    "ship shipped shipping shipment dispatch dispatched send sent deliver delivered delivery",
    "deliver delivered delivery arrive arrived arrival receive received receipt",
    "return returned",
    "visit visited appointment see seen attend attended examine examined consult consulted treat treated",
    "cancel cancelled canceled cancellation cancelation revoke revoked",
    "sell sold sale sales",
    "found founded establish established establishment build built construct constructed construction open opened "
    "opening",
    "rent rented rental borrow borrowed loan loaned lend lent",
    "admit admitted admission",
    "discharge discharged dismissal",
    "approve approved approval accept accepted acceptance",
    "verify verified verification confirm confirmed confirmation",
    "activate activated activation active enabled",
    "read seen opened",
    "graduate graduated graduation",
    "file filed submit submitted submission",
    "hold held occur occurred happen happened take took",
    "write wrote written author",
    "expect expected expectation due",
    "book booked booking reserve reserved reservation",
    "win won winning winner",
    "retire retired retirement",
    "marry married marriage",
    "transfer transferred trade traded trading transact transacted transaction",
    "login logged log signin",
    "record recorded measure measured observe observed log logged",
    "diagnose diagnosed diagnosis",
    "prescribe prescribed prescription",
    "inspect inspected inspection",
    "complete completed completion",
    "convert converted conversion",
    "reject rejected rejection",
    "renew renewed renewal",
    "refund refunded",
)  # fmt: skip
# An adjective or unit beside a number, and the words of the columns that hold what it measures.
_DIMENSIONS = (
    "old older young younger aged: age birth born",
    "heavy heavier lighter weigh weighing weighs: weight mass",
    "tall taller cm: height",
    "high: height elevation altitude",
    "long: length duration",
    "longer: length duration time",
    "shorter: length duration height time",
    "short: length duration height",
    "lasting lasted: duration length",
    "cheap cheaper expensive: price cost",
    "priced: price",
    "costing cost costs: cost price",
    "worth: value price amount total",
    "fast: speed",
    "faster slower: speed time",
    "large larger bigger smaller: size area",
    "wide wider: width",
    "deep deeper: depth",
    "far farther miles: distance",
    "populous inhabitants residents people: population",
    "rated: rating score stars",
    "scored scoring: score points",
    "scores: score",
    "earn earns earning: salary wage income earnings pay",
    "paid: salary wage pay amount",
    "makes: salary wage income",
    "hot hotter warmer colder degrees: temperature",
    "dollars: price amount cost total value",
    "dollar euros: price amount cost",
    "pounds: weight price amount",
    "kg kilograms grams: weight",
    "km kilometers: distance length",
    "meters metres inches: height length",
    "feet: height length depth",
    "minutes seconds: duration length time",
    "hours: duration hours time",
    "stars: rating stars",
    "percent: percent percentage rate share",
    "spent spending: amount total price",
    "tons: weight tonnage",
    "live lives living based resides: city country state address location",
    "located: city country state address location region",
    "points: points score",
)


@lru_cache(maxsize=1)
def _groups() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, line in enumerate(_EVENTS):
        for word in line.split():
            for form in (word, stem(word)):
                found.setdefault(form, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


def same_event(one: str, other: str) -> bool:
    """Whether two folded words or stems name the same event."""
    groups = _groups()
    return not groups.get(one, frozenset()).isdisjoint(groups.get(other, frozenset()))


def event_words(word: str) -> tuple[str, ...]:
    """All words of the first event that a folded word names; () for none."""
    return next((tuple(line.split()) for line in _EVENTS if word in line.split()), ())


def is_event(word: str) -> bool:
    """Whether a folded word or stem names an event at all."""
    return word in _groups()


@lru_cache(maxsize=1)
def _measures() -> dict[str, frozenset[str]]:
    found = {}
    for line in _DIMENSIONS:
        words, columns = line.split(":")
        found.update(dict.fromkeys(words.split(), frozenset(map(stem, columns.split()))))
    return found


def dimension_words(word: str) -> frozenset[str]:
    """Stems of the columns that a folded adjective or unit measures; empty for another word."""
    # "cheapest" measures what "cheaper" does.
    return _measures().get(word) or _measures().get(f"{word.removesuffix('est')}er", frozenset())
