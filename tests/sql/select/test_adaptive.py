"""Adaptive drawing: more candidates only where the first ones do not read back as the question."""

from __future__ import annotations

import runpy
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import FailureKind, UsageError
from ctxprune.sql import ChatGenerator, Database, Pipeline, PipelineConfig
from ctxprune.sql.generate.base import GENERATORS, Candidate, Generator, Request
from ctxprune.sql.generate.decompose import DecomposeGenerator
from ctxprune.sql.generate.mixed import MixedGenerator
from ctxprune.sql.schema.schema import Schema
from ctxprune.sql.select.adaptive import AdaptiveGenerator

if TYPE_CHECKING:
    from collections.abc import Sequence

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "generate" / "chat_fakes.py")))
QUESTION = "Which cities lie in France?"
SCHEMA = Schema("s", ())
CITY, LAND = "SELECT name FROM city", "SELECT name FROM land"


def _reading(prompt: str, _sampling: object, _turn: int) -> str:
    return QUESTION if "city" in prompt else "What are the names of all the lands?"


@dataclass(frozen=True)
class Writes(Generator):
    """Writes given texts, the last one for ever; keeps what it was asked for."""

    texts: tuple[str, ...]
    failure: FailureKind | None = None
    wanted: list[int] = field(default_factory=list)

    name = "writes"

    def generate(self, request: Request) -> Sequence[Candidate]:
        self.wanted.append(request.n)
        last = len(self.texts) - 1
        return [Candidate(self.texts[min(i, last)], self.name, failure=self.failure) for i in range(request.n)]


def drawn(base: Generator, model: object, n: int = 4, **options: object) -> list[Candidate]:
    options = {"agree": 0.9, **options}
    return list(AdaptiveGenerator(base, model, **options).generate(Request(QUESTION, SCHEMA, n=n)))


def test_a_verified_first_candidate_is_all() -> None:
    base, model = Writes((CITY, LAND)), fakes.FakeModel(_reading)
    (only,) = drawn(base, model)
    assert (only.sql, only.generator) == (CITY, "writes")
    assert only.notes == ("read back, it agrees to 1.00 with the question",)
    assert base.wanted == [1]
    assert len(model.prompts) == 1
    assert "France" not in model.prompts[0]  # the model must not see what it is compared with


def test_disagreement_draws_the_others_and_counts_none_twice() -> None:
    base, model = Writes((LAND, CITY, LAND, "SELECT 3")), fakes.FakeModel(_reading)
    made = drawn(base, model)
    assert [one.sql for one in made] == [LAND, CITY, LAND, "SELECT 3"]
    assert made[0].notes[0].startswith("read back, it agrees to 0.")
    assert base.wanted == [1, 4]
    assert len(model.prompts) == 1


def test_several_first_candidates_are_read_back_until_one_agrees() -> None:
    base, model = Writes((LAND, LAND, CITY, CITY)), fakes.FakeModel(_reading)
    made = drawn(base, model, n=9, first=4)
    assert [one.sql for one in made] == [LAND, LAND, CITY, CITY]
    assert [len(one.notes) for one in made] == [1, 0, 1, 0]
    assert (base.wanted, len(model.prompts)) == ([4], 2)


def test_no_more_than_the_first_are_wanted() -> None:
    base, model = Writes((LAND,)), fakes.FakeModel(_reading)
    assert len(drawn(base, model, n=1)) == len(drawn(base, model, n=1, first=3)) == 1
    assert model.prompts == []


@pytest.mark.parametrize("model", [fakes.raising(OSError("down")), fakes.SilentModel()])
def test_a_failing_verifier_costs_candidates_and_no_answer(model: object) -> None:
    made = drawn(Writes((CITY, LAND)), model)
    assert [one.sql for one in made] == [CITY, LAND, LAND, LAND]
    assert made[0].notes == ("not read back, the model failed",)


