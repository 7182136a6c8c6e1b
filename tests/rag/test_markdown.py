"""Markdown: what is never cut, what hangs under what, and what broken Markdown gives."""

from __future__ import annotations

from itertools import pairwise
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import TokenBudget, TopK, prune
from ctxprune.rag import Passage, PassageOptions, Passages
from ctxprune.rag.passages.markdown import find_blocks, heading_level

MARKDOWN = PassageOptions(markdown=True, headings=True)
PAGE = dedent(
    """\
    ---
    title: Towers
    date: 2024
    ---

    # Towers. Old and new

    The tower is tall. It was built in 1889.

    Heights
    -------

    | tower | height |
    |-------|-------:|
    | Paris | 330. m |

    ## Code

    ```python
    x = 1. # A comment. Another one.

    y = 2
    ```

        indented. code
        goes on. here

    - one item
    - another item

    $$
    a. b
    $$

    The end.
    """
)


def units(text: str, **options: bool) -> list[str]:
    return [unit.text for unit in Passage(text, options=PassageOptions(markdown=True, **options)).units]


def test_blocks_stay_whole_and_prose_is_cut_into_sentences() -> None:
    assert units(PAGE) == [
        "---\ntitle: Towers\ndate: 2024\n---",
        "# Towers. Old and new",
        "The tower is tall.",
        "It was built in 1889.",
        "Heights\n-------",
        "| tower | height |\n|-------|-------:|\n| Paris | 330. m |",
        "## Code",
        "```python\nx = 1. # A comment. Another one.\n\ny = 2\n```",
        "    indented. code\n    goes on. here",
        "- one item",
        "- another item",
        "$$\na. b\n$$",
        "The end.",
    ]


def test_what_stands_under_a_heading_brings_it_along() -> None:
    passage = Passage(PAGE, options=MARKDOWN)
    above = {unit.text: None if unit.parent is None else passage.units[unit.parent].text for unit in passage.units}
    assert above["The tower is tall."] == "# Towers. Old and new"
    assert above["Heights\n-------"] == "# Towers. Old and new"
    assert above["## Code"] == "# Towers. Old and new"  # an underlined "-" is a heading of level 2
    assert above["The end."] == "## Code"
    assert above["# Towers. Old and new"] is None
    result = prune("indented goes", passage, policy=TopK(3), scorer="lexical.v1")
    assert result.output == "# Towers. Old and new\n\n…\n\n## Code\n\n…\n\n    indented. code\n    goes on. here"


@settings(deadline=None, max_examples=200)
@given(st.sets(st.integers(0, 12)))
def test_what_is_kept_is_read_the_same_again(kept: set[int]) -> None:
    options = PassageOptions(markdown=True)
    passage = Passage(PAGE, options=options)
    again = Passage(passage.render(kept), options=options)
    assert [unit.text for unit in again.units if unit.text != "…"] == [
        passage.units[index].text for index in sorted(kept)
    ]


def test_headings_work_in_plain_text_and_over_several_texts() -> None:
    passages = Passages(["x\n# A\none.", "# B\ntwo."], options=PassageOptions(headings=True))
    assert [(unit.text, unit.parent) for unit in passages.units] == [
        ("x", None), ("# A", None), ("one.", 1), ("# B", None), ("two.", 3)
    ]  # fmt: skip


