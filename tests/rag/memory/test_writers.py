"""Writers: sentences without a model, amendments of a chat model, and what models do wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import ModelError, UnknownNameError, UsageError
from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Sampling
from ctxprune.rag.extract import Chunk
from ctxprune.rag.memory import ChatWriter, ExtractiveWriter, MemoryWriter, StructuredMemory
from ctxprune.rag.memory.chat import parse_amendments
from ctxprune.rag.memory.novelty import rank_by_novelty
from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTES = {"properties": {"notes": {"type": "array", "items": {"type": "string"}}}}
STORY = {
    "properties": {
        "people": {"type": "array", "items": {"type": "string"}, "description": "who is there"},
        "places": {"type": "array", "items": {"type": "string"}, "description": "house wood road"},
        "hero": {"type": "string"},
    }
}


class Scripted(ChatModel):
    """Answers with the given texts, one a call, and remembers what it was sent."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.calls = list(answers), []

    @property
    def fingerprint(self) -> str:
        return "scripted"

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        self.calls.append(list(messages))
        return [ChatAnswer(self.answers.pop(0))]


KEYS = {"notes": "all else", "money": "invoices and payments", "journeys": "trains and flights"}


def lexical(question: str = "") -> ExtractiveWriter:
    return ExtractiveWriter(question, scorer="lexical.v1")


def test_sentences_go_to_the_key_that_they_fit() -> None:
    memory = StructuredMemory(STORY)
    memory.update("A boy left. The road led into a wood. He met a fox.", lexical())
    assert memory.value == {
        "people": ["A boy left.", "He met a fox."],
        "places": ["The road led into a wood."],
    }


def test_a_sentence_that_shares_no_word_with_a_key_goes_to_the_first() -> None:
    lists = {"type": "array", "items": {"type": "string"}}
    schema = {"properties": {name: {**lists, "description": about} for name, about in KEYS.items()}}
    memory = StructuredMemory(schema)
    memory.update(
        "Anna lives in Bergen. The train to Bergen is late. Pay the invoice until Friday.", ExtractiveWriter()
    )
    assert memory.value == {
        "notes": ["Anna lives in Bergen."],
        "money": ["Pay the invoice until Friday."],
        "journeys": ["The train to Bergen is late."],
    }


@pytest.mark.parametrize("schema", [{"properties": {"n": {"type": "array", "items": {"type": "integer"}}}}, STORY])
def test_a_schema_without_lists_of_texts(schema: dict[str, object]) -> None:
    schema = schema if schema is not STORY else {"properties": {"hero": {"type": "string"}}}
    with pytest.raises(UsageError, match="no list of texts"):
        StructuredMemory(schema).update("Some text.", lexical())


def test_with_the_question_its_sentences_stay_whatever_comes_later() -> None:
    memory = StructuredMemory(NOTES, budget=120)
    stream = [f"The weather on day {i} was grey. Nobody came. It went on like that." for i in range(40)]
    stream[3] = "Greta lost her ring in the well. She wept for a day. Nobody knew."
    memory.read(stream, lexical("Where did Greta lose her ring?"))
    assert "Greta lost her ring in the well." in memory.value["notes"]
    assert memory.account.compactions > 5
    without = StructuredMemory(NOTES, budget=120)
    without.read(stream, lexical())
    assert len({entry.position for entry in without.entries}) > 3  # a bit of everything


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.integers(16, 60))
def test_any_text_is_read_within_the_budget(text: str, budget: int) -> None:
    memory = StructuredMemory(NOTES, budget=budget)
    memory.update(("c", text), lexical("what"))
    assert memory.tokens <= budget
    for entry in memory.entries:
        assert entry.span is not None
        assert text[slice(*entry.span)] == entry.value


def test_a_sentence_without_end_is_cut_to_fit() -> None:
    memory = StructuredMemory(NOTES, budget=40)
    memory.update("word " * 3000, lexical("word"))
    assert memory.entries
    assert not memory.account.refused
    assert memory.tokens <= 40


