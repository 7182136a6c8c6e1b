"""Columns and rows chosen together: within tokens of the rendered text, within a share of the cells, by demand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import POLICIES, Adaptive, LargestGap, Pruner, TokenBudget, TopK, Unit, as_counter, prune
from ctxprune.context import as_context
from ctxprune.context.grid import Grid
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies import CellShare, TableBudget
from ctxprune.rag import Distinct, Neighbours, Passage, Table, TableOptions
from ctxprune.scorers.base import as_scorer, required_units

ROWS = [
    ["Bird", "Colour", "Weight", "Seen", "Where"],
    *([f"bird{n}", "brown and white and grey", f"{n} g", str(n * n), f"at the place of number {n}"] for n in range(40)),
]
MARKDOWN = "\n".join(
    "|" + "|".join(row) + "|" + ("\n|-|-|-|-|-|" if not number else "") for number, row in enumerate(ROWS)
)


class Given:
    """Scores by what stands in the text of a unit."""

    def __init__(self, scores: dict[str, float], demand: str | None = None) -> None:
        self.scores, self.demand = scores, demand

    def score(self, query, context):
        return [max((v for k, v in self.scores.items() if k in unit.text), default=0.0) for unit in context.units]

    def unit_demand(self, query, context):
        return np.asarray([self.demand is not None and self.demand in unit.text for unit in context.units])


def shape(pruned) -> tuple[list[str], list[str]]:
    """Names of the kept columns, labels of the kept rows."""
    (grid,) = Table(pruned.output).grids
    return list(grid.header), [row[0] for row in grid.rows]


def test_columns_make_room_for_rows() -> None:
    scorer = Given({"Weight": 0.9, "Bird": 0.8, "Seen": 0.1, "bird1": 0.9, "bird2": 0.8})
    half = prune("weight?", Table(ROWS), scorer=scorer, policy=CellShare(0.25))
    columns, rows = shape(half)
    assert columns == ["Bird", "Weight"]
    assert len(rows) == 25
    assert {f"bird{n}" for n in (1, 10, 11, 19, 2, 20, 29)} <= {*rows}
    few = prune("weight?", Table(ROWS), scorer=scorer, policy=CellShare(0.02))
    assert shape(few) == (["Bird", "Weight"], ["bird1", "bird10"])
    wide = prune("weight?", Table(ROWS), scorer=Given({"bird7": 0.9}), policy=CellShare(0.05))
    assert shape(wide) == (ROWS[0], ["bird0", "bird7"])  # nothing is known about the columns


@pytest.mark.parametrize("data", [ROWS, MARKDOWN], ids=["rows", "markdown"])
@pytest.mark.parametrize("budget", [0, 5, 20, 60, 200, 512, 5000])
def test_a_budget_holds_for_what_is_written(data: object, budget: int) -> None:
    table = Table(data, TableOptions(note=True))
    result = prune("where was bird7 seen", table, scorer="lexical", policy=TableBudget(budget), on_empty="drop")
    kept = [unit.index for unit in result.kept]
    assert result.tokens_after == as_counter().count(table.to_text(kept)) <= budget
    if budget >= 200:
        assert result.tokens_after > 0.6 * min(budget, result.tokens_before)
        assert "bird7" in str(result.output)
    if budget == 5000:
        assert result.output == data
    assert result.note == table.omission_note(kept)


def test_more_of_a_table_fits_than_with_whole_rows() -> None:
    scorer = Given({"Weight": 0.9, "bird": 0.5})
    cells = prune("weight?", Table(MARKDOWN), scorer=scorer, policy=TableBudget(200, enough_rows=None))
    whole = prune("weight?", Table(MARKDOWN), scorer=scorer, policy=TokenBudget(200))
    assert len(shape(cells)[1]) > 2 * len(shape(whole)[1])


def test_no_room_for_a_row_is_an_error_or_nothing() -> None:
    with pytest.raises(BudgetError, match="no unit fits into the 3 tokens"):
        prune("weight?", Table(MARKDOWN), scorer="lexical", policy=TableBudget(3))
    nothing = prune("weight?", Table(MARKDOWN), scorer="lexical", policy=TableBudget(3), on_empty="drop")
    assert nothing.output == ""
    assert {unit.reason for unit in nothing.units} == {"budget"}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 0.5, 1.0])
def test_a_share_of_cells_is_never_exceeded(share: float) -> None:
    result = prune("bird7 weight", Table(ROWS), scorer="lexical", policy=CellShare(share), on_empty="drop")
    cells = (len(result.output) - 1) * len(result.output[0]) if result.output else 0
    assert cells <= share * 200
    assert cells >= share * 200 - 40  # a row has 5 cells, a column 40


def test_rows_that_a_question_demands_come_first() -> None:
    total = Given({"Seen": 0.9, "bird7": 1.0, "Where": 0.5}, demand="bird")
    result = prune("how many were seen in total", Table(ROWS), scorer=total, policy=TableBudget(250))
    assert shape(result) == (["Bird", "Seen"], [row[0] for row in ROWS[1:]])
    assert {unit.reason for unit in result.kept} == {"selected", "demanded"}
    some = prune("how many were seen in total", Table(ROWS), scorer=total, policy=TableBudget(100))
    assert 0 < len(shape(some)[1]) < 40
    assert {unit.reason for unit in some.dropped if unit.text.startswith("bird")} == {"demanded"}
    with pytest.raises(BudgetError, match="the 40 rows that the question needs together do not fit"):
        prune("how many were seen in total", Table(ROWS), scorer=total, policy=TableBudget(100, strict=True))


@pytest.mark.parametrize("policy", [Adaptive(), TokenBudget(2000), TopK(50), LargestGap(), Neighbours(Adaptive())])
def test_every_policy_keeps_what_is_demanded(policy: object) -> None:
    scorer = Given({"Seen": 0.9, "bird7": 1.0}, demand="bird3")
    result = prune("how many", Table(ROWS), scorer=scorer, policy=policy)
    assert {"bird3", *(f"bird3{n}" for n in range(10))} <= {*shape(result)[1]}


def test_a_demand_of_the_wrong_shape_is_refused() -> None:
    scorer = Given({})
    scorer.unit_demand = lambda query, context: np.ones(3, dtype=np.bool_)
    with pytest.raises(UsageError, match=r"find_required gave bool of shape \(3,\) \[Given\]"):
        prune("how many", Table(ROWS), scorer=scorer)
    passage = Passage("One. Two.")
    assert required_units(as_scorer(scorer), "how many", passage) is None
    assert (
        required_units(as_scorer(scorer), "how many", as_context(Sheets())) is None
    )  # which of its tables is meant is not known


def test_relative_policies_compare_columns_with_columns_and_rows_with_rows() -> None:
    scorer = Given({"Weight": 0.1, "bird1": 9.0})
    for policy in (Adaptive(0.5), LargestGap()):
        columns, rows = shape(prune("weight?", Table(ROWS), scorer=scorer, policy=policy))
        assert columns == ["Bird", "Weight"]
        assert len(rows) == 11
    assert shape(prune("?", Table(ROWS), scorer=Given({"bird7": 1.0}), policy=Adaptive())) == (ROWS[0], ["bird7"])
    assert len(prune("?", Table(ROWS), scorer=Given({"Seen": 1.0}), policy=Adaptive()).output) == 41
    assert prune("?", Table(ROWS), scorer=Given({}), policy=Adaptive()).output == ROWS


def test_wrapped_policies_see_the_table() -> None:
    twice = [*ROWS, *ROWS[1:]]
    result = prune("bird7", Table(twice), scorer="lexical", policy=Distinct(CellShare(0.5)))
    assert any(unit.reason.startswith("duplicate") for unit in result.dropped)
    assert (len(result.output) - 1) * len(result.output[0]) <= 0.5 * 40 * 5
    assert len({row[0] for row in result.output}) == len(result.output)


class Sheets:
    """Two tables and a text."""

    units = (
        Unit("an aside"),
        *(Unit(f"{table}-{axis}") for table, axis in itertools.product("ab", ("x", "y", "1", "2"))),
    )
    grids = (
        Grid(("x", "y"), (("p", "q"), ("r", "s")), (3, 4), (1, 2)),
        Grid(("x", "y"), (("p", "q"), ("r", "s")), (7, 8), (5, 6)),
    )

    def render(self, kept):
        return tuple(sorted(kept))


def test_tables_and_texts_share_what_there_is() -> None:
    scorer = Given({"a-x": 0.9, "a-1": 0.9, "b-y": 0.5, "b-2": 0.7, "aside": 0.8})
    assert prune("?", Sheets(), scorer=scorer, policy=CellShare(0.34)).output == (0, 1, 3, 6, 8)
    assert prune("?", Sheets(), scorer=scorer, policy=CellShare(1.0)).output == tuple(range(9))


@given(
    rows=st.lists(st.lists(st.text("ab ,|", max_size=5), min_size=3, max_size=3), min_size=2, max_size=8),
    scores=st.lists(st.floats(-2, 2, width=32), min_size=11, max_size=11),
    limit=st.integers(0, 60),
    share=st.floats(0, 1),
)
def test_limits_hold_whatever_the_scores(rows, scores, limit: int, share: float) -> None:
    table = Table(rows, TableOptions(header_rows=1))

    class Any:
        def score(self, query, context):
            return scores[: len(context.units)]

    for policy in (TableBudget(limit), CellShare(share)):
        result = Pruner(Any(), policy, len, "drop").prune("?", table)
        kept = [unit.index for unit in result.kept]
        if isinstance(policy, TableBudget):
            assert len(table.to_text(kept)) <= limit
        else:
            columns, body = (len([i for i in kept if i in units]) for units in (range(3), range(3, 99)))
            assert columns * body <= share * 3 * (len(rows) - 1) + 1e-6


def test_policies_are_registered_and_checked() -> None:
    assert POLICIES.get("table_budget")() == TableBudget(512)
    assert POLICIES.get("cell_share")() == CellShare(0.5)
    for wrong in (-1, 0.5, True):
        with pytest.raises(UsageError, match="budget is"):
            TableBudget(wrong)
    for wrong in (-0.1, 1.1, float("nan"), None):
        with pytest.raises(UsageError, match="share is"):
            CellShare(wrong)


@pytest.mark.parametrize("rows", [0, -1, 1.5, "6"])
def test_enough_rows_are_at_least_one(rows) -> None:
    with pytest.raises(UsageError, match="enough_rows is"):
        TableBudget(8, enough_rows=rows)


def test_names_alone_are_no_rows() -> None:
    """A budget for few rows keeps something that is said of them, and not the column of labels by itself."""
    scorer = Given({"Bird": 0.9, "bird": 0.4, "Colour": 0.05})
    headers = [
        prune("of what colour?", Table(MARKDOWN), scorer=scorer, policy=policy).output.splitlines()[0]
        for policy in (TableBudget(60), TableBudget(60, enough_rows=None))
    ]
    assert headers == ["|Bird|Colour|", "|Bird|"]
