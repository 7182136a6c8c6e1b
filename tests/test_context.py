"""What a context must have, the defaults of all else, and the adapter for objects of users."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from ctxprune import Adaptive, BudgetPart, ContextBudget, Pruner, TokenBudget, Unit, prune
from ctxprune.context import Context, ContextMemo, ContextSubset, Grid, JoinedContext, as_context
from ctxprune.context.base import original_context
from ctxprune.errors import UsageError
from ctxprune.rag import HtmlPage, HtmlPages, JsonDocument, JsonSchema, Log, Passage, Passages, Table, Tools

UNITS = (Unit("head", pinned=True), Unit("owl north", parent=0), Unit("wren south", parent=0))
OURS = [
    Passage("One. Two."),
    Passages(["One.", "Two."]),
    HtmlPage("<p>One.</p><table><tr><th>a</th></tr><tr><td>1</td></tr></table>"),
    HtmlPages(["<p>One.</p>"]),
    Table([["a", "b"], ["1", "2"]]),
    JsonDocument([{"a": 1}, {"a": 2}]),
    JsonSchema({"properties": {"a": {}}}),
    Tools([{"name": "read", "input_schema": {}}]),
    Log("started\nfailed\n"),
    JoinedContext([Passage("One."), Table("a,b\n1,2\n")]),
    ContextSubset(Passage("One. Two."), np.asarray([1])),
]


class Plain(Context[list[str]]):
    """A context with nothing but what each must have."""

    units = UNITS

    def render(self, kept):
        return [self.units[index].text for index in sorted(kept)]


class Duck:
    """An object with nothing but what each must have."""

    units = UNITS

    def render(self, kept):
        return [self.units[index].text for index in sorted(kept)]


class Old(Duck):
    """An object with every optional member under the names of earlier releases."""

    kind = "table"
    sources = (0, 0, 1)
    titles = ("Birds", "More")
    names = ("", "owl", "wren")
    grids = (Grid(("Bird", "Place"), (("owl", "north"), ("wren", "south")), (1, 2)),)
    templates = (0, 1, 1)
    frame = "[]"
    written = ("head|", "owl north|", "wren south|")
    demanded = np.asarray([False, True, False])

    def __init__(self, noted: bool = True, told: tuple[int, ...] = ()) -> None:
        self.noted, self.told = noted, told

    def render(self, kept):
        return {index: self.units[index].text for index in sorted(kept)}

    def as_text(self, kept):
        return "|".join(self.render(kept).values())

    def note(self, kept):
        return f"{len(self.units) - len(kept)} left out" if self.noted else ""

    def noting(self, *, note):
        return Old(note, self.told)

    def demanding(self, demanded):
        return Old(self.noted, tuple(np.flatnonzero(demanded)))


@pytest.mark.parametrize("context", [Plain(), as_context(Duck())])
def test_optional_members_have_defaults(context: Context) -> None:
    assert (context.kind, context.sources, context.titles, context.names, context.grids) == (
        "passage",
        None,
        (),
        None,
        (),
    )
    assert (context.templates, context.frame, context.counts_text, context.required) == (None, "", False, None)
    assert (context.whole_units, context.whole_documents) == (0, 0)
    assert context.to_text([0]) is None
    assert context.cost_texts() == ["head", "owl north", "wren south"]
    assert context.omission_note([0]) == ""
    assert context.with_note(note=True) is context
    assert context.with_required(np.ones(3, dtype=np.bool_)) is context


@pytest.mark.parametrize("context", OURS, ids=lambda context: type(context).__name__)
def test_our_contexts_are_contexts_and_taken_as_they_are(context: Context) -> None:
    assert isinstance(context, Context)
    assert as_context(context) is original_context(context) is context
    size = len(context.units)
    assert len(context.cost_texts()) == size
    assert context.sources is None or len(context.sources) == size
    assert context.names is None or len(context.names) == size
    everything = range(size)
    assert context.omission_note(everything) == ""
    text = context.to_text(everything)
    assert (text is not None) == context.counts_text
    assert context.with_note(note=False).render(everything) == context.render(everything)


def test_names_of_earlier_releases_are_understood() -> None:
    old = Old()
    context = as_context(old)
    assert original_context(context) is old
    assert (context.kind, context.sources, context.titles, context.names) == (
        "table",
        (0, 0, 1),
        ("Birds", "More"),
        old.names,
    )
    assert (context.grids, context.templates, context.frame, context.counts_text) == (old.grids, (0, 1, 1), "[]", True)
    assert context.required.tolist() == [False, True, False]
    assert context.to_text([1, 2]) == "owl north|wren south"
    assert context.cost_texts() == old.written
    assert context.omission_note([0]) == "2 left out"
    assert context.with_note(note=False).omission_note([0]) == ""
    assert original_context(context.with_required(np.asarray([True, False, True]))).told == (0, 2)


@pytest.mark.parametrize("given", [Plain(), Duck()])
def test_every_entry_takes_an_object_with_units_and_render(given) -> None:
    assert prune("wren", given, scorer="lexical.v1").output == ["head", "wren south"]
    shared = ContextBudget(9).prune(
        "wren", {"a": given, "b": BudgetPart(given, scorer="lexical.v1", policy=Adaptive())}
    )
    assert shared.outputs["b"] == ["head", "wren south"]
    joined = JoinedContext([given, Passage("A wren.")])
    assert joined.contexts[0] is given
    assert prune("wren", joined, scorer="lexical.v1").output == [["head", "wren south"], "A wren."]


def test_what_an_object_of_the_user_renders_comes_back_as_it_is() -> None:
    result = prune("owl", Old(), scorer="lexical.v1", policy=TokenBudget(20), counter=len)
    assert result.output == {0: "head", 1: "owl north"}
    assert result.tokens_after == len("head|owl north")
    assert result.note == "1 left out"
    assert [unit.source for unit in result.units] == [0, 0, 1]


@pytest.mark.parametrize(
    ("value", "lacks"),
    [
        ("text", "it has no `units`"),
        (type("Half", (), {"units": ()})(), "it has no `render`"),
        (Duck, "it is a class"),
        (None, "it has no `units`"),
    ],
)
def test_what_is_no_context_is_refused_by_what_it_lacks(value, lacks: str) -> None:
    for entry in (
        lambda: Pruner().prune("q", value),
        lambda: BudgetPart(value),
        lambda: JoinedContext([value]),
        lambda: Pruner().prune_batch("q", [value]),
        lambda: as_context(value),
    ):
        with pytest.raises(UsageError, match=lacks):
            entry()


def test_a_subclass_without_units_is_refused() -> None:
    class Empty(Context[str]):
        def render(self, kept):
            return ""

    with pytest.raises(UsageError, match=r"a Empty is not a context: .*it has no `units`"):
        prune("q", Empty())


def test_a_cache_knows_an_object_of_the_user_however_often_it_is_adapted() -> None:
    memo: ContextMemo[object] = ContextMemo()
    duck = Duck()
    assert memo.get(as_context(duck), object) is memo.get(as_context(duck), object) is memo.get(duck, object)
    assert memo.get(as_context(Duck()), object) is not memo.get(duck, object)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_table_with_required_units_is_still_a_table(again) -> None:
    table = Table("a,b\n1,2\n3,4\n")
    other = again(table.with_required(np.array([True, False, False, True])))
    assert table.required is None
    assert other.required.tolist() == [True, False, False, True]
    assert other.units == table.units
    assert other.kind == "table"
    assert other.render({0, 1, 2, 3}) == table.render({0, 1, 2, 3})
    assert other.omission_note([0, 1, 2]) != table.omission_note([0, 1, 2])