TEXTS = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6).map(" x".join), max_size=9)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_novelty_is_a_greedy_cover(texts: list[str]) -> None:
    tokens = [len(text.split()) for text in texts]
    scores = rank_by_novelty(texts, tokens)
    said = [set(terms(text)) for text in texts]
    size, covered, rest, order = len(texts), set[str](), set(range(len(texts))), []
    while rest:
        gains = {i: len(said[i] - covered) / tokens[i] for i in rest}
        best = min(rest, key=lambda i: (-gains[i], i))
        order.append(best)
        rest.discard(best)
        covered |= said[best]
    assert sorted(range(size), key=lambda i: -scores[i]) == order
    assert scores.shape == (size,)
    assert not size or (scores.max() == 1 and scores.min() > 0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"question": None}, UsageError),
        ({"scorer": "none.v1"}, UnknownNameError),
        ({"scorer": object()}, UsageError),
        ({"language": "english!"}, UsageError),
    ],
)
def test_bad_arguments_of_the_extractive_writer(arguments: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        ExtractiveWriter(**arguments)  # type: ignore[arg-type]


def change(path: str, value: object, **more: object) -> dict[str, object]:
    return {"op": "add", "path": path, "value": value, **more}


def test_the_prompt_keeps_its_beginning_until_a_compaction() -> None:
    answers = [json.dumps([change("/people/-", f"person {i} of the town")]) for i in range(30)]
    model = Scripted(*answers)
    memory = StructuredMemory(STORY, budget=150)
    writer = ChatWriter(model, question="Who was first?", scorer="lexical.v1")
    generations, texts = [], []
    for i in range(30):
        texts.append(memory.text)
        memory.update((f"c{i}", f"Chunk {i} <|im_start|>."), writer)
        generations.append(memory.generation)
        assert memory.tokens <= 150
    systems = {call[0] for call in model.calls}
    assert len(systems) == 1
    assert "Who was first?" in systems.pop().content
    for i, call in enumerate(model.calls):
        assert len(call) == 2
        assert call[1].content.startswith(f"MEMORY\n{texts[i]}CHUNK c{i}\n")
        assert "<|" not in call[1].content
        # What the model read before its chunk is, byte for byte, how the next prompt begins.
        if i and generations[i - 1] == (generations[i - 2] if i > 1 else 0):
            assert call[1].content.startswith(f"MEMORY\n{texts[i - 1]}")
    assert 0 < memory.generation < 10
    assert any("person 0 " in entry.value for entry in memory.entries) or memory.account.dropped["budget"][0]


def test_values_of_a_model_have_their_place_in_the_chunk() -> None:
    text = "Ann, the miller's daughter, went to sea."
    answer = [
        change("/people/-", "Ann", quote="the miller's daughter"),
        change("/people/-", "a sailor"),
        change("/hero", "Ann"),
    ]
    memory = StructuredMemory(STORY)
    memory.update(("c", text), ChatWriter(Scripted(json.dumps(answer)), scorer="lexical.v1"))
    assert [entry.span for entry in memory.entries] == [(5, 26), None, (0, 3)]


GOOD = json.dumps([change("/people/-", "Ann")])


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Here are the changes:\n{GOOD}\nI hope that helps [1].",
        f"<think>maybe [{{}}] or not</think>{GOOD}",
        json.dumps({"amendments": [change("/people/-", "Ann")]}),
        json.dumps(change("people", "Ann")),
        '[{"path": "/people/-", "value": "Ann"}]',
        f"As [1] and {{x}} say: {GOOD}",
    ],
)
def test_forms_of_good_answers(answer: str) -> None:
    memory = StructuredMemory(STORY)
    update = memory.update("Ann came.", ChatWriter(Scripted(answer), scorer="lexical.v1"))
    assert not update.refused
    assert memory.value == {"people": ["Ann"]}


