"""Answers keep to their budget and leave room for rows, however much there is to say beside these."""

from __future__ import annotations

import pytest

from ctxprune.integrations.mcp.budget import ReplyBudget
from ctxprune.integrations.sql_tools.frames import fit_frame
from ctxprune.integrations.sql_tools.rows import fit_rows
from ctxprune.sql.database.result_set import ResultSet

WORDS = {"latin": "some words of a sentence ", "han": "漢字文章", "escaped": '"\\\n', "emoji": "🦀🧨"}
TOWNS = ResultSet(("town", "people"), (("Paris", 2_100_000), ("Łódź", 670_000)))


def frame_of(text: str) -> dict:
    long = (text * 600)[:600]
    return {
        "database": "shop", "outcome": "tentative", "confidence": 0.5, "sql": text * 500, "reason": long,
        "doubts": [f"{number}{long}" for number in range(9)], "unused": [text * 3] * 30, "question_back": long,
        "other_sql": text * 500, "recall": "x" * 22,
    }  # fmt: skip


@pytest.mark.parametrize("budget", [600, 1_000, 8_000])
@pytest.mark.parametrize("text", WORDS.values(), ids=WORDS.keys())
def test_a_frame_leaves_room_for_rows(text: str, budget: int) -> None:
    replies = ReplyBudget(budget)
    frame = fit_frame(frame_of(text), replies)
    fitted = fit_rows(TOWNS, "Łódź?", frame, replies)
    assert replies.count(fitted.content) <= budget
    assert fitted.content["rows"]
    assert "other_sql did not fit" in fitted.content["note"] or fitted.content["other_sql"]
    assert f"{len(frame['doubts'])} of 9 doubts are shown" in fitted.content["note"]
    assert f"{len(frame['unused'])} of 30 unused words are shown" in fitted.content["note"]
    statement = fit_frame({"database": "shop", "recall": "x" * 22, "sql": text * 500}, replies)
    assert fit_rows(TOWNS, "", statement, replies).content["rows"]


def test_the_least_needed_parts_go_first() -> None:
    frame = frame_of("word ") | {"sql": "SELECT 1", "other_sql": "SELECT 2", "unused": ["a"], "doubts": ["b", "c" * 80]}
    frame |= {"reason": "", "question_back": "d"}
    assert fit_frame(frame, ReplyBudget(8_000)) == frame
    sizes = set()
    for tokens in range(900, 600, -10):
        part = fit_frame(frame, ReplyBudget(tokens))
        shown = [bool(part["other_sql"]), bool(part["unused"]), len(part["doubts"]) > 1]
        assert shown == sorted(shown)  # what goes later stays at least as long
        sizes.add(tuple(shown))
        assert part["sql"] == "SELECT 1"
    assert len(sizes) > 1
