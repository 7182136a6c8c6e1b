"""The way through a page against a slow reference: groups of equal places, looked up one by one."""

from __future__ import annotations

import random
from itertools import groupby

import pytest

from ctxprune.rag.html import HtmlPage
from ctxprune.rag.html.elements import ITEM
from ctxprune.rag.html.leaves import Part, joined
from ctxprune.rag.html.outline import Outline
from ctxprune.rag.html.walk import walk

_TAGS = ("div", "p", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "h2", "pre")
_TAGS += ("table", "tr", "td", "th", "caption", "section", "b")


def _page(seed: int) -> HtmlPage:
    rng = random.Random(seed)
    pieces = []
    for number in range(120):
        tag = rng.choice(_TAGS)
        pieces.append(rng.choice([f"<{tag}>", f"</{tag}>", f"<{tag}>word{number}", f"word{number} ", "<br>"]))
    return HtmlPage("".join(pieces))


def _above(outline: Outline, frame: int) -> int:
    if outline.kinds[frame] & ITEM and outline.listed[frame]:
        return int(outline.listed[frame])
    return int(outline.owner[outline.tree.parents[frame]])


def _place(outline: Outline, part: Part) -> tuple[int, int]:
    table = outline.run_tables[part.run]
    if table:
        return int(outline.owner[outline.tree.parents[table]]), table
    return outline.owners[part.run], 0


def _steps(outline: Outline, parts: list[Part]) -> list[tuple[str, int, tuple[Part, ...]]]:
    owners = {outline.owners[part.run] for part in parts}
    lists = {int(outline.listed[frame]) for frame in owners if outline.kinds[frame] & ITEM}
    shown = (owners | lists) - {0}
    stack, steps = [], []
    for (inner, table), members in groupby(parts, key=lambda part: _place(outline, part)):
        chain, frame = [], inner
        while frame not in stack and frame:
            if frame in shown or outline.tree.tags[frame] == "blockquote":
                chain.append(frame)
            frame = _above(outline, frame)
        while stack and stack[-1] != frame:
            steps.append(("close", stack.pop(), ()))
        for opened in reversed(chain):
            stack.append(opened)
            steps.append(("open", opened, ()))
        if table:
            steps.append(("table", table, tuple(members)))
        else:
            steps += [("part", inner, (part,)) for part in members]
    return [*steps, *(("close", frame, ()) for frame in reversed(stack))]


@pytest.mark.parametrize("seed", range(60))
def test_the_steps_are_those_of_the_slow_way(seed: int) -> None:
    page, rng = _page(seed), random.Random(seed)
    outline = page.outline
    for share in (1.0, 0.5, 0.2):
        parts = [outline.part(run) for run in range(len(outline.runs)) if rng.random() < share]
        found = [(kind, frame, tuple(members)) for kind, frame, members in walk(outline, parts)]
        assert found == _steps(outline, parts)


def test_parts_that_go_on_are_one() -> None:
    parts = [Part(0, 0, 1), Part(1, 1, 2, None, 9), Part(1, 1, 2, 9, 12), Part(1, 1, 3, 12), Part(2, 3, 4)]
    assert [*joined(parts)] == [Part(0, 0, 1), Part(1, 1, 3), Part(2, 3, 4)]
    apart = [Part(1, 1, 2, None, 9), Part(1, 1, 3, 12)]
    assert [*joined(apart)] == apart
    assert [*joined([])] == []


@pytest.mark.parametrize("seed", range(60))
def test_open_paragraphs_are_counted(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctxprune.rag.html.stack import Stack

    close, opened = Stack.close, Stack.open
    counts = []

    def check(stack: Stack) -> None:
        counts.append(stack.paragraphs)
        assert stack.paragraphs == stack.names.count("p")

    def closing(stack: Stack, depth: int, *, explicit: bool = False) -> None:
        close(stack, depth, explicit=explicit)
        check(stack)

    def opening(stack: Stack, tag: str) -> bool:
        check(stack)
        return opened(stack, tag)

    monkeypatch.setattr(Stack, "close", closing)
    monkeypatch.setattr(Stack, "open", opening)
    assert _page(seed).tree
    assert counts


@pytest.mark.parametrize("seed", range(40))
def test_tables_without_spans_are_laid_out_as_those_with_them(seed: int) -> None:
    rng = random.Random(seed)
    cells = ["<td>x", "<th>x", "<td>"]
    rows = ["<tr><th>a<td>b", *("<tr>" + "".join(rng.choices(cells, k=rng.randint(0, 5))) for _ in range(9))]
    groups = rng.choice(["<tbody>", ""])
    page = HtmlPage("<table>" + "".join(row + (groups if rng.random() < 0.3 else "") for row in rows) + "</table>")
    assert page.outline.tables
    for table in page.outline.tables.values():
        lines = table._lines(spanning=True) or []
        width = max((max(line, default=-1) + 1 for line in lines), default=0)
        assert not table.has_spans
        assert table.rows == tuple(tuple(map(line.get, range(width))) for line in lines)
