"""Features of how plausible a statement is on its schema, whatever the question: joins along keys, types that match."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .names import SchemaNames
    from .scopes import Ref, SelectScope

__all__ = ["SOUNDNESS", "soundness_features"]

SOUNDNESS = (
    "links_on_keys", "links_alike", "links_odd", "links_of_kinds", "unlinked", "literals_of_kinds", "crossed_keys",
    "crossed_odd", "extremes_odd", "needless", "fan_out", "grouped_by_key", "grouped_by_other", "unknown_names",
)  # fmt: skip
_MOST = 3.0  # of each that count


def soundness_features(scopes: tuple[SelectScope, ...], names: SchemaNames) -> list[float]:
    """Counts up to 3, one a name in `SOUNDNESS`.

    Links of FROM and WHERE along keys, between other columns of one name, between others, and between kinds of columns;
    sources without a link; literals of another kind than their column; columns compared with the column of a SELECT
    below along keys, and otherwise; with the extreme of another column; tables that nothing is used of;
    aggregates of a table whose rows a join repeats; groups by keys and by other columns; names that no table has.
    """
    found = dict.fromkeys(SOUNDNESS, 0.0)
    for scope in scopes:
        for first, second in scope.links:
            found[_link(names.resolve(first, scope), names.resolve(second, scope), names)] += 1
            found["links_of_kinds"] += _differ(names.resolve(first, scope), names.resolve(second, scope), names)
        found["unlinked"] += max(scope.sources - 1 - len(scope.links), 0)
        found["literals_of_kinds"] += sum(_misfit(*literal, scope, names) for literal in scope.literals)
        for outer, place, column, extreme in scope.crossings:
            mine, theirs = names.resolve(outer, scope), names.resolve(column, scopes[place])
            kind = _link(mine, theirs, names)
            if extreme:
                found["extremes_odd"] += mine is not None and theirs is not None and mine[1] != theirs[1]
            else:
                found["crossed_keys" if kind == "links_on_keys" or mine == theirs else "crossed_odd"] += 1
        found["needless"] += _needless(scope, names)
        found["fan_out"] += sum(_repeated(ref, scope, names) for _, ref in scope.aggregates)
        grouped = [names.resolve(ref, scope) for ref in scope.group]
        keys = sum(one is not None and _is_key(one, names) for one in grouped)
        found["grouped_by_key"] += keys
        found["grouped_by_other"] += len(grouped) - keys
        found["unknown_names"] += sum(bool(ref.alias) and names.resolve(ref, scope) is None for ref in scope.used)
    return [min(float(value), _MOST) for value in found.values()]


def _link(first: tuple[str, str] | None, second: tuple[str, str] | None, names: SchemaNames) -> str:
    if first is None or second is None:
        return "links_alike"
    if names.same_key(first, second) and first != second:
        return "links_on_keys"
    return "links_alike" if first[1] == second[1] else "links_odd"


def _differ(first: tuple[str, str] | None, second: tuple[str, str] | None, names: SchemaNames) -> bool:
    if first is None or second is None:
        return False
    return {names.kind(first), names.kind(second)} == {"number", "text"}


def _misfit(ref: Ref, literal: str, is_text: bool, scope: SelectScope, names: SchemaNames) -> bool:
    column = names.resolve(ref, scope)
    if column is None:
        return False
    number = literal.strip().lstrip("+-").replace(".", "", 1).isdigit()
    return names.kind(column) == ("text" if not is_text else "number") and (not is_text or not number)


def _needless(scope: SelectScope, names: SchemaNames) -> int:
    """Tables at the end of one link at most, of which nothing else is used."""
    # The only table of a query is needed for its rows, also where it names none of its columns.
    if len(scope.tables) < 2:
        return 0
    # A table that two links go through connects the others and is needed.
    used = set(_aliases(scope.used, scope, names))
    ends = [alias for link in scope.links for alias in _aliases(link, scope, names)]
    return sum(alias not in used and ends.count(alias) < 2 for alias in scope.tables)


def _aliases(refs: tuple[Ref, ...], scope: SelectScope, names: SchemaNames) -> Iterator[str]:
    for ref in refs:
        owners = (alias for alias, table in scope.tables.items() if ref.column in names.kinds.get(table, {}))
        alias = ref.alias or next(owners, "")
        if alias in scope.tables:
            yield alias


def _repeated(ref: Ref, scope: SelectScope, names: SchemaNames) -> bool:
    """Whether a join repeats the rows of an aggregated column's table: another table there refers to it."""
    column = names.resolve(ref, scope)
    if column is None:
        return False
    for pair in scope.links:
        first, second = (names.resolve(one, scope) for one in pair)
        for mine, theirs in ((first, second), (second, first)):
            if mine and theirs and mine[0] == column[0] != theirs[0] and (theirs, mine) in names.references:
                return True
    return False


def _is_key(column: tuple[str, str], names: SchemaNames) -> bool:
    return column in names.primary or any(mine == column for mine, _ in names.references)
