"""Tables in every form, ten thousand made inputs each.

    python tests/fuzz/fuzz_tables.py [--count N] [--kind csv|markdown|html|lists|frames|files]

Writes benchmarks/results/fuzz_tables.json. Texts: tables of CSV (four delimiters, three line ends, quotes, quotes that
are never closed, captions), Markdown and HTML (cells that span others) with ragged and empty rows, odd and doubled
headers, up to 10,000 columns or 200,000 characters in a cell, then cut, doubled and shuffled with odd characters in
them. What is kept of a few rows and columns must read as these rows and columns and no others, spans must be exact, and
a budget of characters must hold. Lists and frames: cells of all types, missing ones, nested ones; kept cells are the
same objects, or compare equal. Files: the same texts as CSV, read in small blocks. Two seconds each.
"""

from __future__ import annotations

import random
import re
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from fuzz_runner import ODD, main, mutated, refusable

from ctxprune import LexicalScorer, Pruner
from ctxprune.errors import BudgetError
from ctxprune.policies import CellShare, TableBudget
from ctxprune.rag import Table, TableOptions, prune_file
from ctxprune.rag.tables import csv_file
from ctxprune.rag.tables._records import records

WORDS = ("Wren", "owl", "1,204", "2021", "12.5 %", "-3", "New York", "", "", "é", "a b", "N/A", "(7)", "2020-02-29")
LEXICAL = LexicalScorer()


def cells(state, odd=0.1):
    """Rows of texts, mostly of one width."""
    width = state.choice((1, 2, 3, 5, 8))
    if state.random() < 0.003:
        width = 10_000
    rows = []
    for _ in range(state.choice((0, 1, 2, 6, 30)) if width < 100 else 2):
        ragged = state.randint(0, 2 * width) if state.random() < 0.05 and width < 100 else width
        rows.append([cell(state, odd) for _ in range(ragged)])
    if rows and state.random() < 0.003:
        rows[0].append("x" * 200_000)
    return rows


def cell(state, odd):
    text = " ".join(state.choices(WORDS, k=state.randint(0, 2)))
    return text + "".join(state.choices(ODD, k=2)) if state.random() < odd else text


def csv_text(state):
    delimiter, ending = state.choice(",;\t|"), state.choice(("\n", "\r\n", "\r"))
    lines = [delimiter.join(quoted(text, delimiter, state) for text in row) for row in cells(state)]
    if state.random() < 0.1:
        lines.insert(0, state.choice(("Birds of a town", "# (a note)", "")))
    text = ending.join(lines) + ending * state.randint(0, 2)
    return mutated("\ufeff" * (state.random() < 0.05) + text, state, 3) if state.random() < 0.4 else text


def quoted(text, delimiter, state):
    if any(char in text for char in f'{delimiter}"\r\n') or state.random() < 0.1:
        text = text.replace('"', '""')
        return f'"{text}"'
    return text


def markdown_text(state):
    rows = cells(state, 0.05) or [["a"]]
    bar = state.choice(("|", "| ", ""))
    lines = [bar + "|".join(text.replace("|", "\\|").replace("\n", " ") for text in row) + bar for row in rows]
    lines.insert(1, bar + "|".join(state.choice(("---", ":-:", "--:")) for _ in rows[0]) + bar)
    around = state.choice(("", "Birds\n\n"))
    text = around + state.choice(("\n", "\r\n")).join(lines) + state.choice(("", "\n", "\n\nAll counted.\n"))
    return mutated(text, state, 3) if state.random() < 0.4 else text


def html_text(state):
    rows, most = [], 9999 if state.random() < 0.02 else 3
    for number, row in enumerate(cells(state, 0.05)):
        name = "th" if not number else "td"
        spans = (f" {state.choice(('colspan', 'rowspan'))}={state.choice((0, 1, 2, most))}", "", "", "")
        close = state.choice(("", f"</{name}>"))
        rows.append("<tr>" + "".join(f"<{name}{state.choice(spans)}>{text}{close}" for text in row) + "</tr>\n")
    text = f"<table>{state.choice(('', '<caption>Birds</caption>'))}{''.join(rows)}</table>"
    return mutated(text, state, 2) if state.random() < 0.3 else text


def check_csv(text):
    check_text(text, "csv")


def check_markdown(text):
    check_text(text, "markdown")


def check_html(text):
    check_text(text, "html")


