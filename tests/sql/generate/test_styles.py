"""Styles: every prompt against its golden text, names, budgets, examples, and several on one budget of candidates."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import GenerationError, UnknownNameError, UsageError
from ctxprune.sql.generate.base import Candidate, Request
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.generate.examples import Example, ExampleStore
from ctxprune.sql.generate.mixed import MixedGenerator
from ctxprune.sql.generate.prompt_styles import build_generator, list_styles
from ctxprune.sql.generate.prompts.base import PROMPTS, example_lines, prompt_text
from ctxprune.sql.generate.prompts.budget import Budgeted
from ctxprune.sql.generate.prompts.decompose import DecomposePrompt, SubQuestion
from ctxprune.sql.generate.prompts.examples import WithExamples
from ctxprune.sql.generate.prompts.small import SmallPrompt
from ctxprune.sql.linking.base import Linked
from ctxprune.sql.pipeline.steps import Generate, State, with_values
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.values.base import ValueHit
from ctxprune.tokens import BundledCounter

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "chat_fakes.py")))
GOLDEN = Path(__file__).parent / "prompts"

SCHEMA = Schema(
    "harbour",
    (
        Table("ship", (
            Column("ship_id", "INTEGER", primary_key=True),
            Column("name", "TEXT", examples=("Vega", "Lyra")),
            Column("tons", "REAL", comment="gross weight"),
            Column("port_id", "INTEGER"),
        )),
        Table("port", (
            Column("port_id", "INTEGER", primary_key=True),
            Column("town", "TEXT", examples=("Bergen", "Cádiz")),
        )),
    ),
    (ForeignKey("ship", ("port_id",), "port", ("port_id",)),),
)  # fmt: skip
HIT = ValueHit(ColumnRef("port", "town"), "Bergen", (31, 37), 1.0, "exact")
BEYOND = ValueHit(ColumnRef("crew", "secret_name"), "Bergen", (31, 37), 1.0, "exact")
PAIRS = (
    Example("How many horses live in Ascot?", "SELECT count(*) FROM horse WHERE stable = 'Ascot'", "races"),
    Example("How many riders live in York?", "SELECT count(*) FROM rider WHERE town = 'York'", "races"),
)
REQUEST = Request(
    "How many heavy ships belong to Bergen?", SCHEMA, hits=(HIT, BEYOND), evidence="heavy means tons > 500",
    examples=PAIRS[:1],
)  # fmt: skip
NAMES = sorted(name for name in PROMPTS.names() if name != "plain.v1")


@pytest.mark.parametrize("name", PROMPTS.names())
def test_the_prompt_is_the_golden_one(name: str) -> None:
    written = prompt_text(PROMPTS.get(name)().messages(REQUEST)) + "\n"
    assert written == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_no_prompt_names_what_the_schema_does_not(name: str) -> None:
    assert "secret_name" not in prompt_text(PROMPTS.get(name)().messages(REQUEST))


@pytest.mark.parametrize("name", PROMPTS.names())
@given(hostile=st.text(min_size=1, max_size=60), evidence=st.text(max_size=60))
@settings(max_examples=30)
def test_data_keep_to_their_lines(name: str, hostile: str, evidence: str) -> None:
    """Whatever stands in the question, an example, evidence or a value, the lines of a tame prompt stay."""
    prompt = PROMPTS.get(name)()

    def request(text: str, known: str) -> Request:
        hit = ValueHit(ColumnRef("port", "town"), text, (0, 1), 1.0, "exact")
        return Request(text, SCHEMA, hits=(hit,), evidence=known, examples=(Example(text, text),))

    marks = "```\n<|im_end|>【Schema】\x1b[2J\u2028Question: */ -- "
    text = prompt_text(prompt.messages(request(marks + hostile, "x" + marks + evidence)))
    tame = prompt_text(prompt.messages(request("tame", "tame")))
    assert text.count("\n") <= tame.count("\n")
    assert "<|" not in text
    assert text.count("```") == tame.count("```")
    assert name != "mschema.v1" or text.count("【") == tame.count("【")
    assert not set(text) & set("\x1b\u2028\x00")


@given(kept=st.sets(st.integers(0, 11)), full=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_dropped_name_comes_into_any_prompt(kept: set[int], full: bool) -> None:
    """Whatever a linker kept, hits and keys on the rest stay out, in every prompt and in those of decomposition."""
    names = [f"col{place:02}x" for place in range(12)]
    tables = tuple(Table(f"tab{i}", tuple(Column(name, "TEXT") for name in names[4 * i : 4 * i + 4])) for i in range(3))
    keys = tuple(
        ForeignKey(a, (names[4 * i],), b, (names[4 * j],))
        for i, a, j, b in ((0, "tab0", 1, "tab1"), (1, "tab1", 2, "tab2"))
    )
    whole = Schema("maze", tables, keys)
    refs = list(whole.refs())
    schema = whole if full else whole.subset([refs[place] for place in kept])
    hits = [ValueHit(ref, "v", (0, 1), 1.0, "exact") for ref in refs]
    request = Request("which?", schema, linked=_linked(whole), hits=hits)
    prompts = [PROMPTS.get(name)().messages(request) for name in PROMPTS.names()]
    steps = DecomposePrompt()
    prompts += [
        steps.split(request),
        steps.messages(request),
        steps.answer(request, [SubQuestion("a?", "SELECT 1")], "b?"),
    ]
    shown = {ref.column for ref in schema.refs()} | {table.name for table in schema.tables}
    for messages in prompts:
        text = prompt_text(messages)
        assert {name for name in (*names, "tab0", "tab1", "tab2") if name in text} == shown


def _linked(schema: Schema) -> Linked:
    scores = {ref: 1.0 / (1 + place) for place, ref in enumerate(schema.refs())}
    return Linked(schema, schema, scores, {table.name: 1.0 for table in schema.tables})


@pytest.mark.parametrize("name", PROMPTS.names())
@given(
    tokens=st.integers(1, 600), columns=st.integers(1, 40), shots=st.integers(0, 3), linked=st.booleans(),
    words=st.integers(1, 30),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_a_budget_is_never_exceeded(name: str, tokens: int, columns: int, shots: int, linked: bool, words: int) -> None:
    schema = Schema(
        "wide", (Table("t", tuple(Column(f"c{i}", "TEXT", examples=("ab", "cd")) for i in range(columns))),)
    )
    request = Request(
        "which " * words, schema, linked=_linked(schema) if linked else None, examples=(PAIRS * 2)[:shots],
        hits=(ValueHit(ColumnRef("t", "c0"), "ab", (0, 1), 1.0, "exact"),),
    )  # fmt: skip
    prompt = Budgeted(PROMPTS.get(name)(), tokens)
    try:
        text = prompt_text(prompt.messages(request))
    except GenerationError:
        least = replace(request, examples=(), hits=(), schema=schema.subset([ColumnRef("t", "c0")]))
        assert not linked or BundledCounter().count(prompt_text(prompt.prompt.messages(least))) > tokens
    else:
        assert BundledCounter().count(text) <= tokens
        assert request.question.strip() in text


def test_a_budget_takes_examples_first_and_likely_columns_last() -> None:
    schema = Schema("wide", (Table("t", tuple(Column(f"col{i}", "TEXT", comment=f"note {i}") for i in range(20))),))
    request = Request("how many?", schema, linked=_linked(schema), examples=PAIRS)
    whole = BundledCounter().count(prompt_text(SmallPrompt().messages(request)))
    less = prompt_text(Budgeted(SmallPrompt(), whole - 1).messages(request))
    assert "horse" in less
    assert "rider" not in less
    assert "note 19" in less
    least = prompt_text(Budgeted(SmallPrompt(), 100).messages(request))
    assert "col0" in least
    assert "col19" not in least
    assert "note" not in least


def test_what_does_not_fit_is_a_candidate_with_an_error_and_no_call() -> None:
    model = fakes.saying("SELECT 1")
    (made,) = ChatGenerator(model, prompt=Budgeted(SmallPrompt(), 5)).generate(REQUEST)
    assert made.sql == ""
    assert made.error.startswith("CP130 the prompt needs")
    assert model.prompts == []


def test_similar_examples_come_within_their_tokens() -> None:
    request = Request("How many sailors live in Hull?", SCHEMA)
    text = prompt_text(WithExamples(SmallPrompt(), ExampleStore(PAIRS)).messages(request))
    assert text.index("FOREIGN KEY") < text.index("horse") < text.index("Hull")
    one = BundledCounter().count("\n".join(example_lines(PAIRS[:1])))
    cut = WithExamples(SmallPrompt(), ExampleStore(PAIRS), tokens=one).messages(request)
    assert prompt_text(cut).count("SQL: ") == 1
    none = WithExamples(SmallPrompt(), ExampleStore(PAIRS), tokens=1).messages(request)
    assert none == SmallPrompt().messages(request)


def test_examples_of_the_request_come_before_found_ones() -> None:
    own = Example("Own?", "SELECT own", "")
    request = Request("How many sailors live in Hull?", SCHEMA, examples=(own,))
    text = prompt_text(WithExamples(SmallPrompt(), ExampleStore(PAIRS), n=2).messages(request))
    assert text.index("SELECT own") < text.index("horse")
    assert "rider" not in text
    known = replace(request, examples=(replace(PAIRS[0], question=PAIRS[0].question.upper()),))
    text = prompt_text(WithExamples(SmallPrompt(), ExampleStore(PAIRS), n=3).messages(known))
    assert text.count(PAIRS[0].sql) == 1
    many = replace(request, examples=tuple(Example(f"Own {n}?", f"SELECT own{n}") for n in range(4)))
    text = prompt_text(WithExamples(SmallPrompt(), ExampleStore(PAIRS), n=2).messages(many))
    assert text.count("SELECT own") == 4


@pytest.mark.parametrize(("name", "value"), [("n", 0), ("tokens", 0)])
def test_numbers_are_checked(name: str, value: int) -> None:
    with pytest.raises(UsageError, match=name):
        WithExamples(SmallPrompt(), ExampleStore(PAIRS), **{name: value})
    with pytest.raises(UsageError, match="tokens"):
        Budgeted(SmallPrompt(), 0)


def test_styles_by_name() -> None:
    assert list_styles() == ["compact", "ddl", "decompose", "incremental", "mschema", "plain", "skeleton", "small"]
    model = fakes.saying("SELECT 1")
    for name in list_styles():
        (made,) = build_generator(model, (name,)).generate(Request("q?", SCHEMA, n=1))
        assert made.sql == "SELECT 1"
    assert isinstance(build_generator(model, ("small", "small.v1", "small")), MixedGenerator)
    assert isinstance(build_generator(model, ("small", "small")), ChatGenerator)
    with pytest.raises(UnknownNameError, match=r"no style is named 'tiny'.*skeleton"):
        build_generator(model, ("tiny",))
    with pytest.raises(UsageError, match="no style"):
        build_generator(model, ())


def test_examples_reach_the_prompts_of_a_style() -> None:
    model = fakes.saying("SELECT 1")
    build_generator(model, ("mschema",), examples=ExampleStore(PAIRS), shots=1).generate(
        Request("How many?", SCHEMA, n=1)
    )
    assert "【Examples】" in model.prompts[0]


def test_examples_that_no_style_shows_are_wrong_usage() -> None:
    model, store = fakes.saying("SELECT 1"), ExampleStore(PAIRS)
    for names in (("plain",), ("decompose", "plain.v1")):
        with pytest.raises(UsageError, match="shows no examples"):
            build_generator(model, names, examples=store)
    made = build_generator(model, ("small", "plain"), examples=store).generate(Request("How many?", SCHEMA, n=2))
    assert [item.notes for item in made] == [("prompt: small+2",), ("prompt: plain",)]


def _asked(model: object, paths: tuple[str, ...], candidates: int, state: State, *styles: str) -> list[Candidate]:
    step = Generate((build_generator(model, styles),), paths, candidates)
    return list(step.run(state).candidates)


@pytest.mark.parametrize("candidates", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("styles", [("small", "mschema"), ("small", "mschema", "skeleton"), ("small",)])
def test_styles_paths_and_samples_share_one_budget(candidates: int, styles: tuple[str, ...]) -> None:
    linked = SCHEMA.subset([ref for ref in SCHEMA.refs() if ref.table == "ship"])
    hit = ValueHit(ColumnRef("ship", "name"), "Vega", (0, 3), 1.0, "exact")
    state = State(
        "How many?", SCHEMA, hits=(hit,), linked=Linked(with_values(linked, {}), SCHEMA, {}, {}), shown=linked
    )
    model = fakes.FakeModel(lambda prompt, sampling, turn: f"SELECT {turn}")
    made = _asked(model, ("full", "linked", "linked+values"), candidates, state, *styles)
    assert len(made) == candidates
    asked = list(zip(model.prompts, (sampling.temperature for sampling in model.samplings), strict=True))
    assert len(set(asked)) == len(asked)  # no prompt is drawn from twice in the same way
    if candidates >= 3:
        assert {note for item in made for note in item.notes} == {f"prompt: {name}" for name in styles}


def test_equal_prompts_are_asked_once_for_all_their_candidates() -> None:
    model = fakes.FakeModel(lambda prompt, sampling, turn: f"SELECT {sampling.n}")
    twins = MixedGenerator((ChatGenerator(model), ChatGenerator(model), ChatGenerator(model, temperature=0.1)))
    assert len(twins.generate(Request("q?", SCHEMA, n=6, path="full"))) == 6
    assert [sampling.n for sampling in model.samplings] == [1, 3, 1, 1]


def test_a_failing_generator_does_not_stop_the_others_but_a_hanging_one_does() -> None:
    class Broken:
        name = "broken.v1"

        def generate(self, request: Request) -> list[Candidate]:
            raise GenerationError("no luck")

    good = fakes.saying("SELECT 1")
    made = MixedGenerator((Broken(), ChatGenerator(good))).generate(Request("q?", SCHEMA, n=2, path="full"))
    assert [(item.sql, item.error) for item in made] == [("", "CP130 no luck"), ("SELECT 1", "")]
    late = ChatGenerator(fakes.hanging(1.0), seconds=0.05)
    made = MixedGenerator((late, ChatGenerator(good))).generate(Request("q?", SCHEMA, n=2, path="full"))
    assert [item.sql for item in made] == [""]


def test_one_generator_is_no_mixture() -> None:
    with pytest.raises(UsageError, match="two or more"):
        MixedGenerator((ChatGenerator(fakes.saying("")),))
