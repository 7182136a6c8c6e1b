"""Words that a query explains in a way which the question contradicts: another row is counted, another unit is meant.

They stay explained, since the query may be right; but no answer that rests on them is sure.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, words

from .bridges import find_plain_verbs
from .lexicon import word_set
from .reading import Contested

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..schema.schema import ForeignKey
    from .objections import Case
    from .parts import Aggregate, Literal

__all__ = ["find_contested"]

_COUNTING = {("how", "many"), ("number", "of"), ("count", "of")}
_FAR = 3  # words between "how many" and its noun: "how many of the big red"
# What a number is measured in, as a question says it and as a column's name ends ("length_m").
_DIMENSIONS = {
    "time": "second seconds sec minute minutes min hour hours hr hrs day days week weeks month months year years",
    "length": "m metre metres meter meters km kilometre kilometres kilometer kilometers cm mm mile miles foot feet ft "
    "inch inches yard yards",
    "mass": "kg kilogram kilograms kilo kilos g gram grams lb lbs pound pounds ton tons tonne tonnes",
    "power": "w watt watts kw kilowatt kilowatts mw hp horsepower",
    "money": "dollar dollars usd euro euros eur cent cents gbp",
    "volume": "l litre litres liter liters ml gallon gallons",
}
_DIMENSION_OF = {unit: name for name, units in _DIMENSIONS.items() for unit in units.split()}
# Pounds are money, too; a minimum is no minute and "m" no unit of a question.
_TWO_FOLD = word_set("pound pounds min m g w l")


def find_contested(case: Case) -> tuple[Contested, ...]:
    """The words of a question that speak against what the query makes of them, in the order of the rules."""
    return (*_other_rows(case), *_other_units(case), *_other_routes(case))


def _contest(case: Case, places: Sequence[int], why: str) -> Contested:
    tokens = case.asked.tokens
    start, end = tokens[places[0]].start, tokens[places[-1]].end
    return Contested(start, end, case.asked.question[start:end], why)


def _other_rows(case: Case) -> Iterator[Contested]:
    """ "How many thrillers has Dan Webb": the noun that is counted, and rows of another table in the query."""
    shown = [one for one in case.query.aggregates if one.shown]
    if len(shown) != 1 or shown[0].name != "COUNT" or len(case.query.outputs) != 1 or case.query.groups:
        return
    noun = _counted_noun(case)
    if not noun:
        return
    text = case.asked.question[case.asked.tokens[noun[0]].start : case.asked.tokens[noun[-1]].end]
    values = [one for one in case.query.literals if one.part in case.said[noun[0]] and one.columns]
    rows = _counted_tables(case, shown[0], values)
    if rows:
        yield _contest(case, noun, f"{text!r} is asked for, and rows of {' or '.join(rows)} are counted")


def _counted_noun(case: Case) -> range:
    """Positions of the words after "how many" that say what is counted: a value, or a table; empty for neither."""
    asked = [word.text for word in case.asked.words]
    start = next((place + 2 for place, pair in enumerate(pairwise(asked)) if pair in _COUNTING), len(asked))
    for place in range(start, min(start + _FAR, len(asked))):
        if not case.parts[place] or asked[place] in STOP_WORDS:
            continue
        last = place + 1
        while last < len(asked) and not set(case.said[place]).isdisjoint(case.said[last]):
            last += 1
        # "how many active members": the noun comes after its adjective.
        after = case.parts[last] if last < len(asked) else []
        return range(0) if any(part.kind in {"table", "column"} for part in after) else range(place, last)
    return range(0)


def _counted_tables(case: Case, count: Aggregate, values: Sequence[Literal]) -> list[str]:
    """The tables of which rows are counted where the noun is a value of others, or of a table that nobody names."""
    if not values:
        return []
    stored = {ref.table for one in values for ref in one.columns}
    counted = list(dict.fromkeys(ref.table for ref in count.columns))
    if counted:
        return [] if stored & {*counted, *case.query.counted} else counted
    said = {part for parts in case.parts for part in parts if part.kind == "table"}
    named = any(part in said for part in case.query.tables.values())
    return [] if named or len(case.query.tables) < 2 else sorted(case.query.tables)


def _other_units(case: Case) -> Iterator[Contested]:
    """ "longer than 5 days" compared with a column of metres."""
    for place, word in enumerate(case.asked.words[:-1]):
        unit = case.asked.text(place + 1)
        asked = _DIMENSION_OF.get(unit, "") if word.number is not None and unit not in _TWO_FOLD else ""
        for one in case.query.literals if asked else ():
            held = {_DIMENSION_OF.get(_last_word(ref.column), "") for ref in one.columns}
            if one.part in case.parts[place] and held and "" not in held and asked not in held:
                column = one.columns[0]
                yield _contest(
                    case,
                    (place, place + 1),
                    f"{unit!r} is no unit of {column.table}.{column.column}",
                )


def _last_word(name: str) -> str:
    """Of a column's name, folded; "" for a name without letters and digits."""
    return (words(name.replace("_", " ")) or [""])[-1]


def _other_routes(case: Case) -> Iterator[Contested]:
    """ "vessels visit Hull": of two ways between two tables the verb may mean the other one."""
    verbs = find_plain_verbs(case)
    if not verbs:
        return
    said = {token.stem for token in case.asked.tokens}
    for key in case.asked.prepared.view.schema.foreign_keys:
        others = _events_between(case, key)
        # A key that is named only for its table ("article.grower_id") may well be what the verb says.
        role = _role(case, key) if others else set()
        if role and said.isdisjoint(role):
            yield _contest(
                case, verbs[:1], f"{case.asked.text(verbs[0])!r} is read as {key.table}.{key.columns[0]}; "
                f"rows of {' or '.join(others)} tie {key.table} and {key.ref_table} together, too"
            )  # fmt: skip


def _events_between(case: Case, key: ForeignKey) -> list[str]:
    """Other tables that refer to both ends of a key which the query joins by; none where it uses one of them."""
    used = {(ref.table, ref.column) for ref in case.query.linking}
    if (key.table, key.columns[0]) not in used or key.ref_table not in case.query.tables or key.table == key.ref_table:
        return []
    keys = case.asked.prepared.view.schema.foreign_keys
    first = {one.table for one in keys if one.ref_table == key.table}
    second = {one.table for one in keys if one.ref_table == key.ref_table}
    found = sorted(first & second - {key.table, key.ref_table})
    return [] if any(name in case.query.tables for name in found) else found


def _role(case: Case, key: ForeignKey) -> set[str]:
    """What the column of a key says beyond the table that it refers to: "home" of vessel.home_port_id."""
    view = case.asked.prepared.view
    ref = next(facts for facts in view.columns if tuple(facts.ref) == (key.table, key.columns[0]))
    return set(ref.name.stems) - set(view.tables[view.table_index[key.ref_table]].stems) - {"id"}
