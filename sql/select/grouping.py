"""Groups of candidates by what they returned, and how the results of different groups are related."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..database.equality import _cell
from .forms import read_form

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from ..database.database import ResultSet

__all__ = ["Group", "ResultTable", "choose_representative", "group_results", "read_table"]

_MOST_ROWS = 2_000  # of a result that are compared
_MOST_COLUMNS = 40  # of a row; wider and longer results are compared by their beginnings


@dataclass(frozen=True)
class ResultTable:
    """A result, column by column.

    Attributes:
        key: Equal for equal results, whatever the order of their rows and columns; duplicate rows count.
            Columns that hold the same cells in other rows keep their order, so such results may have two keys.
        bare: The same without duplicate rows.
        exact: Equal for equal results, the order of rows and columns included.
        columns: Sorted keys of the columns' cells without duplicates, each as a hash.
        rows: Hashes of the rows.
        shape: Rows and columns.
        nulls: Share of cells that are NULL.
        zero: One cell that is 0.
    """

    key: Hashable
    bare: Hashable
    exact: Hashable
    columns: frozenset[int]
    rows: frozenset[int]
    shape: tuple[int, int]
    nulls: float
    zero: bool


@dataclass(frozen=True)
class Group:
    """Candidates with equal results: their indices, rising, and the result."""

    members: tuple[int, ...]
    table: ResultTable


def read_table(result: ResultSet) -> ResultTable:
    """Read the first 2,000 rows and 40 columns of a result."""
    rows = [tuple(map(_cell, row[:_MOST_COLUMNS])) for row in result.rows[:_MOST_ROWS]]
    width = len(result.columns)
    columns = list(zip(*rows, strict=True)) if rows else []
    # Columns are sorted by their cells, so that SELECT a, b and SELECT b, a agree.
    order = sorted(range(len(columns)), key=lambda place: sorted(columns[place]))
    turned = [tuple(row[place] for place in order) for row in rows]
    cells = [cell for row in rows for cell in row]
    count = len(result.rows)
    return ResultTable(
        # Empty results are all alike, whatever their columns: nothing in them can differ.
        key=hash((width, count, tuple(sorted(turned)))) if rows else (0, 0),
        bare=hash((width, tuple(sorted(set(turned))))) if rows else (0, 0),
        exact=hash((width, count, tuple(rows))),
        columns=frozenset(hash(tuple(sorted(set(column)))) for column in columns),
        rows=frozenset(map(hash, turned)),
        shape=(count, width),
        nulls=sum(cell[0] == 0 for cell in cells) / len(cells) if cells else 0.0,
        zero=len(cells) == 1 and cells[0] == (1, 0.0),
    )


def group_results(tables: Mapping[int, ResultTable]) -> list[Group]:
    """Groups of equal results, the largest first, then by their first member."""
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index, table in tables.items():
        members[table.key].append(index)
    found = [Group(tuple(sorted(group)), tables[group[0]]) for group in members.values()]
    return sorted(found, key=lambda group: (-len(group.members), group.members[0]))


def choose_representative(group: Sequence[int], tables: Mapping[int, ResultTable], sqls: Sequence[str]) -> int:
    """Of the most frequent order of rows and columns in a group, the text whose form the others share most; the
    shortest of those.

    Args:
        group: Indices of candidates with equal results.
        tables: Results by index.
        sqls: Every candidate's text.
    """
    votes = Counter(tables[index].exact for index in group)
    forms = {index: read_form(sqls[index]) for index in group}
    # One text may return the right rows by luck, in a way that no other takes: on other data it would fail.
    facts = Counter(fact for form in forms.values() if form is not None for fact in form.facts.items())

    def rank(index: int) -> tuple[int, int, int, int]:
        form = forms[index]
        shared = sum(facts[fact] for fact in form.facts.items()) if form is not None else 0
        return -votes[tables[index].exact], -shared, len(sqls[index]), index

    return min(group, key=rank)
