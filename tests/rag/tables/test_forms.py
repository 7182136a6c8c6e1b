"""One small table in every form: read alike, and given back in its own form with its own characters or objects."""

from __future__ import annotations

import csv
import dataclasses
import io
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import prune
from ctxprune.context import JoinedContext
from ctxprune.errors import InputError, UsageError
from ctxprune.policies import TableBudget
from ctxprune.rag import Passage, Table, TableOptions
from ctxprune.rag.tables._records import cell_value, records
from ctxprune.sql.database.result_set import ResultSet

HEADER = ("Bird", "Seen, times", "Weight")
ROWS = (("Wren", "12", "9 g"), ("Rook", "", "460 g"), ("Owl | night", "3", "0.3 kg"))
KEPT_ROWS, KEPT_COLUMNS = (0, 2), (0, 2)
CSV = 'Bird,"Seen, times",Weight\r\nWren,12, 9 g\r\nRook,,460 g\r\nOwl | night,3,"0.3 kg"'
TSV = "Bird\tSeen, times\tWeight\nWren\t12\t9 g\nRook\t\t460 g\nOwl | night\t3\t0.3 kg\n"
MARKDOWN = (
    "Birds\n\n| Bird | Seen, times | Weight |\n|:--|---:|---|\n"
    "| Wren | 12 | 9 g |\n|Rook||460 g|\n| Owl \\| night | 3 | 0.3 kg\n\nAll counted.\n"
)
HTML = (
    "<p>Birds</p>\n<table class=seen>\n<tr><th>Bird</th><th>Seen, times</th><th>Weight</th></tr>\n"
    "<tr><td>Wren<td>12</td><td>9 g</td></tr>\n<TR id=rook><td>Rook</td><td></td><td>460 g</td></TR>\n"
    "<tr><td>Owl | night</td><td>3</td><td>0.3 <b>kg</b></td></tr>\n</table>\nAll counted.\n"
)


class Case(NamedTuple):
    data: object
    pruned: object


CASES = {
    "csv": Case(CSV, 'Bird,Weight\r\nWren, 9 g\r\nOwl | night,"0.3 kg"'),
    "tsv": Case(TSV, "Bird\tWeight\nWren\t9 g\nOwl | night\t0.3 kg\n"),
    "markdown": Case(
        MARKDOWN,
        "Birds\n\n| Bird | Weight |\n|:--|---|\n| Wren | 9 g |\n| Owl \\| night | 0.3 kg\n\nAll counted.\n",
    ),
    "rows": Case([list(HEADER), *map(list, ROWS)], [["Bird", "Weight"], ["Wren", "9 g"], ["Owl | night", "0.3 kg"]]),
    "tuples": Case((HEADER, *ROWS), (("Bird", "Weight"), ("Wren", "9 g"), ("Owl | night", "0.3 kg"))),
    "dicts": Case(
        [dict(zip(HEADER, row, strict=True)) for row in ROWS],
        [{"Bird": "Wren", "Weight": "9 g"}, {"Bird": "Owl | night", "Weight": "0.3 kg"}],
    ),
    "result": Case(
        ResultSet(HEADER, ROWS, truncated=True, ms=1.5),
        ResultSet(("Bird", "Weight"), (("Wren", "9 g"), ("Owl | night", "0.3 kg")), truncated=True, ms=1.5),
    ),
}


def kept(table: Table, rows: tuple[int, ...] = KEPT_ROWS, columns: tuple[int, ...] = KEPT_COLUMNS) -> list[int]:
    grid = table.grids[0]
    pinned = [index for index, unit in enumerate(table.units) if unit.pinned]
    return [*pinned, *(grid.column_units[index] for index in columns), *(grid.row_units[index] for index in rows)]


def frames() -> list[object]:
    cells = [list(column) for column in zip(*ROWS, strict=True)]
    columns = dict(zip(HEADER, cells, strict=True))
    table = pa.table(columns)
    return [pd.DataFrame(columns), pl.DataFrame(columns), table, table.to_batches()[0]]


