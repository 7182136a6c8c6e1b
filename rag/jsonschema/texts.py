"""Texts of a given length that match some patterns and not others, or the proof that there are none."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .failures import ConflictError, UndecidedError
from .pattern_automaton import UndecidedPatternError, find_text
from .pattern_samples import sample_match
from .validator import matches_pattern

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from .cases import Case

__all__ = ["NO_RULES", "TextRules", "generate_text", "read_rules"]

_TRIES = 20
_LONGEST = 10_000  # characters of a text
_LETTERS = string.ascii_lowercase
_MOST_REFUSED = 200  # texts that a search is told to avoid
# Some texts of the formats that are in use, so that validators that check them accept what is made.
_FORMATS = {
    "date": ("2024-02-29", "1999-12-31"),
    "time": ("12:30:00Z", "23:59:59.5+02:00"),
    "date-time": ("2024-02-29T12:30:00Z", "1999-12-31T23:59:59+02:00"),
    "duration": ("P1D", "PT36H"),
    "email": ("ann@example.com", "b.c@example.org"),
    "idn-email": ("ann@example.com",),
    "hostname": ("example.com", "host-1"),
    "idn-hostname": ("example.com",),
    "ipv4": ("192.0.2.1", "198.51.100.7"),
    "ipv6": ("2001:db8::1", "::1"),
    "uri": ("https://example.com/a", "urn:example:b"),
    "uri-reference": ("https://example.com/a", "/b"),
    "iri": ("https://example.com/a",),
    "iri-reference": ("/b",),
    "uri-template": ("https://example.com/{a}",),
    "uuid": ("123e4567-e89b-42d3-a456-426614174000", "00000000-0000-4000-8000-000000000000"),
    "json-pointer": ("/a/0", ""),
    "relative-json-pointer": ("0/a", "1#"),
    "regex": ("^a+$", "b"),
}


@dataclass(frozen=True, slots=True)
class TextRules:
    """Conditions on a text.

    Attributes:
        least: Least characters.
        most: Most characters; None for no maximum.
        like: Regular expressions that match somewhere in it.
        unlike: Regular expressions that do not.
        refused: Texts that it is not.
        formats: Formats that it may have to have.
        where: JSON pointer to what is named in a conflict.
    """

    least: int = 0
    most: int | None = None
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    formats: tuple[str, ...] = ()
    where: str = ""

    def accepts(self, text: str) -> bool:
        """Whether a text satisfies all but the formats."""
        return (
            self.least <= len(text)
            and (self.most is None or len(text) <= self.most)
            and text not in self.refused
            and all(matches_pattern(pattern, text) for pattern in self.like)
            and not any(matches_pattern(pattern, text) for pattern in self.unlike)
        )


NO_RULES = TextRules()


def read_rules(case: Case, extra: TextRules = NO_RULES) -> TextRules:
    """The rules that a case has for texts, joined with `extra`.

    Raises:
        ConflictError: The least length is over the most.
    """
    least = max((atom.value for atom in case.of("min_length")), default=0)
    shortest = min(case.of("max_length"), key=lambda atom: atom.value, default=None)
    if shortest is not None and least > shortest.value:
        raise ConflictError(f"minLength {least} is over maxLength {shortest.value}", shortest.where)
    like, unlike = case.of("pattern"), case.of("no_pattern")
    refused = {text for atom in case.of("out") for text in atom.value if isinstance(text, str)}
    places = [atom.where for atom in (*like, *unlike, *case.of("max_length"), *case.of("min_length"), *case.of("out"))]
    return TextRules(
        max(least, extra.least),
        shortest.value if shortest is not None else extra.most,
        tuple(dict.fromkeys([*(atom.value for atom in like), *extra.like])),
        tuple(dict.fromkeys([*(atom.value for atom in unlike), *extra.unlike])),
        frozenset(refused) | extra.refused,
        tuple(atom.value for atom in case.of("format") if isinstance(atom.value, str)),
        next(iter(places), extra.where),
    )


def generate_text(rules: TextRules, random: Random, step: Callable[[int], None]) -> str:
    """A text for `rules`; `step` counts the work.

    Raises:
        ConflictError: There is none.
        UndecidedError: None was found.
    """
    if rules.least > _LONGEST:
        raise UndecidedError("a text of over 10,000 characters is asked for")
    for longer in (0, 0, 0, 2, 5, 10, 20, 40) if rules.like else (0,) * _TRIES:
        step(1 + len(rules.like) + len(rules.unlike))
        text = _draw(rules, random, longer)
        if text is not None and rules.accepts(text):
            return text
    # Drawing at random finds most texts at once; what is rare, or does not exist, is searched for.
    try:
        if len(rules.refused) > _MOST_REFUSED:
            raise UndecidedPatternError
        found = find_text(
            rules.like, rules.unlike, length=(rules.least, rules.most), other=sorted(rules.refused), step=step
        )
    except UndecidedPatternError:
        raise UndecidedError("no text was found for a pattern") from None
    if found is None:
        raise ConflictError("no text has the length and the patterns that are asked for", rules.where)
    if not rules.accepts(found):  # the validator reads a pattern in another way
        raise UndecidedError("no text was found for a pattern")
    return found


def _draw(rules: TextRules, random: Random, longer: int) -> str | None:
    known = [text for name in rules.formats for text in _FORMATS.get(name, ())]
    if known:
        return random.choice(known)
    if rules.like:
        return sample_match(random.choice(rules.like), random, longer)
    most = rules.least + 8 if rules.most is None else min(rules.most, rules.least + 8)
    size = random.randint(rules.least, max(rules.least, most))
    return "".join(random.choices(_LETTERS, k=size))
