"""Lines without backslashes are cut as by the pattern that knows escaped pipes."""

from __future__ import annotations

import re
from itertools import product

from ctxprune.rag.tables.markdown import _cut, _Line

_PIPE = re.compile(r"(?<!\\)((?:\\\\)*)\|")


def _cut_slowly(text: str, start: int, stop: int) -> _Line:
    line = text[start:stop].rstrip("\r\n")
    inner = line.strip(" \t")
    before = line[: len(line) - len(line.lstrip(" \t"))]
    after = line[len(before) + len(inner) :]
    pipes = [match.end() - 1 for match in _PIPE.finditer(inner)]
    first, last = 0, len(inner)
    if pipes and pipes[0] == 0:
        before, pipes, first = f"{before}|", pipes[1:], 1
    if pipes and pipes[-1] == last - 1:
        after, last = f"|{after}", pipes.pop()
    starts = [first, *(pipe + 1 for pipe in pipes)]
    cells = tuple(inner[begin:end] for begin, end in zip(starts, [*pipes, last], strict=True))
    return _Line(start, start + len(line), stop, before, cells, after)


def test_all_short_lines() -> None:
    for size in range(7):
        for letters in product("|a \\", repeat=size):
            text = "x\n" + "".join(letters) + "\r\n"
            assert _cut(text, (2, len(text))) == _cut_slowly(text, 2, len(text))
