"""Scoring things by their names: tools, properties."""

from __future__ import annotations

import json
import pickle
from time import process_time
from typing import Any

import numpy as np
import pytest

from ctxprune.context.base import Unit
from ctxprune.context.joined import JoinedContext
from ctxprune.errors import UsageError
from ctxprune.rag import JsonSchema, Passage, ToolOptions, Tools
from ctxprune.scorers import SCORERS
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured import name_index, names
from ctxprune.scorers.structured.name_index import Asked, NameIndex
from ctxprune.scorers.structured.names import NamesScorer

ABOUT = {
    "cluster_describe": "Information about clusters.",
    "cluster_describe_parameter_groups": "Information about the groups of parameters of a cluster, cluster by cluster.",
    "cluster_delete": "Takes a cluster away.",
    "cluster_delete_snapshot": "Deletes a snapshot of a cluster.",
    "mail_send": "Sends a letter.",
    "station_put": "Create or update a station.",
}
TOOLS = Tools([{"name": name, "description": text} for name, text in ABOUT.items()])


def best(question: str) -> str:
    return list(ABOUT)[int(np.argmax(NamesScorer().score(question, TOOLS)))]


def test_the_shorter_name_that_says_it_all_wins() -> None:
    assert best("show the cluster") == "cluster_describe"
    assert best("show the parameters of the cluster") == "cluster_describe_parameter_groups"


def test_verbs_that_do_the_same_are_the_same() -> None:
    assert best("remove a cluster") == "cluster_delete"
    assert best("get details about a cluster") == "cluster_describe"
    assert best("change a station") == "station_put"  # by its description
    assert best("e-mail something") == "mail_send"


def test_nothing_in_common_scores_nothing() -> None:
    assert not NamesScorer().score("zebra", TOOLS).any()
    assert not NamesScorer().score("?", TOOLS).any()
    scores = NamesScorer().score("delete the snapshot of the cluster, whatever its parameter groups are", TOOLS)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("name", ["cust_nm", "CustomerName", "customer", "nom du client"])
def test_every_signal_of_a_name_leads_to_it(name: str) -> None:
    """An abbreviation, words written together, a part of it, another language: each alone, and better together."""
    others = ("order_date", "total", "warehouse_code", "status", "weight_kg", "remarks")
    schema = {"properties": {other: {"type": "string"} for other in others} | {name: {}}}
    scores = NamesScorer().score("customer name", JsonSchema(schema))
    assert scores[-1] > 2 * scores[:-1].max()
    described = {"properties": {**schema["properties"], name: {"description": "name of the customer"}}}
    assert NamesScorer().score("customer name", JsonSchema(described))[-1] > scores[-1]


def test_without_names_the_order_is_that_of_the_text() -> None:
    passage = Passage("The tower is high. The river is long and wide. Towers fall.")
    scores = NamesScorer().score("How high is the tower?", passage)
    assert np.array_equal(np.argsort(-scores), np.argsort(-LexicalScorer().score("How high is the tower?", passage)))


def test_no_units_and_wrong_arguments() -> None:
    assert NamesScorer().score("a", JsonSchema({})).shape == (0,)
    assert isinstance(SCORERS.get("names.v1")(), NamesScorer)
    with pytest.raises(UsageError, match="lexical"):
        NamesScorer(lexical="lexical.v1")


def tool(name: str, about: str = "", **parameters: str) -> dict[str, Any]:
    properties = {key: {"type": "string", "description": text} for key, text in parameters.items()}
    return {"name": name, "description": about, "input_schema": {"type": "object", "properties": properties}}


def test_what_only_the_description_of_a_parameter_says_is_found() -> None:
    tools = Tools(
        [tool("lookup", "Looks it up.", key="IATA code of the airport"), tool("open", "Opens it.", key="Path")]
    )
    assert tools.details == ("IATA code of the airport", "Path")
    first, second = NamesScorer().score("Which airport is it?", tools)
    assert first > second == 0


def test_details_where_parameters_are_units_themselves() -> None:
    tools = Tools([tool("lookup", "Looks. It up.", shortKey="IATA code")], options=ToolOptions(True, sentences=True))
    assert tools.details[0] == "short key. IATA code"
    assert set(tools.details[1:]) == {""}
    joined = JoinedContext([tools, Passage("Nothing.")])
    assert joined.details == (*tools.details, "")
    assert NamesScorer().score("IATA", joined)[0] > 0


def test_meaning_finds_what_shares_no_word() -> None:
    tools = Tools(
        [tool("forecast", "Rain and temperature by town."), tool("ledger", "Books and balances of accounts.")]
    )
    first, second = NamesScorer().score("Will the weather be sunny?", tools)
    assert first > 2 * second


