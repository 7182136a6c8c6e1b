"""prune and its forms: budgets that hold to the last byte, on_empty, async, batches, bad input, bad plug-ins."""

from __future__ import annotations

import asyncio
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ctxprune
from ctxprune import Adaptive, Pruner, Threshold, TokenBudget, TopK, Unit, aprune, aprune_batch, prune, prune_batch
from ctxprune.errors import BudgetError, UnknownNameError, UsageError
from ctxprune.rag import Passage, Passages

TEXT = """The tower stands in Paris. Bananas are yellow. It was built in 1889 by an engineer.

Pears are green. The tower is 330 metres tall, taller than any other building there."""


class Schema:
    """A context of the other kind: a tree without a source text that renders as a dict."""

    def __init__(self, *units: Unit) -> None:
        self.units = units

    def render(self, kept):
        return {index: self.units[index].text for index in kept}


def words(text: str) -> int:
    return len(text.split())


def test_it_keeps_what_the_question_needs() -> None:
    result = prune("How tall is the tower?", Passage(TEXT), policy=TopK(1))
    assert result.output == "The tower is 330 metres tall, taller than any other building there."
    assert [unit.index for unit in result.kept] == [4]
    assert result.spans == ((TEXT.index("The tower is 330"), len(TEXT)),)
    assert (result.scorer, result.policy, result.counter) == ("mixture.v1", "top_k.v1", "ctxprune-bpe.v1")
    assert 0 < result.tokens_after < result.tokens_before
    assert set(result.seconds) == {"score", "count", "select", "render"}
    assert len(result.kept) + len(result.dropped) == len(result.units) == 5


def test_nothing_dropped_is_the_source_itself() -> None:
    text = f"  {TEXT}\r\n\t"
    result = prune("tower", Passage(text), policy=Threshold(0.0))
    assert result.output == text
    assert result.tokens_after == result.tokens_before
    assert result.dropped == ()


@settings(deadline=None, max_examples=60)
@given(budget=st.integers(0, 70), gap=st.sampled_from([" … ", " [some words were dropped here] ", ""]))
def test_a_budget_holds_for_the_rendered_text(budget: int, gap: str) -> None:
    context = Passage(TEXT, gap=gap)
    result = prune("How tall is the tower in Paris?", context, policy=TokenBudget(budget), on_empty="drop")
    assert result.tokens_after == ctxprune.as_counter().count(result.output) <= budget
    exact = prune("tower Paris", context, policy=TokenBudget(budget), counter=len, on_empty="drop")
    assert len(exact.output) == exact.tokens_after <= budget


def test_separators_are_paid_for_out_of_the_budget() -> None:
    context = Passage("Alpha one. Beta two. Alpha three. Beta four. Alpha five.", gap=" one two three ")
    result = prune("alpha", context, policy=TokenBudget(9), counter=words, scorer="lexical.v1")
    assert result.output == "Alpha one. one two three Alpha three."
    assert result.tokens_after == 7
    assert (
        prune("alpha", context, policy=TokenBudget(12, minimum=0.01), counter=words, scorer="lexical.v1").tokens_after
        == 12
    )


def test_a_budget_below_every_unit_is_an_error_that_says_what_would_do() -> None:
    with pytest.raises(BudgetError, match=r"no unit fits into the 2 tokens.*the smallest takes 3"):
        prune("tower", Passage(TEXT), policy=TokenBudget(2), counter=words)
    empty = prune("tower", Passage(TEXT), policy=TokenBudget(2), counter=words, on_empty="drop")
    assert (empty.output, empty.tokens_after, empty.spans) == ("", 0, ())
    assert {unit.reason for unit in empty.units} == {"budget"}


def test_on_empty() -> None:
    context, nothing = Passage(TEXT), Threshold(9.0)
    best = prune("tall tower", context, policy=nothing, scorer="lexical.v1")
    assert [(unit.index, unit.reason) for unit in best.kept] == [(4, "fallback")]
    assert prune("tall tower", context, policy=nothing, on_empty="keep_all", scorer="lexical.v1").output == TEXT
    assert prune("tall tower", context, policy=nothing, on_empty="drop", scorer="lexical.v1").output == ""


