"""The rules of the official scripts, as data: which texts run where, and what counts as equal."""

from __future__ import annotations

from dataclasses import dataclass, field

from ctxprune.errors import UsageError
from ctxprune.utils.validation import is_number

__all__ = ["BIRD", "BIRD_OLD", "RULES", "SPIDER", "ExecutionRule", "TextRule"]


@dataclass(frozen=True, slots=True)
class TextRule:
    """What is done to the texts before they run.

    Attributes:
        value_as_one: The letters `value` in a prediction become `1`, inside names and strings too.
        close_up: `> =` becomes `>=`, likewise `< =` and `! =`, inside strings too.
        this_year: YEAR(CURDATE()) becomes 2020.
        keep_distinct: DISTINCT stays; otherwise both texts lose it, and all behind their first semicolon.
        plug_value: The reference's values are put into every slot of the prediction, in all combinations, and one that
            passes is enough. Their number is (values of the reference) to the power of (slots).
    """

    value_as_one: bool = False
    close_up: bool = False
    this_year: bool = False
    keep_distinct: bool = True
    plug_value: bool = False


@dataclass(frozen=True, slots=True)
class ExecutionRule:
    """How one item is executed and judged.

    Attributes:
        name: How the command line and the log call it.
        text: What is done to the texts.
        bag: Duplicates count; otherwise results are compared as sets.
        column_permutations: The prediction's columns may stand in any one order.
        ordered_like_gold: Row order counts where the reference contains "order by".
        one_connection: Both queries run on one connection, the prediction first, so that the reference sees what the
            prediction wrote; otherwise each has its own, the reference first.
        every_database: All files of the database's folder whose name contains ".sqlite" are tests; otherwise the one.
        strict_text: A cell that is not UTF-8 makes its query fail; otherwise such bytes are left out.
        database_of_prediction: The database that the prediction names is used for both queries.
        lost_separator: A prediction without separator is run as it is; otherwise the script ends.
        gold_must_run: A reference that fails ends the script; otherwise the item counts as wrong.
        seconds: Time for one item, above 0; then its process is ended and the item counts as wrong.
    """

    name: str
    text: TextRule = field(default_factory=TextRule)
    bag: bool = False
    column_permutations: bool = False
    ordered_like_gold: bool = False
    one_connection: bool = True
    every_database: bool = False
    strict_text: bool = True
    database_of_prediction: bool = False
    lost_separator: bool = True
    gold_must_run: bool = False
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if not is_number(self.seconds) or self.seconds <= 0:
            raise UsageError(f"seconds={self.seconds!r} is not a finite number above 0")


BIRD = ExecutionRule("bird")
"""bird-bench/mini_dev `evaluation_ex.py`: the database of the reference; 30 seconds for both queries, enforced."""

BIRD_OLD = ExecutionRule("bird-old", database_of_prediction=True, lost_separator=False)
"""AlibabaResearch/DAMO-ConvAI `evaluation.py`: the database that the prediction names."""

SPIDER = ExecutionRule(
    "spider",
    text=TextRule(value_as_one=True, close_up=True, this_year=True, keep_distinct=False),
    bag=True,
    column_permutations=True,
    ordered_like_gold=True,
    one_connection=False,
    every_database=True,
    strict_text=False,
    gold_must_run=True,
    seconds=60.0,
)
"""taoyds/test-suite-sql-eval `evaluation.py`. Its own 60 seconds are never enforced; here they are."""

RULES = {rule.name: rule for rule in (BIRD, BIRD_OLD, SPIDER)}
