"""Pieces of sentences, tables and code: where they are cut, what comes along, and how cut edges are marked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import Pruner, TokenBudget
from ctxprune.errors import BudgetError
from ctxprune.rag import Passage, PassageOptions, Passages
from ctxprune.rag.passages.markdown import find_tables
from ctxprune.scorers.lexical import LexicalScorer

MARKDOWN = PassageOptions(markdown=True)
CLAUSES = "oxalic acid may be given in summer, but in Switzerland alone, and it is forbidden anywhere else"
TABLE = "| treatment | month |\n|---|---|\n| oxalic acid | December |\n| formic acid | August |\n| thymol | September |"
CODE = (
    "```python\ndef get_it(url):\n    check_https(url)\n\n    answer = get(url, retry=1)\n    return answer.js()\n```"
)


def split(text: str, options: PassageOptions = MARKDOWN, size: int = 32, gap: str = " … ") -> Passage:
    """The passage with all units cut."""
    passage = Passage(text, gap=gap, options=options)
    found = passage.split_units(dict.fromkeys(range(len(passage.units)), size))
    assert found is not None
    assert isinstance(found.context, Passage)
    assert found.context.render(range(len(found.context.units))) == text
    return found.context


@pytest.mark.parametrize(
    ("kept", "written"),
    [
        ([0], "oxalic acid may be given in summer, …"),
        ([1], "… but in Switzerland alone, …"),
        ([2], "… and it is forbidden anywhere else"),
        ([0, 2], "oxalic acid may be given in summer, … and it is forbidden anywhere else"),
        ([1, 2], "… but in Switzerland alone, and it is forbidden anywhere else"),
        ([0, 1, 2], CLAUSES),
    ],
)
def test_the_cut_edges_of_a_sentence_are_marked(kept: list[int], written: str) -> None:
    passage = split(CLAUSES, PassageOptions())
    assert [unit.text for unit in passage.units] == [part.strip() for part in CLAUSES.replace(", ", ",; ").split(";")]
    assert passage.render(kept) == written
    assert split(CLAUSES, PassageOptions(), gap="").render([1]) == "but in Switzerland alone,"


def test_a_whole_sentence_has_no_marks_beside_one_that_was_cut() -> None:
    passage = split(f"Bees need water. {CLAUSES.replace('oxalic', 'Oxalic')}. Hives are white.", PassageOptions())
    assert passage.render([0]) == "Bees need water."
    assert passage.render([4]) == "Hives are white."
    assert passage.render([0, 2]) == "Bees need water. … but in Switzerland alone, …"


def test_a_long_clause_is_cut_into_parts_of_about_one_length() -> None:
    text = " ".join(
        ["although the label in most countries does not allow it while the honey supers are on the hive"] * 4
    )
    sizes = [len(unit.text) for unit in split(text, PassageOptions(), size=48).units]
    assert len(sizes) > 4
    assert max(sizes) < 3 * min(sizes)


def test_a_table_is_cut_between_rows_and_its_header_comes_along() -> None:
    passage = split(f"Before.\n\n{TABLE}\n\nAfter.\n")
    texts = [unit.text for unit in passage.units]
    assert texts[1:5] == ["\n".join(TABLE.splitlines()[:2]), *TABLE.splitlines()[2:]]
    assert [unit.requires for unit in passage.units] == [(), (), (1,), (1,), (1,), ()]
    assert passage.render([1, 3]) == "\n".join([*TABLE.splitlines()[:2], "| … |", TABLE.splitlines()[3], "| … |"])
    assert passage.render([1, 4, 5]).endswith("|---|---|\n| … |\n| thymol | September |\n\nAfter.\n")
    assert split(TABLE, gap=" ").render([0, 2]) == "\n".join([*TABLE.splitlines()[:2], TABLE.splitlines()[3]])


def test_code_is_cut_between_lines_and_its_fences_come_along() -> None:
    passage = split(f"{CODE}\n")
    texts = [unit.text for unit in passage.units]
    assert texts[0], texts[-1] == ("```python", "```")
    last = len(texts) - 1
    assert passage.units[0].requires == (last,)
    assert passage.units[1].requires == (0, last)
    answer = next(index for index, text in enumerate(texts) if "get(url" in text)
    assert passage.render([0, answer, last]).split("\n") == ["```python", "…", texts[answer], "…", "```", ""]


@pytest.mark.parametrize(
    "block", ["# " + "long heading " * 9, "$$\n" + "x + " * 30 + "y\n$$", "---\na: " + "b " * 40 + "\n---"]
)
def test_other_blocks_are_never_cut(block: str) -> None:
    passage = Passage(f"{block}\n\nText.\n", options=MARKDOWN)
    assert passage.split_units(dict.fromkeys(range(len(passage.units)), 8)) is None


def test_rows_of_a_table_need_its_header_in_plain_text_too() -> None:
    passage = Passage(f"Some text. More text.\n\n{TABLE}\nAfter it. Last.")
    assert [unit.requires for unit in passage.units] == [(), (), (), (2,), (2,), (2,), (), ()]
    assert passage.render([2, 4]) == "\n".join([*TABLE.splitlines()[:2], "| … |", TABLE.splitlines()[3]])
    assert passage.render([2, 3, 7]).endswith("| oxalic acid | December |\n\n…\n\nLast.")
    found = Pruner("lexical.v1").prune("When is formic acid given?", passage).output
    assert found.startswith("| treatment | month |\n|---|---|\n")
    assert "| formic acid | August |" in found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a | b\n--|--\nc | d", 1),
        ("a | b\nc | d", 0),
        ("|", 0),
        ("|\n|-|", 1),
        ("a\n|-|\n", 0),
        (TABLE * 2, 1),
        ("", 0),
    ],
)
def test_tables_are_known_by_their_rule(text: str, count: int) -> None:
    assert len(find_tables(text)) == count


LINES = st.lists(
    st.sampled_from(
        ["| a | b |", "|---|---|", "| lamp | pilot |", "A lamp. The pilot sleeps.", "", "```", "    code()", "# Head",
         "the pilot, who has a lamp, waits; nobody comes, and so on and on without an end to it", "|", "$$", "- item"]
    ),
    max_size=14,
)  # fmt: skip


@settings(deadline=None)
@given(LINES, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.data())
def test_what_is_laid_out_is_what_is_rendered(lines: list[str], markdown: bool, end: str, data: st.DataObject) -> None:
    passage = Passage(end.join(lines), options=PassageOptions(markdown=markdown))
    size = data.draw(st.integers(8, 60))
    found = passage.split_units(dict.fromkeys(range(len(passage.units)), size))
    cut = passage if found is None else found.context
    spans = [unit.span for unit in cut.units if unit.span is not None]
    kept = sorted(data.draw(st.sets(st.sampled_from(range(len(spans)))))) if spans else []
    layout = passage.lay_out(spans, kept)
    assert layout.write(passage.text) == cut.render(kept)
    assert not layout.spans or len(layout.marks) == len(layout.spans) + 1
    assert all(any(start < high and low < end for low, high in layout.spans) for start, end in layout.cut)
    assert "".join(cut.units[index].text for index in range(len(spans))).split() == passage.text.split() or spans


@settings(deadline=None)
@given(LINES, st.integers(1, 60), st.booleans())
def test_no_budget_keeps_a_header_or_a_fence_alone(lines: list[str], budget: int, markdown: bool) -> None:
    text = "\n".join([*lines, CODE, "", TABLE])
    passage = Passage(text, options=PassageOptions(markdown=markdown))
    try:
        pruned = Pruner(LexicalScorer(), TokenBudget(budget)).prune(
            "when is thymol given, and what does get return", passage
        )
    except BudgetError:
        return
    assert pruned.tokens_after <= budget
    whole = {unit.span for unit in passage.units}
    parts = [unit for unit in pruned.kept if unit.span not in whole]
    assert not parts or not all(unit.text.startswith(("```", "| treatment")) for unit in parts)


def test_several_texts_are_laid_out_each_by_itself() -> None:
    passages = Passages([CLAUSES, "Bees."])
    found = passages.split_units({0: 32})
    assert found is not None
    spans = [unit.span for unit in found.context.units if unit.span is not None]
    first, second = passages.lay_out([spans[:3], spans[3:]], [[0], [0]])
    assert (first.marks, first.cut) == (["", " …"], [(0, len(CLAUSES))])
    assert (second.spans, second.marks, second.cut) == ([(0, 5)], ["", ""], [])
