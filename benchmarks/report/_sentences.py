"""Figures inside of sentences of README.md, read from the cells of the recorded tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MARK = re.compile(r"(<!-- figure: (\w+) -->).*?(<!-- end -->)", re.DOTALL)
OWN = "garden centre and clinic, read by nobody"


class Cells:
    """Cells of the tables that `readme.TABLES` makes, by the first cell of their row and the title of their column."""

    def __init__(self, tables: Mapping[str, Callable[[], str]]) -> None:
        self._tables = tables

    def __call__(self, table: str, row: str, column: str) -> str:
        lines = [line.strip("| ").split(" | ") for line in self._tables[table]().splitlines() if line.startswith("|")]
        titles = [title.strip() for title in lines[0]]
        (found,) = (cells for cells in lines[2:] if cells[0].strip() == row)
        # A first title may be empty, and is then lost with the bars before it.
        return found[titles.index(column) + len(found) - len(titles)].strip()


def fill(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """`text` with the figures that its marks name."""
    cells = Cells(tables)
    return MARK.sub(lambda mark: f"{mark[1]}{SENTENCES[mark[2]](cells)}{mark[3]}", text)


def _prompt_cache(cells: Cells) -> str:
    row = "**stable**, `recall` called with the id"
    kept = cells("prompt_cache", row, "answers kept % (without a further call)").partition(" ")[0]
    return f"{cells('prompt_cache', row, 'cost')} of the cost without pruning, {kept} % of the answers kept"


def _trust(cells: Cells) -> str:
    right, sure = cells("trust", OWN, "right %"), cells("trust", OWN, "right among them %")
    return (
        f"{right} % of the questions on two business databases that nobody tuned on come back right, "
        f"{sure} % of those that it calls answered"
    )


def _wrong(cells: Cells) -> str:
    wrong = 100 - float(cells("trust", OWN, "right among them %"))
    return f"{wrong:.0f} % of the answers it is sure of were wrong on those databases"


def _service(cells: Cells) -> str:
    found = cells("service", "32 clients, shared runs against single ones, no two requests alike", "found")
    (rate,) = re.findall(r"\(([\d.]+) against", found)
    return f"{rate} different prune requests a second on two cores, clients included"


def _service_memory(cells: Cells) -> str:
    (most,) = re.findall(r"(\d+) MB at most", cells("service", "10.0 times its capacity for 60 s", "found"))
    return f"The process took {most} MB at most at ten times its capacity"


def _shrink(cells: Cells) -> str:
    return f"{cells('shrink_reranker', '`fisher_knapsack`', 'lost after recovery').partition(' ')[0]} points of nDCG@10"


def _passages(cells: Cells) -> str:
    ours, words = (cells("passages", row, "30 %") for row in ("**mixture, the default**", "lexical: BM25"))
    return f"at 30 % of the text {ours} % of the evidence sentences are left, BM25 leaves {words} %"


def _documents(cells: Cells) -> str:
    ours, words = (cells("field", "shared, docs", column) for column in ("default", "--scorer lexical"))
    return f"documentation of one set it keeps {ours} %, BM25 {words} %"


SENTENCES: dict[str, Callable[[Cells], str]] = {
    "prompt_cache": _prompt_cache,
    "trust": _trust,
    "wrong": _wrong,
    "service": _service,
    "service_memory": _service_memory,
    "shrink": _shrink,
    "passages": _passages,
    "documents": _documents,
}
