"""Columns of tables as units: a cell is kept if both its row and a column of it are."""

from __future__ import annotations

import pytest

from ctxprune import Pruner
from ctxprune.policies import TableBudget
from ctxprune.rag import HtmlOptions, HtmlPage
from ctxprune.scorers.structured.page import PageScorer

TABLE = """<h1>Sizes</h1><table><caption>Of three</caption><tr><th>Name<th colspan=2>Measured
<tr><td>a1<td>b1<td>c1<tr><td rowspan=2>a2<td>b2<td>c2<tr><td colspan=2>bc3</table><p>end"""
WRITTEN = {
    "html": {
        (): '<tr><th>Name</th><th colspan="2">Measured</th></tr><tr><td>a1</td><td>b1</td><td>c1</td></tr>'
        '<tr><td rowspan="2">a2</td><td>b2</td><td>c2</td></tr><tr><td colspan="2">bc3</td></tr>',
        (1,): "<tr><th>Name</th><th>Measured</th></tr><tr><td>a1</td><td>c1</td></tr>"
        '<tr><td rowspan="2">a2</td><td>c2</td></tr><tr><td>bc3</td></tr>',
        (0,): '<tr><th colspan="2">Measured</th></tr><tr><td>b1</td><td>c1</td></tr>'
        '<tr><td>b2</td><td>c2</td></tr><tr><td colspan="2">bc3</td></tr>',
    },
    "markdown": {
        (): "| Name | Measured |  |\n|---|---|---|\n| a1 | b1 | c1 |\n| a2 | b2 | c2 |\n| a2 | bc3 |  |",
        (1,): "| Name | Measured |\n|---|---|\n| a1 | c1 |\n| a2 | c2 |\n| a2 | bc3 |",
    },
    "text": {(1, 2): "Name\na1\na2\na2", (0,): "Measured |\nb1 | c1\nb2 | c2\nbc3 |"},
}
CASES = [(form, dropped) for form, cases in WRITTEN.items() for dropped in cases]


@pytest.mark.parametrize(("form", "dropped"), CASES)
def test_a_dropped_column_is_gone_from_all_rows(form: str, dropped: tuple[int, ...]) -> None:
    page = HtmlPage(TABLE, HtmlOptions(output=form, columns=True))
    gone = {page.grids[0].column_units[column] for column in dropped}
    output = page.render([index for index in range(len(page.units)) if index not in gone])
    assert WRITTEN[form][dropped] in output
    assert "end" in output


def test_columns_come_last_and_rows_need_the_key() -> None:
    page = HtmlPage(TABLE, HtmlOptions(columns=True))
    (grid,) = page.grids
    assert [page.units[unit].text for unit in grid.column_units] == list(grid.header)
    assert grid.column_units == tuple(range(len(page.units) - 3, len(page.units)))
    (needed,) = {page.units[unit].requires for unit in grid.row_units}
    assert needed[0] in grid.column_units
    assert page.units[:-3] == HtmlPage(TABLE, HtmlOptions(columns=True)).units[:-3]
    plain = HtmlPage(TABLE)
    assert plain.grids[0].column_units == ()
    assert plain.render(range(len(plain.units))) == page.render(range(len(page.units)))


def test_a_budget_chooses_rows_and_columns() -> None:
    names = ["Como", "Garda", "Iseo", "Orta", "Lugano", "Maggiore", "Varese", "Idro"]
    rows = "".join(f"<tr><td>{name}<td>{400 - 9 * place}<td>{'a long remark ' * 6}" for place, name in enumerate(names))
    page = HtmlPage(f"<table><tr><th>Lake<th>Depth<th>Remarks{rows}</table>", HtmlOptions("markdown", columns=True))
    result = Pruner(PageScorer(), TableBudget(110)).prune("how deep are Como, Garda, Orta and Idro?", page)
    assert "| Idro | 337 |" in result.output
    assert "remark" not in result.output
    assert 80 <= result.tokens_after <= 110
