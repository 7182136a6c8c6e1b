"""Objects of users in the place of our base classes: the required members are enough, and a broken contract names the
member."""

from __future__ import annotations

import asyncio
import pickle
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ctxprune.errors import FailureKind, ModelError, UsageError
from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Prices, Sampling, model_name
from ctxprune.llm.calls import ask_model, record_calls
from ctxprune.llm.langchain import as_chat_model
from ctxprune.sql import Candidate, Database, Pipeline, PipelineConfig, Request, Schema
from ctxprune.sql.generate.base import Generator, as_generator
from ctxprune.sql.generate.examples import Example
from ctxprune.sql.generate.learned import LearnedGenerator, as_knowledge_source
from ctxprune.sql.generate.mixed import MixedGenerator
from ctxprune.sql.pipeline.steps import State, as_step
from ctxprune.sql.repair.base import Failure, as_repairer
from ctxprune.sql.rewrite.base import Vocabulary, as_rewriter
from ctxprune.sql.select.base import Selection, as_selector

parts = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "pipeline_fakes.py")))
TURN = [Message("user", "hi")]
SCHEMA = Schema("s", ())
REQUEST = Request("q", SCHEMA)


class Made:
    """An object whose method `name` returns `result`."""

    def __init__(self, name: str, result: object) -> None:
        setattr(self, name, lambda *_args, **_options: result)