@pytest.mark.parametrize("name", CASES)
def test_what_is_kept_is_the_sources_own(name: str) -> None:
    table = Table(CASES[name].data)
    assert table.grids[0].header == HEADER
    assert [tuple(cell.strip() for cell in row) for row in table.grids[0].rows] == list(ROWS)
    assert table.render(kept(table)) == CASES[name].pruned
    assert table.render(range(len(table.units))) is table.data


@pytest.mark.parametrize("frame", frames(), ids=lambda frame: f"{type(frame).__module__}.{type(frame).__name__}")
def test_frames_come_back_as_slices(frame: object) -> None:
    table = Table(frame)
    assert (table.grids[0].header, table.grids[0].rows) == (HEADER, ROWS)
    part = table.render(kept(table))
    assert type(part) is type(frame)
    again = Table(part)
    assert again.grids[0].header == ("Bird", "Weight")
    assert again.grids[0].rows == (("Wren", "9 g"), ("Owl | night", "0.3 kg"))
    assert table.to_text(kept(table)) == "Bird,Weight\nWren,9 g\nOwl | night,0.3 kg\n"


@pytest.mark.parametrize("name", ["csv", "tsv", "markdown"])
def test_spans_are_exact(name: str) -> None:
    table = Table(CASES[name].data)
    names = table.grids[0].column_units
    for index, unit in enumerate(table.units):
        here = table.data[slice(*unit.span)]
        assert (here.strip(' "') if index in names else here) == unit.text


def test_spans_of_html_are_elements() -> None:
    table = Table(HTML)
    found = [table.data[slice(*unit.span)] for unit in table.units]
    assert found[:3] == ["<p>Birds</p>", "<th>Bird</th>", "<th>Seen, times</th>"]
    assert found[5] == "<TR id=rook><td>Rook</td><td></td><td>460 g</td></TR>"
    assert table.units[5].text == "Rook |  | 460 g"
    assert table.written == tuple(found)  # is counted


@pytest.mark.parametrize("name", CASES)
def test_rows_require_their_key_and_what_stands_around_is_pinned(name: str) -> None:
    table = Table(CASES[name].data)
    grid = table.grids[0]
    assert {table.units[index].requires for index in grid.row_units} == {(grid.column_units[0],)}
    assert [unit.text for unit in table.units if unit.pinned] == (
        ["Birds", "All counted."] if name == "markdown" else []
    )
    other = Table(CASES[name].data, TableOptions(key=("Weight", 1)))
    assert other.units[grid.row_units[0]].requires == (grid.column_units[1], grid.column_units[2])


@pytest.mark.parametrize("name", CASES)
def test_what_was_dropped_is_said_in_a_line(name: str) -> None:
    table = Table(CASES[name].data, TableOptions(note=True))
    line = "(kept 2 of 3 rows; 1 of 3 columns left out: Seen, times)"
    assert table.omission_note(kept(table)) == line
    assert table.omission_note(range(len(table.units))) == ""
    output = table.render(kept(table))
    if not isinstance(output, str):
        return
    assert line in output
    again = Table(output)
    assert again.grids[0].header == ("Bird", "Weight")
    assert len(again.grids[0].rows) == 2


def test_pandas_keeps_index_types_categories_and_attributes() -> None:
    frame = pd.DataFrame(
        {
            ("size", "height"): pd.Categorical(["low", "high", "low"]),
            ("size", "width"): [1.5, float("nan"), 2.0],
            ("when", ""): pd.to_datetime(["2020-01-01", None, "2021-06-30"]).tz_localize("Europe/Oslo"),
        },
        index=pd.Index(["a", "b", "c"], name="code"),
    )
    frame.attrs["source"] = "survey"
    table = Table(frame)
    grid = table.grids[0]
    assert grid.header == ("code", "size / height", "size / width", "when")
    assert grid.rows[1] == ("b", "high", "", "")
    part = table.render(kept(table, (1, 2), (0, 1, 3)))
    pd.testing.assert_frame_equal(part, frame.iloc[[1, 2], [0, 2]])
    assert part.attrs == {"source": "survey"}
    assert part.dtypes.tolist() == frame.iloc[:, [0, 2]].dtypes.tolist()


