"""Memories as contexts: pruned for a question, cited by chunk."""

from __future__ import annotations

import pytest

from ctxprune import prune
from ctxprune.errors import UsageError
from ctxprune.rag.memory import Amendment, Citation, ExtractiveWriter, StructuredMemory

CHUNKS = [
    ("s1", "A miller had three sons. The youngest got nothing but a cat.\nHe was sad."),
    ("s2", "The cat asked for boots. It caught a rabbit. The king was pleased."),
    ("s3", ""),
    ("s4", "The ogre turned into a mouse. The cat ate it."),
]
SCHEMA = {
    "properties": {
        "people": {"type": "array", "items": {"type": "string"}, "description": "king, miller, sons, ogre"},
        "animals": {"type": "array", "items": {"type": "string"}, "description": "cat, rabbit"},
        "end": {"type": "string"},
        "traits": {"type": "object", "additionalProperties": {"type": "string"}},
    }
}
ALL = """\
[s1] A miller had three sons. The youngest got nothing but a cat. He was sad.
[s2] The cat asked for boots. It caught a rabbit. The king was pleased.
[s4] The ogre turned into a mouse. The cat ate it."""


def read(**options: object) -> StructuredMemory:
    memory = StructuredMemory(SCHEMA, **options)  # type: ignore[arg-type]
    memory.read(CHUNKS, ExtractiveWriter(scorer="lexical.v1"))
    return memory


def test_it_renders_in_the_order_of_the_stream() -> None:
    context = read().context()
    everything = range(len(context.units))
    assert context.render(everything) == ALL
    assert context.render([0, 2, 7]) == "[s1] A miller had three sons. … He was sad.\n[s4] The cat ate it."
    assert context.render([]) == ""
    assert read().context(cite=False).render([7, 6]) == "The ogre turned into a mouse. The cat ate it."


def test_it_renders_under_the_keys() -> None:
    memory = read()
    memory.apply("s5", [Amendment("add", "/end", "all well"), Amendment("add", "/traits/Cat", "sly")])
    context = memory.context(order="keys")
    assert context.render(range(len(context.units))) == (
        "people:\n[s1] A miller had three sons. … He was sad.\n[s2] The king was pleased.\n"
        "[s4] The ogre turned into a mouse.\n"
        "animals:\n[s1] The youngest got nothing but a cat.\n[s2] The cat asked for boots. It caught a rabbit.\n"
        "[s4] The cat ate it.\nend:\n[4] end: all well\ntraits:\n[4] Cat: sly"
    )


def test_units_are_slices_of_their_chunks_and_are_cited() -> None:
    memory, texts = read(), dict(CHUNKS)
    context = memory.context()
    assert context.chunk_ids == ("s1", "s2", "s4")
    for unit, source, cited in zip(
        context.units, context.sources, context.cite_units(range(len(context.units))), strict=True
    ):
        assert cited.chunk == context.chunk_ids[source]
        assert unit.span is not None
        assert texts[cited.chunk][slice(*unit.span)] == unit.text
        assert cited.span == unit.span
    assert context.cite_units([1]) == [Citation("s1", (25, 60), "/animals/0")]


def test_it_is_pruned_for_a_question_within_a_budget() -> None:
    memory = read()
    whole = memory.context()
    for budget in (12, 16, 30, 1000):
        pruned = prune("Who was pleased?", whole, budget=budget, scorer="lexical.v1")
        assert "The king was pleased." in pruned.output
        assert memory.counter.count(pruned.output) == pruned.tokens_after <= budget
        assert [whole.cite_units([unit.index])[0].chunk for unit in pruned.kept if "king" in unit.text] == ["s2"]
    assert pruned.output == ALL
    assert prune("Who was pleased?", whole, budget=16, scorer="lexical.v1").note.endswith("of 8 entries of the memory)")


def test_what_a_model_has_put_in_words_has_no_slice_of_the_source() -> None:
    memory = StructuredMemory(SCHEMA)
    memory.apply(("x", "The cat is sly."), [Amendment("add", "/traits/Cat", "sly", (11, 14))])
    context = memory.context()
    assert (context.units[0].text, context.units[0].span) == ("Cat: sly", None)
    assert context.cite_units([0]) == [Citation("x", (11, 14), "/traits/Cat")]


def test_an_empty_memory() -> None:
    context = StructuredMemory(SCHEMA).context()
    assert context.units == ()
    assert context.render([]) == ""
    assert prune("What?", context).output == ""


@pytest.mark.parametrize("options", [{"order": "time"}, {"cite": 1}, {"order": None}])
def test_bad_options(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        StructuredMemory(SCHEMA).context(**options)  # type: ignore[arg-type]
