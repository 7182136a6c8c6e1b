"""The execution vote: failures, groups, hollow results, weights and ties."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.generate.base import Candidate
from ctxprune.sql.select.base import SELECTORS, Executed
from ctxprune.sql.select.vote import VoteSelector, candidate_weights


def _ran(value: object, sql: str = "SELECT 1", generator: str = "chat.v1", score: float = 0.0) -> Executed:
    rows = () if value == "empty" else ((value,),)
    return Executed(Candidate(sql, generator, score=score), sql, ResultSet(("a",), rows))


def _failed(generator: str = "chat.v1") -> Executed:
    return Executed(Candidate("SELECT x", generator), "", error="no such column: x")


def test_nothing_to_choose() -> None:
    assert VoteSelector().select("q", ()).index is None
    all_failed = VoteSelector().select("q", [_failed(), _failed()])
    assert (all_failed.index, all_failed.confidence, all_failed.groups) == (None, 0.0, ())


def test_the_largest_group_wins_and_failures_do_not_count() -> None:
    chosen = VoteSelector().select("q", [_failed(), _ran(1), _ran(2), _ran(2), _failed()])
    assert chosen.index in (2, 3)
    assert chosen.groups == ((2, 3), (1,))
    assert chosen.confidence == pytest.approx(2 / 3)


@pytest.mark.parametrize("hollow", ["empty", None])
def test_a_hollow_result_loses_to_any_other(hollow: object) -> None:
    assert VoteSelector().select("q", [_ran(hollow), _ran(hollow), _ran(5)]).index == 2
    assert VoteSelector().select("q", [_ran(hollow)]).index == 0


def test_ties_go_to_the_shorter_text_then_to_the_earlier() -> None:
    assert VoteSelector().select("q", [_ran(1, "SELECT long_name"), _ran(2, "SELECT s")]).index == 1
    assert VoteSelector().select("q", [_ran(1), _ran(2)]).index == 0


def test_low_ranks_of_a_list_do_not_outvote_its_first() -> None:
    ranked = [_ran(1, generator="sketch.v1", score=0.9)]
    ranked += [_ran(2, generator="sketch.v1", score=0.5 - i / 100) for i in range(20)]
    assert VoteSelector().select("q", ranked).index == 0


def test_probabilities_are_taken_as_they_are() -> None:
    sure = [_ran(1, generator="sketch.v1", score=0.8), _ran(2, generator="sketch.v1", score=0.1)]
    unsure = [_ran(1, generator="sketch.v1", score=0.2), _ran(2, generator="sketch.v1", score=0.1)]
    samples = [_ran(5), _ran(6), _ran(7)]
    assert VoteSelector().select("q", sure + samples).index == 0
    assert VoteSelector().select("q", unsure + samples).index in (2, 3, 4)
    together = [_ran(1, generator="s", score=0.4), *(_ran(2, generator="s", score=0.25) for _ in range(2))]
    assert VoteSelector().select("q", together).index == 1
    assert candidate_weights([_ran(1, score=0.3)], {}) == {0: pytest.approx(0.3)}
    assert VoteSelector().select("q", [_ran(1, score=0.3)]).confidence == 1.0


def test_a_repaired_candidate_counts_less() -> None:
    repaired = replace(_ran(1), repairs=("SELECT x",))
    assert VoteSelector().select("q", [repaired, _ran(2)]).index == 1
    assert VoteSelector().select("q", [repaired, repaired, _ran(2)]).index == 0
    assert VoteSelector(repaired=1.0).select("q", [repaired, _ran(2)]).index == 0


def test_samples_agree_by_number() -> None:
    samples = [_ran(1)] + [_ran(2)] * 2
    assert VoteSelector().select("q", samples).index == 1


def test_every_generator_has_one_vote_and_weights_change_it() -> None:
    executed = [_ran(1, generator="a")] + [_ran(2, generator="b")] * 9
    weights = candidate_weights(executed, {})
    assert weights[0] == pytest.approx(1.0)
    assert sum(weights[i] for i in range(1, 10)) == pytest.approx(1.0)
    assert VoteSelector({"b": 3.0}).select("q", executed).index == 1
    assert VoteSelector({"a": 3.0}).select("q", executed).index == 0


def test_generators_that_agree_beat_one_that_does_not() -> None:
    executed = [_ran(1, generator="a"), _ran(2, generator="b"), _ran(2, generator="c")]
    assert VoteSelector().select("q", executed).index == 1


@given(
    st.lists(
        st.tuples(st.sampled_from([None, "empty", 1, 2, "fail"]), st.sampled_from("ab"), st.floats(0, 1)), max_size=12
    )
)
def test_the_choice_works_and_groups_are_a_partition(items: list[tuple[object, str, float]]) -> None:
    executed = [_failed(g) if value == "fail" else _ran(value, generator=g, score=s) for value, g, s in items]
    chosen = VoteSelector().select("q", executed)
    working = [index for index, item in enumerate(executed) if item.result is not None]
    assert sorted(index for group in chosen.groups for index in group) == working
    assert (chosen.index is None) == (not working)
    assert 0.0 <= chosen.confidence <= 1.0
    if chosen.index is not None:
        assert chosen.index in chosen.groups[0]
        assert VoteSelector().select("q", executed) == chosen


def test_weights_are_checked_and_it_is_registered() -> None:
    with pytest.raises(UsageError, match="above 0"):
        VoteSelector({"a": 0.0})
    with pytest.raises(UsageError, match="repaired"):
        VoteSelector(repaired=0)
    assert SELECTORS.get("vote") is VoteSelector