def check_text(text, form):
    with refusable():
        table = Table(text, TableOptions(format=form))
    (grid,) = table.grids
    assert table.render(range(len(table.units))) == text
    source = table._form.text
    for row, index in enumerate(grid.row_units):
        start, end = table.units[index].span
        assert 0 <= start <= end <= len(source)
        assert form == "html" or source[start:end] == table._form.row_text(row)
    spans = [table.units[index].span for index in grid.row_units]
    assert form == "html" or all(one[1] <= other[0] for one, other in pairwise(spans))
    if not table.units:
        return
    state = random.Random(len(text))
    rows, columns, kept = choice(table, state)
    left = table.render(kept)
    depth = len(table._form.levels)
    known = {"delimiter": table._form._delimiter} if form == "csv" else {}
    unclear = form in UNCLEAR and UNCLEAR[form](table)
    if depth and (rows or not grid.rows) and not unclear:  # a header alone is left out
        again = Table(left, TableOptions(format=form, header_rows=depth, **known))
        width = len(columns)
        assert padded(again.grids[0].rows, width) == pick(grid.rows, rows, columns), "other cells than were kept"
        assert padded(again._form.levels, width) == pick(table._form.levels, range(depth), columns), "another header"
    check_policies(table, state)


def is_ambiguous(table):
    """Whether a part of a table of CSV may be cut otherwise than the whole: below a caption, which is told by what most
    lines look like; where rows have more cells than the header, which belong to the last cell; with a second BOM."""
    form = table._form
    lasts = (record.cells[-1] for record in (*form._head, *form._body) if len(record.cells) == form.width)
    over = any(len(part.cells) > 1 for last in lasts for part in records(last, form._delimiter))
    return over or form.around[0] is not None or "\ufeff" in form.text[1:]


def is_unclear(table):
    """Whether a part of a table of HTML may read otherwise: without a header few cells only place; cells that lie
    over each other cannot be said again without these; of tables in tables the outer one only places things as long as
    most of its text stands in the inner one."""
    form = table._form
    if form.text.lower().count("<table") > 1 or not form._table.head:
        return True
    return any(
        cell is not None and any(row[place] is not cell for place in range(cell.column, cell.column + cell.columns))
        for row in form._places
        for cell in row
    )


UNCLEAR = {"csv": is_ambiguous, "html": is_unclear}


def padded(rows, width):
    return tuple((*row, *[""] * (width - len(row))) for row in rows)


def choice(table, state):
    (grid,) = table.grids
    width, height = len(grid.header), len(grid.rows)
    columns = sorted({*state.sample(range(width), state.randint(1, min(width, 4))), *table.keys})
    rows = sorted(state.sample(range(height), state.randint(0, min(height, 9))))
    pinned = [index for index, unit in enumerate(table.units) if unit.pinned]
    units = [*(grid.column_units[place] for place in columns), *(grid.row_units[place] for place in rows)]
    return rows, columns, [*pinned, *units]


def pick(table, rows, columns):
    return tuple(tuple(table[row][column] for column in columns) for row in rows)


def check_policies(table, state):
    budget = state.choice((0, 20, 100, 1000))
    try:
        result = Pruner(LEXICAL, TableBudget(budget), len, "drop").prune("owl in New York 2021", table)
    except BudgetError:
        pass
    else:
        kept = [unit.index for unit in result.kept]
        assert len(table.to_text(kept)) == result.tokens_after <= budget
    share = state.random()
    result = Pruner(LEXICAL, CellShare(share), len, "drop").prune("owl in New York 2021", table)
    kept = {unit.index for unit in result.kept}
    (grid,) = table.grids
    count = len(kept & {*grid.row_units}) * len(kept & {*grid.column_units})
    around = sum(not unit.pinned for unit in table.units) - len(grid.row_units) - len(grid.column_units)
    assert count <= share * (len(grid.rows) * len(grid.header) + around) + 1e-6


def value(state):
    return state.choice(
        (
            None, True, 0, -7, 10**30, 0.1, float("nan"), float("inf"), "", "owl", state.choice(ODD), b"\xff", b"ab",
            date(2020, 2, 29), datetime(1, 1, 1), datetime(2021, 3, 4, tzinfo=UTC), Decimal("1.50"),
            Decimal("NaN"), [1, None], {"a": [float("nan")]}, (), frozenset({1}), np.float32(0.1), np.int64(3),
            np.array([1, 2]), pd.NA, pd.NaT, object,
        )
    )  # fmt: skip


