from __future__ import annotations

import json

import pytest

from ctxprune.errors import InputError, UnknownNameError
from ctxprune.policies import TokenBudget, TopK
from ctxprune.pruning.pruner import prune
from ctxprune.rag.kinds import KINDS, guess_kind, read_context
from ctxprune.scorers.combined.structured import StructuredScorer
from ctxprune.scorers.lexical.words import LexicalScorer

TEXTS = {
    "csv": ("Year,City\n1896,Athens\n1900,Paris\n", "Year,City\n1900,Paris\n"),
    "html": ("<h1>Games</h1><p>Athens, far away, came first of all the cities and in a long and very hot summer, with "
             "many guests from the islands.</p><p>Paris was next, four years later, beside the great world fair and "
             "its many new machines.</p>", "<p>Paris was next, four years later, beside the great world fair and its "
             "many new machines.</p>"),
    "json": ('{"first": "Athens", "next": "Paris"}', '{"next": "Paris"}'),
    "log": ("INFO in Athens\nWARN no city\nINFO in Paris\n", "INFO in Paris"),
    "markdown": ("# Games\n\nAthens was first. Paris was next.\n", "Paris was next."),
    "schema": ('{"type": "object", "properties": {"athens": {"type": "string"}, "paris": {"type": "string"}}}',
               '"paris": {"type": "string"}'),
    "table": ("| Year | City |\n|---|---|\n| 1896 | Athens |\n| 1900 | Paris |\n", "| 1900 | Paris |\n"),
    "text": ("Athens was first. Paris was next.", "Paris was next."),
    "tools": ('[{"name": "athens", "description": "Greek.", "input_schema": {"type": "object"}}, {"name": "paris", '
              '"description": "French.", "input_schema": {"type": "object"}}]', '"name": "paris"'),
    "triples": ("Athens | country | Greek\nFrance | capital | Paris\n", "France | capital | Paris\n"),
    "tsv": ("Year\tCity\n1896\tAthens\n1900\tParis\n", "Year\tCity\n1900\tParis\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_pruned_in_its_own_form(kind):
    text, kept = TEXTS[kind]
    context = read_context(text, kind)
    assert context.render(range(len(context.units))).strip()
    result = prune(
        "Paris",
        context,
        scorer=StructuredScorer(LexicalScorer()),
        policy=TopK(2 if kind in {"html", "markdown", "triples"} else 1),
    )
    assert kept in result.output
    assert "Athens" not in result.output.replace("Greek", "Athens")
    assert result.tokens_after < result.tokens_before


def test_auto_goes_by_the_looks():
    for kind, (text, _) in TEXTS.items():
        found = {"schema": "json", "tools": "json", "triples": "text"}.get(kind, kind)
        assert type(read_context(text)) is type(read_context(text, found))


def test_an_unknown_kind_names_the_known_ones_and_broken_text_is_refused():
    with pytest.raises(UnknownNameError, match="pdf"):
        read_context("x", "pdf")
    for kind in ("json", "schema", "tools"):
        with pytest.raises(InputError):
            read_context(json.dumps({"a": 1})[:-1], kind)


def test_endings_are_told_apart():
    endings = [ending for kind in KINDS.values() for ending in kind.endings]
    assert len(endings) == len({*endings})


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.JSON", "", "json"),
        ("tools.json", "", "json"),
        ("a.tools.json", "", "tools"),
        ("README.md", "a,b\n1,2\n3,4\n", "markdown"),
        ("README", "# Title\n\nText.", "text"),
        ("answer", "a,b\n1,2\n3,4\n", "csv"),
    ],
)
def test_the_kind_is_that_of_the_name_else_of_the_content(name, head, kind):
    assert guess_kind(name, lambda: head) == kind


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"city": "Athens", "year": 1896}, {"city": "Paris", "year": 1900}])[:-9],
        '{"city": "Athens"}\n{"city": "Paris"}\n{"city": "Rom',
        '{"city": "Athens", }',
    ],
)
def test_what_cannot_be_read_as_what_it_looks_like_is_text_and_the_note_says_so(text: str) -> None:
    for policy in (TopK(1), TokenBudget(14), TokenBudget(1000)):
        result = prune("Paris", read_context(text), scorer=LexicalScorer(), policy=policy)
        assert result.note.startswith("read as plain text: it looks like json, but this is no JSON: ")
        assert "line" in result.note
    assert result.output == text
    with pytest.raises(InputError):
        read_context(text, "json")
