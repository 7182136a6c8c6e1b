"""Tables in CSV and Markdown."""

# what is made reads best on one line

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from .making import fixed, made, number, sentence, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from .making import Shape

__all__ = ["CSV", "TABLE"]


def _csv_rows(size: int, width: int, cell: Callable[[int], str] = word, *, end: str = "\n", mark: str = ",") -> str:
    numbers = count()
    head = mark.join(f"c{i}" for i in range(width)) + end
    return number(lambda _: mark.join(cell(next(numbers)) for _ in range(width)) + end, size, head)


CSV: dict[str, Shape] = {
    "5 columns": partial(_csv_rows, width=5),
    "50 columns": partial(_csv_rows, width=50),
    "1,000 columns": partial(_csv_rows, width=1000),
    "one column": partial(_csv_rows, width=1),
    "one column of letters": fixed("a\n"),
    "one column of lines": made(lambda i: sentence(i) + "\n"),
    "one line": made(word, between=","),
    "one line of letters": fixed("a,"),
    "two lines": lambda size: number(word, size // 2, between=",") + "\n" + number(word, size // 2, between=","),
    "as many columns as rows": lambda size: _csv_rows(size, max(1, int((size / 6) ** 0.5))),
    "commas": fixed(","),
    "commas, lines": fixed("," * 999 + "\n"),
    "commas, two a line": fixed(",,\n"),
    "commas behind a header": fixed(",,\n", "a,b,c\n"),
    "semicolons": fixed(";"),
    "line ends": fixed("\n"),
    "CRLF": fixed("\r\n", "a,b\r\n"),
    "CR": partial(_csv_rows, width=5, end="\r"),
    "quotes": fixed('"'),
    "quotes, spaced": fixed(' "'),
    "quoted cells": partial(_csv_rows, width=5, cell=lambda i: f'"{word(i)}, and"'),
    "open quote": partial(_csv_rows, width=5, cell=lambda i: '"a' if i == 7 else word(i)),
    "an open quote in each line": made(lambda i: f'a,"b{i}\n'),
    "spaced quotes": made(lambda i: f'a, "b{i}" ,c\n'),
    "spaced open quotes": made(lambda i: f'a, "b{i},c\n'),
    "spaces before quotes": fixed(" " * 50 + '"'),
    "one cell": fixed("a"),
    "one cell of spaces": fixed(" "),
    "one quoted cell": fixed("a, ", 'a,b\n"', '",c\n'),
    "lines in cells": made(lambda i: f'{i},"{word(i)}\n{word(i)}"\n', "a,b\n"),
    "numbers": partial(_csv_rows, width=8, cell=str),
    "years": partial(_csv_rows, width=8, cell=lambda i: str(1500 + i % 500)),
    "dates": partial(_csv_rows, width=4, cell=lambda i: f"20{i % 90 + 10}-0{i % 9 + 1}-1{i % 9}"),
    "one value": partial(_csv_rows, width=5, cell=lambda _: "same"),
    "ever longer rows": lambda size: "".join("a," * i + "\n" for i in range(1, int(size**0.5))),
    "one long row": lambda size: "a,b\n" * 1000 + "c," * ((size - 4000) // 2),
    "comments": made(lambda i: f"# (note {i})\n"),
    "comment above": lambda size: "# (5 of 9 rows)\n" + _csv_rows(size - 16, 4),
    "pipes": partial(_csv_rows, width=5, mark="|"),
    "other scripts": partial(_csv_rows, width=5, cell=lambda i: f"里斯本的老城{i}"),
}


def _pipes(size: int, width: int, cell: Callable[[int], str] = word, *, end: str = "\n") -> str:
    numbers = count()
    head = "|" + "|".join(f"c{i}" for i in range(width)) + f"|{end}" + "|---" * width + f"|{end}"
    return number(lambda _: "|" + "|".join(cell(next(numbers)) for _ in range(width)) + f"|{end}", size, head)


TABLE: dict[str, Shape] = {
    "5 columns": partial(_pipes, width=5),
    "50 columns": partial(_pipes, width=50),
    "1,000 columns": partial(_pipes, width=1000),
    "one column": partial(_pipes, width=1),
    "two columns of letters": partial(_pipes, width=2, cell=lambda _: "a"),
    "one row": lambda size: _pipes(size // 3, max(1, size // 24)),
    "as many columns as rows": lambda size: _pipes(size, max(1, int((size / 6) ** 0.5))),
    "empty cells": partial(_pipes, width=5, cell=lambda _: ""),
    "empty cells, one row": fixed("|", "|a|b|\n|---|---|\n"),
    "a header of pipes": lambda size: "|" * (size // 4) + "\n" + "|-" * (size // 4) + "|\n",
    "a rule of dashes": fixed("-", "|a|b|\n|-|"),
    "rules": fixed("|---|---|\n"),
    "rules of other widths": made(lambda i: "|-" * (i % 7 + 1) + "|\n", "", "|a|b|\n|-|-|\n|c|d|\n"),
    "pipes before a table": fixed("| a | b |\n", "", "\n| a | b |\n|---|---|\n| c | d |\n"),
    "long lines before a table": fixed("|" * 9999 + "\n", "", "\n| a | b |\n|---|---|\n| c | d |\n"),
    "text before a table": made(lambda i: sentence(i) + "\n", "", "\n| a | b |\n|---|---|\n| c | d |\n"),
    "text behind a table": made(lambda i: sentence(i) + "\n", "| a | b |\n|---|---|\n| c | d |\n\n"),
    "line ends before a table": fixed("\n", "", "| a | b |\n|---|---|\n| c | d |\n"),
    "line ends behind a table": fixed("\n", "| a | b |\n|---|---|\n| c | d |\n"),
    "spaces before a table": fixed(" ", "", "\n| a | b |\n|---|---|\n| c | d |\n"),
    "tables": fixed("| a | b |\n|---|---|\n| c | d |\n\n"),
    "escaped pipes": partial(_pipes, width=3, cell=lambda i: f"a\\|{i}"),
    "backslashes": partial(_pipes, width=2, cell=lambda _: "\\" * 200),
    "one cell of backslashes": fixed("\\", "|a|b|\n|---|---|\n|", "|c|\n"),
    "breaks": partial(_pipes, width=3, cell=lambda i: f"a<br>{i}<br/>"),
    "open breaks": fixed("<br ", "|a|b|\n|---|---|\n|", "|c|\n"),
    "one break": fixed(" ", "|a|b|\n|---|---|\n|<br", "|c|\n"),
    "spaces in cells": partial(_pipes, width=3, cell=lambda _: " " * 300),
    "one cell of spaces": fixed(" ", "|a|b|\n|---|---|\n|", "|c|\n"),
    "one cell": fixed("a", "|a|b|\n|---|---|\n|", "|c|\n"),
    "one cell of words": made(lambda i: f"{word(i)} ", "|a|b|\n|---|---|\n|", "|c|\n"),
    "without outer pipes": lambda size: "a|b\n-|-\n" + number(lambda i: f"{word(i)}|{i}\n", size),
    "ever longer rows": lambda size: (
        "|a|b|\n|-|-|\n" + "".join("|" * i + "\n" for i in range(1, int((2 * size) ** 0.5)))
    ),
    "CRLF": partial(_pipes, width=5, end="\r\n"),
    "CR": partial(_pipes, width=5, end="\r"),
    "numbers": partial(_pipes, width=8, cell=str),
    "years": partial(_pipes, width=8, cell=lambda i: str(1500 + i % 500)),
    "sentences": partial(_pipes, width=2, cell=sentence),
    "one value": partial(_pipes, width=5, cell=lambda _: "same"),
    "other scripts": partial(_pipes, width=5, cell=lambda i: f"里斯本的老城{i}"),
}
