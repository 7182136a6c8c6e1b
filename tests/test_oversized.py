"""Units that are too large for a budget: parts of them where they have borders, a word about it where they do not."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import Pruner, TableBudget, TokenBudget
from ctxprune.context import Context, Unit
from ctxprune.context.scores import Scores
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies.base import Request
from ctxprune.rag import HtmlOptions, HtmlPage, JsonDocument, Passage, PassageOptions, Passages, Table
from ctxprune.scorers import Scorer
from ctxprune.scorers.lexical import LexicalScorer

LONG = (
    "the harbour master writes down the name of each ship; in winter the pilot boat waits behind the mole, and the "
    "lamps on the quay are lit at four; whoever comes after dark must sound the horn twice, wait for the answer, and "
    "keep the red light on the left"
)
OTHERS = "Bread is baked at five. Bread is sold at six. The shop closes at noon."


class Words(Context[str]):
    """Units of single lines that nothing can be cut into."""

    def __init__(self, *texts: str) -> None:
        self.units = tuple(map(Unit, texts))

    def render(self, kept: Collection[int]) -> str:
        return "\n".join(self.units[index].text for index in sorted(kept))


@dataclass(frozen=True)
class Fixed(Scorer):
    """Given scores, and those of BM25 for parts of a context."""

    values: tuple[float, ...]

    def score(self, query: str, context: Context) -> Scores:  # type: ignore[type-arg]
        if len(context.units) == len(self.values):
            return np.asarray(self.values, dtype=np.float32)
        return LexicalScorer().score(query, context)


def lexical(budget: int) -> Pruner:
    return Pruner(LexicalScorer(), TokenBudget(budget))


def test_a_sentence_without_room_is_cut_at_clauses() -> None:
    pruned = lexical(30).prune("when must a ship sound the horn?", Passage(f"{LONG}. {OTHERS}"))
    assert "sound the horn twice" in pruned.output
    assert "Bread" not in pruned.output
    assert pruned.tokens_after <= 30
    assert pruned.oversized is not None
    assert pruned.oversized.parts > pruned.oversized.kept > 0
    assert pruned.to_dict()["oversized"]["budget"] == pruned.oversized.budget
    whole = lexical(pruned.oversized.budget).prune("when must a ship sound the horn?", Passage(f"{LONG}. {OTHERS}"))
    assert LONG in whole.output
    assert whole.oversized is None


def test_a_code_block_is_cut_at_lines_with_their_indentation() -> None:
    lines = "\n".join(f"    step_{number}(engine, {number})" for number in range(30))
    text = f"# Start\n\n```python\ndef start(engine):\n{lines}\n```\n\nBread is baked at five.\n"
    pruned = lexical(40).prune("step_17", Passage(text, options=PassageOptions(markdown=True, headings=True)))
    assert "\n    step_17(engine, 17)" in pruned.output
    assert pruned.output.startswith("# Start")
    assert "Bread" not in pruned.output


def test_pieces_can_be_refused_or_be_an_error() -> None:
    passage = Passage(f"{LONG}. {OTHERS}")
    question = "when must a ship sound the horn?"
    whole = Pruner(LexicalScorer(), TokenBudget(30), on_oversized="drop").prune(question, passage)
    assert {unit.text for unit in whole.kept} <= {unit.text for unit in passage.units}
    assert whole.oversized is not None
    assert whole.oversized.parts == 1
    strict = Pruner(LexicalScorer(), TokenBudget(30), on_oversized="error")
    with pytest.raises(BudgetError, match=f"a budget of {whole.oversized.budget} would hold it: raise the budget"):
        strict.prune(question, passage)
    enough = Pruner(LexicalScorer(), TokenBudget(whole.oversized.budget), on_oversized="error")
    assert LONG in enough.prune(question, passage).output
    with pytest.raises(UsageError, match="on_oversized is 'none'"):
        Pruner(on_oversized="none")  # type: ignore[arg-type]


def test_whole_sentences_that_fit_come_before_pieces_of_a_better_one() -> None:
    short = "Ships sound the horn twice."
    pruner = Pruner(Fixed((0.1, 0.0, 0.1, 1.0, 0.6)), TokenBudget(30))
    pruned = pruner.prune("when must a ship sound the horn?", Passage(f"{OTHERS} {LONG.capitalize()}. {short}"))
    assert pruned.output.endswith(short)
    assert pruned.oversized is not None
    assert pruned.tokens_after <= 30


def test_parts_of_several_texts_stay_in_their_text() -> None:
    pruned = lexical(30).prune("when must a ship sound the horn?", Passages([OTHERS, f"{LONG}.", OTHERS]))
    first, second, third = pruned.output
    assert (first, third) == ("", "")
    assert "horn" in second
    assert {unit.source for unit in pruned.kept} == {1}


def test_what_cannot_be_cut_is_named_and_nothing_fills_its_room() -> None:
    words = Words("anchor " * 60, "rope", *["paper"] * 20)
    scores = (1.0, 0.7, *[0.1] * 20)
    pruned = Pruner(Fixed(scores), TokenBudget(30)).prune("anchor", words)
    assert pruned.output == "rope"
    assert pruned.oversized is not None
    assert str(pruned.oversized).startswith("the best unit, of ")
    assert "did not fit; a budget of" in str(pruned.oversized)
    assert pruned.units[5].reason == "score"
    whole = Pruner(Fixed(scores), TokenBudget(pruned.oversized.budget)).prune("anchor", words)
    assert whole.kept[0].index == 0


def test_without_any_near_unit_the_best_that_fits_is_kept_alone() -> None:
    pruned = Pruner(Fixed((1.0, 0.1, 0.2, 0.1)), TokenBudget(10)).prune("anchor", Words("anchor " * 60, *["rope"] * 3))
    assert [unit.index for unit in pruned.kept] == [2]


def test_nothing_is_said_where_the_best_unit_fits() -> None:
    assert lexical(200).prune("horn", Passage(f"{LONG}. {OTHERS}")).oversized is None
    assert Pruner(LexicalScorer(), "adaptive.v1").prune("horn", Passage(LONG)).oversized is None


@pytest.mark.parametrize("markdown", [False, True])
def test_a_text_that_is_one_unit_of_many_tokens(markdown: bool) -> None:
    text = "```\n" + "x" * 5 + "lamp" * 50_000 + "\n```" if markdown else "lamp" * 50_000
    pruned = lexical(50).prune("lamp", Passage(text, options=PassageOptions(markdown=markdown)))
    assert 0 < pruned.tokens_after <= 50


SENTENCES = st.lists(
    st.lists(st.sampled_from(("harbour", "lamp", "rope;", "pilot,", "and", "bread", "ship")), min_size=1, max_size=60),
    min_size=1,
    max_size=6,
)


@given(SENTENCES, st.integers(4, 120), st.booleans())
def test_budgets_hold_and_the_named_budget_is_enough(sentences: list[list[str]], budget: int, markdown: bool) -> None:
    text = "\n\n".join(f"{'# ' * (not i % 3)}{' '.join(words).capitalize()}." for i, words in enumerate(sentences))
    passage = Passage(text, options=PassageOptions(markdown=markdown, headings=markdown))
    try:
        pruned = lexical(budget).prune("lamp of the pilot", passage)
    except BudgetError:
        return
    assert pruned.tokens_after <= budget
    assert all(unit.span is not None and text[slice(*unit.span)] == unit.text for unit in pruned.units)
    spans = [unit.span for unit in pruned.units if unit.span is not None]
    assert spans == sorted(spans)
    assert sum(not character.isspace() for character in text) == sum(
        not character.isspace() for unit in pruned.units for character in unit.text
    )
    best = int(np.argmax(LexicalScorer().score("lamp of the pilot", passage)))
    if pruned.oversized is None:
        assert passage.units[best].text in pruned.output
    else:
        enough = lexical(pruned.oversized.budget).prune("lamp of the pilot", passage)
        # By its place in the text: units before it may be in parts.
        assert passage.units[best].span in {unit.span for unit in enough.kept}


@given(st.lists(st.tuples(st.floats(-5, 5, width=32), st.integers(1, 30)), min_size=1, max_size=12), st.integers(1, 90))
def test_no_unit_is_kept_below_one_that_would_have_fit(units: list[tuple[float, int]], budget: int) -> None:
    scores = np.asarray([score for score, _ in units], dtype=np.float32)
    tokens = np.asarray([price for _, price in units], dtype=np.int64)
    context = Words(*["lamp"] * len(units))
    selection = TokenBudget(budget).select(Request("lamp", context, scores, tokens, None))
    for index in np.flatnonzero(~selection.kept):
        better = selection.kept & (
            (scores > scores[index]) | ((scores == scores[index]) & (np.arange(len(scores)) < index))
        )
        assert tokens[better].sum() + tokens[index] > budget


def test_errors_name_the_smallest_unit_with_what_it_needs_and_a_budget_that_holds_it() -> None:
    text = "# A heading of quite a few words\n\nBread is baked at five.\n"
    passage = Passage(text, options=PassageOptions(markdown=True, headings=True, protect=("heading",)))
    with pytest.raises(BudgetError, match=r"pinned units .* do not fit into 3 tokens.*they take 9"):
        lexical(3).prune("bread", passage)
    with pytest.raises(
        BudgetError, match=r"the smallest takes 4 with all it needs; a budget of 4 holds it, one of 11 "
    ):
        lexical(1).prune("bread", Passage("Lamps burn. Bread is baked at five in the morning."))


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_a_record_without_room_is_cut_at_its_members(indent: int | None) -> None:
    records = [{"id": f"p{i}", "kind": "moisture", "note": "checked in spring " * 5, "depth": i * 30} for i in range(4)]
    text = json.dumps({"probes": records, "names": ["a", "b"]}, indent=indent)
    pruned = lexical(45).prune("depth of probe p2", JsonDocument(text))
    kept = json.loads(pruned.output)
    assert {"id": "p2", "depth": 60}.items() <= kept["probes"][0].items()
    assert "note" not in kept["probes"][0]
    assert pruned.oversized is not None
    assert pruned.tokens_after <= 45 < pruned.oversized.budget
    whole = lexical(pruned.oversized.budget).prune("depth of probe p2", JsonDocument(text))
    assert records[2] in json.loads(whole.output)["probes"]


VALUES = st.recursive(
    st.one_of(st.integers(0, 99), st.sampled_from(("lamp", "pilot", "bread"))),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4),
        st.dictionaries(st.sampled_from(("lamp", "port", "pilot")), inner, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


@given(st.lists(VALUES, min_size=1, max_size=5), st.sampled_from((None, 1, 4)), st.integers(3, 60))
def test_json_in_parts_is_json_within_the_budget(values: list[object], indent: int | None, budget: int) -> None:
    text = json.dumps(values, indent=indent)
    document = JsonDocument(text)
    split = document.split_units(dict.fromkeys(range(len(document.units)), 32))
    if split is not None:
        assert len(split.origins) == len(split.context.units) > len(document.units)
        for part, origin in zip(split.context.units, split.origins, strict=True):
            start, end = document.units[origin].span or (0, 0)
            assert part.span is not None
            assert start <= part.span[0] <= part.span[1] <= end
        assert split.context.render(range(len(split.origins))) == text
    try:
        pruned = lexical(budget).prune("lamp of the pilot", document)
    except BudgetError:
        return
    json.loads(pruned.output)
    assert pruned.tokens_after <= budget


def test_a_run_of_numbers_is_cut_at_the_numbers() -> None:
    pruned = lexical(60).prune("50123", JsonDocument(json.dumps(list(range(60_000)))))
    assert 50123 in json.loads(pruned.output)
    assert pruned.tokens_after <= 60


def test_a_better_row_of_one_token_more_is_not_passed_over() -> None:
    rows = "".join(f"<tr><td>Lake {name}<td>{depth}" for name, depth in (("Como", 425), ("Garda", 346), ("Iseo", 251)))
    page = HtmlPage(
        f"<h1>Lakes of Italy</h1><h2>Depths</h2><table><tr><th>Lake<th>Depth{rows}</table><p>{LONG}.",
        HtmlOptions(output="markdown", columns=True),
    )
    for budget in (40, 41):
        pruned = Pruner("page", TableBudget(budget)).prune("How deep is Lake Garda?", page)
        assert "| Lake Garda | 346 |" in pruned.output
        assert pruned.tokens_after <= budget


def test_a_row_that_others_took_the_room_of_is_not_called_too_large() -> None:
    rows = "".join(f"{i},part{i},{(i * 37) % 90},{(i * 53) % 400},{(i * 11) % 120}\n" for i in range(1, 201))
    table = Table(f"code_no,item,mass_kg,toll,lasted_min\n{rows}")
    found = Pruner("tabular.v1", TableBudget(120)).prune("parts with toll under 3", table)  # which no row has
    assert found.oversized is None or found.oversized.budget > 120
