"""Spider's execution accuracy (EX): when two results count as equal.

Rule: test-suite evaluation (Zhong et al. 2020, taoyds/test-suite-sql-eval) on one database. Both queries lose their
DISTINCT tokens; rows are compared as multisets under some permutation of the prediction's columns; row order counts
where the reference orders its rows. The full official runner with its other options is not this module.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["equal_results", "order_matters", "prepare_gold", "prepare_prediction"]

Row = tuple[object, ...]

_CLOSE_UP = (("> =", ">="), ("< =", "<="), ("! =", "!="))
_THIS_YEAR = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)
# Strings and quoted names are matched first so that a DISTINCT inside them stays.
_DISTINCT = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|(\bdistinct\b)""",
    re.IGNORECASE | re.DOTALL,
)


def prepare_gold(sql: str) -> str:
    """The reference query as the official script runs it (without --keep_distinct)."""
    for loose, closed in _CLOSE_UP:
        sql = sql.replace(loose, closed)
    return _without_distinct(_THIS_YEAR.sub("2020", sql))


def prepare_prediction(sql: str) -> str:
    """The predicted query as the official script runs it: the text `value` becomes `1`, wherever it stands."""
    return prepare_gold(sql.replace("value", "1"))


def order_matters(gold: str) -> bool:
    """Whether row order counts: "order by" occurs anywhere in the reference, in a sub-query too."""
    return "order by" in gold.lower()


def equal_results(gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool) -> bool:
    """Whether two results are equal under one permutation of the prediction's columns, as multisets unless `ordered`.

    Cells are compared as Python values: 1 == 1.0, "1" != 1, None == None. Two empty results are equal whatever their
    columns. Duplicate rows count.
    """
    if not gold or not predicted:
        return not gold and not predicted
    if len(gold) != len(predicted) or len(gold[0]) != len(predicted[0]):
        return False
    if not _same_cells(gold, predicted, ordered=ordered):
        return False
    return _permutes(gold, predicted, ordered=ordered)


def _same_cells(gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool) -> bool:
    """The official quick rejection: rows with their cells sorted by text and type must agree."""
    left, right = _sorted_cells(gold), _sorted_cells(predicted)
    return left == right if ordered else set(left) == set(right)


def _sorted_cells(rows: Sequence[Row]) -> list[Row]:
    return [tuple(sorted(row, key=lambda cell: str(cell) + str(type(cell)))) for row in rows]


def _permutes(gold: Sequence[Row], predicted: Sequence[Row], *, ordered: bool) -> bool:
    """Depth-first search for a column permutation; each prefix of columns must already agree row by row."""
    width = len(gold[0])
    targets = [_form((row[: depth + 1] for row in gold), ordered=ordered) for depth in range(width)]
    twins = list(zip(*predicted, strict=True))  # equal columns are interchangeable: one of them is tried
    stack: list[tuple[int, ...]] = [()]
    while stack:
        chosen = stack.pop()
        if len(chosen) == width:
            return True
        tried: set[Row] = set()
        for column in range(width):
            if column in chosen or twins[column] in tried:
                continue
            tried.add(twins[column])
            prefix = (*chosen, column)
            rows = (tuple(row[index] for index in prefix) for row in predicted)
            if _form(rows, ordered=ordered) == targets[len(chosen)]:
                stack.append(prefix)
    return False


def _form(rows: Iterable[Row], *, ordered: bool) -> object:
    return list(rows) if ordered else Counter(rows)


def _without_distinct(sql: str) -> str:
    return _DISTINCT.sub(lambda match: "" if match.group(1) else match.group(0), sql)
