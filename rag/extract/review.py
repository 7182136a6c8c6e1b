"""Review tables: papers as rows, aspects as columns, each cell with its place in the paper.

After Newman et al., ArxivDIGESTables: Synthesizing Scientific Literature into Tables using Language Models, EMNLP 2024
(arXiv:2410.22360), which proposes columns first and fills them in a second step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .discovery import propose_schema
from .extractor import Extractor
from .records import ExtractedValue, Record, as_chunks
from .schema import RecordSchema, as_record_schema
from .span_extractor import SpanExtractor

if TYPE_CHECKING:
    from .extractor import ExtractOptions

__all__ = ["ReviewTable", "build_review_table"]


@dataclass(frozen=True)
class ReviewTable:
    """A table of papers.

    Attributes:
        columns: Paths of the schema's fields.
        papers: Ids of the chunks, a row each.
        cells: For each paper the values by column; a column that the paper does not say is missing.
        failures: What went wrong, by paper.
    """

    columns: tuple[str, ...]
    papers: tuple[str, ...]
    cells: tuple[dict[str, tuple[ExtractedValue, ...]], ...]
    failures: dict[str, str]

    @property
    def filled(self) -> float:
        """0..1, the share of cells with a value; 0 for a table without cells."""
        size = len(self.columns) * len(self.papers)
        return sum(map(len, self.cells)) / size if size else 0.0

    def to_markdown(self) -> str:
        """The table as Markdown; a value that does not stand in its paper is marked with "?"."""
        lines = [["paper", *self.columns], ["---"] * (len(self.columns) + 1)]
        for paper, cells in zip(self.papers, self.cells, strict=True):
            lines.append([paper, *("; ".join(map(_write_value, cells.get(column, ()))) for column in self.columns)])
        return "\n".join("| " + " | ".join(_escape(cell) for cell in line) + " |" for line in lines)


def build_review_table(
    papers: Any, model: Any = None, *, schema: Any = None, caption: str = "", options: ExtractOptions | None = None
) -> ReviewTable:
    """Propose columns and fill them from each paper.

    Args:
        papers: See `as_chunks`; a row each.
        model: A chat model; None reads labels and values without one.
        schema: The columns, see `as_record_schema`; None proposes them (`propose_schema`).
        caption: Of the table that is wanted, for a model that proposes columns.
        options: Of the extractor; for a model.

    Returns:
        The table; without columns where nothing was proposed. Of several records of a paper the fullest is its row.

    Raises:
        UsageError, InputError, ModelError, MissingExtraError: As `propose_schema` and `Extractor`.
    """
    read = as_chunks(papers)
    if schema is None:
        draft = propose_schema(read, model, name="Paper", hint=caption)
        if not draft.fields:
            return ReviewTable((), tuple(chunk.id for chunk in read), tuple({} for _ in read), {})
        schema = draft.to_schema()
    columns: RecordSchema = as_record_schema(schema)
    extractor: Any = SpanExtractor(columns)
    if model is not None:
        extractor = Extractor(columns, model) if options is None else Extractor(columns, model, options)
    done = extractor.extract(read)
    rows: dict[str, Record] = {}
    for record in done.records:
        if record.chunk not in rows or len(record.values) > len(rows[record.chunk].values):
            rows[record.chunk] = record
    cells = tuple(_by_column(rows[chunk.id], columns) if chunk.id in rows else {} for chunk in read)
    names = tuple(entry.path for entry in columns.fields)
    return ReviewTable(names, tuple(c.id for c in read), cells, {f.chunk: f.reason for f in done.failures})


def _by_column(record: Record, schema: RecordSchema) -> dict[str, tuple[ExtractedValue, ...]]:
    found: dict[str, tuple[ExtractedValue, ...]] = {}
    for entry in schema.fields:
        own = [value for value in record.values if value.path == entry.path or value.path.startswith(f"{entry.path}.")]
        if own:
            found[entry.path] = tuple(own)
    return found


def _write_value(value: ExtractedValue) -> str:
    said = f"{value.value} {value.unit}".strip()
    return said if value.is_supported else f"{said} ?"


def _escape(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())
