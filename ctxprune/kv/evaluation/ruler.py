"""Tasks after RULER (Hsieh et al., arXiv:2404.06654): several needles, chains of variables, frequent words, documents.

Answers with several parts may name them in any order, so that they are generated and searched for what is expected.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ctxprune.errors import InputError
from ctxprune.kv.evaluation.sample_builder import PLACES, WORDS, Sample, SampleBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "build_common_words",
    "build_multi_key",
    "build_multi_query",
    "build_multi_value",
    "build_passages",
    "build_variables",
]

_NEEDLES = 4  # keys, values or queries of a task, as in RULER
_HOPS = 4  # assignments behind the first one
_COMMON, _RATIO = 10, 10  # frequent words, and how much more often they come than others
# Tokens to generate, enough for the answer in the form that is asked for.
_STEPS = {"multi_value": 60, "multi_query": 90, "variables": 40, "common_words": 50, "passages": 24}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_GIVEN = "Mira Odo Selma Ivor Thea Bram Linnea Caspar Runa Edwin Greta Alban Petra Silas Nadia Jorun"
_FAMILY = "Quell Harrow Tamsin Oakes Verlaine Stroud Pemberton Ashdown Carrick Lindqvist Moray Teague Farrow Wick"
_WARES = "bells lanterns violins barometers carpets clocks kites saddles compasses teapots globes umbrellas"
_RIVERS = "Aure Brill Cowrie Dunnet Esker Ferrin Gleam Hythe Isen Jarrow Kell Lune"


def build_multi_key(builder: SampleBuilder) -> Sample:
    """One of four facts of the same form in running text is asked for."""
    codes = _codes(builder, _NEEDLES)
    asked = list(codes)[min(int(builder.depth * _NEEDLES), _NEEDLES - 1)]
    parts = builder.scatter([f" The gate code of {place} is {number}." for place, number in codes.items()])
    ask = f"What is the gate code of {asked}? Answer with the number."
    return builder.sample("multi_key", parts, ask, f"The gate code of {asked} is ", codes[asked])


def build_multi_value(builder: SampleBuilder) -> Sample:
    """All of four facts about one place are asked for."""
    place, numbers = builder.rng.choice(PLACES.split()), list(_codes(builder, _NEEDLES).values())
    parts = builder.scatter([f" One of the gate codes of {place} is {number}." for number in numbers])
    ask = f"What are all {_NEEDLES} gate codes of {place} that the text gives? Answer with the numbers."
    return _generated(builder, "multi_value", parts, ask, f"The gate codes of {place} are", numbers)


def build_multi_query(builder: SampleBuilder) -> Sample:
    """Four facts of the same form are asked for at once."""
    codes = _codes(builder, _NEEDLES)
    parts = builder.scatter([f" The gate code of {place} is {number}." for place, number in codes.items()])
    *first, last = builder.rng.sample(list(codes), _NEEDLES)
    named = f"{', '.join(first)} and {last}"
    ask = f"What are the gate codes of {named}? Answer with each place and its number."
    return _generated(builder, "multi_query", parts, ask, "The gate codes are:", list(codes.values()))


def build_variables(builder: SampleBuilder) -> Sample:
    """Variables that a chain of assignments gives the same number, beside a chain with another one."""
    rng = builder.rng
    names: list[str] = []
    while len(names) < 2 * (_HOPS + 1):
        name = "".join(rng.sample(_LETTERS, 5))
        if name not in names:
            names.append(name)
    first, other = (str(number) for number in rng.sample(range(10_000, 100_000), 2))
    chains = _chain(names[: _HOPS + 1], first), _chain(names[_HOPS + 1 :], other)
    # Both chains are mixed, each in its own order: no variable is used before it is assigned.
    order = [0] * len(chains[0]) + [1] * len(chains[1])
    rng.shuffle(order)
    remaining = [iter(chain) for chain in chains]
    parts = builder.scatter([next(remaining[chain]) for chain in order])
    ask = (
        f"Some variables are assigned the number {first}, directly or through other variables. "
        f"Name all {_HOPS + 1} of them."
    )
    lead = f"The variables that are {first} are"
    return _generated(builder, "variables", parts, ask, lead, names[: _HOPS + 1])


def build_common_words(builder: SampleBuilder) -> Sample:
    """The ten words of a numbered list that come ten times as often as the others."""
    rng = builder.rng
    common = rng.sample(WORDS.split(), _COMMON)
    others = sorted({word.lower() for word in re.findall(r"\b[a-zA-Z]{4,9}\b", builder.text)} - set(WORDS.split()))
    rng.shuffle(others)
    # Counted with numbers of four digits: shorter ones leave some room.
    costs = dict(zip(others, builder.lengths([f" 9999. {word}" for word in others]), strict=True))
    common_cost = sum(builder.lengths([f" 9999. {word}" for word in common]))
    rare = max(builder.room // 1_400, 1)  # times that another word comes: three times in 4,096 tokens
    room, listed = builder.room - common_cost * rare * _RATIO, common * (rare * _RATIO)
    if room < 0:
        raise InputError(f"{builder.tokens} tokens hold no list of words", hint=f"{builder.tokens - room} or more")
    for word in others:
        room -= costs[word] * rare
        if room < 0:
            break
        listed = [*listed, *[word] * rare]
    rng.shuffle(listed)
    parts = [f" {number}. {word}" for number, word in enumerate(listed, 1)]
    ask = f"Above is a numbered list of words. Which {_COMMON} words come most often in it?"
    lead = f"The {_COMMON} words that come most often are:"
    return _generated(builder, "common_words", parts, ask, lead, common)


def build_passages(builder: SampleBuilder) -> Sample:
    """A question about one of many short documents of the same form."""
    rng, room, passages = builder.rng, builder.room, []
    makers = [(place, ware) for place in PLACES.split() for ware in _WARES.split()]
    rng.shuffle(makers)
    for number, (place, ware) in enumerate(makers, 1):
        facts = {
            "founder": f"{rng.choice(_GIVEN.split())} {rng.choice(_FAMILY.split())}",
            "year": str(rng.randrange(1700, 1950)),
            "river": rng.choice(_RIVERS.split()),
            "workers": str(rng.randrange(12, 900)),
        }
        text = (
            f"\n\nDocument {number}: The {place} workshop makes {ware}. It was founded by {facts['founder']} in "
            f"{facts['year']}, on the bank of the river {facts['river']}. Today {facts['workers']} people work there."
        )
        room -= builder.lengths([text])[0]
        if room < 0:
            break
        passages.append((text, f"the {place} workshop that makes {ware}", facts))
    if not passages:
        raise InputError(f"{builder.tokens} tokens hold no document", hint="100 or more")
    _, named, facts = passages[min(int(builder.depth * len(passages)), len(passages) - 1)]
    asked, question, lead = rng.choice(
        [
            ("founder", f"Who founded {named}?", "It was founded by"),
            ("year", f"In which year was {named} founded?", "It was founded in the year"),
            ("river", f"On which river does {named} stand?", "It stands on the river"),
            ("workers", f"How many people work at {named}?", "The number of people who work there is"),
        ]
    )
    ask = f"{question} Answer from the documents."
    return _generated(builder, "passages", [text for text, *_ in passages], ask, lead, [facts[asked]])


def _codes(builder: SampleBuilder, count: int) -> dict[str, str]:
    """Different numbers of seven digits by place."""
    places = builder.rng.sample(PLACES.split(), count)
    numbers = builder.rng.sample(range(1_000_000, 10_000_000), count)
    return {place: str(number) for place, number in zip(places, numbers, strict=True)}


def _chain(names: Sequence[str], number: str) -> list[str]:
    first = f" VAR {names[0]} = {number}."
    return [first, *(f" VAR {name} = VAR {before}." for before, name in pairwise(names))]


def _generated(
    builder: SampleBuilder, task: str, parts: Sequence[str], ask: str, lead: str, expected: Sequence[str]
) -> Sample:
    sample = builder.sample(task, parts, ask, lead, " " + ", ".join(expected))
    decode = builder.tokenizer.decode
    return replace(sample, expected=tuple((each,) for each in expected), steps=_STEPS[task], decode=decode)
