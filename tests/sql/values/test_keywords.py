"""Keywords that a model names."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values.keywords import ChatKeywords, KeywordLookup

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "generate" / "chat_fakes.py")))
QUESTION = "who lives in the Big Apple?"


def test_a_keyword_adds_its_values(towns):
    assert "New York City" not in {hit.value for hit in towns.lookup(QUESTION)}
    found = KeywordLookup(towns, lambda question, evidence: ["New York City", "Big Apple", ""]).lookup(QUESTION)
    (hit,) = [hit for hit in found if hit.value == "New York City"]
    assert (hit.ref, hit.span, hit.score) == (ColumnRef("town", "name"), (0, len(QUESTION)), 1.0)


def test_a_keyword_of_the_question_keeps_its_place(towns):
    question, evidence = "who lives there?", "there is LODZ"
    lookup = KeywordLookup(towns, lambda *_: ["Lodz"])
    (hit, *_) = lookup.lookup(question, evidence)
    assert (hit.value, f"{question}\n{evidence}"[slice(*hit.span)]) == ("Łódź", "LODZ")


def test_what_the_question_finds_itself_stays(towns):
    alone = towns.lookup("engineers of Springfield")
    assert KeywordLookup(towns, lambda *_: []).lookup("engineers of Springfield") == alone
    both = KeywordLookup(towns, lambda *_: ["doctor", "Springfield"]).lookup("engineers of Springfield")
    assert set(both) > set(alone)
    assert len({(hit.ref, hit.value) for hit in both}) == len(both)


def test_only_the_first_keywords_count(towns):
    assert KeywordLookup(towns, lambda *_: ["nothing", "doctor"], most=1).lookup("who?") == []
    with pytest.raises(UsageError):
        KeywordLookup(towns, lambda *_: [], most=0)


def test_an_empty_question_asks_no_model(towns):
    assert list(KeywordLookup(towns, lambda *_: 1 / 0).lookup(" ")) == []
    with pytest.raises(ZeroDivisionError):
        KeywordLookup(towns, lambda *_: 1 / 0).lookup("who?")


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ('["New York City", "USA"]', ("New York City", "USA")),
        ('Here you are:\n```json\n["New York City", 3]\n```', ("New York City",)),
        ('- New York City\n* "USA"\n2. Lodz', ("New York City", "USA", "Lodz")),
        ("I cannot tell.", ()),
        ("[broken", ()),
        ("['single']", ()),
    ],
)
def test_answers_of_a_chat_model(answer, wanted):
    assert ChatKeywords(fakes.FakeModel(lambda *_: answer))(QUESTION, "") == wanted


def test_a_failing_chat_model_names_nothing_and_is_in_the_trace(towns, database):
    def fail(*_):
        raise OSError("down")

    source = database("CREATE TABLE town (name TEXT, country TEXT); INSERT INTO town VALUES ('Springfield', 'USA');")
    pipeline = Pipeline(
        source,
        values=KeywordLookup(towns, ChatKeywords(fakes.FakeModel(fail))),
        config=PipelineConfig(candidates=1),
    )
    trace = pipeline.ask("who lives in Springfield?").trace
    assert [hit.value for hit in trace.hits] == ["Springfield"]
    assert "down" in trace.model_errors[0]


def test_hidden_columns_stay_hidden(towns):
    assert KeywordLookup(towns, lambda *_: []).hidden == towns.hidden
