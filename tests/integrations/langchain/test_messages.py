"""Cutting long messages to the current question."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately

from ctxprune import as_counter
from ctxprune.errors import UsageError
from ctxprune.integrations.langchain import MessagePruner, PruneToolResults
from ctxprune.integrations.langchain.messages import Memo, question_of

COUNTER = as_counter()
QUESTION = "When did the bridge open?"
FACT = "The bridge did open in 1933."
LONG = " ".join(f"Ferry number {i} carries cars and cattle over the water." for i in range(40)) + f" {FACT}"
ITEMS = [{"id": i, "text": f"Ferry number {i} carries cars."} for i in range(40)] + [{"id": 40, "text": FACT}]


def lexical(**fields: Any) -> MessagePruner:
    return MessagePruner(scorer="lexical.v1", **{"limit": 100, **fields})


def conversation(content: Any = LONG, **fields: Any) -> list[BaseMessage]:
    return [
        SystemMessage(LONG),
        HumanMessage(QUESTION, id="h"),
        AIMessage("", id="a", tool_calls=[{"name": "search", "args": {"q": "bridge"}, "id": "c1"}]),
        ToolMessage(content, tool_call_id="c1", name="search", id="t", artifact={"raw": 1}, **fields),
    ]


def tokens(message: BaseMessage) -> int:
    return COUNTER.count(str(message.text))


def test_long_tool_results_are_cut_and_all_else_stays() -> None:
    messages = conversation()
    before = copy.deepcopy(messages)
    found = lexical().prune(messages)
    assert messages == before
    assert [new is old for new, old in zip(found, messages, strict=True)] == [True, True, True, False]
    cut = found[3]
    assert FACT in cut.content
    assert tokens(cut) <= 100
    assert (cut.tool_call_id, cut.name, cut.id, cut.artifact, cut.status) == (
        "c1",
        "search",
        "t",
        {"raw": 1},
        "success",
    )
    account = cut.response_metadata["ctxprune"]
    assert account == {"tokens_before": tokens(messages[3]), "tokens_after": tokens(cut)}
    assert asyncio.run(lexical().aprune(messages)) == found


def test_short_and_failed_and_excluded_results_stay() -> None:
    for pruner, messages in (
        (lexical(), conversation(FACT)),
        (lexical(), conversation(status="error")),
        (lexical(exclude=["search"]), conversation()),
        (lexical(kinds=()), conversation()),
        (lexical(), [ToolMessage(LONG, tool_call_id="1")]),
        (lexical(), [HumanMessage([{"type": "image", "url": "x"}]), ToolMessage(LONG, tool_call_id="1")]),
    ):
        assert all(new is old for new, old in zip(pruner.prune(messages), messages, strict=True))
    assert lexical().prune([]) == []


def test_parts_that_are_no_text_stay_where_they_are() -> None:
    image = {"type": "image", "base64": "QUJD", "mime_type": "image/png"}
    about = "The bridge did open. " * 60 + FACT
    cats = "Cats " + "sleep and " * 40 + "eat."
    parts = [cats, image, {"type": "text", "text": about, "cache_control": {"type": "ephemeral"}}, image]
    cut = lexical().prune(conversation(parts))[3]
    assert [part["type"] for part in cut.content] == ["image", "text", "image"]
    assert [cut.content[0], cut.content[2]] == [image, image]
    assert cut.content[1]["cache_control"] == {"type": "ephemeral"}
    assert cut.content[1]["text"].startswith("The bridge did open.")
    assert tokens(cut) <= 100


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "wrap", [lambda items: items, lambda items: {"took": [1], "found": {"hits": items, "n": 3}, "more": {"a": "]"}}]
)
def test_json_stays_json(indent: int | None, wrap: Any) -> None:
    text = json.dumps(wrap(ITEMS), indent=indent)
    cut = lexical(limit=160).prune(conversation(text))[3]
    assert COUNTER.count(cut.content) <= 160
    data = json.loads(cut.content)
    items = data if isinstance(data, list) else data["found"]["hits"]
    assert ITEMS[40] in items
    assert all(item in ITEMS for item in items)
    assert [item["id"] for item in items] == sorted(item["id"] for item in items)
    if isinstance(data, dict):
        assert data["more"] == {"a": "]"}


@pytest.mark.parametrize("text", [json.dumps({"text": LONG}), json.dumps([LONG]), "[" * 9000 + "]" * 9000])
def test_json_that_cannot_be_cut_stays_whole(text: str) -> None:
    messages = conversation(text)
    assert lexical().prune(messages)[3] is messages[3]


PAGE = "".join(f"<p>Ferry number {i} carries cars and cattle over the wide and cold water.</p>" for i in range(40))
ROWS = "".join(f"{i},Ferry {i},cars and cattle\n" for i in range(60))
FORMS = {
    "csv": (f"id,name,opened\n{ROWS}99,bridge,1933\n", "99,bridge,1933\n"),
    "html": (f"<!doctype html><title>Water</title>{PAGE}<p>{FACT}</p>", f"<p>{FACT}</p>"),
    "log": ("".join(f"2026-01-01 10:00:{i % 60:02} INFO ferry {i} left\n" for i in range(60))
            + f"2026-01-01 11:00:00 INFO {FACT}\n", f"INFO {FACT}"),
    "table": ("| id | name | opened |\n|---|---|---|\n" + "".join(f"| {i} | Ferry {i} | cars |\n" for i in range(60))
              + "| 99 | bridge | 1933 |\n", "| 99 | bridge | 1933 |\n"),
}  # fmt: skip


@pytest.mark.parametrize("form", sorted(FORMS))
def test_results_with_a_form_are_cut_in_it(form: str) -> None:
    if form == "html":
        pytest.importorskip("turbohtml", reason="the html extra is not installed")
    text, kept = FORMS[form]
    [*_, cut] = lexical().prune(conversation(text))
    assert kept in cut.content
    assert tokens(cut) <= 100
    assert cut.content.startswith({"csv": "# (kept ", "html": "<", "log": "2026-01-01 ", "table": "| id | "}[form])


def test_several_parts_share_the_limit() -> None:
    parts = [LONG, json.dumps(ITEMS)]
    cut = lexical(limit=300).prune(conversation(parts))[3]
    assert FACT in cut.content[0]
    assert ITEMS[40] in json.loads(cut.content[1])
    assert sum(map(COUNTER.count, cut.content)) <= 300


def test_earlier_messages_of_other_kinds_where_asked_for() -> None:
    messages = [HumanMessage(LONG, id="1"), AIMessage(LONG, id="2", tool_calls=[{"name": "f", "args": {}, "id": "c"}])]
    messages += [ToolMessage("ok", tool_call_id="c"), HumanMessage(QUESTION + " " + "Please. " * 200, id="3")]
    found = lexical(kinds=("human", "ai")).prune(messages)
    assert all(tokens(message) <= 100 for message in found[:2])
    assert [message.id for message in found] == ["1", "2", None, "3"]
    assert found[1].tool_calls == messages[1].tool_calls
    assert found[3] is messages[3]


def test_the_same_result_is_read_once() -> None:
    class Counting:
        calls = 0

        def score(self, query: str, context: Any) -> list[float]:
            self.calls += 1
            return [float("1933" in unit.text) for unit in context.units]

    scorer = Counting()
    pruner = MessagePruner(limit=100, scorer=scorer)
    first = pruner.prune(conversation())
    assert pruner.prune(conversation()) == first
    assert scorer.calls == 1
    pruner.prune(conversation(), "Which ferry carries cattle?")
    assert scorer.calls == 2
    assert question_of(first) == QUESTION


def test_the_edit_cuts_in_place_from_its_trigger_on() -> None:
    messages = conversation()
    PruneToolResults(trigger=10_000_000).apply(messages, count_tokens=count_tokens_approximately)
    assert messages == conversation()
    PruneToolResults(trigger=100, pruner=lexical()).apply(messages, count_tokens=count_tokens_approximately)
    assert messages == lexical().prune(conversation())
    assert tokens(messages[3]) <= 100


@pytest.mark.parametrize(
    "wrong", [{"limit": 63}, {"limit": True}, {"kinds": "tool"}, {"kinds": ["system"]}, {"exclude": "a"}]
)
def test_wrong_arguments_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        MessagePruner(**wrong)


def test_pickles_prune_alike() -> None:
    pruner = lexical()
    expected = pruner.prune(conversation())
    assert pickle.loads(pickle.dumps(pruner)).prune(conversation()) == expected


def test_parts_that_cannot_be_cut_leave_the_others_less() -> None:
    hits = json.dumps([{"id": index, "text": f"Ferry {index} sails."} for index in range(600)])
    for limit, parts in (
        (64, ["Result: found 500 rows.", hits]),
        (100, [json.dumps({"note": "one " * 30}), hits, LONG]),
    ):
        (found,) = lexical(limit=limit).prune(
            [ToolMessage([{"type": "text", "text": part} for part in parts], tool_call_id="c1")], QUESTION
        )
        account = found.response_metadata["ctxprune"]
        assert account["tokens_after"] <= limit
        assert found.content[0]["text"] == parts[0]
        assert len(found.content) == len(parts)


def test_a_memo_is_bounded_by_number_and_size() -> None:
    memo, built = Memo(3, 5_000), list[str]()

    def build(text: str) -> tuple[str, ...]:
        built.append(text[:1])
        return (text,)

    for letter in "abcd":
        assert memo.get((letter, 1), lambda letter=letter: build(letter * 4)) == (letter * 4,)
    assert memo.get(("b", 1), lambda: build("?")) == ("bbbb",)
    assert built == list("abcd")
    memo.get(("e", 1), lambda: build("e" * 4_000))
    assert 4_000 < memo._used <= 5_000
    assert memo.get(("b", 1), lambda: build("?")) == ("bbbb",)  # the last used stay
    assert len(memo._entries) == 2
    memo.get("huge", lambda: build("f" * 6_000))
    assert memo._used == 0
    assert not memo._entries
    again = pickle.loads(pickle.dumps(memo))
    assert (again._size, again._characters) == (3, 5_000)
