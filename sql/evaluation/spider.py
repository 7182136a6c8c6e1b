"""Spider's execution accuracy (EX): the texts that run, and when two results count as equal.

Rule: test-suite evaluation (Zhong et al. 2020, taoyds/test-suite-sql-eval). Both queries lose their DISTINCT tokens and
everything behind their first semicolon; rows are compared as multisets under some permutation of the prediction's
columns; row order counts where the reference orders its rows. `official.py` runs it over the databases of an item.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .equality import equal_results
from .lexer import first_statement

if TYPE_CHECKING:
    from .rules import TextRule

__all__ = ["close_up", "equal_results", "order_matters", "prepare", "prepare_gold", "prepare_prediction", "this_year"]

_CLOSE_UP = (("> =", ">="), ("< =", "<="), ("! =", "!="))
_THIS_YEAR = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)


def prepare_gold(sql: str) -> str:
    """The reference query as the official script runs it (without --keep_distinct)."""
    return this_year(_without_distinct(close_up(sql)))


def prepare_prediction(sql: str) -> str:
    """The predicted query as the official script runs it: the text `value` becomes `1`, wherever it stands."""
    return prepare_gold(sql.replace("value", "1"))


def prepare(sql: str, rule: TextRule, *, predicted: bool) -> str:
    """The text that runs under `rule`, but for `this_year`, which comes last, after values are put in."""
    if predicted and rule.value_as_one:
        sql = sql.replace("value", "1")
    if rule.close_up:
        sql = close_up(sql)
    return sql if rule.keep_distinct else _without_distinct(sql)


def close_up(sql: str) -> str:
    """`> =`, `< =` and `! =` without their space, in strings too."""
    for loose, closed in _CLOSE_UP:
        sql = sql.replace(loose, closed)
    return sql


def this_year(sql: str) -> str:
    """YEAR(CURDATE()) as 2020, in strings too."""
    return _THIS_YEAR.sub("2020", sql)


def order_matters(gold: str) -> bool:
    """Whether row order counts: "order by" occurs anywhere in the reference, in a sub-query too."""
    return "order by" in gold.lower()


def _without_distinct(sql: str) -> str:
    return "".join(token.text for token in first_statement(sql) if token.text.lower() != "distinct")
