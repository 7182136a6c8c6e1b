"""The account: as JSON, and drawn."""

from __future__ import annotations

import copy
import json
import pickle
import re
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest

from ctxprune import Pruner, TopK, Unit, Verdict, prune
from ctxprune.rag import Passage, Passages

NASTY = "Kept <b>apple</b> & \"pie\". <script>alert('x')</script> dropped. \x00\ud800 odd </section>."


class Reader(HTMLParser):
    """Tags, attributes and text; complains about tags that do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.texts: dict[str, str] = {}
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= {"class", "href", "id", "title"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in self.open[-1:]:
            self.texts[tag] = self.texts.get(tag, "") + data


def test_html_escapes_everything_and_marks_what_was_dropped() -> None:
    result = prune('apple <img src=x onerror="y">', Passage(NASTY), policy=TopK(1))
    page = result.to_html()
    read = Reader(page)
    assert set(read.tags) == {"section", "style", "header", "b", "small", "i", "div", "mark", "del"}
    assert read.texts["mark"] == 'Kept <b>apple</b> & "pie".'
    assert read.texts["del"] == "<script>alert('x')</script> dropped.\ufffd\ufffd odd </section>."
    assert read.texts["b"] == result.query
    assert f"{result.tokens_after} of {result.tokens_before} tokens" in read.texts["small"]
    assert result._repr_html_() == page
    page.encode("utf-8")


def test_html_shows_every_unit_of_trees_and_of_several_texts() -> None:
    class Tree:
        units = (Unit("table"), Unit("a", parent=0), Unit("b", parent=0))

        def render(self, kept):
            return len(kept)

    read = Reader(prune("a", Tree(), policy=TopK(2)).to_html())
    assert read.texts["div"].count("\n") == 2
    assert read.tags.count("mark") == 2
    many = Reader(prune("one", Passages(["One. Two.", "Three."]), policy=TopK(1)).to_html())
    assert many.texts["div"].strip() == ""
    assert "text 1: 1 of 2 units" in many.texts["small"]
    assert many.texts["summary"] == "text 2: 0 of 1 units"
    named = prune("one", Passages(["One. Two.", "Three."]), policy=TopK(1)).to_html(["<a>.txt"])
    assert "&lt;a&gt;.txt: 1 of 2 units" in named
    assert "text 2: 0 of 1 units" in named


def test_html_says_the_share() -> None:
    text = "Apple. " + "Pear. " * 999
    for kept, share in ((1, "<1%"), (500, "50%"), (999, ">99%"), (1000, "100%")):
        result = prune("apple", Passage(text), scorer="lexical", policy=TopK(kept))
        assert f"({escape(share)}, " in result.to_html()


def test_html_jumps_from_kept_to_kept_text() -> None:
    page = prune("apple", Passage("Apple one. Pear. Apple two. Plum. Apple three."), policy=TopK(3)).to_html()
    targets = re.findall(r' id="([0-9a-f]{8}-[0-9]+)"', page)
    links = re.findall(r' href="#([^"]+)"', page)
    assert len(targets) == 3
    assert links == [targets[1], targets[0], targets[2], targets[1]]
    alone = prune("apple", Passage("Pear. Apple two. Plum."), policy=TopK(1)).to_html()
    assert "href" not in alone


@pytest.mark.parametrize("word", ["pear", '<&">', "梨子", "&"])
@pytest.mark.parametrize("kept", [1, 300, 20_000])
def test_html_of_a_large_text_is_small(word: str, kept: int) -> None:
    units = "\n".join(f"{word} apple {number}" if number % 7 else f"{word * 9} {number}" for number in range(20_000))
    result = prune("apple", Passage(units + f"\n{word * 9}" * 5_000), scorer="lexical", policy=TopK(kept))
    page = result.to_html(["fruit.txt"])
    assert len(page.encode("utf-8")) < 150_000
    read = Reader(page)
    assert "fruit.txt: " in read.texts["small"]
    assert escape(result.kept[0].text) in page
    assert "tokens dropped" in page or len(result.kept) == len(result.units)
    for count in re.findall(r'<i class="([a-z]+)">… [0-9,]+ units, [0-9,]+ tokens dropped', page):
        assert "line-through" not in re.findall(rf"i\.{count}{{([^}}]*)}}", page)[0]  # no text of the source


def test_html_of_one_huge_unit_and_of_many_files_is_small() -> None:
    class Huge:
        units = (Unit("<" * 500_000), Unit("apple"))

        def render(self, kept):
            return len(kept)

    for policy in (TopK(1), TopK(2)):
        assert len(prune("apple", Huge(), scorer="lexical", policy=policy).to_html()) < 150_000
    many = prune("apple", Passages(["Apple. " + "Pear. " * 200, *["Plum. " * 200] * 400]), policy=TopK(1))
    page = many.to_html([f"file {number}" for number in range(401)])
    assert len(page) < 150_000
    assert "file 400: 0 of 200 units" in page
    assert "Plum" not in page


def test_html_puts_rows_and_units_inside_of_others_on_lines_of_their_own() -> None:
    class Nested:
        units = (Unit("all", span=(0, 90)), Unit("a", span=(1, 2)), Unit("x | y", span=(3, 8)), Unit("z", span=(8, 9)))

        def render(self, kept):
            return len(kept)

    assert Reader(prune("a", Nested(), policy=TopK(4)).to_html()).texts["div"] == "\n\n\n"


def test_dict_is_plain_json_and_complete() -> None:
    result = prune("apple", Passage(NASTY), policy=TopK(1))
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert (document["format"], document["version"]) == ("ctxprune.pruned", 1)
    assert document["output"] == result.output
    assert (document["units_before"], document["units_after"]) == (len(result.units), 1)
    for unit in document["units"]:
        start, end = unit["span"]
        assert NASTY[start:end] == unit["text"]
    assert [Verdict(**{**unit, "span": tuple(unit["span"])}) for unit in document["units"]] == list(result.units)


@pytest.mark.parametrize("output", [{1: (2, None)}, [1.5, "x"], object])
def test_outputs_of_any_type_become_json(output) -> None:
    class Odd:
        units = (Unit("a"),)

        def render(self, kept):
            return output

    document = json.loads(json.dumps(prune("a", Odd()).to_dict()))
    assert document["output"]
    assert document["units_after"] == 1


def test_scores_are_an_array_in_source_order() -> None:
    result = prune("apple", Passage(NASTY), policy=TopK(1))
    assert result.scores.dtype == "float32"
    assert result.scores.tolist() == [unit.score for unit in result.units]


def test_equality_ignores_the_clock() -> None:
    first, second = (prune("apple", Passage(NASTY)) for _ in range(2))
    assert first == second
    assert first.seconds is not second.seconds


def test_verdicts_are_made_when_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of hundreds of thousands of units most callers read the few that are kept."""
    made: list[int] = []
    monkeypatch.setattr(
        "ctxprune.pruning.verdicts.Verdict", lambda **fields: made.append(fields["index"]) or Verdict(**fields)
    )
    result = prune("apple", Passage("An apple. A pear. A plum."), policy=TopK(1), scorer="lexical.v1")
    assert made == []
    assert len(result.units) == 3
    assert [unit.text for unit in result.kept] == ["An apple."]
    assert result.spans == ((0, 9),)
    assert result.scores.shape == (3,)
    assert made == [0, 0]
    assert [unit.index for unit in result.dropped] == [1, 2]


def test_verdicts_are_a_sequence_like_any_other() -> None:
    result = prune("apple", Passages(["An apple. A pear.", "A plum."]), policy=TopK(1), scorer="lexical.v1")
    units = result.units
    assert units == tuple(units)
    assert units == list(units)
    assert units[-1] == units[2] == units[1:][1]
    assert units[0:2] == tuple(units)[:2]
    assert units != tuple(units)[:2]
    assert units != 3
    assert hash(units) == hash(tuple(units))
    assert repr(units) == repr(tuple(units))
    assert [unit.source for unit in units] == [0, 0, 1]
    assert pickle.loads(pickle.dumps(result)) == result
    assert copy.deepcopy(result) == result
    with pytest.raises(IndexError):
        units[3]


def test_verdicts_do_not_change_with_what_they_were_made_of() -> None:
    scores = np.array([0.5, 0.1], dtype=np.float32)
    result = Pruner(policy=TopK(1)).prune_scored("apple", Passage("An apple. A pear."), scores)
    scores[:] = 9
    assert [unit.score for unit in result.units] == [0.5, pytest.approx(0.1)]