def test_a_word_said_twice_counts_once() -> None:
    question = "send the letter, then delete the cluster"
    scores = [NamesScorer().score(text, TOOLS) for text in (question, f"{question}, and the letter is a letter")]
    assert np.array_equal(*scores)


def test_a_long_question_is_not_answered_by_a_short_name() -> None:
    tools = Tools(
        [tool("plan", "Makes it."), tool("book_hotel_room", "Reserve a hotel room in a city for some nights.")]
    )
    question = "I plan to stay two nights in the city of Lyon in May, so please reserve me a quiet hotel room for one"
    first, second = NamesScorer().score(question, tools)
    assert second > 2 * first


def test_the_index_of_a_list_made_anew_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    monkeypatch.setattr(names, "NameIndex", lambda *texts: built.append(1) or NameIndex(*texts))
    scorer = NamesScorer()
    lists = [[tool(name, about) for name in list(ABOUT)[: count + 1]] for count, about in enumerate("xyz")]
    expected = [NamesScorer().score("cluster", Tools(one)) for one in lists]
    built.clear()
    for one, scores in zip(lists, expected, strict=True):
        assert np.array_equal(scorer.score("cluster", Tools(one)), scores)
        assert np.array_equal(scorer.score("cluster", Tools(json.loads(json.dumps(one)))), scores)
    assert len(built) == 3
    lists[2][0]["description"] = "changed"  # in place, as a caller may
    scorer.score("cluster", Tools(lists[2]))
    scorer.score("cluster", Tools(lists[0]))  # no longer among the last two
    assert len(built) == 5
    assert pickle.loads(pickle.dumps(scorer)) == scorer


STRANGE = {
    "one": [tool("only", "The only one.")],
    "none": [],
    "same names": [tool("same", "First."), tool("same", "Second."), tool("same", "First.")],
    "without words": [tool("_"), tool("…", "!"), tool("a")],
    "other scripts": [
        tool("得天气", "查询城市的天气", city="城市"),
        tool("погода", "Погода в городе"),
        tool("m\ud800", "\x00"),
    ],
    "no schema of members": [{"name": "odd", "description": "x", "input_schema": {"properties": [1]}}],
    "odd members": [
        {"name": "odd", "description": "x", "input_schema": {"properties": {"a": 5, "b": {"description": 1}}}}
    ],
    "huge": [tool("huge", "word " * 100_000, key="more " * 100_000), tool("small", "Small.")],
}
QUESTIONS = ("", "?", "the of and", "only the first same one", "查询天气", "погода", "\ud800", "Who am I? " * 5000)


@pytest.mark.parametrize("name", STRANGE)
def test_strange_lists_and_questions(name: str) -> None:
    tools, scorer = Tools(STRANGE[name]), NamesScorer()
    for question in QUESTIONS:
        scores = scorer.score(question, tools)
        assert scores.shape == (len(tools.units),)
        assert scores.dtype == np.float32
        assert ((scores >= 0) & (scores <= 1)).all()
    if name == "other scripts":
        assert [int(np.argmax(scorer.score(question, tools))) for question in ("城市天气", "погода")] == [0, 1]
    if name == "same names":
        first, second, third = scorer.score("second", tools)
        assert second > first == third


def test_many_tools_are_scored_in_milliseconds() -> None:
    verbs, things = (
        ("create", "delete", "describe", "start"),
        [f"thing{index % 97} kind{index}" for index in range(1000)],
    )
    tools = Tools([tool(f"{verb}_{thing}", f"{verb} one {thing}.") for thing in things for verb in verbs])
    scorer = NamesScorer()
    start = process_time()
    scorer.score("warm up", tools)
    built = process_time() - start
    taken = []
    for index in range(20):
        start = process_time()
        scores = scorer.score(f"please remove the thing{index} of kind{index}, whatever it is called", tools)
        taken.append(process_time() - start)
        assert list(tools.names)[int(np.argmax(scores))] == f"delete_thing{index} kind{index}"
    assert min(taken) < 0.1 * built  # the index is what takes the time, and is there


@pytest.mark.parametrize("count", [100, 20_000])
def test_the_rows_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(name_index, "_MOST_HELD", count)
    index = NameIndex([f"get_item{i}" for i in range(60)], [""] * 60, [""] * 60)
    plain = NameIndex([f"get_item{i}" for i in range(60)], [""] * 60, [""] * 60)
    for word in ("get", "read", "fetch", "find", "item3", "zebra", "get"):
        assert np.array_equal(index.share(Asked(word))[0], plain.share(Asked(word))[0])
    assert sum(len(row.units) for row in index._rows.values()) <= count
    assert len(index._rows) == (3 if count == 100 else 7)


class Named:
    units = (Unit("bee: sting"), Unit("c"))
    names = ("", "")

    def render(self, kept: object) -> None: ...


def test_empty_names() -> None:
    assert NamesScorer().score("bee", Named())[0] > 0