@pytest.mark.parametrize(
    ("adapt", "member", "kind"),
    [
        (as_generator, "generate", "a generator"),
        (as_selector, "select", "a selector"),
        (as_repairer, "repair", "a repairer"),
        (as_rewriter, "rewrite", "a rewriter"),
        (as_knowledge_source, "find_answers", "a knowledge source"),
        (as_step, "run", "a step"),
    ],
)
def test_a_missing_method_is_named(adapt: Callable[[object], object], member: str, kind: str) -> None:
    with pytest.raises(UsageError, match=rf"^object is not {kind}: it has no method `{member}`") as caught:
        adapt(object())
    assert caught.value.where == member


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: as_generator(Made("generate", "SELECT 1")).generate(REQUEST), "Made.generate must return a sequence"),
        (lambda: as_generator(Made("generate", None)).generate(REQUEST), "Made.generate must return a sequence"),
        (lambda: as_selector(Made("select", 0)).select("q", ()), "Made.select must return a Selection"),
        (
            lambda: as_repairer(Made("repair", None)).repair(Failure("", "", "", SCHEMA)),
            "Made.repair must return a text",
        ),
        (lambda: as_rewriter(Made("rewrite", "q")).rewrite("q", (), Vocabulary(SCHEMA, list)), "Made.rewrite must"),
        (lambda: as_knowledge_source(Made("find_answers", ["q"])).find_answers("q"), "Made.find_answers must return"),
        (lambda: as_step(Step("run", None)).run(State("q", SCHEMA)), "Step.run must return a State"),
    ],
)
def test_a_wrong_result_names_the_method(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


class Step(Made):
    name = "step"


def test_a_step_needs_a_name() -> None:
    with pytest.raises(UsageError, match="Made is not a step: it has no text `name`"):
        as_step(Made("run", None))
    assert as_step(Step("run", None)).name == "step"


def test_defaults_of_a_generator_with_the_required_method_alone() -> None:
    class Mine:
        def generate(self, request: Request) -> list[Candidate]:
            return [Candidate("SELECT 1", "mine", request.path)]

    adapted = as_generator(Mine())
    assert (adapted.name, adapted.paths, adapted.wants_examples, adapted.members) == ("Mine", (), False, ())
    assert adapted.with_runner(None, private=True) is adapted
    assert as_generator(adapted) is adapted
    assert [one.sql for one in adapted.generate(REQUEST)] == ["SELECT 1"]


def test_optional_members_of_a_generator_are_used() -> None:
    class Mine:
        name, wants_examples, paths = "mine.v1", True, ["full"]

        def __init__(self) -> None:
            self.generators = (Made("generate", []),)
            self.runner: object = None

        def generate(self, request: Request) -> list[Candidate]:
            return []

        def with_runner(self, runner: object, *, private: bool) -> Mine:
            bound = Mine()
            bound.runner = (runner, private)
            return bound

    adapted = as_generator(Mine())
    assert (adapted.name, adapted.paths, adapted.wants_examples) == ("mine.v1", ("full",), True)
    assert [member.name for member in adapted.members] == ["Made"]
    assert adapted.with_runner("r", private=True).generator.runner == ("r", True)


def test_paths_that_are_one_text_are_refused() -> None:
    wrong = Made("generate", [])
    wrong.paths = "full"
    with pytest.raises(UsageError, match=r"Made\.paths must be a tuple of paths, got 'full'"):
        _ = as_generator(wrong).paths


def test_members_of_a_mixed_generator_are_adapted() -> None:
    mixed = MixedGenerator((Made("generate", []), Made("generate", [])))
    assert all(isinstance(member, Generator) for member in mixed.members)
    with pytest.raises(UsageError, match="int is not a generator"):
        MixedGenerator((3, 4))


def test_a_selector_that_shows_cells_is_asked_to_hide_them() -> None:
    class Shows:
        def __init__(self, cells: bool = True) -> None:
            self.cells = cells

        def select(self, question: str, executed: object) -> Selection:
            return Selection(None, 0.0, reason=str(self.cells))

        def without_cells(self) -> Shows:
            return Shows(False)

    adapted = as_selector(Shows())
    assert adapted.select("q", ()).reason == "True"
    assert adapted.without_cells().select("q", ()).reason == "False"
    plain = as_selector(Made("select", Selection(None, 0.0)))
    assert plain.without_cells() is plain


def test_a_knowledge_source_of_the_user_answers() -> None:
    source = Made("find_answers", [Example("q", "SELECT 2")])
    assert [one.sql for one in LearnedGenerator(source).generate(REQUEST)] == ["SELECT 2"]


class Model:
    """A chat model with the required members alone."""

    fingerprint = "mine"

    def __init__(self, answers: Any) -> None:
        self.answers = answers

    def complete(self, messages: object, sampling: object) -> Any:
        return self.answers


def test_defaults_of_a_chat_model_with_the_required_members_alone() -> None:
    mine = Model([ChatAnswer("a", 1)])
    adapted = as_chat_model(mine)
    assert isinstance(adapted, ChatModel)
    assert (model_name(adapted), adapted.fingerprint, adapted.prices, adapted.one_by_one) == (
        "mine",
        "mine",
        None,
        False,
    )
    assert adapted.origin is mine
    assert as_chat_model(adapted) is adapted
    assert adapted == as_chat_model(mine)


def test_optional_members_of_a_chat_model_are_used() -> None:
    mine = Model([ChatAnswer("a", 2_000_000)])
    mine.name, mine.prices, mine.one_by_one = "short", Prices(3.0, 0.0), True
    with record_calls() as calls:
        ask_model(mine, TURN, Sampling())
    assert [(call.model, call.cost) for call in calls] == [("short", 6.0)]
    assert as_chat_model(mine).one_by_one


def test_a_chat_model_that_breaks_the_contract_is_told_which_member() -> None:
    class Nameless:
        def complete(self, messages: object, sampling: object) -> list[ChatAnswer]:
            return []

    with pytest.raises(UsageError, match="Nameless is not a chat model: it has no `fingerprint`"):
        as_chat_model(Nameless())
    with pytest.raises(UsageError, match=r"Model\.complete must return ChatAnswer objects"):
        ask_model(Model(["text"]), TURN, Sampling())
    with pytest.raises(ModelError, match="the model gave no answer"):
        ask_model(Model(None), TURN, Sampling())


def test_a_chat_model_answers_asyncio_by_default() -> None:
    answers = asyncio.run(as_chat_model(Model([ChatAnswer("a")])).acomplete(TURN, Sampling()))
    assert answers == [ChatAnswer("a")]


def test_the_kind_of_a_failure_survives_copies() -> None:
    late = ModelError("no answer within 3 s", kind=FailureKind.TIMEOUT)
    again = pickle.loads(pickle.dumps(late))
    assert (again.kind, str(again), again.code) == (FailureKind.TIMEOUT, str(late), "CP131")
    assert ModelError("down").kind is FailureKind.MODEL
    assert Candidate.failed(late, "mine", "full").error == "CP131 no answer within 3 s"


def test_a_message_about_time_does_not_stop_other_paths(shop: Path) -> None:
    """Control flow follows the kind of a failure: a text alone changes nothing."""

    class Writes(parts.Writes):
        def __init__(self, kind: FailureKind) -> None:
            super().__init__(paths=("full", "full+values"))
            self.kind = kind

        def generate(self, request: Request) -> list[Candidate]:
            self.requests.append(request)
            return [Candidate.failed(ModelError("no answer within 1 s", kind=self.kind), self.name, request.path)]

    asked = {}
    for kind in (FailureKind.MODEL, FailureKind.TIMEOUT):
        writer = Writes(kind)
        with Database(shop) as database:
            values = parts.Found(parts.hit("Paris"))
            config = PipelineConfig(candidates=2)
            answer = Pipeline(
                database, generators=[writer], linker=parts.Keep("city"), values=values, config=config
            ).ask("Which city?")
        assert answer.refusal.kind == "model"
        assert "failure" not in answer.to_dict()["trace"]["candidates"][0]
        assert answer.trace.model_errors == ("no answer within 1 s",)
        asked[kind] = [request.path for request in writer.requests]
    assert asked == {FailureKind.MODEL: ["full", "full+values"], FailureKind.TIMEOUT: ["full"]}
