"""The table of how the pages read, from benchmarks/results/readability.json."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.report._card import read, table

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TABLES"]

_COLUMNS = ("words", "words_a_sentence", "long_percent", "reading_ease", "passive_percent")


def readability() -> str:
    figures = read("readability")["figures"]
    tasks = {name: row for name, row in figures["pages"].items() if name.startswith("docs/tasks/")}
    longest = max(tasks, key=lambda name: tasks[name]["words_a_sentence"])
    hardest = min(tasks, key=lambda name: tasks[name]["reading_ease"])
    middle = {column: round(median(row[column] for row in tasks.values()), 1) for column in _COLUMNS}
    shown = {
        "our README": figures["pages"]["README.md"],
        f"our {len(tasks)} task pages, median": middle,
        f"the longest sentences: `{Path(longest).stem}`": tasks[longest],
        f"the lowest reading ease: `{Path(hardest).stem}`": tasks[hardest],
        **figures["peers"],
    }
    head = ["", "words", "words a sentence", "over 25 words %", "reading ease", "passive %"]
    return table(head, [[name, *(row[column] for column in _COLUMNS)] for name, row in shown.items()])


TABLES: dict[str, Callable[[], str]] = {"readability": readability}
