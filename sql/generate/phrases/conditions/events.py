"""General English words that name one event or dimension in several ways: "joined", "signed up", "registration"."""

from __future__ import annotations

from functools import lru_cache

from ctxprune.text.words import stem

__all__ = ["dimension_words", "same_event"]

# Compiled by hand from general knowledge; each line is one event. A word may belong to several.
_EVENTS = (
    "join joined joining signup sign signed register registered registration enrol enroll enrolled enrollment "
    "enrolment member membership subscribe subscribed subscription",
    "join joined sign signed signup register registered registration create created creation added opened",
    "born birth birthday birthdate dob bday",
    "hire hired hiring employ employed employment start started join joined begin began appointed",
    "die died death dead deceased",
    "place placed order ordered purchase purchased buy bought make made",
    "create created creation make made issue issued open opened generate generated",
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
    "review reviewed rate rated rating",
)  # fmt: skip
# An adjective or unit beside a number, and the words of the columns that hold what it measures.
_DIMENSIONS = {
    "old": "age birth born", "older": "age birth born", "young": "age birth born", "younger": "age birth born",
    "aged": "age birth born", "heavy": "weight mass", "heavier": "weight mass", "lighter": "weight mass",
    "weigh": "weight mass", "weighing": "weight mass", "weighs": "weight mass", "tall": "height", "taller": "height",
    "high": "height elevation altitude", "long": "length duration", "longer": "length duration time",
    "shorter": "length duration height time", "short": "length duration height", "lasting": "duration length",
    "lasted": "duration length", "cheap": "price cost", "cheaper": "price cost", "expensive": "price cost",
    "priced": "price", "costing": "cost price", "cost": "cost price", "costs": "cost price", "worth": "value price "
    "amount", "fast": "speed", "faster": "speed time", "slower": "speed time", "large": "size area", "larger": "size "
    "area", "bigger": "size area", "smaller": "size area", "wide": "width", "wider": "width", "deep": "depth",
    "deeper": "depth", "far": "distance", "farther": "distance", "populous": "population", "inhabitants": "population",
    "residents": "population", "people": "population", "rated": "rating score stars", "scored": "score points",
    "scoring": "score points", "scores": "score", "earn": "salary wage income earnings pay", "earns": "salary wage "
    "income earnings pay", "earning": "salary wage income earnings pay", "paid": "salary wage pay amount",
    "makes": "salary wage income", "hot": "temperature", "hotter": "temperature", "warmer": "temperature",
    "colder": "temperature", "dollars": "price amount cost total value", "dollar": "price amount cost", "euros":
    "price amount cost", "pounds": "weight price amount", "kg": "weight", "kilograms": "weight", "grams": "weight",
    "km": "distance length", "kilometers": "distance length", "miles": "distance", "meters": "height length",
    "metres": "height length", "feet": "height length depth", "cm": "height", "inches": "height length",
    "minutes": "duration length time", "seconds": "duration length time", "hours": "duration hours time",
    "stars": "rating stars", "percent": "percent percentage rate share", "degrees": "temperature",
    "spent": "amount total price", "spending": "amount total price",
    "tons": "weight tonnage", "points": "points score",
}  # fmt: skip


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


@lru_cache(maxsize=512)
def dimension_words(word: str) -> frozenset[str]:
    """Stems of the columns that a folded adjective or unit measures; empty for another word."""
    return frozenset(stem(one) for one in _DIMENSIONS.get(word, "").split())
