"""Traces of `sql ask` as taught answers: kept where different queries agree, with the reason for each."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.sql import Database, Pipeline
from ctxprune.sql.guard import Guard
from ctxprune.sql.guard.execution import GuardedRunner
from ctxprune.sql.knowledge import KnowledgeFile, Pair
from ctxprune.sql.knowledge.check import Checker
from ctxprune.sql.knowledge.traces import TRACE_LIMITS, TracedVerdict, check_traces, read_traces

COUNT, OTHER = "SELECT count(*) FROM city", "SELECT count(name) FROM city"
WRONG, MORE_WRONG = "SELECT max(population) FROM city", "SELECT population FROM city ORDER BY 1 DESC LIMIT 1"


def trace(*queries: str, question: str = "How many cities?", chosen: int | None = 0, **more: object) -> dict:
    candidates = [{"sql": text, "ran": text, "rows": 1, "error": ""} for text in queries]
    document = {"format": "ctxprune-trace", "version": 1, "question": question, "database": "shop"}
    return document | {"candidates": candidates, "chosen": chosen} | more


def judged(shop: Path, *traces: dict, agree: int = 2) -> list[TracedVerdict]:
    file = shop.parent / "traces.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in traces), "utf-8")
    before = hashlib.sha256(shop.read_bytes()).digest()
    with Database(shop) as database:
        schema = database.schema()
        runner = GuardedRunner(database, Guard(schema.dialect, schema), TRACE_LIMITS)
        found = list(check_traces(read_traces(file), runner, Checker(schema), database=database.name, agree=agree))
    assert hashlib.sha256(shop.read_bytes()).digest() == before
    assert sorted(path.name for path in shop.parent.iterdir()) == ["shop.sqlite", "traces.jsonl"]
    return found


def test_what_different_queries_confirm_is_kept(shop: Path):
    (found,) = judged(shop, trace(COUNT, OTHER, WRONG))
    assert found == TracedVerdict(
        "How many cities?", Pair("How many cities?", COUNT), "2 different queries give the same 1 row"
    )
    (found,) = judged(shop, trace("SELECT name FROM city ORDER BY 1", "SELECT name FROM city", chosen=1))
    assert found.pair == Pair("How many cities?", "SELECT name FROM city")
    assert found.reason == "2 different queries give the same 4 rows"


@pytest.mark.parametrize(
    ("queries", "why"),
    [
        ((COUNT,), "1 of 1 different queries give its result; 2 are needed"),
        ((COUNT, f"{COUNT.lower()} ;", f"{COUNT}  -- again", f"/* x */ {COUNT}"), "1 of 1 different queries"),
        ((COUNT, WRONG), "1 of 2 different queries give its result; 2 are needed"),
        ((COUNT, "SELECT x FROM city", "DROP TABLE city"), "give its result, 2 failed; 2 are needed"),
        ((COUNT, OTHER, WRONG, MORE_WRONG), "as many queries give another result"),
        (("DROP TABLE city", OTHER), "the chosen query fails: "),
        (("INSERT INTO city VALUES ('x', 'y', 1)", OTHER), "the chosen query fails: "),
        (("SELECT count(*) FROM city; DELETE FROM city", OTHER), "the chosen query fails: "),
        (("ATTACH 'x.db' AS x", OTHER), "the chosen query fails: "),
        (("", OTHER), "no query was chosen"),
        (
            ("SELECT count(*) FROM city WHERE name = 'x'", "SELECT count(name) FROM city WHERE name = 'x'"),
            "its result is empty, NULL or 0",
        ),
        (("SELECT name FROM city WHERE 0", "SELECT name FROM city WHERE name = 'x'"), "its result is empty"),
        (('SELECT max(id) FROM "order items" WHERE id > 9', "SELECT NULL FROM city LIMIT 1"), "its result is empty"),
    ],
)
def test_what_is_not_confirmed_is_left(shop: Path, queries: tuple[str, ...], why: str):
    (found,) = judged(shop, trace(*queries))
    assert found.pair is None
    assert why in found.reason


def test_traces_of_a_question_are_judged_together(shop: Path):
    (found,) = judged(shop, trace(COUNT), trace(OTHER, question="how many CITIES"), trace(COUNT, WRONG))
    assert found.pair == Pair("How many cities?", COUNT)
    (found,) = judged(shop, trace(COUNT, OTHER), trace(WRONG, MORE_WRONG))
    assert found.reason == "traces of this question chose queries with different results"
    (found,) = judged(shop, trace(COUNT, OTHER, chosen=None))
    assert found.reason == "no query was chosen"


def test_others_databases_and_odd_questions_are_left(shop: Path):
    found = judged(
        shop,
        trace(COUNT, OTHER, database="bank"),
        trace(COUNT, OTHER, question=" "),
        trace(COUNT, OTHER, database="SHOP"),
    )
    assert "line 1 is of another database, 'bank'" in found[0].reason
    assert "line 2: question is ' ', not a text" in found[1].reason
    assert found[2].pair is not None


def test_more_queries_may_be_asked_for(shop: Path):
    third = "SELECT sum(1) FROM city"
    assert judged(shop, trace(COUNT, OTHER), agree=3)[0].pair is None
    assert judged(shop, trace(COUNT, OTHER, third), agree=3)[0].pair is not None
    with pytest.raises(UsageError, match="agree is 1"):
        judged(shop, trace(COUNT), agree=1)


def test_no_more_than_64_queries_run(shop: Path):
    many = [f"SELECT {n} FROM city" for n in range(100)]
    (found,) = judged(shop, trace(*many, COUNT, chosen=100))
    assert found.reason.startswith("1 of 64 different queries")


def test_long_and_slow_queries_are_left(shop: Path, monkeypatch: pytest.MonkeyPatch):
    (found,) = judged(shop, trace(COUNT, f"SELECT count(*) FROM city WHERE name <> '{'x' * 20_000}'"))
    assert "1 failed" in found.reason
    monkeypatch.setattr("ctxprune.sql.knowledge.traces._MOST_SECONDS", -1.0)
    assert judged(shop, trace(COUNT, OTHER))[0].reason == "its queries take over -1 seconds together"


def test_a_real_trace_is_read(shop: Path):
    file = shop.parent / "trace.json"
    with Database(shop) as database:
        answer = Pipeline(database).ask("How many cities are in Brazil?")
    for document in (answer.trace.to_dict(), answer.to_dict()):
        file.write_text(json.dumps(document, indent=1, default=str), "utf-8")
        (found,) = read_traces(file)
        assert (found.question, found.database) == (answer.trace.question, answer.trace.database)
        assert found.answer == answer.sql


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no traces"),
        ("[]", "holds no traces"),
        ("{}", "trace 1: it is not a trace"),
        ("[1]", "trace 1: it is not a trace"),
        ("nonsense", "line 1 is not JSON"),
        ("[" * 100_000, "line 1 is not JSON"),
        (json.dumps(trace(COUNT)) + '\n{"format": \n', "line 2 is not JSON"),
        (json.dumps(trace(COUNT)) + "\n\n[]\n", "line 3: it is not a trace"),
        (json.dumps(trace(COUNT, version=2)), "its version is 2, this ctxprune reads 1"),
        (json.dumps(trace(COUNT, question=3)), "it lacks a question"),
        (json.dumps(trace(COUNT, candidates={})), "it lacks a question, a database or candidates"),
        (json.dumps(trace(COUNT, candidates=[3])), "a candidate is not an object with sql"),
        (json.dumps(trace(COUNT, candidates=[{"sql": 3, "ran": "x"}])), "a candidate is not an object"),
        (json.dumps(trace(COUNT, chosen=1)), "chosen is 1, and there are 1 candidates"),
        (json.dumps(trace(COUNT, chosen=True)), "chosen is True"),
        (json.dumps({"trace": {"trace": 1}}), "it is not a trace"),
        ("\udcff", "cannot be read"),
    ],
)
def test_files_that_are_no_traces(tmp_path: Path, text: str, said: str):
    file = tmp_path / "traces.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match="trace") as caught:
        read_traces(file)
    assert said in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_traces(tmp_path)


def test_what_was_taught_before_is_not_replaced(tmp_path: Path):
    file = KnowledgeFile(tmp_path / "shop.jsonl")
    file.add([Pair("How many?", "SELECT 1")])
    change = file.add([Pair("how MANY", "SELECT 2"), Pair("Which?", "SELECT 3")], replace=False)
    assert change.left == (Pair("how MANY", "SELECT 2"),)
    assert change.added == (Pair("Which?", "SELECT 3"),)
    assert file.read() == (Pair("How many?", "SELECT 1"), Pair("Which?", "SELECT 3"))
    assert file.add([Pair("Which?", "SELECT 3")], replace=False).unchanged == (Pair("Which?", "SELECT 3"),)
