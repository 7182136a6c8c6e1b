"""Messages that were sent once keep their bytes, whatever comes behind them."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.utils import convert_to_openai_messages, count_tokens_approximately

from ctxprune import as_counter
from ctxprune.errors import UsageError
from ctxprune.integrations.langchain import MessagePruner, PruneToolResults, StableMessagePruner
from ctxprune.integrations.langchain.prefix import read_queries
from ctxprune.integrations.recall import MemoryStore, Owner
from ctxprune.scorers import DEFAULT_SCORER

from .test_messages import FORMS

COUNTER = as_counter()
TOPICS = ("bridge", "ferry", "tunnel", "airport", "tram")
FACTS = [f"The {topic} cost {1900 + 7 * number} crowns." for number, topic in enumerate(TOPICS)]
LONG = " ".join(f"Timetable {i} is about cars and cattle over the water." for i in range(30)) + " " + " ".join(FACTS)
ITEMS = json.dumps([{"id": i, "text": f"Timetable {i} is about cars."} for i in range(30)] + FACTS)
SUMMARIES = st.sampled_from(["", *TOPICS])
IMAGE = {"type": "image", "base64": "QUJD", "mime_type": "image/png"}
OWNER = Owner("", "thread")


def stable(**fields: Any) -> StableMessagePruner:
    options = {name: fields.pop(name) for name in ("store", "recall", "tool_name") if name in fields}
    return StableMessagePruner(MessagePruner(**{"scorer": "lexical.v1", "limit": 100, **fields}), **options)


def ask(topic: str, **fields: Any) -> HumanMessage:
    return HumanMessage(f"Tell me about the {topic}.", **fields)


def call(*ids: str, word: str = "timetable") -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "search", "args": {"q": word}, "id": id_} for id_ in ids])


def result(id_: str, content: Any = LONG, **fields: Any) -> ToolMessage:
    return ToolMessage(content, tool_call_id=id_, name="search", **fields)


def wire(messages: list[Any]) -> list[str]:
    """Each message as a provider gets it, and as LangChain writes it."""
    return [json.dumps(convert_to_openai_messages(message)) + dumps(message) for message in messages]


def tokens(message: BaseMessage) -> int:
    return COUNTER.count(str(message.text))


CONTENTS = [LONG, ITEMS, "short", "", FORMS["csv"][0], FORMS["log"][0], [LONG, IMAGE], [{"type": "text", "text": LONG}],
            [IMAGE], [{"type": "text", "text": ITEMS}, {"type": "text", "text": LONG}]]  # fmt: skip


@st.composite
def turns(draw: st.DrawFn, *, named: bool = False) -> list[list[BaseMessage]]:
    """What comes between two calls of a model, several times: any questions, then parallel calls and their results."""
    parts: list[list[BaseMessage]] = []
    for number in range(draw(st.integers(1, 7))):
        with_ids = named or draw(st.booleans())
        new: list[BaseMessage] = []
        for _ in range(draw(st.integers(0, 2))):
            content = draw(st.sampled_from([f"Tell me about the {topic}." for topic in TOPICS] + [LONG, "Thanks!", ""]))
            new.append(HumanMessage([{"type": "text", "text": content}, IMAGE] if draw(st.booleans()) else content))
        if with_ids:
            new = [message.model_copy(update={"id": f"h{number}-{i}"}) for i, message in enumerate(new)]
        parts.append(new)
        ids = draw(st.lists(st.sampled_from("abc"), max_size=3))  # the same ones come again
        asked = [draw(st.sampled_from([{"q": "tram", "n": 3}, {"q": "ferry"}, {"n": 3}])) for _ in ids]
        calls = [{"name": "search", "args": args, "id": id_} for args, id_ in zip(asked, ids, strict=True)]
        new = [AIMessage(draw(st.sampled_from(["", LONG])), tool_calls=calls)]
        status = draw(st.sampled_from(["success", "success", "error"]))
        new += [result(id_, draw(st.sampled_from(CONTENTS)), status=status) for id_ in ids]
        if with_ids:
            new = [message.model_copy(update={"id": f"{number}-{i}"}) for i, message in enumerate(new)]
        parts.append(new)
    return parts


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(turns(), st.sampled_from(["tool", "append", "off"]), st.booleans(), st.data())
def test_the_prefix_of_each_call_is_that_of_the_call_before(
    parts: list[list[BaseMessage]], recall: Any, with_owner: bool, data: st.DataObject
) -> None:
    fields = {"recall": recall, "kinds": ("tool", "ai", "human")}
    owner = OWNER if with_owner else None
    lasting, messages, sent = stable(**fields), [SystemMessage(LONG)], list[str]()
    for new in parts:
        messages = [*messages, *new]
        # The same object, a new one after a restart, or one that shares the store: no difference.
        pruner = data.draw(st.sampled_from([lasting, stable(**fields), stable(store=lasting.kept, **fields)]))
        shown = pruner.prune(messages, owner)
        written = wire(shown)
        assert written[: len(sent)] == sent
        assert [message.type for message in shown] == [message.type for message in messages]
        for index, message in enumerate(shown):
            if message is not messages[index] and message.type != "human":
                assert tokens(message) <= 100
        sent = written
    assert wire(asyncio.run(stable(**fields).aprune(messages, owner))) == sent


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(turns(named=True), st.sampled_from(["tool", "append"]), st.data())
def test_where_messages_are_deleted_or_summarised_the_others_keep_their_bytes(
    parts: list[list[BaseMessage]], recall: Any, data: st.DataObject
) -> None:
    # A question in front of all, where there was none or another one.
    store: MemoryStore[Any] = MemoryStore()
    fields = {"recall": recall, "kinds": ("tool", "ai"), "store": store}
    messages: list[BaseMessage] = []
    sent: dict[str, str] = {}
    for new in parts:
        gone = data.draw(st.sets(st.sampled_from([message.id for message in messages]))) if messages else set()
        summary = [HumanMessage(f"Summary: the {topic}.", id=topic)] if (topic := data.draw(SUMMARIES)) else []
        kept = [message for message in messages if message.id not in {*gone, topic}]
        messages = [*summary, *kept, *new]
        for whole, written in zip(messages, wire(stable(**fields).prune(messages, OWNER)), strict=True):
            assert sent.setdefault(str(whole.id), written) == written


def test_a_result_is_cut_for_the_question_when_it_came_and_for_its_call() -> None:
    messages = [ask("bridge"), call("1"), result("1"), AIMessage("In 1900."), ask("tunnel")]
    messages += [call("2"), result("2"), call("3", "4", word="tram"), result("4"), result("3")]
    assert read_queries(messages)[2] == "Tell me about the bridge.\ntimetable"
    assert read_queries(messages)[8] == "Tell me about the tunnel.\ntram"
    shown = stable().prune(messages)
    assert FACTS[0] in shown[2].content
    assert FACTS[2] not in shown[2].content
    assert FACTS[2] in shown[6].content
    assert FACTS[4] in shown[8].content == shown[9].content
    for index in (2, 6, 8, 9):
        assert tokens(shown[index]) <= 100
        assert f"recall id {shown[index].response_metadata['ctxprune']['id']}" in shown[index].content


def test_of_calls_with_the_same_id_the_last_one_before_a_result_is_meant() -> None:
    messages = [ask("x"), call("1", word="tunnel"), result("1"), call("1", word="tram"), result("1")]
    assert [query.splitlines()[-1] for query in read_queries(messages) if "\n" in query] == ["tunnel", "tram"]


def test_what_a_call_says_is_bounded() -> None:
    nested: Any = "deep"
    for _ in range(2_000):
        nested = {"a": [nested]}
    args = {"text": "trams", "path": "a.txt", "queries": ["b"] * 5_000, "searchTerms": "word " * 1_000, "where": nested}
    messages = [ask("x"), AIMessage("", tool_calls=[{"name": "write", "args": args, "id": "1"}]), result("1")]
    query = read_queries(messages)[2]
    assert query.startswith("Tell me about the x.\nb b b")
    assert len(query) <= 440


def test_numbers_of_a_call_are_no_search_unless_they_are_long() -> None:
    messages = [ask("x"), call("1", word="page 3 of 20, orders 4711 and A-17"), result("1")]
    assert read_queries(messages)[2] == "Tell me about the x.\npage of 20, orders 4711 and A-17"


def test_human_messages_stay_whole_and_ai_messages_are_cut_from_the_start() -> None:
    messages = [HumanMessage(LONG), AIMessage(LONG), ask("tram"), ask("ferry")]
    shown = stable(kinds=("tool", "human", "ai")).prune(messages)
    assert [new is old for new, old in zip(shown, messages, strict=True)] == [True, False, True, True]
    assert stable().prune(messages) == messages


def test_without_a_question_a_result_is_cut_for_its_call_or_never() -> None:
    messages = [call("1", word="tunnel"), result("1"), result("2"), ask("tram")]
    shown = stable().prune(messages)
    assert FACTS[2] in shown[1].content
    assert shown[2] is messages[2]


def test_concurrent_calls_and_any_order_give_the_same() -> None:
    messages = [ask("bridge")]
    for number, topic in enumerate(TOPICS * 2):
        messages += [call(str(number)), result(str(number), id=f"m{number}"), ask(topic)]
    prefixes = [messages[: end + 1] for end in range(0, len(messages), 3)]
    expected = [wire(stable().prune(prefix)) for prefix in prefixes]
    pruner = stable()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda prefix: wire(pruner.prune(prefix, OWNER)), reversed(prefixes)))
    assert found[::-1] == expected


def test_where_messages_vanish_the_store_decides() -> None:
    messages = [ask("bridge"), call("1"), result("1", id="r"), AIMessage("In 1900.", id="a"), ask("tram", id="h")]
    store: MemoryStore[Any] = MemoryStore()
    (sent,) = wire(stable(store=store).prune(messages, OWNER)[2:3])
    trimmed = [HumanMessage("Summary: the user asks about tunnels."), *messages[1:]]
    assert wire(stable(store=store).prune(trimmed, OWNER)[2:3]) == [sent]
    assert wire(stable(store=store).prune(messages[1:], OWNER)[1:2]) == [sent]
    # Another conversation, an edited message or none of this id: cut anew.
    assert wire(stable(store=store).prune(trimmed, Owner("", "other"))[2:3]) != [sent]
    assert wire(stable(store=store).prune(trimmed, Owner("other", "thread"))[2:3]) != [sent]
    edited = [*trimmed[:2], result("1", f"{LONG} More.", id="r")]
    assert wire(stable(store=store).prune(edited, OWNER)[2:3]) != [sent]
    unnamed = [*trimmed[:2], result("1")]
    assert FACTS[2] not in stable(store=store).prune(messages, OWNER)[2].content
    assert stable(store=store).prune(unnamed, OWNER)[2].content != json.loads(sent.partition("}{")[0] + "}")["content"]


def test_what_was_sent_whole_is_never_cut_later() -> None:
    store: MemoryStore[Any] = MemoryStore()
    called = AIMessage("", tool_calls=[{"name": "search", "args": {"n": 3}, "id": "1"}])
    messages = [called, result("1", id="r")]
    assert stable(store=store).prune(messages, OWNER)[1] is messages[1]
    # A summary gives a question to what had none.
    later = [HumanMessage("Summary: the user asks about trams."), *messages]
    assert stable(store=store).prune(later, OWNER)[2] is messages[1]
    assert stable().prune(later, OWNER)[2] is not messages[1]
    # What came before the trigger of an edit stays as it was, too.
    first = [ask("bridge"), call("1"), result("1", id="f")]
    assert stable(store=store).prune(first, OWNER, first=3)[2] is first[2]
    assert stable(store=store).prune(first, OWNER)[2] is first[2]


@pytest.mark.parametrize("scorer", ["lexical.v1", DEFAULT_SCORER])
def test_a_long_question_is_read_at_its_ends(scorer: str) -> None:
    asked = f"Tell me about the tram. {'Lorem ipsum dolor. ' * 60_000}Tell me about the ferry."
    messages = [HumanMessage(asked), call("1"), result("1")]
    assert len(read_queries(messages)[2]) <= 2_000
    start = time.process_time()
    pruner = stable(scorer=scorer)
    cut = str(pruner.prune(messages)[2].content)
    seconds = time.process_time() - start
    assert FACTS[4] in cut
    assert FACTS[1] in cut
    start = time.process_time()
    pruner.prune([ask("tram"), *messages[1:]])
    short = time.process_time() - start
    assert seconds < 1 + 3 * short
    unstable = MessagePruner(limit=100, scorer=scorer).prune(messages, asked)[2]
    assert FACTS[1] in unstable.content
    for memo in (pruner.memo, pruner.parts):
        assert all(len(key) == 32 for key in memo._entries)


def test_by_default_results_of_two_thousand_tokens_stay_whole() -> None:
    fits = "word " * 1_900
    messages = [ask("bridge"), call("1"), result("1", fits), result("1", fits * 2)]
    for pruner in (StableMessagePruner(), PruneToolResults().pruner):
        assert pruner.pruner.limit == 2_000
    assert StableMessagePruner().prune(messages)[2] is messages[2]
    assert StableMessagePruner().prune(messages)[3] is not messages[3]
    assert MessagePruner().limit == 1_000


def test_notes_keep_the_form() -> None:
    id_, note = r"[0-9a-f]{12}", r"\d+ of \d+ tokens left out"
    for content, pattern in (
        (LONG, rf"\n\[{note}; recall id {id_}\]\Z"),
        (FORMS["csv"][0], rf"\n# {note}; recall id {id_}\Z"),
        (FORMS["table"][0], rf"\n\n\[{note}; recall id {id_}\]\Z"),
        (FORMS["log"][0], rf"\n\[{note}; recall id {id_}\]\Z"),
        (ITEMS, rf', {{"ctxprune": "{note}; recall id {id_}"}}\]\Z'),
        (json.dumps({"hits": json.loads(ITEMS), "n": 3}, indent=1), rf', "ctxprune": "{note}; recall id {id_}"}}\Z'),
    ):
        (_, _, cut) = stable().prune([ask("bridge"), call("1"), result("1", content)])
        assert isinstance(cut.content, str)
        assert re.search(pattern, cut.content), cut.content
        if content.startswith(("[", "{")):
            json.loads(cut.content)
    (_, _, cut) = stable().prune([ask("bridge"), call("1"), result("1", [{"type": "text", "text": ITEMS}, IMAGE])])
    assert [part["type"] for part in cut.content] == ["text", "image", "text"]
    assert FACTS[0] in json.loads(cut.content[0]["text"])
    assert "recall id" in cut.content[2]["text"]
    own = json.dumps({"ctxprune": "mine", "hits": json.loads(ITEMS)})
    (_, _, cut) = stable().prune([ask("bridge"), call("1"), result("1", own)])
    found = json.loads(cut.content)
    assert found["ctxprune"] == "mine"
    assert "recall id" in found["ctxprune_"]
    (_, _, cut) = stable(recall="off").prune([ask("bridge"), call("1"), result("1")])
    assert "left out]" in cut.content
    assert "recall" not in cut.content


def test_a_limit_without_room_for_a_note_is_kept_all_the_same() -> None:
    (_, _, cut) = stable(limit=64, counter=len).prune([ask("bridge"), call("1"), result("1")])
    assert len(cut.content) <= 64
    assert cut.content in LONG


def test_an_edit_cuts_what_comes_behind_its_trigger_and_then_always() -> None:
    store: MemoryStore[Any] = MemoryStore()
    edit = PruneToolResults(trigger=1_000, pruner=stable(store=store, recall="off"))
    messages: list[BaseMessage] = [ask("bridge")]
    sent: list[str] = []
    for number in range(6):
        messages += [call(str(number)), result(str(number), id=f"m{number}"), ask(TOPICS[number % 5])]
        shown = list(messages)
        edit.apply(shown, count_tokens=count_tokens_approximately)
        written = wire(shown)
        assert written[: len(sent)] == sent
        sent = written
    cut = [new is not old for new, old in zip(shown, messages, strict=True) if new.type == "tool"]
    assert cut == sorted(cut)
    assert {False, True} == set(cut)


@pytest.mark.parametrize("trigger", [0, 20_000, 10_000_000])
def test_an_edit_counts_few_beginnings_of_a_long_conversation(trigger: int) -> None:
    counted: list[int] = []

    def count(messages: Any) -> int:
        counted.append(len(messages))
        return count_tokens_approximately(messages)

    messages: list[BaseMessage] = [ask("bridge")]
    for number in range(250):
        messages += [call(str(number)), result(str(number))]
    shown = list(messages)
    PruneToolResults(trigger, stable(recall="off")).apply(shown, count_tokens=count)
    assert len(counted) <= 11  # 501 messages: one for all, and nine halvings
    fits = [place for place in range(501) if count_tokens_approximately(messages[: place + 1]) <= trigger]
    cut = [place for place, message in enumerate(shown) if message is not messages[place]]
    assert cut == [place for place in range(len(fits), 501) if messages[place].type == "tool"]


APART = """
import hashlib, json, sys
from langchain_core.load import loads
from ctxprune.integrations.langchain import StableMessagePruner
messages = loads(sys.stdin.read(), allowed_objects="messages")
shown = StableMessagePruner(recall="append").prune(messages)
print(json.dumps([message.content for message in shown]))
"""


def test_other_processes_cut_alike_by_the_bundled_model() -> None:
    messages: list[BaseMessage] = []
    for number, content in enumerate((LONG * 9, ITEMS, FORMS["csv"][0] * 40)):
        messages += [ask(TOPICS[number]), call(str(number)), result(str(number), content), AIMessage("So it is.")]
    found = [
        subprocess.run(
            [sys.executable, "-c", APART],
            input=dumps([*messages, ask("tram")]),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    shown = StableMessagePruner(recall="append").prune([*messages, ask("tram")])
    assert found == [json.dumps([message.content for message in shown]) + "\n"] * 2
    assert sum(new.content != old.content for new, old in zip(shown, messages, strict=False)) >= 2


def test_pickles_prune_alike() -> None:
    messages = [ask("bridge"), call("1"), result("1")]
    pruner = stable()
    assert wire(pickle.loads(pickle.dumps(pruner)).prune(messages)) == wire(pruner.prune(messages))


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(UsageError, match="pruner"):
        StableMessagePruner("lexical.v1")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="recall"):
        StableMessagePruner(recall="yes")  # type: ignore[arg-type]
    for wrong in ("", "two words", "x" * 65, 1):
        with pytest.raises(UsageError, match="tool_name"):
            StableMessagePruner(tool_name=wrong)  # type: ignore[arg-type]
