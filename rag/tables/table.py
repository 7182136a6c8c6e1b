"""A table as a context: its columns and its rows are the units, and a cell is kept if both of its own are."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from ctxprune.context.base import Context, Unit
from ctxprune.context.grid import Grid
from ctxprune.errors import UsageError

from ..headers import column_names, find_key
from .delimited import Delimited
from .form import Form, TextForm, csv_line
from .frames import frame_form
from .lists import RecordList, ResultTable, RowList, is_result
from .markdown import MarkdownTable, has_markdown_table
from .note import dropped_line
from .options import NO_OPTIONS, TableOptions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

__all__ = ["Table"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Table(Context[T]):
    """One table, in whatever form it comes. Renders in the same form, its cells as they were.

    Texts of CSV (any delimiter, TSV too) and Markdown keep the source's characters: quotes, padding, line ends. Lists
    of rows, lists of dicts and results of queries (dataclasses with `columns` and `rows`) keep the same objects as
    cells; `pandas.DataFrame`, `polars.DataFrame`, `pyarrow.Table` and `pyarrow.RecordBatch` come back as slices.

    The units are, in this order: what stands before the table in a text (pinned); the columns; the rows; what stands
    behind it (pinned). A column's text is its name, a row's text its cells as a text writes them, whichever columns are
    kept. Each row requires the key columns, which say what it is about. A table without columns has no units.

    Attributes:
        data: The table; it must not change later.
        options: How to read and write it.
        units: Spans are those of the rows, of the column names in the lowest row of the header, and of what stands
            around the table; None where the table is no text.
        grids: One `Grid`, with a unit for each column and row.
        titles: What the table is about, if anything says so.
        keys: Indices of the key columns.
        written: What each unit is in the source text, tags and all, for counting tokens; None where there is no text.
        kind: "table".

    Raises:
        UsageError: The data is of no form that is known, or a key names no column.
        InputError: The text is not of the format that the options name.

    Examples:
        ```python
        from ctxprune import Table, TopK, prune

        games = Table(
            [{"Year": 1908, "City": "London"}, {"Year": 1912, "City": "Stockholm"}]
        )
        kept = prune(
            "Where were the games of 1912?", games, scorer="tabular", policy=TopK(1)
        )
        print(kept.output)  # [{'Year': 1912, 'City': 'Stockholm'}]
        ```
    """

    counts_text: ClassVar[bool] = True

    data: T = field(repr=False)
    options: TableOptions = NO_OPTIONS
    units: tuple[Unit, ...] = field(init=False, repr=False)
    grids: tuple[Grid, ...] = field(init=False, repr=False)
    titles: tuple[str, ...] = field(init=False, repr=False)
    keys: tuple[int, ...] = field(init=False, repr=False)
    written: tuple[str, ...] | None = field(init=False, repr=False)
    kind: str = field(default="table", init=False, repr=False)
    _form: Form = field(init=False, repr=False)
    required: NDArray[np.bool_] | None = field(default=None, init=False, repr=False)
    _noted: frozenset[int] = field(default=frozenset(), init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.options, TableOptions):
            raise UsageError(f"options is a {type(self.options).__name__}", hint="give TableOptions(...)")
        form = _form(self.data, self.options)
        _check_mark(form, self.options.mark)
        names = column_names(form.levels, form.width)
        before, after = _around(form)
        title = " / ".join(part for part in (self.options.title, _title(form, before)) if part)
        rows = form.rows if form.width else ()
        first = int(before is not None)
        columns_at = tuple(range(first, first + form.width))
        rows_at = tuple(range(first + form.width, first + form.width + len(rows)))
        keys = _keys(form, names, self.options) if form.width else ()
        required = tuple(columns_at[column] for column in keys)
        units = (*_columns(form, names), *_rows(form, len(rows), required))
        units = tuple(unit for unit in (before, *units, after) if unit is not None) if form.width else ()
        object.__setattr__(self, "_form", form)
        object.__setattr__(self, "units", units)
        object.__setattr__(self, "grids", (Grid(names, rows, rows_at, columns_at, title),))
        object.__setattr__(self, "titles", (title,) if title else ())
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "written", _written(form, units))

    def render(self, kept: Collection[int]) -> T:
        """The table with the kept columns of the kept rows, and the whole header above them."""
        chosen = {*kept}
        note = self.omission_note(chosen) if self.options.note else ""
        if len(chosen) == len(self.units) and not note:
            return self.data
        rows, columns = self._kept(chosen)
        if isinstance(self._form, TextForm) and not rows and self._form.rows:
            columns = []  # a header alone says nothing and takes tokens
        table = self._form.take(rows, columns)
        if isinstance(self._form, TextForm):
            note = note if columns else ""
            table = _in_place(self._form, self._form.with_note(table, note) if note else table, chosen)
        result: T = table
        return result

    def to_text(self, kept: Collection[int]) -> str:
        """What of the table enters a prompt: the rendered text, or, where it is none, CSV with one row of names."""
        if isinstance(self._form, TextForm):
            return str(self.render(kept))
        rows, columns = self._kept({*kept})
        lines = [self.grids[0].header, *(self._form.rows[row] for row in rows)] if columns else []
        return "".join(csv_line([line[column] for column in columns]) + "\n" for line in lines)

    def cost_texts(self) -> Sequence[str]:
        """What each unit is in the source text (`written`), else its text."""
        return self.written or super().cost_texts()

    def omission_note(self, kept: Collection[int]) -> str:
        """One line that tells a reader what was left out; "" where nothing was."""
        rows, columns = self._kept({*kept})
        whole = len(self.grids[0].rows) if self.options.rows is None else self.options.rows
        missing = len(self._noted.intersection(self.grids[0].row_units).difference(kept))
        return dropped_line((len(rows), whole), self.grids[0].header, columns, missing, mark=self.options.mark)

    def with_required(self, required: NDArray[np.bool_]) -> Table[T]:
        """The same table, whose notes say how many rows among the units `required`, bool (n_units,), are missing."""
        table = copy(self)
        object.__setattr__(table, "required", required)
        object.__setattr__(table, "_noted", frozenset(np.flatnonzero(required).tolist()))
        return table

    def with_note(self, *, note: bool) -> Table[T]:
        """The same table, rendered with a note on what was left out, or without one, whatever the options say.

        Without the units that `with_required` named: a pruner renders without the note where not even the note fits,
        and rows that are kept whatever the question come last then.
        """
        if self.options.note == note and self.required is None:
            return self
        table = copy(self)
        object.__setattr__(table, "options", replace(self.options, note=note))
        object.__setattr__(table, "required", None)
        return table

    def _kept(self, chosen: set[int]) -> tuple[list[int], list[int]]:
        grid = self.grids[0]
        rows = [index for index, unit in enumerate(grid.row_units) if unit in chosen]
        return rows, [index for index, unit in enumerate(grid.column_units) if unit in chosen]


def _check_mark(form: Form, mark: str) -> None:
    """Make sure that no cell holds the mark of the note.

    Raises:
        UsageError: One does.
    """
    if not mark:
        return
    cells = (str(cell) for row in (*form.levels, *form.rows) for cell in row)
    texts = (form.text,) if isinstance(form, TextForm) else cells
    if any(mark in text for text in texts):
        raise UsageError("the table holds the mark of its note", where="mark", hint="take another one for each prompt")


def _form(data: Any, options: TableOptions) -> Form:
    """`data` in the form that it has."""
    if isinstance(data, str):
        return _text_form(data, options)
    if (frame := frame_form(data)) is not None:
        return frame
    if is_result(data):
        return ResultTable(data)
    if isinstance(data, (list, tuple)):
        if data and all(isinstance(row, Mapping) for row in data):
            return RecordList(data)
        if all(isinstance(row, (list, tuple)) for row in data):
            return RowList(data, options.header_rows)
    raise UsageError(
        f"a {type(data).__name__} is no table that is known",
        hint="give a text of CSV or Markdown, a list of rows or of dicts, or a frame of pandas, polars or Arrow",
    )


def _text_form(text: str, options: TableOptions) -> TextForm:
    html = text.lstrip("\ufeff \t\r\n").startswith("<") and "<table" in text.lower()
    if options.format == "html" or (options.format is None and html):
        from .html_table import HtmlTable

        return HtmlTable(text, options)
    markdown = options.format == "markdown" or (options.format is None and has_markdown_table(text))
    return MarkdownTable(text, options) if markdown else Delimited(text, options)


def _title(form: Form, before: Unit | None) -> str:
    said = form.title if isinstance(form, TextForm) else ""
    return said if said is not None else before.text if before else ""


def _around(form: Form) -> tuple[Unit | None, Unit | None]:
    """What stands before and after the table."""
    if not isinstance(form, TextForm):
        return None, None
    before, after = (Unit(form.text[slice(*span)], pinned=True, span=span) if span else None for span in form.around)
    return before, after


def _columns(form: Form, names: tuple[str, ...]) -> list[Unit]:
    text = form if isinstance(form, TextForm) else None
    return [Unit(name, span=text.column_span(column) if text else None) for column, name in enumerate(names)]


def _rows(form: Form, size: int, keys: tuple[int, ...]) -> list[Unit]:
    text = form if isinstance(form, TextForm) else None
    return [Unit(form.row_text(row), requires=keys, span=text.row_span(row) if text else None) for row in range(size)]


def _written(form: Form, units: tuple[Unit, ...]) -> tuple[str, ...] | None:
    if not isinstance(form, TextForm):
        return None
    return tuple(
        unit.text if unit.span is None or _stands(form.text, unit) else form.text[slice(*unit.span)] for unit in units
    )


def _stands(text: str, unit: Unit) -> bool:
    """Whether the unit's text is what stands at its span: then no second copy of it is needed."""
    start, end = unit.span or (0, 0)
    return len(unit.text) == end - start and text.startswith(unit.text, start)


def _keys(form: Form, names: tuple[str, ...], options: TableOptions) -> tuple[int, ...]:
    if not options.key:
        return form.keys or (find_key(form.rows, form.width),)
    return tuple(sorted({*form.keys, *(_column(key, names) for key in options.key)}))


def _column(key: str | int, names: tuple[str, ...]) -> int:
    if isinstance(key, str) and key in names:
        return names.index(key)
    if isinstance(key, int) and -len(names) <= key < len(names):
        return key % len(names)
    raise UsageError(f"there is no column {key!r}", where="key", hint=f"known: {', '.join(names[:20])}")


def _in_place(form: TextForm, table: str, chosen: set[int]) -> str:
    """The table between what stands around it, as far as that is kept."""
    text, (start, end) = form.text, form.table
    before, after = form.around
    last = int(before is not None) + form.width + len(form.rows)
    above = text[:start] if before is None or 0 in chosen else ""
    return above + table + (text[end:] if after is None or last in chosen else "")