def test_long_blocks_are_not_cut() -> None:
    code = "```\n" + "x = 1. y = 2\n" * 500 + "```"
    assert units(f"A.\n\n{code}\n\nB.") == ["A.", code, "B."]
    table = "| a | b |\n|---|---|\n" + "| 1. | 2 |\n" * 500
    assert units(table) == [table.strip()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\nnever closed.\n\nGo on. Here.", ["```", "never closed.", "Go on.", "Here."]),
        ("````\na. b\n```\nc. d\n````", ["````\na. b\n```\nc. d\n````"]),
        ("~~~ a\nx. y\n~~~", ["~~~ a\nx. y\n~~~"]),
        ("``` a`b\nsome. More.", ["``` a`b\nsome.", "More."]),
        ("| a | b |\n| 1 | 2 |", ["| a | b |", "| 1 | 2 |"]),  # no rule under the head: no table
        ("a | b\n--|--\n", ["a | b\n--|--"]),
        ("#NoHeading. Two.", ["#NoHeading.", "Two."]),
        ("#", ["#"]),
        ("---\nno: end\n\nText. More.", ["---", "no: end", "Text.", "More."]),
        ("===\n", ["==="]),
        ("- item\n---\ntext", ["- item", "---", "text"]),
        ("- item\n\n    under it. Two.", ["- item", "under it.", "Two."]),
        ("[link](http://x.y. 'z", ["[link](http://x.y. 'z"]),
    ],
)
def test_broken_markdown_is_read_as_far_as_it_goes(text: str, expected: list[str]) -> None:
    found = units(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert found == expected


def test_crlf_counts_as_a_line_end() -> None:
    assert units("# A\r\n\r\n```\r\na. b\r\n```\r\nYes. No.") == ["# A", "```\r\na. b\r\n```", "Yes.", "No."]


def test_the_gap_between_lines_is_a_paragraph_of_its_own() -> None:
    passage = Passage("One. Two. Three.\n\nFour.\n\nFive.", options=PassageOptions(markdown=True))
    assert passage.render([0, 2, 4]) == "One. … Three.\n\n…\n\nFive."
    passage = Passage("One.\n\nTwo.\n\nThree.", gap="", options=PassageOptions(markdown=True))
    assert passage.render([0, 2]) == "One.\n\nThree."


LINES = st.sampled_from(
    ["# H", "A b. C d.", "```", "````", "~~~", "", "---", "===", "| a | b |", "|---|---|", "    code. x", "- item. y",
     "$$", "> q. r", "\tx", "漢字。漢", "\x00", "\ud800"]
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.lists(LINES, max_size=25).map("\n".join), st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_markdown_has_exact_spans_and_renders_back(text: str, ending: str) -> None:
    text = text.replace("\n", ending)
    passage = Passage(text, options=MARKDOWN)
    end = 0
    for unit in passage.units:
        start, stop = unit.span
        assert end <= start < stop
        assert text[start:stop] == unit.text
        assert text[end:start].strip() == ""
        assert unit.parent is None or unit.parent < len(passage.units)
        end = stop
    assert text[end:].strip() == ""
    assert passage.render(range(len(passage.units))) == text
    blocks = find_blocks(text)
    assert all(a.end <= b.start for a, b in pairwise(blocks))


@pytest.mark.parametrize(
    "text",
    ["```\n" * 100_001, "".join("`" * n + " x\n" for n in range(1500, 3, -1)),
     "    x\n\n" * 50_000, "|a|\n|-|\n" * 50_000,
     "---\n" * 100_000, "- a\n\n    b\n\n" * 20_000],
    ids=["fences", "falling fences", "code", "tables", "rules", "lists"],
)  # fmt: skip
def test_hostile_markdown_takes_no_more_than_seconds(text: str) -> None:
    import time

    start = time.process_time()
    assert Passage(text, options=MARKDOWN).units
    assert time.process_time() - start < 10


def test_a_budget_holds_for_the_wide_gap_too() -> None:
    result = prune("tower end", Passage(PAGE, options=MARKDOWN), policy=TokenBudget(40))
    assert result.tokens_after <= 40


@pytest.mark.parametrize(("line", "level"), [("# a", 1), ("###### a", 6), ("####### a", 0), ("#a", 0), ("   ## a", 2)])
def test_heading_levels(line: str, level: int) -> None:
    assert heading_level(line) == level


@given(st.lists(st.sampled_from(("```", "````", "~~~", "~~~~~", "$$", "```x", "~~~ y", "a")), max_size=12))
def test_a_fence_is_closed_by_the_next_one_that_may(lines: list[str]) -> None:
    """As a walk over all fences below finds it."""
    expected, number = [], 0
    while number < len(lines):
        mark = lines[number].rstrip("xy ")
        later = range(number + 1, len(lines))
        closes = (at for at in later if not lines[at].endswith(("x", "y")) and lines[at].startswith(mark))
        end = next(closes, None) if mark != "a" else None
        if end is not None:
            expected.append((number, end))
        number = number + 1 if end is None else end + 1
    text = "\n".join(lines)
    found = [(text.count("\n", 0, block.start), text.count("\n", 0, block.end)) for block in find_blocks(text)]
    assert [pair for pair in found if pair[0] < pair[1]] == expected
