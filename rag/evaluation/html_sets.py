"""Sets of HTML pages with questions about a table or an element, or with the article that an annotator marked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.json_lines import read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PageItem", "read_pages"]


@dataclass(frozen=True, slots=True)
class PageItem:
    """A page with its annotations; None for those that the set does not have.

    Attributes:
        name: Identifier of the page.
        html: Source of the page, unchanged.
        title: Title of the page; "" where the set has none.
        question: Text of the question; None in a set of articles.
        answers: Texts, all of which are in the gold table or element.
        gold_table: Index of the answer's table among all table elements, in document order, from 0.
        gold_tid: Value of the attribute `tid` of the answer's element.
        article: The main text of the page.
    """

    name: str
    html: str
    title: str = ""
    question: str | None = None
    answers: tuple[str, ...] = ()
    gold_table: int | None = None
    gold_tid: str | None = None
    article: str | None = None


def read_pages(path: Path) -> list[PageItem]:
    """Read all items of a folder of JSON lines, gzipped or not, or of one file of articles.

    Rows with `article_body` are articles; rows with `question` and `page_id` are asked about the rows with `html` and
    that `id`, in whichever file these are.

    Raises:
        InputError: There are no such rows, or a question is about a page that is missing.
    """
    rows = [row for file in _list_files(path) for row in read_rows(file)]
    # Rows of several kinds may be in one file: the keys of a row say what it is.
    try:
        articles = [_read_article(row) for row in rows if "article_body" in row]
        pages = {str(row["id"]): row for row in rows if "html" in row}
        asked = [_read_question(row, pages[str(row["page_id"])]) for row in rows if "question" in row]
    except KeyError as error:
        raise InputError(f"a row names or lacks {error}", where=path.name) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"a row is not of the form of a page ({error})", where=path.name) from error
    if not articles and not asked:
        raise InputError("no row has a question about a page, or an article", where=path.name)
    return articles or asked


def _list_files(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError("there is no such file or folder", where=str(path))
    files = sorted(file for file in path.iterdir() if file.name.endswith((".jsonl", ".jsonl.gz")))
    if not files:
        raise InputError("the folder has no file of JSON lines", where=str(path))
    return files


def _read_article(row: dict[str, Any]) -> PageItem:
    return PageItem(str(row.get("id") or row.get("url")), row["html"], article=row["article_body"])


def _read_question(row: dict[str, Any], page: dict[str, Any]) -> PageItem:
    table, tid = page.get("gold_table"), row.get("gold_element_tid")
    return PageItem(
        name=str(page["id"]),
        html=page["html"],
        title=str(page.get("title") or ""),
        question=row["question"],
        answers=tuple(map(str, row["answers"])),
        gold_table=None if table is None else int(table),
        gold_tid=None if tid is None else str(tid),
    )
