from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.context import JoinedContext
from ctxprune.context.base import Context, Unit
from ctxprune.context.grid import Grid
from ctxprune.errors import UsageError
from ctxprune.policies import TokenBudget
from ctxprune.pruning.pruner import prune
from ctxprune.rag import Passage, Passages, Table, Tools
from ctxprune.scorers.structured.names import NamesScorer


@dataclass(frozen=True)
class Rows:
    kind: ClassVar[str] = "table"

    names: tuple[str, ...]
    units: tuple[Unit, ...] = field(init=False)

    def __post_init__(self) -> None:
        head = Unit("Name", pinned=True)
        object.__setattr__(self, "units", (head, *(Unit(name, parent=0) for name in self.names)))

    @property
    def grids(self):
        return (Grid(("Name",), tuple((name,) for name in self.names), tuple(range(1, len(self.names) + 1))),)

    def render(self, kept):
        return "\n".join(self.units[index].text for index in sorted(kept))


def test_units_parents_and_grids_are_counted_through():
    joined = JoinedContext([Rows(("Ann", "Bob")), Rows(("Cem",))])
    assert isinstance(joined, Context)
    assert [unit.parent for unit in joined.units] == [None, 0, 0, None, 3]
    assert [grid.row_units for grid in joined.grids] == [(1, 2), (4,)]
    assert (joined.sources, joined.kind) == ((0, 0, 0, 1, 1), "table")
    assert joined.render([0, 3, 4]) == ["Name", "Name\nCem"]


def test_kinds_that_differ_are_read_as_passages():
    assert JoinedContext([Rows(("Ann",)), Passage("One.")]).kind == "passage"


def test_one_budget_for_all():
    joined = JoinedContext([Passage("Cats sleep. The bridge opened in 1933."), Passage("Dogs bark.")])
    result = prune("When did the bridge open?", joined, scorer="lexical", policy=TokenBudget(10))
    assert result.output == ["The bridge opened in 1933.", ""]
    assert result.tokens_after <= 10


@given(st.lists(st.text("ab. \n", max_size=30), max_size=5), st.data())
def test_texts_are_rendered_as_passages_are(texts, data):
    one, other = JoinedContext([Passage(text) for text in texts]), Passages(texts)
    assert [unit.text for unit in one.units] == [unit.text for unit in other.units]
    kept = data.draw(st.sets(st.sampled_from(range(len(one.units))))) if one.units else set()
    rendered = one.render(kept)
    assert [text for text in rendered if text.strip()] == [text for text in other.render(kept) if text.strip()]


def test_nothing_and_something_else():
    assert (JoinedContext([]).units, JoinedContext([]).render([])) == ((), [])
    for wrong in (3, [3]):
        with pytest.raises(UsageError):
            JoinedContext(wrong)


def test_notes_and_what_frames_write_are_those_of_the_contexts():
    rows = [["Bird", "Place"], ["owl", "north"], ["wren", "south"]]
    joined = JoinedContext([Passage("One owl. Two wrens."), Table(rows), Table("Bird,Place\nowl,north\n")])
    first = joined.grids[0]
    kept = [0, first.column_units[0], first.row_units[1]]
    assert joined.to_text(kept) == ["One owl.", "Bird\nwren\n", ""]
    assert joined.omission_note(kept).count("\n") == 1
    result = prune("owl", joined, policy=TokenBudget(18), scorer="lexical", counter=len, on_empty="drop")
    assert result.tokens_after == sum(map(len, joined.to_text([unit.index for unit in result.kept]))) <= 18


def test_names_and_tokens_of_tools_are_those_of_the_contexts():
    tools = Tools(
        [
            {"name": f"{verb}_file", "description": "Does it.", "input_schema": {"properties": {"path": {}}}}
            for verb in ("read", "delete")
        ]
    )
    joined = JoinedContext([tools, Passage("Nothing."), tools])
    assert joined.names == (*tools.names, "", *tools.names)
    assert joined.cost_texts() == (*tools.cost_texts(), "Nothing.", *tools.cost_texts())
    alone = JoinedContext([tools, tools])
    scores = NamesScorer().score("Remove my file", alone)
    assert scores[3] == scores[1] > scores[0] == scores[2]
