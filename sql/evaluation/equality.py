"""When two lists of rows count as equal, by the rules of Spider and of BIRD.

Nothing but the standard library, since the process that runs the queries compares the rows as well.
"""

from __future__ import annotations

from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Row", "contains_columns", "equal_results", "equal_sets"]

Row = tuple[object, ...]


def equal_sets(gold: Iterable[Row], predicted: Iterable[Row]) -> bool:
    """BIRD's rule: the same rows, whatever their order and number; columns stand in the same order.

    Cells are compared as Python values: 1 == 1.0, "1" != 1, None == None, 0.1 + 0.2 != 0.3. Two empty results are
    equal.
    """
    return set(predicted) == set(gold)


def equal_results(gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool) -> bool:
    """Whether two results are equal under one permutation of the prediction's columns, as multisets unless `ordered`.

    Cells are compared as Python values: 1 == 1.0, "1" != 1, None == None. Two empty results are equal whatever their
    columns. Duplicate rows count.
    """
    if not gold or not predicted:
        return not gold and not predicted
    if len(gold) != len(predicted) or len(gold[0]) != len(predicted[0]):
        return False
    # permutations are tried only where the cells agree at all, which most wrong results do not
    if not _same_cells(gold, predicted, ordered=ordered):
        return False
    return _permutes(gold, predicted, ordered=ordered)


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


def _permutes(gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool) -> bool:
    """Depth-first search for the prediction's columns; each prefix of columns must already agree row by row."""
    width = len(gold[0])
    # prefixes of the reference are built once, not for each permutation
    targets = [_form((row[: depth + 1] for row in gold), ordered=ordered) for depth in range(width)]
    twins = list(zip(*predicted, strict=True))  # equal columns are interchangeable: one of them is tried
    stack: list[tuple[int, ...]] = [()]
    while stack:
        chosen = stack.pop()
        if len(chosen) == width:
            return True
        seen: set[Row] = set()
        for column in range(len(twins)):
            if column in chosen or twins[column] in seen:
                continue
            seen.add(twins[column])
            prefix = (*chosen, column)
            rows = (tuple(row[index] for index in prefix) for row in predicted)
            if _form(rows, ordered=ordered) == targets[len(chosen)]:
                stack.append(prefix)
    return False


def _form(rows: Iterable[Row], *, ordered: bool) -> object:
    return list(rows) if ordered else Counter(rows)
