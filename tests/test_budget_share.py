"""Budgets as a share of what comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import Pruner, TokenBudget, TopK
from ctxprune.cli._prune_policy import SelectionOptions, make_policy
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies import BudgetShare, TableBudget
from ctxprune.rag import Distinct, Neighbours, Passage, PassagePruner
from ctxprune.scorers.lexical import LexicalScorer

TEXT = "The ferry leaves at noon. The lamp is lit at four. Bread is baked at five. The shop closes at six. " * 3


@given(st.floats(0.05, 1.0), st.booleans())
def test_a_share_is_never_exceeded(share: float, neighbours: bool) -> None:
    policy = Neighbours(BudgetShare(share), 1) if neighbours else BudgetShare(share, Distinct(TokenBudget()))
    try:
        pruned = Pruner(LexicalScorer(), policy).prune("when is the lamp lit", Passage(TEXT))
    except BudgetError:
        assert share < 0.15
        return
    assert pruned.tokens_after <= share * pruned.tokens_before


def test_a_share_gives_what_as_many_tokens_give() -> None:
    pruner = Pruner(LexicalScorer(), BudgetShare(0.3))
    pruned = pruner.prune("lamp", Passage(TEXT))
    tokens = int(0.3 * pruned.tokens_before)
    assert pruned.output == Pruner(LexicalScorer(), TokenBudget(tokens)).prune("lamp", Passage(TEXT)).output
    assert pruned.policy == "token_budget.v1"
    several = PassagePruner(pruner, documents=1).prune("lamp", [TEXT, "The moon is up."])
    assert 0 < several.pruned.tokens_after <= 0.3 * several.pruned.tokens_before


@pytest.mark.parametrize("policy", [TopK(3), "adaptive", BudgetShare(0.2)])
def test_only_policies_with_a_budget_take_a_share(policy: object) -> None:
    with pytest.raises(UsageError):
        BudgetShare(0.5, policy)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_is_from_0_to_1(share: float) -> None:
    with pytest.raises(UsageError):
        BudgetShare(share)


def test_the_command_line_takes_both() -> None:
    assert make_policy(SelectionOptions(budget="250")) == TokenBudget(250)
    assert make_policy(SelectionOptions(budget="25%")) == BudgetShare(0.25, TokenBudget(0))
    assert make_policy(SelectionOptions(budget="12.5 %"), table=True) == BudgetShare(0.125, TableBudget(0))
    for wrong in ("-1", "101%", "%", "5 tokens", "", "1e3", "٣"):
        with pytest.raises(Exception, match="no percentage up to 100%"):
            make_policy(SelectionOptions(budget=wrong))