def test_arrow_keeps_metadata_and_copies_no_rows_that_stand_together() -> None:
    source = pa.table({"a": range(1000), "b": [{"x": [index]} for index in range(1000)]})
    source = source.replace_schema_metadata({"origin": "here"})
    table = Table(source)
    part = table.render(kept(table, tuple(range(100, 900)), (0,)))
    assert part.schema.metadata == {b"origin": b"here"}
    assert part["a"].chunk(0).buffers()[1].address == source["a"].chunk(0).buffers()[1].address
    assert table.grids[0].rows[3] == ("3", '{"x": [3]}')


def test_a_cell_of_lists_times_and_bytes_is_read_as_a_reader_would() -> None:
    source = pa.table(
        {
            "when": pa.array([1_600_000_000_000_000_001, None], pa.timestamp("ns", "UTC")),
            "price": pa.array(["1.50", None]).cast(pa.decimal128(6, 2)),
            "raw": pa.array([b"\xff\x00", b"abc"]),
            "items": pa.array([[1, None], []]),
        }
    )
    assert Table(source).grids[0].rows == (
        ("2020-09-13 12:26:40.000000001Z", "1.50", "0xff00", "[1, null]"),
        ("", "", "abc", "[]"),
    )


def test_missing_values_and_arrays_in_data_frames() -> None:
    cells = [pd.NA, pd.NaT, float("nan"), None, np.array([1, 2]), np.float64(0.5), float("inf"), {"a": float("nan")}]
    table = Table(pd.DataFrame({"cell": pd.Series(cells, dtype=object)}))
    assert [row[0] for row in table.grids[0].rows] == ["", "", "", "", "[1, 2]", "0.5", "inf", '{"a": ""}']


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([["a", "b"], ["1", "2"]], ("a", "b")),
        ([["1", "2"], ["3", "4"]], ("", "")),
        ([["2019", "2018"], ["1", "2"]], ("2019", "2018")),
        ([["", "Sales", ""], ["", "2019", "2018"], ["East", "4", "5"]], ("", "Sales / 2019", "Sales / 2018")),
        ([["", "", "Years to May", ""], ["", "2019", "2018", "2017"], ["All", "4", "5", "6"]],
         ("", "Years to May / 2019", "Years to May / 2018", "Years to May / 2017")),
        ([["", "A"], ["", "7"], ["x", "8"]], ("", "A")),
        ([["a", "a"], ["1", "x"]], ("a", "a")),
        ([["only", "a header"]], ("only", "a header")),
    ],
)  # fmt: skip
def test_the_header_is_found(rows: list[list[str]], header: tuple[str, ...]) -> None:
    assert Table(rows).grids[0].header == header
    text = "\n".join(",".join(row) for row in rows)
    assert Table(text).grids[0].header == header


SPANNED = """<table><caption>Medals &amp; more</caption>
<thead><tr><th rowspan="2">Nation</th><th colspan=2>Medals</th><th rowspan=2>Year</th></tr>
<tr><th>Gold</th><th>Silver</th></tr></thead>
<tbody>
<tr><td>A &lt; B</td><td>1</td><td>2</td><td id=y rowspan="3">2001</td></tr>
<tr><td>C</td><td>3<td>4</tr>
<tr><td>D</td><td colspan="2">none</td></tr>
</tbody></table>"""


