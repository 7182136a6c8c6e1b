"""Names that the prompt did not show, and results that are empty, in the whole pipeline."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.llm.deadline import timeout_error
from ctxprune.llm.langchain import as_chat_model
from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import Candidate, Request
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.generate.mixed import MixedGenerator
from ctxprune.sql.generate.prompts.plain import PlainPrompt
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.pipeline.steps.execute import Execute
from ctxprune.sql.pipeline.steps.generate import label_generators
from ctxprune.sql.pipeline.steps.names import RESTORED
from ctxprune.sql.repair.refine import ChatRefine
from ctxprune.sql.schema.schema import ColumnRef

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "generate" / "chat_fakes.py")))
parts = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "pipeline_fakes.py")))
LINKED = PipelineConfig(paths=("linked",), candidates=1)
BROKEN = "SELECT name FROM city WHERE currency = 'EUR'"


@pytest.fixture
def database(shop: Path) -> Iterator[Database]:
    with Database(shop) as opened:
        yield opened


def _refining(pipeline: Pipeline, model: object) -> Pipeline:
    """The same pipeline with refinement, which is no default, as its only repair."""
    refine = ChatRefine(as_chat_model(model))
    steps = [replace(step, repairers=(refine,)) if isinstance(step, Execute) else step for step in pipeline.steps]
    return Pipeline.of_steps(pipeline.schema, steps, config=pipeline.config)


def _names(candidate: object) -> list[str]:
    """What its notes say of names."""
    return [note for note in candidate.notes if " name: " in note]


def _restoring(prompt: str, _sampling: object, _turn: int) -> str:
    if "order items" not in prompt:
        return BROKEN
    return "SELECT DISTINCT city_name FROM \"order items\" WHERE currency = 'EUR'"


def test_a_pruned_column_is_restored_and_asked_for_once(database: Database) -> None:
    model = fakes.FakeModel(_restoring)
    answer = parts.pipeline(database, ChatGenerator(model), config=LINKED).ask("Which cities sold in EUR?")
    first, second = answer.trace.candidates
    assert (first.path, second.path) == ("linked", RESTORED)
    assert any("currency was left out of the schema" in note for note in _names(first))
    assert "order items.currency" in _names(first)[0]
    assert len(model.prompts) == 2
    assert "currency" in model.prompts[1]
    assert "city_name" in model.prompts[1]  # the key that joins it
    assert "sold_on" not in model.prompts[1]
    assert answer.rows == (("Paris",),)
    names = next(step for step in answer.trace.steps if step.name == "names")
    assert len(names.calls) == 1


def test_one_request_a_generator_however_many_candidates_break(database: Database) -> None:
    class Writer:
        name = "writer.v1"

        def __init__(self) -> None:
            self.requests: list[Request] = []

        def generate(self, request: Request) -> list[Candidate]:
            self.requests.append(request)
            texts = ["SELECT currency FROM city", "SELECT price FROM city"]
            return [Candidate(text, self.name, request.path) for text in texts[: request.n]]

    config = PipelineConfig(paths=("linked",), candidates=2)
    writer = Writer()
    answer = parts.pipeline(database, writer, config=config).ask("Which?")
    first, again = writer.requests
    assert (first.n, again.n, again.path) == (2, 1, RESTORED)
    assert {"currency", "price"} <= {ref.column for ref in again.schema.refs()}
    assert len(answer.trace.candidates) == 3


def test_a_mixture_of_generators_is_asked_again(database: Database) -> None:
    model = fakes.FakeModel(_restoring)
    mixed = MixedGenerator((ChatGenerator(model), ChatGenerator(model, prompt=PlainPrompt())))
    answer = parts.pipeline(database, mixed, config=LINKED).ask("Which cities sold in EUR?")
    assert [candidate.path for candidate in answer.trace.candidates] == ["linked", RESTORED]
    assert answer.rows == (("Paris",),)


def test_a_pruned_name_that_runs_is_only_noted(database: Database) -> None:
    model = fakes.saying("SELECT population FROM city WHERE name = 'Paris'")

    class Narrow(parts.Keep):
        def link(self, *words: object, **options: object) -> object:
            linked = super().link(*words, **options)
            return replace(linked, schema=linked.full.subset([ColumnRef("city", "name")]))

    answer = parts.pipeline(database, ChatGenerator(model), config=LINKED, linker=Narrow("city")).ask("How many?")
    assert answer.rows == ((2100000,),)
    assert len(model.prompts) == 1
    (candidate,) = answer.trace.candidates
    assert _names(candidate) == ["pruned name: population was left out of the schema; it is city.population"]


def test_invented_names_are_left_to_repair(database: Database) -> None:
    model = fakes.saying("SELECT populatoin FROM city WHERE name = 'Paris'")
    answer = parts.pipeline(database, ChatGenerator(model), config=LINKED).ask("How many?")
    assert answer.rows == ((2100000,),)
    assert len(model.prompts) == 1
    assert _names(answer.trace.candidates[0])[0].startswith("invented name: there is no populatoin; similar: city.")


def test_the_helper_is_told_which_names_do_not_exist(database: Database) -> None:
    helper = fakes.saying("SELECT name FROM city")
    writes = parts.Writes("SELECT T1.qqqq FROM city AS T1", paths=("linked",))
    answer = parts.pipeline(database, writes, chat=helper).ask("Which?")
    assert any("Note: there is no T1.qqqq" in prompt for prompt in helper.prompts)
    assert len(answer.rows) == 4


def test_what_the_caller_may_not_see_is_refused_and_never_told(database: Database) -> None:
    schema = database.schema().subset([ref for ref in database.schema().refs() if ref.table == "city"])
    model = fakes.saying('SELECT price FROM "order items"')
    config = PipelineConfig(paths=("linked",), candidates=1, schema=schema)
    answer = parts.pipeline(database, ChatGenerator(model), config=config).ask("Which?")
    assert answer.refused
    assert len(model.prompts) == 1
    assert all(note.startswith("invented name") for note in _names(answer.trace.candidates[0]))
    assert "currency" not in str(answer.trace.to_dict())


def test_the_check_can_be_switched_off(database: Database) -> None:
    model = fakes.FakeModel(_restoring)
    config = PipelineConfig(paths=("linked",), candidates=1, names_check=False)
    answer = parts.pipeline(database, ChatGenerator(model), config=config).ask("Which cities sold in EUR?")
    assert len(model.prompts) == 1
    assert _names(answer.trace.candidates[0]) == []


def test_a_model_that_fails_the_second_time_costs_nothing(database: Database) -> None:
    def once(prompt: str, _sampling: object, _turn: int) -> str:
        if "order items" in prompt:
            raise OSError("down")
        return BROKEN

    answer = parts.pipeline(database, ChatGenerator(fakes.FakeModel(once)), config=LINKED).ask("Which?")
    assert answer.trace.candidates[1].error
    assert answer.rows  # the repaired first candidate


def test_a_model_that_was_late_is_not_asked_again(database: Database) -> None:
    class Late:
        name = "late.v1"

        def __init__(self) -> None:
            self.paths_asked: list[str] = []

        def generate(self, request: Request) -> list[Candidate]:
            self.paths_asked.append(request.path)
            if request.path == "linked":
                return [Candidate(BROKEN, self.name, request.path)]
            return [Candidate.failed(timeout_error(1), self.name, request.path)]

    late = Late()
    config = PipelineConfig(paths=("linked", "full"), candidates=2)
    parts.pipeline(database, late, config=config).ask("Which?")
    assert late.paths_asked == ["linked", "full"]


def test_an_empty_result_is_refined_with_values_near_its_texts(database: Database) -> None:
    def helper(prompt: str, _sampling: object, _turn: int) -> str:
        if "This query ran" not in prompt:
            return "no"
        assert "city.country = 'Poland'" in prompt
        return "SELECT name FROM city WHERE country = 'Poland'"

    writes = parts.Writes("SELECT name FROM city WHERE country LIKE 'polandia'", paths=("linked",))

    class Near:
        def lookup(self, text: str, _evidence: str = "") -> list[object]:
            return [parts.hit("Poland", column="country")] if text == "polandia" else []

    model = fakes.FakeModel(helper)
    pipeline = Pipeline(database, generators=[writes], values=Near(), linker=parts.Keep("city"), chat=model)
    answer = _refining(pipeline, model).ask("Which?")
    assert answer.rows == (("Łódź",),)
    assert answer.trace.candidates[0].repairs
    assert any("This query ran" in prompt for prompt in model.prompts)


def test_no_model_refines_by_default(database: Database) -> None:
    model = fakes.saying("SELECT country FROM city WHERE name = 'Nowhere'")
    writes = parts.Writes("SELECT name FROM city WHERE population > 99999999", paths=("linked",))
    parts.pipeline(database, writes, chat=model).ask("Which?")
    assert not any("This query ran" in prompt for prompt in model.prompts)


def test_a_refinement_that_gives_nothing_is_dropped(database: Database) -> None:
    helper = fakes.saying("SELECT country FROM city WHERE name = 'Nowhere'")
    sql = "SELECT name FROM city WHERE population > 99999999"
    pipeline = parts.pipeline(database, parts.Writes(sql, paths=("linked",)), chat=helper)
    answer = _refining(pipeline, helper).ask("Which?")
    assert (answer.sql, answer.rows) == (sql, ())
    assert answer.trace.candidates[0].repairs == ()


def test_private_values_do_not_come_into_a_refinement(database: Database) -> None:
    secret = ColumnRef("city", "country")
    model = fakes.saying("no")
    near = parts.Found(parts.hit("Poland", column="country"))
    writes = parts.Writes("SELECT name FROM city WHERE name = 'Polandia'", paths=("linked",))
    config = PipelineConfig(private=(secret,))
    _refining(parts.pipeline(database, writes, values=near, chat=model, config=config), model).ask("Which?")
    assert any("This query ran" in prompt for prompt in model.prompts)
    assert not any("'Poland'" in prompt for prompt in model.prompts)


def test_several_models_vote_once_each(database: Database) -> None:
    """PET-SQL's cross-consistency: a model that answers three times has no more votes than one that answers once."""
    loud = fakes.FakeModel(lambda _p, _s, turn: f"SELECT name FROM city LIMIT {turn + 1}", fingerprint="loud")
    one = fakes.FakeModel(lambda *_: "SELECT country FROM city", fingerprint="one")
    two = fakes.FakeModel(lambda *_: "SELECT country FROM city", fingerprint="two")
    generators = [ChatGenerator(loud), ChatGenerator(one), ChatGenerator(two, temperature=0)]
    answer = parts.pipeline(database, *generators, config=PipelineConfig(paths=("full",), candidates=3)).ask("Which?")
    assert answer.sql == "SELECT country FROM city"
    assert answer.reason.startswith("4 of 7 working candidates")
    assert {item.generator for item in answer.trace.candidates} == {"chat.v1", "chat.v1#2", "chat.v1#3"}


def test_labels() -> None:
    chat, writes = ChatGenerator(fakes.saying("x")), parts.Writes("x")
    assert label_generators([chat, writes, chat]) == ["chat.v1", "writes.v1", "chat.v1#2"]
    assert label_generators([]) == []
