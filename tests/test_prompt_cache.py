"""The simulator of prompt-cache costs: prices, runs, and agents whose model follows a script."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("langchain", reason="langchain is not installed")

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

prices = importlib.import_module("benchmarks.quality._prompt_prices")
results = importlib.import_module("benchmarks.quality._tool_results")
sets = importlib.import_module("benchmarks.quality._tool_result_sets")
runs = importlib.import_module("benchmarks.quality._agent_runs")
scripted = importlib.import_module("benchmarks.quality._scripted_agent")
strategies = importlib.import_module("benchmarks.quality._cache_strategies")
main = importlib.import_module("benchmarks.quality.prompt_cache")


def words(text: str) -> int:
    return len(text.split())


def text_of(start: int, count: int) -> str:
    return " ".join(f"w{number}" for number in range(start, start + count)) + " "


@given(st.text(alphabet="ab", max_size=30), st.text(alphabet="ab", max_size=30))
def test_the_common_prefix_is_that_of_the_standard_library(one: str, other: str):
    assert prices.common_prefix(one, other) == os.path.commonprefix([one, other])  # noqa: RUF071 - characters are meant


def test_a_growing_prompt_pays_a_tenth_for_what_was_sent():
    cache = prices.PromptCache(words)
    first = cache.send(("tools ", text_of(0, 1999)))
    assert (first.tokens, first.extends) == (2000, None)
    assert first.costs == {"exact": 2000, "openai": 2000, "anthropic": 2500}
    second = cache.send(("tools ", text_of(0, 1999), text_of(5000, 100)))
    assert second.extends is True
    # OpenAI: 1,024 and seven steps of 128; the rest of the prefix is paid in full.
    assert second.cached == {"exact": 2000, "openai": 1024 + 7 * 128, "anthropic": 2000}
    assert second.costs["exact"] == pytest.approx(300)
    assert second.costs["openai"] == pytest.approx(0.1 * 1920 + 180)
    assert second.costs["anthropic"] == pytest.approx(200 + 125)


def test_a_rewritten_message_ends_the_prefix_there():
    cache = prices.PromptCache(words)
    cache.send(("tools ", text_of(0, 1499), text_of(3000, 1000)))
    call = cache.send(("tools ", text_of(0, 1499), text_of(3000, 300) + "other " + text_of(3300, 699)))
    assert call.extends is False
    # Within a message the exact rule counts on; a breakpoint stands behind whole requests alone.
    assert call.cached == {"exact": 1800, "openai": 1024 + 6 * 128, "anthropic": 0}


def test_short_prompts_are_not_cached_and_earlier_calls_count_too():
    cache = prices.PromptCache(words)
    cache.send((text_of(0, 500),))
    assert cache.send((text_of(0, 500), text_of(600, 10))).cached == {"exact": 500, "openai": 0, "anthropic": 0}
    cache.send(("something else ",))
    again = cache.send((text_of(0, 500), text_of(600, 10), text_of(700, 5)))
    assert (again.cached["exact"], again.extends) == (510, False)


def test_evidence_is_found_across_line_breaks_and_tags_but_not_in_part():
    question = results.Question("?", ((results.squeeze("It opened in 1933."), "Zurich"), ("Bern",)))
    holds = results.holds_evidence
    assert holds(question, [*results.visible_forms("<p>It <b>opened</b> in\n 1933.</p>"), "inZurich"])
    assert not holds(question, results.visible_forms("It opened in 1933."))
    assert holds(question, results.visible_forms("Bern"))


NOISE = "When bridge keeper {0} opened line {1}, cars and cattle went over the water in the morning."
FACTS = {
    "When was bridge B{0} opened?": "Bridge B{0} was opened to the public in 17{0:02}.",
    "Who designed mill M{0}?": "The architect of M{0} is Anna Kowalski-{0}, who designed this mill.",
    "How tall is tower T{0}?": "Without its antenna tower T{0} has a height of {0} metres.",
}


def make_results(count: int, sentences: int = 150) -> list[Any]:
    made = []
    for number in range(count):
        lines = [NOISE.format(n, number) for n in range(sentences)]
        questions = []
        for place, (asked, fact) in enumerate(FACTS.items()):
            lines.insert(20 + 40 * place, fact.format(number))
            evidence = ((results.squeeze(fact.format(number)),),)
            questions.append(results.Question(asked.format(number), evidence))
        group = ("documents", "pages")[number % 2]
        name = f"made{number % 4}-{number}"
        made.append(results.ToolResult(name, "read_document", group, " ".join(lines), tuple(questions)))
    return made


def test_a_seed_gives_the_same_runs_and_returns_ask_about_what_was_read():
    made = make_results(120)
    drawn = runs.make_runs(made, "test", 3, seed=1)
    assert drawn == runs.make_runs(made, "test", 3, seed=1)
    assert drawn != runs.make_runs(made, "test", 3, seed=2)
    dev = {turn.result.name for run in runs.make_runs(made, "dev", 3, seed=1) for turn in run.turns}
    assert not dev & {turn.result.name for run in drawn for turn in run.turns}
    for run in drawn:
        assert len(run.turns) == runs.TURNS
        assert sum(turn.returns for turn in run.turns) == runs.RETURNS
        assert len({turn.question for turn in run.turns}) == runs.TURNS
        last: dict[str, int] = {}
        for place, turn in enumerate(run.turns):
            assert turn.returns == (turn.result.name in last)
            assert not turn.returns or place - last[turn.result.name] > runs.LEAST_DISTANCE
            assert turn.scored
            last[turn.result.name] = place


def test_a_turn_whose_evidence_stands_elsewhere_too_is_not_scored():
    one, other = make_results(2)
    turn = runs.Turn(one.questions[0], one, returns=False)
    copied = results.ToolResult("x-1", "read_document", "documents", one.text, other.questions)
    marked = runs._mark_chance_hits([turn, runs.Turn(other.questions[0], other, returns=False)])
    assert [one.scored for one in marked] == [True, True]
    marked = runs._mark_chance_hits([turn, runs.Turn(other.questions[0], copied, returns=False)])
    assert marked[0].scored is False


def short_run() -> Any:
    """Three results read, then a second question about the first one."""
    made = make_results(3)
    turns = [runs.Turn(one.questions[0], one, returns=False) for one in made]
    return runs.AgentRun("short", (*turns, runs.Turn(made[0].questions[2], made[0], returns=True)))


def play(strategy: Any) -> list[dict[str, Any]]:
    return scripted.play_run(short_run(), strategy)


def extends(outcomes: list[dict[str, Any]]) -> list[bool]:
    return [call["extends"] for turn in outcomes for call in turn["calls"]][1:]


def stable(asked_with: str, recall: str = "tool") -> Any:
    pruner = strategies.MessagePruner(limit=200, scorer="lexical.v1")
    return scripted.Strategy(lambda _: [strategies.PruningMiddleware(pruner, recall=recall)], recall=asked_with)


def test_without_pruning_all_is_shown_and_cached():
    outcomes = play(strategies.STRATEGIES["none"])
    assert [turn["found"] for turn in outcomes] == [True] * 4
    assert not any(turn["cut"] or turn["recalls"] for turn in outcomes)
    assert [len(turn["calls"]) for turn in outcomes] == [2, 2, 2, 1]
    assert all(extends(outcomes))


def test_stable_pruning_keeps_prefixes_and_recall_gives_back_what_was_cut():
    outcomes = play(stable("id"))
    assert [turn["found"] for turn in outcomes] == [True] * 4
    assert [turn["cut"] for turn in outcomes] == [False, False, False, True]
    assert outcomes[-1]["recalls"] == 1
    assert outcomes[-1]["shown"] is False
    assert all(extends(outcomes))
    last = outcomes[-1]["calls"][-1]["tokens"]
    assert last < play(strategies.STRATEGIES["none"])[-1]["calls"][-1]["tokens"] / 2


def test_without_a_call_of_recall_it_stays_cut():
    outcomes = play(stable(""))
    assert [turn["found"] for turn in outcomes] == [True, True, True, False]


def test_pruning_anew_for_each_question_finds_it_and_breaks_the_prefix():
    pruner = strategies.MessagePruner(limit=200, scorer="lexical.v1")
    outcomes = play(scripted.Strategy(lambda _: [strategies.PruningMiddleware(pruner, stable=False)]))
    assert [turn["found"] for turn in outcomes] == [True] * 4
    # The last question is of another kind, so that all results before it are cut otherwise.
    assert extends(outcomes)[-1] is False
    assert outcomes[-1]["cut"] is False


def test_cleared_results_are_read_again_where_the_strategy_says_so():
    def clear(_scorer: Any) -> list[Any]:
        return [strategies.ContextEditingMiddleware(edits=[strategies.ClearToolUsesEdit(trigger=100, keep=1)])]

    assert [turn["found"] for turn in play(scripted.Strategy(clear))] == [True, True, True, False]
    again = play(scripted.Strategy(clear, read_again=True))
    assert [turn["found"] for turn in again] == [True] * 4
    assert again[-1]["recalls"] == 1


def test_neither_questions_nor_answers_count_as_evidence():
    run = short_run()
    script = scripted.Script(run, strategies.STRATEGIES["none"])
    fact = run.turns[0].question.evidence[0][0]
    asked = HumanMessage(run.turns[0].question.text)
    assert not any(fact in form for form in script._forms([asked, AIMessage(fact)]))
    assert any(fact in form for form in script._forms([ToolMessage(fact, tool_call_id="1")]))
    assert any(fact in form for form in script._forms([HumanMessage(f"{asked.text}\n\n{fact}")]))


def test_figures_are_shares_of_the_right_turns():
    def turn(found: bool, cut: bool, cost: float, *, returns: bool = False) -> dict[str, Any]:
        call = {"tokens": 100, "costs": dict.fromkeys(("exact", "openai", "anthropic"), cost),
                "cached": dict.fromkeys(("exact", "openai", "anthropic"), 50), "extends": True}  # fmt: skip
        return {"group": "logs", "returns": returns, "scored": True, "cut": cut, "shown": False, "found": found,
                "recalls": 1, "calls": [call]}  # fmt: skip

    places = runs.TURNS
    mine = [[turn(True, True, 20.0), turn(False, True, 20.0, returns=True), *[turn(True, False, 20.0)] * (places - 2)]]
    plain = [[turn(True, False, 40.0)] * places]
    row = main.measure(mine, plain)
    assert row["cost"]["exact"]["ratio"] == 0.5
    assert row["cost"]["exact"]["cached_share"] == 50.0
    assert row["answers_kept"] == 95.0
    assert row["recalled"]["all"] == {"turns": places, "cut": 2, "had_back": 50.0, "without_call": 0.0}
    assert row["recalled"]["returns"] == {"turns": 1, "cut": 1, "had_back": 0.0, "without_call": 0.0}
    assert row["cost_by_turn"][0] == round(0.5 / places, 4)
    assert row["cost_by_turn"][-1] == 0.5


@pytest.mark.data
def test_each_question_of_the_shared_sets_is_answered_by_its_result(shared: Path):
    read = sets.read_tool_results(shared / "data", None)
    assert len(read) > 900
    assert len({one.name for one in read}) == len(read)
    assert {one.group for one in read} >= {"documents", "tables", "JSON"}
    for one in read[::25]:
        forms = results.visible_forms(one.text)
        assert one.questions
        assert all(results.holds_evidence(question, forms) for question in one.questions)
        assert len(one.text) <= sets.PART_CHARACTERS + 500
    documents: dict[str, set[str]] = {}
    for one in read:
        documents.setdefault(one.name.partition("#")[0], set()).add(one.part)
    assert all(len(found) == 1 for found in documents.values())


def made_figures() -> dict[str, Any]:
    def row(ratio: float, kept: float) -> dict[str, Any]:
        costs = {name: {"ratio": ratio} for name in ("exact", "openai", "anthropic")}
        cut = {"all": {"cut": 10, "had_back": kept}}
        return {"runs": 3, "cost": costs, "prefix_kept": 100.0, "answers_kept": kept, "answers_without_call": 50.0,
                "recalled": cut, "calls_a_run": 33.0, "answers_by_group": {"logs": kept, "pages": 100.0},
                "cost_by_turn": [ratio * turn for turn in range(1, 21)]}  # fmt: skip

    kept = dict.fromkeys([*strategies.STRATEGIES, *strategies.PEERS], 100.0) | {"stable": 98.5}
    rows = {name: row(0.4 + 0.1 * place, value) for place, (name, value) in enumerate(kept.items())}
    lists = {name: row(1.0 + place, 100.0) for place, name in enumerate(strategies.TOOL_LISTS)}
    return {"runs": {"runs": 3, "turns": 20}, "strategies": rows, "tool_lists": lists}


def test_the_table_and_the_picture_have_each_strategy(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("matplotlib")
    report = importlib.import_module("benchmarks.report._prompt_cache")
    picture = importlib.import_module("benchmarks.report._prompt_cache_picture")
    figure = importlib.import_module("benchmarks.report._figure")
    names = [*strategies.STRATEGIES, *strategies.PEERS]
    assert set(report.LABELS) == set(picture.STYLES) == set(names)
    monkeypatch.setattr(report, "read", lambda _: {"figures": made_figures()})
    table = report.prompt_cache_table()
    assert len([line for line in table.splitlines() if line.startswith("|")]) == 2 + len(names)
    assert "| 98.5 (50.0) | 98.5 of 10 |" in table
    assert "logs 98.5 %." in table
    assert "costs 2.00 times" in table
    drawn = picture.draw_prompt_cache(made_figures(), figure.LIGHT)
    assert all(f">{style.label}<" in drawn for style in picture.STYLES.values())
    assert drawn == picture.draw_prompt_cache(made_figures(), figure.LIGHT)
