"""One budget over several contexts: never exceeded, shares met, the order of contexts without effect."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import Adaptive, BudgetPart, ContextBudget, IdentityScale, LogisticScale, RankScale, TopK, Unit
from ctxprune.context.closure import Closure
from ctxprune.errors import BudgetError, UnknownNameError, UsageError
from ctxprune.rag import Passage, Passages
from ctxprune.sql import Database
from ctxprune.sql.linking.context import SchemaContext
from ctxprune.sql.render import render
from ctxprune.tokens import BundledCounter


class Tree:
    def __init__(self, units) -> None:
        self.units = tuple(units)

    def render(self, kept):
        return tuple(sorted(kept))


class Reading:
    """Scores a unit by the number that it starts with."""

    def score(self, query, context):
        return np.asarray([float(unit.text.split()[0]) for unit in context.units], dtype=np.float32)


def words(text: str) -> int:
    return len(text.split()) - 1  # the number at the start is free


def tree(*units: str, **bound: object) -> Tree:
    return Tree(Unit(text, **bound) for text in units)


def part(*units: str, **options: object) -> BudgetPart:
    return BudgetPart(tree(*units), Reading(), scale=IdentityScale(), **options)


def kept(shared) -> dict[str, tuple[int, ...]]:
    return dict(shared.outputs)


def test_probabilities_are_compared_as_they_are_only_where_all_scorers_give_them():
    class Probable(Reading):
        gives_probabilities = True

    sure = {"a": BudgetPart(tree("0.1 x", "0.2 x"), Probable()), "b": BudgetPart(tree("0.3 y", "0.9 y"), Probable())}
    budget = ContextBudget(2, words)
    assert kept(budget.prune("q", sure)) == {"a": (), "b": (0, 1)}
    for scale in (None, RankScale()):
        places = {**sure, "b": BudgetPart(tree("0.3 y", "0.9 y"), Reading(), scale=scale)}
        assert kept(budget.prune("q", places)) == {"a": (1,), "b": (1,)}


def test_the_best_units_of_all_contexts_are_kept() -> None:
    parts = {"a": part("0.9 x x", "0.2 x"), "b": part("0.8 x", "0.5 x x", "0.1 x")}
    shared = ContextBudget(5, words).prune("q", parts)
    assert kept(shared) == {"a": (0,), "b": (0, 1)}
    assert (shared.tokens_before, shared.tokens_after) == (7, 5)
    assert [unit.reason for unit in shared.parts["a"].units] == ["selected", "budget"]


def test_weights_and_minimum_shares() -> None:
    parts = {"a": part("0.9 x", "0.8 x", "0.7 x"), "b": part("0.3 x", "0.2 x")}
    assert kept(ContextBudget(3, words).prune("q", parts)) == {"a": (0, 1, 2), "b": ()}
    parts["b"] = part("0.3 x", "0.2 x", weight=4.5)
    assert kept(ContextBudget(3, words).prune("q", parts)) == {"a": (0,), "b": (0, 1)}
    parts["b"] = part("0.3 x", "0.2 x", minimum=0.34)
    shared = ContextBudget(3, words).prune("q", parts)
    assert kept(shared) == {"a": (0, 1), "b": (0,)}
    assert shared.parts["b"].units[0].reason == "share"


def test_pins_come_first_and_shares_shrink_alike() -> None:
    pinned = BudgetPart(Tree([Unit("0 x x", pinned=True), Unit("0.9 x")]), Reading(), scale=IdentityScale())
    parts = {"a": pinned, "b": part("0.5 x", "0.4 x", minimum=0.5), "c": part("0.3 x", "0.2 x", minimum=0.5)}
    assert kept(ContextBudget(4, words).prune("q", parts)) == {"a": (0,), "b": (0,), "c": (0,)}
    with pytest.raises(BudgetError, match=r"takes 2 tokens, of 1 \(a 2\)"):
        ContextBudget(1, words).prune("q", parts)


def test_a_policy_says_what_is_worth_its_tokens() -> None:
    parts = {"a": part("0.9 x", "0.1 x", policy=TopK(1)), "b": part("0.05 x", "0.01 x", policy="adaptive")}
    shared = ContextBudget(100, words).prune("q", parts)
    assert kept(shared) == {"a": (0,), "b": (0,)}
    assert shared.parts["a"].units[1].reason == "score"


def test_ranks_compare_scorers_of_any_range() -> None:
    texts = Passages(["The tower is tall. Bananas are yellow. Pears are green. Apples are red."])
    parts = {"large": BudgetPart(tree("900 x", "800 x", "700 x"), Reading()), "text": texts}
    shared = ContextBudget(8, lambda text: len(text.split())).prune("tall tower", parts)
    assert shared.outputs["text"] == ["The tower is tall."]
    assert shared.outputs["large"] == (0, 1)


def test_text_is_counted_as_it_is_rendered() -> None:
    text = "One is here. Two is there. Three is here. Four is there."
    for budget in range(0, 40, 3):
        shared = ContextBudget(budget).prune("one three", {"a": Passage(text), "b": Passages([text, text])})
        after = shared.parts["a"].tokens_after + shared.parts["b"].tokens_after
        assert after == shared.tokens_after <= budget
    written = BudgetPart(tree("1 x", "0.5 x"), Reading(), as_text=lambda out: "word " * (10 + 5 * len(out)))
    shared = ContextBudget(16, lambda text: len(text.split())).prune("q", {"a": written})
    assert shared.outputs == {"a": (0,)}
    assert shared.tokens_after == 15
    with pytest.raises(BudgetError, match="renders to 10 tokens, over the budget of 9"):
        ContextBudget(9, lambda text: len(text.split())).prune("q", {"a": written})


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    size = draw(st.integers(0, 7))
    index = st.integers(0, max(size - 1, 0))
    return Tree(
        Unit(
            f"{draw(st.sampled_from([0.1, 0.5, 0.9]))}" + " x" * draw(st.integers(0, 4)),
            parent=draw(st.none() | index),
            requires=tuple(draw(st.lists(index, max_size=1))),
            pinned=draw(st.integers(0, 7)) == 0,
        )
        for _ in range(size)
    )


@settings(deadline=None, max_examples=200)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.tuples(trees(), st.sampled_from([0.0, 0.1, 0.25])), max_size=4),
    st.integers(0, 40),
)
def test_invariants(found, budget: int) -> None:
    parts = {
        name: BudgetPart(context, Reading(), minimum=minimum, weight=1.0 + minimum)
        for name, (context, minimum) in found.items()
    }
    shared_budget = ContextBudget(budget, words)
    try:
        shared = shared_budget.prune("q", parts)
    except BudgetError:
        assert any(unit.pinned for context, _ in found.values() for unit in context.units)
        return
    assert shared.tokens_after <= budget
    pins = 0
    for name, (context, _) in found.items():
        result = shared.parts[name]
        mask = np.asarray([unit.kept for unit in result.units], dtype=np.bool_)
        closure = Closure(context.units)
        assert closure.gaps(mask) == []
        assert {unit.reason for unit in result.kept} <= {"selected", "pinned", "required", "share"}
        assert {unit.reason for unit in result.dropped} <= {"budget"}
        pins += bool(closure.pinned)
    for name, (context, minimum) in found.items() if not pins else ():
        result = shared.parts[name]
        mask = np.asarray([unit.kept for unit in result.units], dtype=np.bool_)
        for unit in result.dropped:
            price = sum(result.units[i].tokens for i in Closure(context.units).missing(unit.index, mask))
            assert result.tokens_after + price > minimum * budget  # what fits into its share is not dropped
    again = shared_budget.prune("q", dict(reversed(parts.items())))
    assert again == shared
    assert asyncio.run(shared_budget.aprune("q", parts)) == shared


def test_a_schema_a_table_and_passages_share_one_budget(shop) -> None:
    with Database(shop) as database:
        schema = SchemaContext(database.schema())
    parts = {
        "schema": BudgetPart(schema, minimum=0.4, as_text=render),
        "passages": BudgetPart(Passages(["Paris is in France. Bananas are yellow.", "The price was 10.5 euros."])),
    }
    for budget in (40, 80, 1000):
        shared = ContextBudget(budget).prune("what is the price in Paris?", parts)
        text = render(shared.outputs["schema"])
        counter = BundledCounter()
        assert counter.count(text) == shared.parts["schema"].tokens_after
        assert (
            counter.count(text) + sum(counter.count_many(shared.outputs["passages"])) == shared.tokens_after <= budget
        )
    assert [table.name for table in shared.outputs["schema"].tables] == ["city", "order items"]


def test_everything_fits_where_the_budget_is_larger_than_all() -> None:
    text = "  One.\n\nTwo. "
    shared = ContextBudget(10**9).prune("zebra", {"a": Passage(text), "b": part("0.5 x")})
    assert shared.outputs == {"a": text, "b": (0,)}
    assert ContextBudget(0).prune("q", {}).parts == {}
    assert ContextBudget(0).prune("q", {"a": Passage(text), "b": Passage("")}).outputs == {"a": "", "b": ""}


def test_the_account_is_plain_and_drawn() -> None:
    shared = ContextBudget(6).prune("tower", {"<b>": Passage("The tower. A pear."), "c": Passage("A tower.")})
    document = json.loads(json.dumps(shared.to_dict(), allow_nan=False))
    assert document["format"] == "ctxprune.shared_budget"
    assert document["tokens_after"] == sum(found["tokens_after"] for found in document["parts"].values()) <= 6
    page = shared.to_html()
    assert "<h2>&lt;b&gt;</h2>" in page
    assert page.count("<section") == 2
    assert shared._repr_html_() == page


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ContextBudget(-1), UsageError, "budget is -1"),
        (lambda: ContextBudget(1.5), UsageError, "budget is 1.5"),
        (lambda: ContextBudget(True), UsageError, "budget is True"),
        (lambda: ContextBudget(1).prune(" ", {}), UsageError, "the query is ' '"),
        (lambda: ContextBudget(1).prune("q", []), UsageError, "parts is a list"),
        (lambda: ContextBudget(1).prune("q", {1: Passage("")}), UsageError, "a name is no text"),
        (lambda: ContextBudget(1).prune("q", {"a": "text"}), UsageError, "a str is not a context"),
        (lambda: BudgetPart(Passage(""), "nope"), UnknownNameError, "no scorer is named"),
        (lambda: BudgetPart(Passage(""), Reading), UsageError, "scorer is"),
        (lambda: BudgetPart(Passage(""), weight=0), UsageError, "weight is 0"),
        (lambda: BudgetPart(Passage(""), minimum=1.5), UsageError, "minimum is 1.5"),
        (lambda: BudgetPart(Passage(""), policy=Adaptive), UsageError, "policy is"),
        (
            lambda: ContextBudget(1).prune("q", {n: BudgetPart(Passage(""), minimum=0.6) for n in "ab"}),
            UsageError,
            "the minimum shares are 1.2 together",
        ),
        (
            lambda: ContextBudget(1).prune("q", {"a": BudgetPart(Passage("x"), scale=lambda scores: scores[:0])}),
            UsageError,
            "the scale gave no finite number",
        ),
        (
            lambda: ContextBudget(9).prune("q", {"a": BudgetPart(Passage("x"), as_text=len)}),
            UsageError,
            "as_text gave a int",
        ),
    ],
)
def test_arguments_are_checked(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_logistic_scale_weighs_contexts_by_their_chances() -> None:
    sure, unsure = LogisticScale(10, 0), LogisticScale(10, -9)
    parts = {
        "sure": BudgetPart(tree("0.5 x", "0.1 x"), Reading(), scale=sure),
        "unsure": BudgetPart(tree("0.9 x", "0.8 x"), Reading(), scale=unsure),
    }
    assert kept(ContextBudget(2, words).prune("q", parts)) == {"sure": (0, 1), "unsure": ()}
