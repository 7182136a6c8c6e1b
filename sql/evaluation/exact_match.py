"""Spider's exact set match: the parts of two queries compared as sets, without values.

Yu et al. 2018, as `evaluation.py` of the test suite (Zhong et al. 2020) has it with its two switches on: values and
DISTINCT are not compared. A query inside a condition keeps its DISTINCT and its own column names, one in FROM keeps its
values too, because the official script does not go down there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError

from .spider_structure import ColumnUnit, Condition, Structure, ValueUnit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["PARTS", "Match", "exact_match", "foreign_key_map"]

PARTS = ("select", "select(no AGG)", "where", "where(no OP)", "group(no Having)", "group", "order", "and/or", "IUEN",
         "keywords")  # fmt: skip
_Conditions = tuple[Condition | str, ...]


@dataclass(frozen=True)
class Match:
    """How two queries compare.

    Attributes:
        exact: All parts and the tables agree.
        parts: By name of `PARTS`: 1 where the part agrees, 0 where not.
        sides: By name of `PARTS`: whether the prediction, and whether the reference, has such a part (1 or 0).
    """

    exact: bool
    parts: Mapping[str, int]
    sides: Mapping[str, tuple[int, int]]


def exact_match(
    predicted: Structure, gold: Structure, *, keys: Mapping[str, str], schema: Mapping[str, Sequence[str]]
) -> Match:
    """Compare a prediction's parts with the reference's.

    Args:
        predicted, gold: As `spider_structure.parse` reads them.
        keys: From `foreign_key_map`: columns that a foreign key binds count as one, in tables that the FROM names.
        schema: Columns by table, in lower case.

    Raises:
        InputError: Both have queries in FROM that differ: the official script cannot sort them and ends.
    """
    return _compare(_comparable(predicted, keys, schema), _comparable(gold, keys, schema))


def foreign_key_map(entry: Mapping[str, Any]) -> dict[str, str]:
    """From an entry of tables.json: column ids that a foreign key binds, each to the first of its group.

    As in the official script a key joins the first group that holds one of its columns; groups never merge.

    Raises:
        InputError: The entry lacks a field, or a key names no column.
    """
    try:
        tables = entry["table_names_original"]
        ids = [
            f"__{tables[table].lower()}.{column.lower()}__" if table >= 0 else "__all__"
            for table, column in entry["column_names_original"]
        ]
        groups: list[set[int]] = []
        for first, second in entry["foreign_keys"]:
            # two groups that a later key connects stay two, as in the official script
            found = next((group for group in groups if first in group or second in group), None)
            if found is None:
                groups.append(found := set())
            found |= {first, second}
        return {ids[index]: ids[min(group)] for group in groups for index in sorted(group)}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"not an entry of tables.json ({type(error).__name__}: {error})") from error


def _comparable(query: Structure, keys: Mapping[str, str], schema: Mapping[str, Sequence[str]]) -> Structure:
    """Without values and DISTINCT, with the columns of a foreign key as one."""
    named = {text[2:-2] for kind, text in query.tables if kind == "table_unit" and isinstance(text, str)}
    # as in the official script, only columns of tables in FROM are unified
    usable = {f"__{table}.{column}__" for table in named & set(schema) for column in schema[table]}
    return _columns(_valueless(query), {column: first for column, first in keys.items() if column in usable})


def _valueless(query: Structure) -> Structure:
    return replace(
        query,
        joins=tuple(map(_condition_valueless, query.joins)),
        where=tuple(map(_condition_valueless, query.where)),
        having=tuple(map(_condition_valueless, query.having)),
        intersect=_optional(_valueless, query.intersect),
        union=_optional(_valueless, query.union),
        except_=_optional(_valueless, query.except_),
    )


def _condition_valueless(part: Condition | str) -> Condition | str:
    if not isinstance(part, Condition):
        return part
    value, second = (_valueless(one) if isinstance(one, Structure) else None for one in (part.value, part.second))
    return replace(part, value=value, second=second)


def _columns(query: Structure, keys: Mapping[str, str]) -> Structure:
    def column(unit: ColumnUnit) -> ColumnUnit:
        return ColumnUnit(unit.aggregate, keys.get(unit.column, unit.column), None)

    def unit(value: ValueUnit) -> ValueUnit:
        return ValueUnit(value.sign, column(value.left), _optional(column, value.right))

    def conditions(parts: _Conditions) -> _Conditions:
        return tuple(replace(part, unit=unit(part.unit)) if isinstance(part, Condition) else part for part in parts)

    def inner(other: Structure) -> Structure:
        return _columns(other, keys)

    return replace(
        query,
        distinct=None,
        select=tuple((aggregate, unit(value)) for aggregate, value in query.select),
        joins=conditions(query.joins),
        where=conditions(query.where),
        group_by=tuple(map(column, query.group_by)),
        having=conditions(query.having),
        order_by=query.order_by and (query.order_by[0], tuple(map(unit, query.order_by[1]))),
        intersect=_optional(inner, query.intersect),
        union=_optional(inner, query.union),
        except_=_optional(inner, query.except_),
    )


def _compare(predicted: Structure, gold: Structure) -> Match:
    parts = dict(zip(PARTS, (int(rule(predicted, gold)) for rule in _RULES), strict=True))
    exact = all(parts.values())
    if exact and gold.tables:
        try:
            # the official script sorts the tables, which fails on nested queries that differ
            exact = sorted(gold.tables) == sorted(predicted.tables)
        except TypeError as error:
            raise InputError("queries in FROM that differ cannot be sorted; the official script ends here") from error
    left, right = _present(predicted), _present(gold)
    sides = {name: (int(left[name]), int(right[name])) for name in PARTS}
    # The official script counts equal ANDs and ORs as there, even where neither query has any, and mixes up the sides
    # where they differ.
    sides["and/or"] = (1, 1) if parts["and/or"] else sides["and/or"][::-1]
    return Match(exact, parts, sides)


def _present(query: Structure) -> dict[str, bool]:
    selected, where, grouped = bool(query.select), bool(query.where), bool(query.group_by)
    behind = any(part is not None for part in (query.intersect, query.except_, query.union))
    order, words = query.order_by is not None, bool(_words(query))
    found = (selected, selected, where, where, grouped, grouped, order, len(query.where) > 1, behind, words)
    return dict(zip(PARTS, found, strict=True))


def _same_bag(left: Iterable[object], right: Iterable[object]) -> bool:
    # compared one by one, as in the official script
    rest = list(right)
    for one in left:
        if one not in rest:
            return False
        rest.remove(one)
    return not rest


def _select(predicted: Structure, gold: Structure) -> bool:
    return _same_bag(predicted.select, gold.select)


def _select_bare(predicted: Structure, gold: Structure) -> bool:
    return _same_bag([unit for _, unit in predicted.select], [unit for _, unit in gold.select])


def _where(predicted: Structure, gold: Structure) -> bool:
    return _same_bag(predicted.where[::2], gold.where[::2])


def _where_bare(predicted: Structure, gold: Structure) -> bool:
    sides = ([part.unit for part in query.where[::2] if isinstance(part, Condition)] for query in (predicted, gold))
    return _same_bag(*sides)


def _group_bare(predicted: Structure, gold: Structure) -> bool:
    names = ([_last_name(unit.column) for unit in query.group_by] for query in (predicted, gold))
    return _same_bag(*names)


def _last_name(column: str) -> str:
    return column.split(".")[1] if "." in column else column


def _group(predicted: Structure, gold: Structure) -> bool:
    if not predicted.group_by or not gold.group_by:
        return not predicted.group_by and not gold.group_by
    columns = ([unit.column for unit in query.group_by] for query in (predicted, gold))
    left, right = columns
    return left == right and predicted.having == gold.having


def _order(predicted: Structure, gold: Structure) -> bool:
    if predicted.order_by is None or gold.order_by is None:
        return predicted.order_by is None and gold.order_by is None
    return predicted.order_by == gold.order_by and predicted.limited == gold.limited


def _and_or(predicted: Structure, gold: Structure) -> bool:
    return set(predicted.where[1::2]) == set(gold.where[1::2])


def _behind(predicted: Structure, gold: Structure) -> bool:
    pairs = ((predicted.intersect, gold.intersect), (predicted.except_, gold.except_), (predicted.union, gold.union))
    found = [(one, other) for one, other in pairs if one is not None or other is not None]
    return all(one is not None and other is not None and _compare(one, other).exact for one, other in found)


def _keywords(predicted: Structure, gold: Structure) -> bool:
    return _words(predicted) == _words(gold)


def _words(query: Structure) -> set[str]:
    parts = (*query.joins, *query.where, *query.having)
    conditions = [part for part in parts if isinstance(part, Condition)]
    clauses = {
        "where": query.where, "group": query.group_by, "having": query.having, "order": query.order_by,
        "limit": query.limited, "except": query.except_, "union": query.union, "intersect": query.intersect,
        "or": "or" in parts, "not": any(part.negated for part in conditions),
    }  # fmt: skip
    found = {name for name, value in clauses.items() if value}
    found |= {query.order_by[0]} if query.order_by is not None else set()
    return found | {part.comparison for part in conditions if part.comparison in {"in", "like"}}


def _optional(change: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else change(value)


_RULES = (
    _select, _select_bare, _where, _where_bare, _group_bare, _group, _order, _and_or, _behind, _keywords
)  # fmt: skip
