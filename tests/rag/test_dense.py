"""Texts of very many tiny units: neighbours are joined, and what is too much is refused before it is made."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import InputError
from ctxprune.rag.jsondocument import JsonDocument
from ctxprune.rag.jsonschema import JsonSchema, Tools, graph, tools
from ctxprune.rag.logs import Log
from ctxprune.rag.passages import sentences
from ctxprune.rag.passages import tiny_units as dense
from ctxprune.rag.passages.options import PassageOptions
from ctxprune.rag.passages.passages import Passage
from ctxprune.rag.passages.sentences import sentence_spans

MARKDOWN = PassageOptions(markdown=True, headings=True)
PIECES = [
    "river",
    "Lisbon",
    " ",
    "\n",
    "\n\n",
    "\n \n",
    ".",
    "! ",
    "?",
    ";",
    ":",
    "- ",
    "1. ",
    "里斯本。",
    "\r\n",
    "\x0b",
]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a hundredth."""
    monkeypatch.setattr(dense, "_MANY", 1000)
    monkeypatch.setattr(dense, "_MOST", 2000)
    monkeypatch.setattr(graph, "MOST_NODES", 500)
    monkeypatch.setattr(tools, "MOST_TOOLS", 200)


def test_an_ordinary_text_keeps_its_units(few: None) -> None:
    text = "The river flows through the old town of Lisbon.\n" * 3000
    assert len(Passage(text).units) == 3000


def test_tiny_neighbours_become_one_unit(few: None) -> None:
    text = "".join(f"- w{index}\n" for index in range(20_000))
    units = Passage(text).units
    assert len(units) < len(text) / 32
    assert max(len(unit.text) for unit in units) <= 64
    spans = [unit.span or (0, 0) for unit in units]
    assert [text[slice(*span)] for span in spans] == [unit.text for unit in units]
    left = list(text)
    for start, end in spans:
        left[start:end] = [""] * (end - start)
    assert not "".join(left).strip()


@pytest.mark.parametrize("options", [MARKDOWN, PassageOptions(headings=True)])
def test_headings_stand_over_what_they_did(few: None, options: PassageOptions) -> None:
    text = "".join(f"# h{index}\na\n## s{index}\nb\nc\n" for index in range(2000))
    passage = Passage(text, options=options)
    assert len(passage.units) < 8000
    for unit in passage.units:
        if not unit.text.startswith("#"):
            assert unit.parent is not None
        elif unit.text.startswith("##"):
            assert unit.parent is not None
            assert passage.units[unit.parent].text.startswith("# ")
        else:
            assert unit.parent is None


def test_more_units_than_can_be_chosen_among_are_refused(few: None) -> None:
    with pytest.raises(InputError, match="2,000 units"):
        Log("a\n" * 2001)
    with pytest.raises(InputError, match="2,000 units"):
        JsonDocument("[" + "{}," * 3000 + "{}]")
    with pytest.raises(InputError, match="2,000 units"):
        JsonDocument("[" + "{}," * 3000 + "{}]", members=False)
    with pytest.raises(InputError, match="500 subschemas"):
        JsonSchema({"properties": {f"p{index}": {} for index in range(501)}})
    with pytest.raises(InputError, match="300 tools, more than 200"):
        Tools([{"name": "a"}] * 300)


def test_blank_lines_are_no_units_of_a_log(few: None) -> None:
    assert len(Log("\n" * 5000 + "a\n").units) == 1
    assert len(Log("a\n\n\n" * 1000).units) == 1000


def test_many_members_in_a_whole_item_are_one_unit(few: None) -> None:
    item = json.dumps({f"k{index}": {"a": [index]} for index in range(3000)})
    assert len(JsonDocument(f"[{item}]", members=False).units) == 1


@settings(deadline=None, max_examples=80)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.sampled_from(["en", "de", "hy", "zh"]))
def test_lines_without_an_end_are_cut_as_the_splitter_cuts_them(text: str, language: str) -> None:
    found = sentence_spans(text, language=language, max_tokens=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences, "_BOUNDARY", re.compile(""))
        assert found == sentence_spans(text, language=language, max_tokens=8)