def test_an_answer_without_sql_is_not_verified() -> None:
    model = fakes.FakeModel(_reading)
    assert len(drawn(Writes(("", CITY)), model)) == 4
    assert model.prompts == []


def test_a_generator_whose_model_fails_is_not_asked_again() -> None:
    base = Writes(("",), FailureKind.TIMEOUT)
    assert len(drawn(base, fakes.saying("x"))) == 1
    assert base.wanted == [1]


def test_a_generator_that_gives_nothing() -> None:
    class Nothing:
        def generate(self, request: Request) -> list[Candidate]:
            return []

    assert drawn(Nothing(), fakes.saying("x")) == []


def test_a_mixture_loses_no_candidate() -> None:
    one, other = Writes((LAND, "SELECT 1")), Writes(("SELECT 2", "SELECT 3"))
    made = drawn(MixedGenerator((one, other)), fakes.saying("x"), first=2)
    assert [candidate.sql for candidate in made[:2]] == [LAND, "SELECT 2"]
    assert sorted(candidate.sql for candidate in made) == ["SELECT 1", "SELECT 2", "SELECT 3", LAND]


@given(st.lists(st.sampled_from([CITY, LAND, ""]), min_size=1, max_size=6), st.integers(1, 7), st.integers(1, 4))
def test_calls_and_candidates_are_bounded(texts: list[str], n: int, first: int) -> None:
    base, model = Writes(tuple(texts)), fakes.FakeModel(_reading)
    made = drawn(base, model, n=n, first=first)
    assert len(made) <= n
    assert sum(base.wanted) <= n + first
    assert len(model.prompts) <= first
    plain = [one.sql for one in Writes(tuple(texts)).generate(Request(QUESTION, SCHEMA, n=n))]
    # Never others than the generator alone gives, and none of them more often.
    assert [one.sql for one in made] == plain[: len(made)]


def test_in_a_pipeline_its_candidates_vote_as_those_of_its_generator(shop: Path) -> None:
    def both(prompt: str, _sampling: object, _turn: int) -> str:
        return "nonsense" if "this query answers" in prompt else "SELECT count(*) FROM city"

    model = fakes.FakeModel(both)
    generator = AdaptiveGenerator(ChatGenerator(model), model, agree=0.5)
    with Database(shop) as database:
        config = PipelineConfig(paths=("full",), candidates=3)
        answer = Pipeline(database, generators=[generator], config=config).ask("How many cities are there?")
    assert answer.rows == ((4,),)
    assert [one.generator for one in answer.trace.candidates] == ["chat.v1"] * 3
    assert any("it agrees to 0.00" in note for note in answer.trace.candidates[0].notes)
    assert len(model.prompts) == 4  # the greedy one, its question, the greedy one again, and two samples in one request


def test_it_is_to_the_pipeline_what_its_generator_is() -> None:
    model = fakes.saying("x")
    inner = ChatGenerator(model, paths=("full",))
    outer = AdaptiveGenerator(inner, model, agree=0.5)
    assert outer.paths == ("full",)
    assert (outer.wants_examples, outer.wants_samples, outer.is_small) == (True, False, False)
    assert [member.name for member in outer.members] == ["chat.v1"]
    bound = AdaptiveGenerator(DecomposeGenerator(model), model, agree=0.5).with_runner(None, private=True)
    assert bound.base.private


@pytest.mark.parametrize("options", [{"agree": 1.5}, {"agree": float("nan")}, {"first": 0}, {"seconds": 0}])
def test_numbers_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        drawn(Writes((CITY,)), fakes.saying("x"), **options)


def test_wrong_parts_are_refused() -> None:
    with pytest.raises(UsageError, match="not a chat model"):
        AdaptiveGenerator(Writes((CITY,)), object(), 0.5)
    with pytest.raises(UsageError, match="generator"):
        AdaptiveGenerator(object(), fakes.saying("x"), 0.5)
    assert GENERATORS.get("adaptive.v1") is AdaptiveGenerator
