"""Answers keep to their budget and leave room for rows, however much there is to say beside these."""

from __future__ import annotations

import pytest

from ctxprune.integrations.mcp.budget import ReplyBudget
from ctxprune.integrations.sql_tools.budget import ContentBudget
from ctxprune.integrations.sql_tools.frames import fit_frame, fit_reply, fit_verdict, write_shortened
from ctxprune.integrations.sql_tools.rows import fit_rows
from ctxprune.sql.database.result_set import ResultSet
from ctxprune.sql.guard import Verdict

WORDS = {"latin": "some words of a sentence ", "han": "漢字文章", "escaped": '"\\\n', "emoji": "🦀🧨"}
MANY = ResultSet(("number",), tuple((number,) for number in range(9_000)))
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
    whole = frame_of(text)
    part = fit_frame(whole, replies, TOWNS)
    frame = part.content
    fitted = fit_rows(TOWNS, "Łódź?", frame, replies)
    assert replies.count(fitted.content) <= budget
    assert fitted.content["rows"]
    assert not part.complete
    assert not fit_reply(whole, TOWNS, "Łódź?", replies).complete
    note = fitted.content["note"]
    assert "other_sql did not fit" in note or frame["other_sql"] == whole["other_sql"]
    assert f"{len(frame['doubts'])} of 9 doubts are shown" in note
    assert f"{len(frame['unused'])} of 30 unused words are shown" in note
    told = note.partition("shortened: ")[2].partition(";")[0].split(", ")
    cut = [name for name in ("reason", "question_back", "sql") if frame[name] != whole[name]]
    cut += [name for name in ("unused", "doubts") if any(text.endswith("…") for text in frame[name])]
    assert told == cut
    assert "sql" in told
    statement = fit_reply({"database": "shop", "recall": "x" * 22, "sql": text * 500}, TOWNS, "", replies)
    assert statement.content["rows"]
    assert replies.count(statement.content) <= budget


LONG = f"SELECT name FROM city WHERE name IN ({', '.join(repr(f'n{number:04}') for number in range(400))})"


@pytest.mark.parametrize("replies", [ContentBudget(8_000), ReplyBudget(8_000)])
def test_what_fits_is_not_cut(replies: ContentBudget) -> None:
    frame = {
        "outcome": "tentative", "confidence": 0.5, "sql": LONG, "reason": "why " * 200, "doubts": ["a"],
        "unused": ["b"], "question_back": "which? " * 100, "other_sql": "SELECT 2" * 30,
    }  # fmt: skip
    fitted = fit_reply(frame, TOWNS, "", replies)
    assert fitted.complete
    assert fitted.content == frame | {
        "columns": ["town", "people"],
        "rows": [list(row) for row in TOWNS.rows],
        "row_count": 2,
        "truncated": False,
        "note": "",
    }
    verdict = fit_verdict(Verdict(False, "no " * 300, LONG), {"dialect": "sqlite"}, replies)
    assert (verdict.complete, verdict.content["sql"], verdict.content["note"]) == (True, LONG, "")
    assert verdict.content["reason"] == "no " * 300


def test_rows_that_do_not_fit_take_no_more_than_their_share() -> None:
    many = ResultSet(("town", "people"), tuple((f"Town{number}", number) for number in range(9_000)))
    replies = ContentBudget(8_000)
    fitted = fit_reply({"sql": LONG}, many, "", replies)
    assert fitted.content["sql"] == LONG
    assert len(fitted.content["rows"]) > 100
    longer = fit_reply({"sql": LONG * 4}, many, "", replies)
    assert longer.content["note"].startswith("shortened: sql; ")
    assert len(longer.content["rows"]) > 100


def test_what_is_cut_can_be_written_in_full() -> None:
    frame = frame_of("some words ")
    content = fit_frame(frame, ReplyBudget(1_000), TOWNS).content
    text = write_shortened(frame, content)
    assert f"sql: {frame['sql']}" in text
    assert f"other_sql: {frame['other_sql']}" in text
    assert "\n".join(frame["doubts"]) in text
    assert "outcome" not in text
    assert write_shortened({"sql": "SELECT 1", "reason": ""}, {"sql": "SELECT 1", "reason": ""}) == ""


@pytest.mark.parametrize("tokens", [600, 2_000])
def test_a_verdict_on_a_long_statement_says_that_it_is_cut(tokens: int) -> None:
    replies = ReplyBudget(tokens)
    verdict = fit_verdict(Verdict(True, "", LONG * 9), {"dialect": "sqlite"}, replies)
    assert not verdict.complete
    assert verdict.content["note"] == "shortened: sql"
    assert replies.fits(verdict.content)


def test_the_least_needed_parts_go_first() -> None:
    frame = frame_of("word ") | {"sql": "SELECT 1", "other_sql": "SELECT 2", "unused": ["a"], "doubts": ["b", "c" * 80]}
    frame |= {"reason": "", "question_back": "d"}
    assert fit_frame(frame, ReplyBudget(8_000), MANY).content == frame
    sizes = set()
    for tokens in range(900, 600, -10):
        part = fit_frame(frame, ReplyBudget(tokens), MANY).content
        shown = [bool(part["other_sql"]), bool(part["unused"]), len(part["doubts"]) > 1]
        assert shown == sorted(shown)  # what goes later stays at least as long
        sizes.add(tuple(shown))
        assert part["sql"] == "SELECT 1"
    assert len(sizes) > 1