def lists(state):
    width, height = state.choice((0, 1, 2, 5)), state.choice((0, 1, 2, 9))
    if state.random() < 0.005:
        width, height = 10_000, 2
    rows = [[value(state) for _ in range(width)] for _ in range(height)]
    kind = state.randrange(4)
    if kind == 0:
        keys = [state.choice((f"c{n}", n, None, "", state.choice(ODD))) for n in range(width)]
        return [dict(zip(keys, row, strict=True)) for row in rows]
    if kind == 1:
        return tuple(tuple(row[: state.randint(0, width)]) for row in rows)
    return rows


def check_lists(data):
    with refusable():
        table = Table(data)
    assert table.render(range(len(table.units))) is data
    if not table.units:
        return
    state = random.Random(len(data))
    rows, columns, kept = choice(table, state)
    left = table.render(kept)
    assert type(left) is type(data)
    depth = 0 if data and isinstance(data[0], dict) else len(table._form.levels)
    names = {table._form._names[column] for column in columns} if not depth and isinstance(data[0], dict) else set()
    for part, row in zip(left[depth:], rows, strict=True):
        source = data[row + depth]
        if names:
            assert [*map(id, part.values())] == [id(source[key]) for key in source if key in names]
        else:
            assert [*map(id, part)] == [id(source[column]) for column in columns if column < len(source)]
    check_policies(table, state)


def frames(state):
    height = state.choice((0, 1, 5, 40))
    makers = (
        lambda: [state.choice((1, 2, None)) for _ in range(height)],
        lambda: [state.choice((1.5, float("nan"), float("-inf"))) for _ in range(height)],
        lambda: [state.choice(("owl", "", None, *ODD[:2], "\u2028")) for _ in range(height)],
        lambda: [state.choice((date(2020, 2, 29), None)) for _ in range(height)],
        lambda: [state.choice((datetime(2021, 3, 4, 5, 6), None)) for _ in range(height)],
        lambda: [state.choice(([1, 2], [], None)) for _ in range(height)],
        lambda: [state.choice((True, False, None)) for _ in range(height)],
        lambda: [state.choice((b"\xff", b"", None)) for _ in range(height)],
    )
    columns = {
        f"{state.choice(('', 'name ', 'é'))}{n}": state.choice(makers)() for n in range(state.choice((0, 1, 3, 8)))
    }
    kind = state.randrange(4)
    if kind == 0:
        frame = pd.DataFrame(columns, index=state.choice((None, [f"r{n % 3}" for n in range(height)])))
        if columns and state.random() < 0.3:
            frame.columns = pd.MultiIndex.from_tuples([("top", name) for name in columns])
        return frame
    if kind == 1:
        return pl.DataFrame(columns, strict=False)
    table = pa.table(columns)
    return table if kind == 2 or not table.to_batches() else table.to_batches()[0]


def check_frames(data):
    with refusable():
        table = Table(data)
    assert table.render(range(len(table.units))) is data
    if not table.units:
        return
    state = random.Random(len(table.units))
    rows, columns, kept = choice(table, state)
    left = table.render(kept)
    assert type(left) is type(data)
    again = Table(left)
    if again.units and again._form.keys == table._form.keys:
        assert again.grids[0].rows == pick(table.grids[0].rows, rows, columns)
    if isinstance(data, pd.DataFrame):
        places = [column - len(table._form.keys) for column in columns if column >= len(table._form.keys)]
        pd.testing.assert_frame_equal(left, data.iloc[rows, places])
    check_policies(table, state)


def check_files(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(text.encode("utf-8", "replace"))
        csv_file._BLOCK = 256
        with refusable():
            result = prune_file(
                path,
                "owl in New York 2021",
                path.with_suffix(".out"),
                pruner=Pruner(LEXICAL, TableBudget(300), len, "drop"),
            )
        assert len(result.output) <= 300
        assert path.with_suffix(".out").read_bytes().decode() == result.output
        whole = path.read_bytes().decode()
        lines = re.split(r"[\r\n]+", result.output.lstrip("\ufeff"))
        assert all(line.rstrip(",;\t|") in whole for line in lines if result.columns[0] == result.columns[1])


KINDS = {
    "csv": (csv_text, check_csv),
    "markdown": (markdown_text, check_markdown),
    "html": (html_text, check_html),
    "lists": (lists, check_lists),
    "frames": (frames, check_frames),
    "files": (csv_text, check_files),
}


if __name__ == "__main__":
    main("fuzz_tables", KINDS, description=__doc__)
