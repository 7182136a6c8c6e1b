"""When two lists of rows count as equal, by the rules of Spider and of BIRD.

Nothing but the standard library, since the process that runs the queries compares the rows as well.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

__all__ = ["ComparisonLimitError", "Row", "contains_columns", "equal_results", "equal_sets"]

Row = tuple[object, ...]


def equal_sets(gold: Iterable[Row], predicted: Iterable[Row]) -> bool:
    """BIRD's rule: the same rows, whatever their order and number; columns stand in the same order.

    Cells are compared as Python values: 1 == 1.0, "1" != 1, None == None, 0.1 + 0.2 != 0.3. Two empty results are
    equal.
    """
    return set(predicted) == set(gold)


class ComparisonLimitError(Exception):
    """A comparison needs more steps than it may take; only raised where a limit is given."""


def equal_results(
    gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool, most_cells: float = math.inf
) -> bool:
    """Whether two results are equal under one permutation of the prediction's columns, as multisets unless `ordered`.

    Cells are compared as Python values: 1 == 1.0, "1" != 1, None == None. Two empty results are equal whatever their
    columns. Duplicate rows count.

    Args:
        gold: The reference's rows, all of one width.
        predicted: The prediction's rows, all of one width.
        ordered: Whether the order of rows counts.
        most_cells: Cells that the search for a permutation may compare; it is factorial where many columns hold the
            same cells. The evaluation sets no limit, as the official script.

    Raises:
        ComparisonLimitError: More cells would have to be compared.
    """
    if not gold or not predicted:
        return not gold and not predicted
    if len(gold) != len(predicted) or len(gold[0]) != len(predicted[0]):
        return False
    # permutations are tried only where the cells agree at all, which most wrong results do not
    if not _same_cells(gold, predicted, ordered=ordered):
        return False
    return _permutes(gold, predicted, ordered=ordered, most_cells=most_cells)


def contains_columns(gold: Sequence[Row], predicted: Sequence[Row]) -> bool:
    """Whether some columns of the prediction, in some order, give the reference's rows as a multiset.

    Cells are compared as in `equal_results`; two empty results are equal.
    """
    if not gold or not predicted:
        return not gold and not predicted
    if len(gold) != len(predicted) or len(gold[0]) > len(predicted[0]):
        return False
    return _permutes(gold, predicted, ordered=False)


def _same_cells(gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool) -> bool:
    """The official quick rejection: rows with their cells sorted by text and type must agree."""
    left, right = _sorted_cells(gold), _sorted_cells(predicted)
    return left == right if ordered else set(left) == set(right)


def _sorted_cells(rows: Sequence[Row]) -> list[Row]:
    return [tuple(sorted(row, key=lambda cell: str(cell) + str(type(cell)))) for row in rows]


def _permutes(gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool, most_cells: float = math.inf) -> bool:
    """Depth-first search for the prediction's columns; each prefix of columns must already agree row by row."""
    columns = list(zip(*predicted, strict=True))
    levels = _levels(list(zip(*gold, strict=True)), columns, ordered=ordered)
    if not all(level.candidates for level in levels):
        return False
    same = {column: place for place, column in reversed(list(enumerate(columns)))}
    kinds = [same[column] for column in columns]  # equal columns are interchangeable: one of them is tried
    stack = [_Node([0] * len(predicted), frozenset())]
    compared = 0
    while stack and len(stack) <= len(levels):
        level, node = levels[len(stack) - 1], stack[-1]
        column = node.next_column(level.candidates, kinds)
        if column is None:
            stack.pop()
            continue
        compared += len(predicted)
        if compared > most_cells:
            raise ComparisonLimitError
        numbers = level.extend(node.numbers, columns[column], ordered=ordered)
        if numbers is not None:
            stack.append(_Node(numbers, node.used | {column}))
    return bool(stack)


class _Node:
    """A choice of columns: a number for each row's cells in them, the same as in equal rows of the reference."""

    def __init__(self, numbers: list[int], used: frozenset[int]) -> None:
        self.numbers, self.used = numbers, used
        self._place, self._tried = 0, set[int]()

    def next_column(self, candidates: Sequence[int], kinds: Sequence[int]) -> int | None:
        """The next column to add to the choice; None where all were tried."""
        while self._place < len(candidates):
            column = candidates[self._place]
            self._place += 1
            if column not in self.used and kinds[column] not in self._tried:
                self._tried.add(kinds[column])
                return column
        return None


class _Level:
    """A column of the reference, with the prediction's columns that hold the same cells."""

    def __init__(self, column: Row, candidates: list[int]) -> None:
        self.column, self.candidates = column, candidates
        self._known: dict[tuple[int, object], int] = {}
        self._numbers: list[int] = []
        self._sorted: list[int] = []

    def number(self, before: Sequence[int]) -> list[int]:
        """Number the reference's rows by their cells up to this column, given their numbers before it."""
        known = self._known
        self._numbers = [known.setdefault(key, len(known)) for key in zip(before, self.column, strict=True)]
        self._sorted = sorted(self._numbers)
        return self._numbers

    def extend(self, before: Sequence[int], column: Row, *, ordered: bool) -> list[int] | None:
        """The numbers of the prediction's rows with one more column; None where they are not the reference's."""
        numbers = [self._known.get(key, -1) for key in zip(before, column, strict=True)]
        # -1 stands for cells that no row of the reference has; counting would take more memory than sorting
        agree = numbers == self._numbers if ordered else -1 not in numbers and sorted(numbers) == self._sorted
        return numbers if agree else None


def _levels(gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool) -> list[_Level]:
    """One for each column of the reference, those with few candidates first, so that wrong choices show early."""
    places: dict[Hashable, list[int]] = {}
    for place, column in enumerate(predicted):
        places.setdefault(_form(column, ordered=ordered), []).append(place)
    levels = [_Level(column, places.get(_form(column, ordered=ordered), [])) for column in gold]
    levels.sort(key=lambda level: len(level.candidates))
    numbers = [0] * len(gold[0]) if gold else []
    for level in levels:
        numbers = level.number(numbers)
    return levels


def _form(cells: Row, *, ordered: bool) -> Hashable:
    """The same for columns with the same cells; a number rather than a count of cells, which would take memory."""
    # a tuple's hash mixes the cell's own, which for whole numbers are these numbers
    return cells if ordered else sum(map(hash, zip(cells)))