def test_on_empty_decides_where_no_unit_matches_the_question() -> None:
    context = Passage(TEXT)
    assert prune("zebra", context, on_empty="drop", scorer="lexical.v1").output == ""
    assert prune("zebra", context, on_empty="keep_all", scorer="lexical.v1").output == TEXT
    assert prune("zebra", context, scorer="lexical.v1").output == TEXT
    assert {unit.reason for unit in prune("zebra", context, scorer="lexical.v1").units} == {"fallback"}


def test_on_empty_respects_the_budget() -> None:
    context, policy = Passage(TEXT), TokenBudget(5, minimum=9.0)
    best = prune("tall tower", context, policy=policy, counter=words)
    assert [unit.index for unit in best.kept] == [0]
    with pytest.raises(BudgetError, match="takes 31 tokens, over the budget of 5"):
        prune("tall tower", context, policy=policy, counter=words, on_empty="keep_all")


def test_pins_alone_do_not_count_as_an_answer() -> None:
    context = Schema(Unit("title", pinned=True), Unit("red apple"), Unit("green pear"))
    kept = prune("pear", context, policy=Threshold(9.0), counter=words).output
    assert kept == {0: "title", 2: "green pear"}
    assert prune("pear", context, policy=Threshold(9.0), counter=words, on_empty="drop").output == {0: "title"}
    only = prune("pear", context, policy=TokenBudget(1), counter=words)
    assert only.output == {0: "title"}
    assert [unit.reason for unit in only.units] == ["pinned", "budget", "budget"]
    with pytest.raises(BudgetError, match="pinned"):
        prune("pear", context, policy=TokenBudget(0), counter=words)


def test_a_context_that_renders_no_text_is_counted_by_its_units() -> None:
    context = Schema(Unit("order items"), Unit("price of item", parent=0), Unit("city"))
    result = prune("price", context, policy=TopK(2), counter=words)
    assert result.output == {0: "order items", 1: "price of item"}
    assert (result.tokens_before, result.tokens_after) == (6, 5)
    assert result.spans == ()


def test_several_texts_come_back_as_several() -> None:
    result = prune("tower", Passages([TEXT, "", "Plums are blue.", "A tower."]), policy=TopK(2))
    assert result.output == ["The tower stands in Paris.", "", "", "A tower."]
    assert [unit.source for unit in result.kept] == [0, 3]


def test_batch_equals_loop_and_one_question_serves_all() -> None:
    contexts = [Passage(TEXT), Passage("Pears."), Passage("")]
    pruner = Pruner(policy=Adaptive())
    loop = [pruner.prune("green pears", context) for context in contexts]
    assert pruner.prune_batch("green pears", contexts) == loop
    assert prune_batch(["green pears"] * 3, contexts) == loop
    assert prune_batch("q", []) == []


def test_async_forms_give_the_same() -> None:
    contexts = [Passage(TEXT), Passage("Pears. Plums.")]

    async def both():
        return await aprune("pears", contexts[0]), await aprune_batch("pears", contexts)

    one, batch = asyncio.run(both())
    assert [one, *batch[1:]] == batch == prune_batch("pears", contexts)


def test_a_scorer_that_awaits_is_awaited_for_all_at_once() -> None:
    class Remote:
        running = most = 0

        def score(self, query, context):
            raise AssertionError("the blocking form was called")

        async def ascore(self, query, context):
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0.01)
            self.running -= 1
            return np.asarray([len(unit.text) for unit in context.units], dtype=np.float32)

    scorer = Remote()
    results = asyncio.run(aprune_batch("q", [Passage(TEXT)] * 4, scorer=scorer, policy=TopK(1)))
    assert scorer.most == 4
    assert [unit.index for unit in results[0].kept] == [4]


def test_a_context_without_units_comes_back() -> None:
    for text in ("", " \n\t "):
        result = prune("q", Passage(text), policy=TokenBudget(5))
        assert (result.output, result.units) == (text, ())
    assert prune("q", Passages([])).output == []