@pytest.mark.parametrize(
    ("rows", "columns", "body"),
    [
        (
            (1, 2),
            (0, 2, 3),
            '<tr><td>C</td><td>4<td id=y rowspan="2">2001</td></tr>\n<tr><td>D</td><td>none</td></tr>\n',
        ),
        ((2,), (0, 1, 2, 3), '<tr><td>D</td><td colspan="2">none</td><td id=y>2001</td></tr>\n'),
        ((0,), (0, 1), "<tr><td>A &lt; B</td><td>1</td></tr>\n"),
    ],
)
def test_cells_of_html_that_span_others(rows: tuple[int, ...], columns: tuple[int, ...], body: str) -> None:
    table = Table(SPANNED)
    (grid,) = table.grids
    assert grid.header == ("Nation", "Medals / Gold", "Medals / Silver", "Year")
    assert grid.rows[2] == ("D", "none", "none", "2001")
    assert table.titles == ("Medals & more",)
    output = table.render(kept(table, rows, columns))
    assert output.partition("<tbody>\n")[2] == f"{body}</tbody></table>"
    (again,) = Table(output).grids
    assert again.header == tuple(grid.header[column] for column in columns)
    assert again.rows == tuple(tuple(grid.rows[row][column] for column in columns) for row in rows)


def test_holes_in_html_are_filled_so_that_cells_stay_in_their_columns() -> None:
    rows = "<tr><td>1<td>2<td rowspan=2>3</tr><tr><td>4</tr><tr><td colspan=2\u00a0x=1>5<td>6</tr>"
    table = Table(f"<table><tr><th>a<th>b<th>c</tr>{rows}</table>")
    assert table.grids[0].rows[1] == ("4", "", "3")
    output = table.render(kept(table, (1,), (1, 2)))
    assert output == "<table><tr><th>b<th>c</tr><tr><td></td><td>3</tr></table>"


@pytest.mark.parametrize("text", ["<p>none</p><table></table>", SPANNED * 2])
def test_html_must_hold_one_table(text: str) -> None:
    with pytest.raises(InputError, match="tables of data in the text"):
        Table(text)


def test_lines_above_csv_are_a_caption() -> None:
    text = "\ufeffCity budget\n\nYear;Sum\n2019;4,5\n2020;5,5\n"
    table = Table(text)
    assert table.grids[0].header == ("Year", "Sum")
    assert (table.grids[0].title, table.titles) == ("City budget", ("City budget",))
    assert table.render(kept(table, (1,), (0, 1))) == "\ufeffCity budget\n\nYear;Sum\n2020;5,5\n"


@pytest.mark.parametrize(
    "data", ["", "\ufeff", "\n\n", [], (), [[]], [{}], pd.DataFrame(), pl.DataFrame(), pa.table({})]
)
def test_a_table_without_columns_has_no_units(data: object) -> None:
    table = Table(data)
    assert table.units == ()
    assert table.render([]) is data


def test_rows_of_markdown_without_outer_pipes_get_one_where_they_need_it() -> None:
    table = Table("Bird | Seen | Place\n-|-|-\nowl | 3\nwren | 4 | north\n")
    assert table.render(kept(table, (0, 1), (0, 2))) == "Bird | Place\n-|-\n|owl \nwren | north\n"
    assert table.render(kept(table, (1,), (1, 2))) == "| Seen | Place\n|-|-\n| 4 | north\n"
    assert table.render(kept(table, (1,), (0,))) == "|Bird \n|-\n|wren \n"


def test_a_short_header_of_csv_is_filled_up() -> None:
    table = Table("Bird,Seen\nowl,3,x\nwren,4,y\n")
    assert table.grids[0].header == ("Bird", "Seen", "")
    output = table.render(kept(table, (1,), (0, 2)))
    assert output == "Bird,\nwren,y\n"
    assert Table(output).grids[0].rows == (("wren", "y"),)


@pytest.mark.parametrize("data", [None, 7, b"a,b", {"a": [1]}, [1, 2], [["a"], {"b": 1}], pl.LazyFrame()])
def test_other_things_are_refused(data: object) -> None:
    with pytest.raises(UsageError, match="no table that is known"):
        Table(data)


