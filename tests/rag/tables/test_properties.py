"""What holds for every table, in whatever form: the same choice, nothing new, nothing over the budget."""

from __future__ import annotations

import csv
import io

import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxprune import Adaptive, Pruner, Threshold, TokenBudget, TopK
from ctxprune.policies import CellShare, TableBudget
from ctxprune.rag import Table, TableOptions
from ctxprune.sql.database.result_set import ResultSet

WORDS = ["owl", "wren", "rook", "north", "12", "2019", "3.5 kg", "São Luís", "a|b", 'so "called"', ""]
CELLS = st.lists(st.sampled_from(WORDS), max_size=2).map(" ".join)
HEADER = ("bird", "place, town", "weight")


@st.composite
def bodies(draw: st.DrawFn) -> list[tuple[str, ...]]:
    """Rows with a label first, so that a table of them is read alike in every form."""
    size = draw(st.integers(1, 8))
    return [(f"bird {number}", draw(CELLS), draw(CELLS)) for number in range(size)]


def as_csv(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    return text.getvalue()


def as_markdown(rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (HEADER, *rows)]
    return "\n".join([lines[0], "|---|---|---|", *lines[1:]])


def as_html(rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in HEADER)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def all_forms(rows: list[tuple[str, ...]]) -> list[object]:
    columns = {name: list(cells) for name, cells in zip(HEADER, zip(*rows, strict=True), strict=True)}
    records = [dict(zip(HEADER, row, strict=True)) for row in rows]
    frames = [pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)]
    texts = [as_csv(rows), as_markdown(rows), as_html(rows)]
    return [*texts, [HEADER, *rows], records, ResultSet(HEADER, tuple(rows)), *frames]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(bodies(), st.sampled_from([CellShare(0.3), CellShare(0.6), TopK(4), Adaptive(), Threshold(0.5)]))
def test_all_forms_agree_on_what_is_kept(rows: list[tuple[str, ...]], policy: object) -> None:
    pruner = Pruner("lexical", policy, on_empty="drop")
    found = []
    for data in all_forms(rows):
        result = pruner.prune("how heavy is the owl of the north in 2019", Table(data))
        if isinstance(data, str) and not result.output:
            found.append(((), ()))
            continue
        (grid,) = Table(result.output, TableOptions(header_rows=1)).grids
        cells = tuple(tuple(" ".join(cell.split()) for cell in row) for row in grid.rows)
        found.append((grid.header if cells or isinstance(data, str) else (), cells))
    assert len({cells for _, cells in found}) == 1
    assert len({header for header, cells in found if cells}) <= 1
    kept = [dict(zip(header, row, strict=True)) for header, cells in found[:1] for row in cells]
    whole = [dict(zip(HEADER, (" ".join(cell.split()) for cell in row), strict=True)) for row in rows]
    assert all(any(row.items() <= other.items() for other in whole) for row in kept)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(bodies(), st.integers(0, 200), st.booleans())
def test_no_budget_is_exceeded_in_any_form(rows: list[tuple[str, ...]], budget: int, note: bool) -> None:
    for data in all_forms(rows):
        table = Table(data, TableOptions(note=note))
        for policy in (TableBudget(budget), TokenBudget(budget)):
            result = Pruner("lexical", policy, len, "drop").prune("owl of the north", table)
            written = table.to_text([unit.index for unit in result.kept])
            assert len(written) == result.tokens_after <= budget
            assert result.tokens_before == len(table.to_text(range(len(table.units))))
            assert (result.note == "") == (not result.dropped)
