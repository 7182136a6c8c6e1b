"""Incremental generation: one condition a step, a failing or empty step mended on its own, and bounded calls."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import GENERATORS, Candidate, Request
from ctxprune.sql.generate.incremental import IncrementalGenerator
from ctxprune.sql.generate.prompt_styles import build_generator
from ctxprune.sql.generate.prompts.conditions import ConditionsPrompt
from ctxprune.sql.generate.prompts.decompose import DecomposePrompt
from ctxprune.sql.guard import Guard
from ctxprune.sql.guard.execution import GuardedRunner
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.schema.schema import ColumnRef

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "chat_fakes.py")))
QUESTION = "Which cities of Brazil with over a million people come first by name?"
SPLIT = "Targets: names of cities\nConditions:\n1. of Brazil\n2. over a million people\n3. first by name"
FIRST, SECOND = (
    "names of cities; conditions: of Brazil",
    "names of cities; conditions: of Brazil; over a million people",
)
BRAZIL = "SELECT name FROM city WHERE country = 'Brazil'"
LARGE = f"{BRAZIL} AND population > 1000000"
ORDERED = f"{LARGE} ORDER BY name LIMIT 1"


def generated(shop: Path, *texts: str, **options: object) -> tuple[list[Candidate], list[str]]:
    """Candidates of a model that says one text a call, and its prompts; a call too many fails."""
    rest = list(texts)
    model = fakes.FakeModel(lambda _prompt, _sampling, _turn: rest.pop(0))
    with Database(shop) as database:
        options.setdefault("runner", GuardedRunner(database, Guard("sqlite", database.schema())))
        request = Request(QUESTION, database.schema(), n=1)
        made = list(IncrementalGenerator(model, **options).generate(request))
    assert rest == []
    return made, [prompt.partition(f"{QUESTION}\n")[2] for prompt in model.prompts]


def test_each_step_adds_a_condition_to_the_query_before(shop: Path) -> None:
    (made,), prompts = generated(shop, SPLIT, BRAZIL, LARGE, ORDERED)
    assert (made.sql, made.generator) == (ORDERED, "incremental.v1")
    assert made.notes == (f"part: {FIRST}", f"part: {SECOND}")
    assert prompts[1].startswith(f"Part 1: {FIRST}\nWrite one SQLite query")
    assert prompts[2].split("\n")[:4] == [
        f"Part 1: {FIRST}",
        f"SQL: {BRAZIL}",
        "Result: 1 row: (São Paulo)",
        f"Part 2: {SECOND}",
    ]
    assert prompts[3].startswith(f"Part 1: {SECOND}\nSQL: {LARGE}\n")
    assert f"Part 2: {QUESTION}" in prompts[3]


def test_a_failing_step_is_mended_before_the_next_builds_on_it(shop: Path) -> None:
    wrong, still = "SELECT title FROM city", "SELECT name FROM town"
    (made,), prompts = generated(shop, SPLIT, wrong, still, BRAZIL, LARGE, ORDERED)
    assert made.sql == ORDERED
    assert made.notes == (f"part: {FIRST} (refined 2 times)", f"part: {SECOND}")
    for prompt, sql, name in ((prompts[2], wrong, "title"), (prompts[3], still, "town")):
        assert prompt.startswith(f"Part 1: {FIRST}\nSQL: {sql}\nResult: error: ")
        assert name in prompt.partition("Result: error: ")[2]
        assert "The query fails.\nWrite the corrected SQLite query for part 1." in prompt
        assert "Part 2" not in prompt
    assert f"SQL: {BRAZIL}\nResult: 1 row" in prompts[4]
    assert not any(name in prompt for prompt in prompts[4:] for name in ("title", "town"))
    assert (made.tokens_in, made.tokens_out) == (60, 30)


def test_an_empty_step_is_mended_too(shop: Path) -> None:
    (made,), prompts = generated(shop, SPLIT, BRAZIL.replace("Brazil", "brazil"), BRAZIL, LARGE, ORDERED)
    assert made.sql == ORDERED
    assert "Result: 0 rows\nThe query gives nothing, but part 1 expects an answer." in prompts[2]
    assert f"SQL: {BRAZIL}\n" in prompts[3]


def test_what_asks_for_something_missing_may_be_empty(shop: Path) -> None:
    none = "SELECT name FROM city WHERE population IS NULL"
    _, prompts = generated(shop, SPLIT, none, LARGE, ORDERED)
    assert f"SQL: {none}\nResult: 0 rows\nPart 2" in prompts[2]


@pytest.mark.parametrize(
    "worse", ["SELECT title FROM city", "SELECT name FROM city WHERE country = 'BR'", "DROP TABLE city"]
)
def test_what_is_no_better_is_dropped(shop: Path, worse: str) -> None:
    empty = BRAZIL.replace("Brazil", "brazil")
    _, prompts = generated(shop, SPLIT, empty, worse, LARGE, ORDERED)
    assert f"SQL: {empty}\nResult: 0 rows\nPart 2" in prompts[3]


def test_a_step_that_stays_broken_is_not_built_on(shop: Path) -> None:
    wrong = [f"SELECT title{number} FROM city" for number in range(3)]
    (made,), prompts = generated(shop, SPLIT, BRAZIL, *wrong, ORDERED)
    assert made.sql == ORDERED
    assert prompts[-1].startswith(f"Part 1: {FIRST}\nSQL: {BRAZIL}\n")
    assert "title" not in prompts[-1]


def test_without_a_step_that_works_the_question_is_asked_at_once(shop: Path) -> None:
    (made,), prompts = generated(shop, SPLIT, "no idea", "none", ORDERED)
    assert made.sql == ORDERED
    assert prompts[2].startswith(f"Part 1: {SECOND}\nWrite one SQLite query")
    assert "Part" not in prompts[3]


@pytest.mark.parametrize(("refinements", "calls"), [(0, 4), (1, 6), (2, 8), (3, 10)])
def test_calls_are_bounded(shop: Path, refinements: int, calls: int) -> None:
    count = iter(range(100))
    model = fakes.FakeModel(lambda *_: SPLIT if (n := next(count)) == 0 else f"SELECT x{n} FROM city")
    with Database(shop) as database:
        runner = GuardedRunner(database, Guard("sqlite", database.schema()))
        generator = IncrementalGenerator(model, runner=runner, refinements=refinements)
        (made,) = generator.generate(Request(QUESTION, database.schema(), n=1))
    assert made.sql == f"SELECT x{calls - 1} FROM city"
    assert len(model.prompts) == calls == 1 + 3 + 2 * refinements


def test_the_same_answer_ends_the_refinement(shop: Path) -> None:
    _, prompts = generated(shop, SPLIT, "SELECT x FROM city", "SELECT  x\nFROM city", LARGE, ORDERED)
    assert len(prompts) == 5


def test_without_a_runner_nothing_is_refined(shop: Path) -> None:
    (made,), prompts = generated(shop, SPLIT, "SELECT x FROM city", LARGE, ORDERED, runner=None)
    assert made.sql == ORDERED
    assert "Result" not in prompts[2]


def test_a_model_that_dies_within_a_step_is_a_candidate_with_an_error(shop: Path) -> None:
    count = iter(range(100))

    def dies(*_: object) -> str:
        if next(count) == 2:
            raise RuntimeError("down")
        return SPLIT if len(model.prompts) == 1 else "SELECT x FROM city"

    model = fakes.FakeModel(dies)
    with Database(shop) as database:
        runner = GuardedRunner(database, Guard("sqlite", database.schema()))
        (made,) = IncrementalGenerator(model, runner=runner).generate(Request(QUESTION, database.schema()))
    assert (made.sql, made.error, made.tokens_in) == ("", "CP131 RuntimeError: down [fake]", 20)


def test_in_a_pipeline_private_cells_stay_out(shop: Path) -> None:
    rest = [SPLIT, "SELECT name AS n FROM city WHERE 'Paris' = name OR x", BRAZIL, LARGE, ORDERED]
    model = fakes.FakeModel(lambda *_: rest.pop(0) if len(rest) > 1 else rest[0])
    config = PipelineConfig(paths=("full",), candidates=1, private=(ColumnRef("city", "population"),))
    with Database(shop) as database:
        generator = build_generator(model, ("incremental",))
        assert isinstance(generator, IncrementalGenerator)
        Pipeline(database, generators=[generator], config=config).ask(QUESTION)
    assert "Result: 1 row\n" in "".join(model.prompts)
    assert "São Paulo" not in "".join(model.prompts)


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("Targets: t\n1. a\n2. b", ["t; conditions: a"]),
        ("**Target:** t\n**Conditions:**\n- 1) a\n- 2) b\n- 3) c", ["t; conditions: a", "t; conditions: a; b"]),
        ("Targets: t\nCondition 1: a\nCondition 2: b", ["t; conditions: a"]),
        ("Targets: t\n1. a\n1. a\n1. a", []),
        ("Targets: t\n1. none", []),
        ("Targets: t\n1. a", []),
        ("Targets: t\n1. SELECT a FROM b\n2. c", []),
        ("1. a\n2. b", []),
        ("Targets:\n1. a\n2. b", []),
        ("", []),
        (
            "Targets: t\n" + "\n".join(f"{n}. c{n}" for n in range(1, 90)),
            [f"t; conditions: {c}" for c in ("c1", "c1; c2", "c1; c2; c3")],
        ),
    ],
)
def test_parts_of_an_answer(text: str, conditions: list[str]) -> None:
    assert ConditionsPrompt().read_parts(text, "Q?") == (*conditions, "Q?")


@given(st.text(max_size=200), st.integers(2, 6))
def test_parts_are_few_and_end_with_the_question(text: str, most: int) -> None:
    parts = ConditionsPrompt(most=most).read_parts(f"Targets: t\n1. a\n2. {text}", "Q?")
    assert 1 <= len(parts) <= most
    assert parts[-1] == "Q?"
    assert not any("\n" in part for part in parts)


def test_wrong_use_and_the_registry() -> None:
    model = fakes.saying("")
    for options, name in (({"refinements": -1}, "refinements"), ({"refinements": True}, "refinements")):
        with pytest.raises(UsageError, match=name):
            IncrementalGenerator(model, **options)
    with pytest.raises(UsageError, match="not a ConditionsPrompt"):
        IncrementalGenerator(model, prompt=DecomposePrompt())
    with pytest.raises(UsageError, match="most"):
        IncrementalGenerator(model, prompt=ConditionsPrompt(most=1))
    assert GENERATORS.get("incremental.v1") is IncrementalGenerator