def test_options_are_checked() -> None:
    for wrong in (
        {"format": "xls"}, {"delimiter": ",,"}, {"delimiter": '"'}, {"header_rows": -1}, {"header_rows": True},
        {"rows": -1}, {"key": "name"}, {"key": (1.5,)}, {"title": None}, {"note": 1},
    ):  # fmt: skip
        with pytest.raises(UsageError, match=next(iter(wrong))):
            TableOptions(**wrong)
    with pytest.raises(UsageError, match="no column 'Size'"):
        Table(CSV, TableOptions(key=("Size",)))
    with pytest.raises(UsageError, match="options is a dict"):
        Table(CSV, {})
    with pytest.raises(InputError, match="no table with pipes"):
        Table(CSV, TableOptions(format="markdown"))


def test_a_result_with_ragged_rows_is_refused() -> None:
    with pytest.raises(UsageError, match="a row has not 2 cells"):
        Table(ResultSet(("a", "b"), ((1,),)))
    plain = dataclasses.make_dataclass("Plain", ["columns", "rows"])
    assert Table(plain(["a"], [[1]])).render([0]) == plain(["a"], [])


@given(st.text(alphabet='ab",;\r\n é\x00'))
def test_records_are_those_of_the_csv_module(text: str) -> None:
    if ' "' in text:  # read otherwise on purpose
        return
    expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    found = list(records(text, ","))
    assert [[cell_value(cell) for cell in record.cells] for record in found] == expected
    assert all(text[record.start : record.end] == ",".join(record.cells) for record in found)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ('a, "b, c" ,d', ["a", "b, c", "d"]),
        ('a, "b, c', ["a", ' "b', " c"]),
        ('a, "b" c,d', ["a", ' "b" c', "d"]),
        ('"a""b",c', ['a"b', "c"]),
    ],
)
def test_spaces_before_quotes(text: str, cells: list[str]) -> None:
    (record,) = records(text, ",")
    assert [*map(cell_value, record.cells)] == cells


def test_a_table_of_which_no_row_is_kept_writes_nothing() -> None:
    tables = [Table("a,b\n1,2\n"), Table("| a | b |\n|---|---|\n| 1 | 2 |\n")]
    assert [table.render([0, 1]) for table in tables] == ["", ""]
    assert Table("a,b\n").render([0]) != ""


def test_spans_are_whole_numbers() -> None:
    assert [type(place) for unit in Table("a,b\n1,2\n").units for place in unit.span] == [int] * 6


@pytest.mark.parametrize("budget", range(12, 60, 4))
def test_a_note_that_does_not_fit_is_left_out(budget: int) -> None:
    text = "bird,seen\n" + "".join(f"bird{n},{n * n}\n" for n in range(30))
    result = prune("when was bird7 seen", Table(text, TableOptions(note=True)), scorer="tabular",
                   policy=TableBudget(budget))  # fmt: skip
    assert result.tokens_after <= budget
    assert "bird7,49" in result.output
    assert result.note


def test_a_table_is_noted_on_demand() -> None:
    table = Table("a,b\n1,2\n3,4\n").with_note(note=True)
    assert table.render([0, 2]).startswith("# (kept 1 of 2 rows")
    assert table.with_note(note=False).render([0, 2]) == "a\n1\n"
    joined = JoinedContext([table, Passage("One. Two.")]).with_note(note=False)
    assert joined.render([0, 2, 4])[0] == "a\n1\n"


@pytest.mark.parametrize(
    "text",
    [
        "," * 1_100_000,
        "a\n" * 201_000,
        "| a |\n|---|\n" + "| b |\n" * 201_000,
        "a," * 31_000 + "\n" + "b," * 31_000,
        "|a" * 31_000 + "\n" + "|-" * 31_000 + "\n",
        "".join("a," * width + "\n" for width in range(1, 1100)),  # few cells, but short rows are filled up
        "|" + "a|" * 2000 + "\n|" + "-|" * 2000 + "\n" + "|\n" * 500,
    ],
)
def test_a_text_of_too_many_rows_columns_or_cells_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"1,000,000 cells|200,000 rows|30,000 columns"):
        Table(text)
