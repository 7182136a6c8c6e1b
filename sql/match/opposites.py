"""Names that are alike and mean different things: opposites, other roles, other numbers, other units."""

from __future__ import annotations

import re

from ctxprune.text.words import fold, split_identifier

__all__ = ["may_differ"]

# Words of one line stand for different things, however alike the rest of two names is.
_LINES = """
min max minimum maximum low high lowest highest first last middle
start end begin finish open close opening closing opened closed starts ends
created updated modified deleted create update modify delete
buyer seller sender receiver recipient source destination target origin from to
home away visitor host guest win lose wins losses winner loser won lost
father mother parent child son daughter brother sister husband wife male female
import export income expense credit debit asset liability revenue cost profit loss
birth death arrival departure arrive depart latitude longitude lat lon lng
net gross shipping billing ship order delivery invoice
enabled disabled active inactive public private visible hidden open closed paid unpaid valid invalid on off
old new previous next current before after left right north south east west upper lower top bottom
usd eur gbp chf jpy cad aud kg lb lbs g gram grams pound pounds cm mm m km inch inches in ft feet mile miles
celsius fahrenheit c f second seconds minute minutes hour hours day days week weeks month months year years ms
student teacher customer supplier vendor employee manager patient doctor author editor
sale purchase sales purchases order return orders returns
"""
_GROUPS: dict[str, set[int]] = {}
for _number, _line in enumerate(_LINES.strip().splitlines()):
    for _word in _line.split():
        _GROUPS.setdefault(_word, set()).add(_number)
_NEGATED = re.compile(r"(?:un|in|dis|non|not|im|ir)(?=\w{3})")


def may_differ(one: str, two: str) -> bool:
    """Whether two names differ in a word of opposites, roles or units, in a negation, or in digits.

    Of equal names nothing differs. Words of one line against each other count ("buyer_id" and "seller_id"), and a word
    of any line that is there or not ("name" and "first_name"); "customer" and "client" are of no line together.
    """
    left, right = set(split_identifier(one)) or {fold(one)}, set(split_identifier(two)) or {fold(two)}
    if re.findall(r"\d+", one) != re.findall(r"\d+", two):
        return True
    only_left, only_right = left - right, right - left
    if not only_left or not only_right:
        return any(word in _GROUPS for word in only_left | only_right)
    if any(_GROUPS.get(a, set()) & _GROUPS.get(b, set()) for a in only_left for b in only_right):
        return True
    return any(_is_negation(a, b) for a in only_left for b in only_right)


def _is_negation(one: str, two: str) -> bool:
    return _NEGATED.sub("", one, count=1) == two or _NEGATED.sub("", two, count=1) == one
