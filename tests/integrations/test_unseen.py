"""Scores by which what was shown comes last."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ctxprune.context import Context
from ctxprune.integrations.unseen import UnseenFirst
from ctxprune.rag.jsondocument import json_lists
from ctxprune.rag.kinds import read_context
from ctxprune.rag.passages.passages import Passages
from ctxprune.scorers import SCORERS

LONG = "The old lighthouse of the northern harbour was painted {} in the summer, " + "and people came to see it, " * 20


def by_words(*shown: str) -> UnseenFirst:
    return UnseenFirst(SCORERS.get("lexical.v1")(), shown)


def shown_units(scorer: UnseenFirst, context: Context[Any]) -> list[bool]:
    return scorer._find_shown(["".join(unit.text.split()).replace("|", "") for unit in context.units])


def test_a_short_text_that_recurs_was_shown_where_its_neighbour_was() -> None:
    heads = ["Net sales of the northern region, in millions", "Costs of the southern region, in millions"]
    lines = [heads[0], "12.5", "7", heads[1], "12.5"]
    bare = ["".join(line.split()) for line in lines]
    assert by_words("\n".join(lines[:3]))._find_shown(bare) == [True, True, True, False, False]
    assert by_words("12.5")._find_shown(["12.5"]) == [True]
    assert by_words("1,578")._find_shown(["57", "Net sales"]) == [False, False]


def test_long_units_that_were_shown_come_last_and_others_keep_theirs() -> None:
    texts = [LONG.format(colour) for colour in ("red", "white", "green")]
    context = Passages([*texts, "Nothing of it here."])
    plain = by_words().score("lighthouse painted red white green", context)
    shown = UnseenFirst(SCORERS.get("lexical.v1")(), [f"x {texts[1]} y"]).score(
        "lighthouse painted red white green", context
    )
    places = [index for index, unit in enumerate(context.units) if "white" in unit.text]
    assert places
    assert all(shown[index] < plain.min() for index in places)
    others = [index for index in range(len(plain)) if index not in places]
    np.testing.assert_array_equal(shown[others], plain[others])
    assert plain[places[0]] > plain.min()


def test_shown_rows_of_a_page_and_items_of_json_are_known_in_other_white_space() -> None:
    rows = "".join(f"<tr><td>Lake {n} {'with a long name ' * 30}<td>{n}</td></tr>" for n in range(4))
    page = read_context(f"<!DOCTYPE html><html><body><table>{rows}</table></body></html>", "html")
    last = len(page.units) - 1
    kept = page.render([last])
    assert shown_units(by_words(kept), page)[-2:] == [False, True]
    items = json_lists(json.dumps([{"about": "b c", "n": n} for n in range(3)]))
    assert items is not None
    seen = by_words(json.dumps([{"about": "b c", "n": 1}], indent=2))
    assert shown_units(seen, items) == [False, True, False]


def test_columns_keep_their_scores() -> None:
    table = read_context("city,people\nBern,1\nBasel,2\n", "csv")
    plain = by_words().score("people of Basel", table)
    scored = by_words("city,people\nBern,1\nBasel,2\n").score("people of Basel", table)
    np.testing.assert_array_equal(scored[:2], plain[:2])


@pytest.mark.parametrize("kind", ["prose", "lines", "items", "nested"])
def test_recall_with_the_same_query_goes_on(kind: str) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    from ctxprune.integrations.langchain import MessagePruner, StableMessagePruner

    sentences = [f"In {1800 + n} the harbour of Ostend had {n} piers, with lamps for all." for n in range(200)]
    texts = {
        "prose": " ".join(sentences),
        "lines": "year,what,number\n" + "\n".join(f"{1800 + n},the harbour had piers,{n}" for n in range(250)),
        "items": json.dumps(sentences),
        "nested": json.dumps({"parts": [{"about": "piers", "lines": sentences[i::50]} for i in range(50)]}),
    }
    pruner = StableMessagePruner(MessagePruner(limit=600, scorer="lexical.v1"))
    call = {"name": "search", "args": {}, "id": "1"}
    messages = [HumanMessage("How many piers had the harbour?"), AIMessage("", tool_calls=[call]),
                ToolMessage(texts[kind], tool_call_id="1", name="search")]  # fmt: skip
    id_ = pruner.prune(messages)[2].response_metadata["ctxprune"]["id"]
    replies: list[str] = []
    for number in range(3):
        reply = pruner.recall_text(messages, "How many piers had the harbour?", id_)
        again = {"name": "recall", "args": {"query": "How many piers had the harbour?"}, "id": f"r{number}"}
        messages += [AIMessage("", tool_calls=[again]), ToolMessage(reply, tool_call_id=f"r{number}", name="recall")]
        replies.append(reply)
    years = [{n for n in range(250) if str(1800 + n) in reply} for reply in replies]
    assert all(years)
    # But for the few best ones, each reply is new.
    assert len(years[1] - years[0]) > len(years[1]) / 2
    assert len(years[2] - years[1] - years[0]) > len(years[2]) / 2