@pytest.mark.parametrize("query", ["", "  \n", None, 3, b"q"])
def test_a_query_that_asks_nothing_is_refused(query) -> None:
    with pytest.raises(UsageError, match="the query is"):
        prune_batch([query], [Passage(TEXT)])


def test_a_plain_text_is_no_context_and_the_message_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"a str is not a context: wrap text in ctxprune.rag.Passage"):
        Pruner().prune("q", TEXT)
    with pytest.raises(UsageError, match="contexts is a Passage"):
        prune_batch("q", Passage(TEXT))
    with pytest.raises(UsageError, match="1 queries do not match 2 contexts"):
        prune_batch(["q"], [Passage(TEXT)] * 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scorer": 3}, "scorer is 3"),
        ({"policy": TopK}, "policy is <class"),
        ({"on_empty": "x"}, "on_empty is 'x'"),
        ({"counter": 3}, "a int cannot count tokens"),
    ],
)
def test_arguments_are_checked_when_a_pruner_is_made(arguments, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Pruner(**arguments)


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match=r"no policy is named 'top': .*top_k.v1"):
        Pruner(policy="top")


def test_a_pruner_pickles_and_compares_by_its_parts() -> None:
    pruner = Pruner(policy=TopK(2))
    result = pruner.prune("tower", Passage(TEXT))
    again = pickle.loads(pickle.dumps(pruner))
    assert again == pruner
    assert again.prune("tower", Passage(TEXT)) == result


class Mask:
    """A plug-in policy that is no `Policy` and answers with a bare mask; both are allowed."""

    def __init__(self, mask, budget: int | None = None) -> None:
        self.mask = np.asarray(mask)
        if budget is not None:
            self.budget = budget

    def select(self, request):
        return self.mask


def test_a_bare_mask_is_a_selection() -> None:
    context = Schema(Unit("a"), Unit("b"))
    result = prune("a", context, policy=Mask([True, False]))
    assert [(unit.kept, unit.reason) for unit in result.units] == [(True, "selected"), (False, "score")]
    assert result.policy == "Mask"
    fallback = prune("b", context, policy=Mask([False, False]))
    assert fallback.output == {1: "b"}


@pytest.mark.parametrize(
    ("policy", "error", "message"),
    [
        (Mask([True]), UsageError, r"gave bool of shape \(1,\)"),
        (Mask([1, 0]), UsageError, "gave int64"),
        (Mask([False, True]), UsageError, "dropped unit 0, which is pinned or needed"),
        (Mask([True, True], budget=1), BudgetError, "takes 2 tokens, over the budget of 1"),
    ],
)
def test_a_policy_that_breaks_its_contract_is_caught(policy, error, message: str) -> None:
    with pytest.raises(error, match=message):
        prune("a", Schema(Unit("a"), Unit("b", parent=0)), policy=policy, counter=words)


def test_a_rendering_over_budget_without_a_way_to_tighten_is_an_error() -> None:
    context = Passage("Alpha one. Beta two. Alpha three.", gap=" one two three ")
    with pytest.raises(BudgetError, match="renders to 7 tokens, over the budget of 5"):
        prune("alpha", context, policy=Mask([True, False, True], budget=5), counter=words)


def test_bad_scores_and_bindings_are_usage_errors() -> None:
    class Wrong:
        def score(self, query, context):
            return np.zeros(len(context.units) + 1, dtype=np.float32)

    with pytest.raises(UsageError, match=r"shape \(6,\), not \(5,\) \[Wrong\]"):
        prune("q", Passage(TEXT), scorer=Wrong())
    with pytest.raises(UsageError, match="unit 1 is bound to unit 5"):
        prune("q", Schema(Unit("a"), Unit("b", parent=5)))


def test_a_very_long_question_is_answered() -> None:
    result = prune("where is the tower " * 5000, Passage(TEXT), policy=TopK(1))
    assert len(result.kept) == 1