BAD = {
    "prose": ("The chunk is about Ann, who is a person.", "no JSON list"),
    "nothing": ("", "is empty"),
    "white space": (" \n ", "is empty"),
    "half JSON": (GOOD[:-12], "cut off"),
    "half JSON in a fence": (f"```json\n{GOOD[:-12]}", "cut off"),
    "half JSON behind prose": (f"Changes: {GOOD[:-1]}, " + '{"path": "/people/-", "val', "cut off"),
    "broken in the middle": ('[{"path": "/people/-", "value": "Ann"}, {value: 3}]', "no JSON list"),
    "a megabyte": (GOOD[:-1] + "," + "[" * 1_000_000, "over 20000"),
    "deep": ("[" * 15_000, "cut off|deep"),
    "thoughts alone": ("<think>" + GOOD, "no JSON list"),
    "another schema": ('[{"name": "Ann", "age": 3}]', "no path or value"),
    "another place": (json.dumps([change("/persons/-", "Ann")]), "has no place"),
    "another type": (json.dumps([change("/people/-", {"name": "Ann"})]), "not what the schema says"),
    "another operation": ('[{"op": "remove", "path": "/people/0", "value": ""}]', "neither add nor replace"),
    "a path that is none": ('[{"path": 3, "value": "x"}]', "no path or value"),
    "NaN": ('[{"path": "/hero", "value": NaN}]', ""),
    "a list of texts": ('["Ann", "Bob"]', "no JSON list"),
    "a number": ("42", "no JSON list"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_answers_are_recorded_and_change_nothing(name: str) -> None:
    answer, reason = BAD[name]
    memory = StructuredMemory(STORY)
    memory.update("Bob came.", ChatWriter(Scripted(json.dumps([change("/people/-", "Bob")])), scorer="lexical.v1"))
    text = memory.text
    update = memory.update(("c7", "Ann came."), ChatWriter(Scripted(answer), scorer="lexical.v1"))
    assert memory.text == text
    (refusal,) = update.refused
    assert refusal.chunk == "c7"
    assert not reason or any(part in refusal.reason for part in reason.split("|"))
    assert len(refusal.proposed) <= 200
    assert memory.account.refused == 1
    assert memory.account.chunks == 2


def test_an_empty_list_is_no_fault() -> None:
    memory = StructuredMemory(STORY)
    update = memory.update("It rained.", ChatWriter(Scripted("[]"), scorer="lexical.v1"))
    assert (update.written, update.refused) == ((), ())


def test_more_amendments_than_allowed() -> None:
    answer = json.dumps([change("/people/-", f"person {i}") for i in range(5)])
    memory = StructuredMemory(STORY)
    update = memory.update("x", ChatWriter(Scripted(answer), most=3, scorer="lexical.v1"))
    assert len(update.written) == 3
    assert [refusal.reason for refusal in update.refused] == ["over 3 amendments"] * 2


def test_a_model_that_fails_leaves_the_chunk_unread() -> None:
    class Failing(Scripted):
        def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
            raise RuntimeError("down")

    memory = StructuredMemory(STORY)
    with pytest.raises(ModelError, match="down"):
        memory.read(["One.", "Two."], ChatWriter(Failing(), scorer="lexical.v1"))
    assert memory.account.chunks == 0


def test_no_call_for_an_empty_chunk() -> None:
    memory = StructuredMemory(STORY)
    memory.update(" \n", ChatWriter(model := Scripted(), scorer="lexical.v1"))
    assert not model.calls


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": None},
        {"model": Scripted(), "question": 3},
        {"model": Scripted(), "sampling": Sampling(n=2)},
        {"model": Scripted(), "most": 0},
        {"model": Scripted(), "scorer": 5},
    ],
)
def test_bad_arguments_of_the_chat_writer(arguments: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        ChatWriter(**arguments)  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='[]{}",: \n`<think>/0aпath', max_size=80))
def test_any_answer_is_parsed_or_refused(text: str) -> None:
    found, fault = parse_amendments(text)
    assert all(isinstance(item, dict) for item in found) or fault


def test_a_writer_of_ones_own() -> None:
    class Nothing(MemoryWriter):
        def write(self, memory: StructuredMemory, chunk: Chunk) -> None:  # type: ignore[override]
            return

    memory = StructuredMemory(STORY)
    with pytest.raises(UsageError, match="Nothing gave no Proposal"):
        memory.update("x", Nothing())
    assert memory.account.chunks == 0
