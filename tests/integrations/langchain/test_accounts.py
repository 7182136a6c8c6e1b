"""What pruned documents tell of themselves: pieces, documents that are pruned twice, and the account of a call."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document

from ctxprune import Threshold, TokenBudget, as_counter
from ctxprune.errors import BudgetError, InputError
from ctxprune.integrations._accounts import _Account, _compose
from ctxprune.integrations.langchain import PruningCompressor, compressor, restored
from ctxprune.rag import PassageOptions

QUERY = "May I give oxalic acid in summer?"
LONG = (
    "Oxalic acid may be given in summer, although the label does not allow it while supers are on the hive, only in "
    "Switzerland, and it is forbidden everywhere else [3]."
)
TEXTS = st.lists(
    st.sampled_from(
        (LONG, "Oxalic acid is dribbled in December.", "Bees need water.", "…", "The fair …", "\n\n",
         "| acid | month |\n|---|---|\n| oxalic | May |\n| formic | May |\n", "```\noxalic()\nac()\n```\n", "# Head\n")
    ),
    min_size=1,
    max_size=7,
).map(" ".join)  # fmt: skip


def lexical(**fields: Any) -> PruningCompressor:
    return PruningCompressor(scorer="lexical.v1", **fields)


def test_a_piece_of_a_sentence_is_marked_and_named() -> None:
    (found,) = lexical(budget=20).compress_documents([Document(f"Bees need water. {LONG}")], QUERY)
    assert found.page_content.endswith(" …")
    assert found.metadata["ctxprune_cut"] == [[17, 17 + len(LONG)]]
    assert found.metadata["ctxprune_ends"] == ["", " …"]
    assert as_counter().count(found.page_content) <= 20


def test_a_whole_sentence_comes_before_pieces_of_a_better_one() -> None:
    short = "Oxalic acid is dribbled in summer too."
    (found,) = lexical(budget=20).compress_documents([Document(f"Bees need water. {LONG} {short}")], QUERY)
    assert found.page_content.endswith(short)


def test_pieces_can_be_refused() -> None:
    documents = [Document(f"Bees need water. {LONG}")]
    (whole,) = lexical(budget=20, on_oversized="drop").compress_documents(documents, QUERY)
    assert (whole.page_content, whole.metadata["ctxprune_cut"]) == ("Bees need water.", [])
    with pytest.raises(BudgetError, match=r"the best unit, of .* did not fit; a budget of (..) would hold it") as error:
        lexical(budget=20, on_oversized="error").compress_documents(documents, QUERY)
    enough = int(str(error.value).split("a budget of ")[1].split()[0])
    (found,) = lexical(budget=enough, on_oversized="error").compress_documents(documents, QUERY)
    assert LONG in found.page_content


def test_the_error_names_the_budget_of_the_best_sentence() -> None:
    with pytest.raises(BudgetError, match=r"a budget of 5 holds it, one of .. holds the best unit"):
        lexical(budget=1).compress_documents([Document(f"Bees need water. {LONG}")], QUERY)


@settings(deadline=None)
@given(
    TEXTS, st.lists(st.integers(12, 60), min_size=2, max_size=3), st.booleans(), st.sampled_from((" … ", " ", "[…]"))
)
def test_what_is_pruned_again_is_told_of_its_first_source(
    text: str, budgets: list[int], markdown: bool, gap: str
) -> None:
    options = PassageOptions(markdown=markdown)
    documents = [Document(text, metadata={"page": 1})]
    for budget in budgets:
        try:
            documents = lexical(
                budget=budget, options=options, keep_emptied=True, gap=gap, policy=None
            ).compress_documents(documents, QUERY)
        except BudgetError:
            return
        (found,) = documents
        assert restored(text, found.metadata) == found.page_content
        assert found.metadata["ctxprune_length"] == len(text)
        for start, end in (*found.metadata["ctxprune_spans"], *found.metadata["ctxprune_cut"]):
            assert 0 <= start < end <= len(text)


@pytest.mark.parametrize(
    "metadata",
    [
        {"ctxprune_spans": [[0, 5]], "ctxprune_gaps": [], "ctxprune_length": 9},  # of another text
        {"ctxprune_spans": "x", "ctxprune_gaps": None, "ctxprune_length": "y"},
        {"ctxprune_spans": [[5, 0]], "ctxprune_gaps": [], "ctxprune_length": 99},
        {"ctxprune_spans": [[0, 37]], "ctxprune_gaps": [3], "ctxprune_length": 99},
        {"ctxprune_spans": [[0, 37]], "ctxprune_gaps": [], "ctxprune_ends": ["a"], "ctxprune_length": 99},
        {"ctxprune_spans": [[0, 37]], "ctxprune_gaps": [], "ctxprune_length": 10},
        {"ctxprune_spans": [[0, math.inf]], "ctxprune_gaps": [], "ctxprune_length": 5},
        {"ctxprune_spans": [[0, 38]], "ctxprune_gaps": [], "ctxprune_length": -math.inf},
        {"ctxprune_spans": [[0, 38]], "ctxprune_gaps": [], "ctxprune_length": 99, "ctxprune_cut": [[-5, 10**9]]},
        {"ctxprune_spans": [[0, 38]], "ctxprune_gaps": [], "ctxprune_length": 99, "ctxprune_cut": [[9, 3]]},
    ],
)
def test_accounts_of_other_texts_are_not_believed(metadata: dict[str, Any]) -> None:
    text = "Bees need water. Oxalic acid is given."
    (found,) = lexical(policy=Threshold(-1e9)).compress_documents([Document(text, metadata=metadata)], QUERY)
    assert found.metadata["ctxprune_length"] == len(text)
    assert found.metadata["ctxprune_cut"] == []
    assert restored(text, found.metadata) == found.page_content == text
    with pytest.raises(InputError, match=r"the metadata holds no spans|the spans are of a text of"):
        restored(text, metadata)


def test_accounts_of_earlier_releases_are_read() -> None:
    text = "Bees need water. Oxalic acid is given."
    old = {"ctxprune_spans": [[17, 38]], "ctxprune_gaps": [], "ctxprune_length": 38}
    assert restored(text, old) == "Oxalic acid is given."
    (found,) = lexical().compress_documents([Document("Oxalic acid is given.", metadata=old)], QUERY)
    assert found.metadata["ctxprune_spans"] == [[17, 38]]
    with pytest.raises(InputError, match="no spans"):
        restored(text, {})
    with pytest.raises(InputError, match="38 characters, not 1"):
        restored("x", old)


def _edges(limit: int, most: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Rising spans without overlap in [0, limit)."""
    edges = st.lists(st.integers(0, limit), max_size=2 * most, unique=True).map(sorted)
    return edges.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))


def _write(account: _Account, text: str) -> str:
    return "".join(mark if span is None else text[slice(*span)] for mark, span in account.segments())


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_account_of_two_prunings_is_that_of_a_walk_over_each_character(data: st.DataObject) -> None:
    def draw(length: int) -> _Account:
        spans = data.draw(_edges(length, 4))
        size = max(len(spans), 1) + 1
        marks = data.draw(st.lists(st.sampled_from(("", "…", " … ")), min_size=size, max_size=size))
        return _Account(spans, marks, data.draw(_edges(length, 3)), length)

    text = "".join(chr(0x100 + place) for place in range(30))
    source = draw(len(text))
    once = _write(source, text)
    account = draw(len(once))
    found = _compose(account, source)
    assert _write(found, text) == _write(account, once)
    assert found.length == len(text)
    assert len(found.marks) == max(len(found.spans), 1) + 1
    left = {place for span in found.spans for place in range(*span)}
    # The slow reference: where each character of the once pruned text came from.
    origins: list[int | None] = []
    for mark, span in source.segments():
        origins += [None] * len(mark) if span is None else range(*span)
    wanted = {whole for whole in source.cut if left.intersection(range(*whole))}
    for whole in account.cut:
        own = [place for place in origins[slice(*whole)] if place is not None]
        wanted |= {(own[0], own[-1] + 1)} if own else set()
    inner = {a for a in wanted for b in wanted if a != b and b[0] <= a[0] and a[1] <= b[1]}
    assert found.cut == sorted(wanted - inner)


def test_accounts_of_many_spans_take_no_square_of_their_number() -> None:
    many = 10_000  # where a walk over all segments for each span takes minutes
    source = _Account(
        [(4 * place, 4 * place + 3) for place in range(many)], ["", *["…"] * (many - 1), ""],
        [(4 * place, 4 * place + 4) for place in range(many)], 4 * many,
    )  # fmt: skip
    account = _Account(
        [(4 * place, 4 * place + 2) for place in range(many)], ["", *["…"] * (many - 1), ""],
        [(4 * place, 4 * place + 3) for place in range(many)], 4 * many - 1,
    )  # fmt: skip
    began = time.process_time()
    found = _compose(account, source)
    assert time.process_time() - began < 2
    assert (len(found.spans), len(found.cut)) == (many, many)


def test_the_accounts_of_a_call_leave_the_event_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def spy(*args: Any) -> list[dict[str, Any]]:
        threads.append(threading.get_ident())
        return own(*args)

    own = compressor.accounts
    monkeypatch.setattr(compressor, "accounts", spy)
    asyncio.run(lexical().acompress_documents([Document("Bees need water.")], QUERY))
    assert len(threads) == 1
    assert threads != [threading.get_ident()]


def test_the_account_of_a_call_names_what_was_dropped_and_why() -> None:
    documents = [
        Document("Bees need water."),
        Document(f"{LONG} The fair was in August."),
        Document("Hives are white."),
    ]
    compressor = lexical(budget=60)
    told = compressor.explain(documents, QUERY)
    found = compressor.compress_documents(documents, QUERY)
    assert [documents[index].page_content for index in told.order] == [
        document.page_content
        for document in documents
        if any(document.page_content[:9] in d.page_content for d in found)
    ]
    assert len(told.relevance) == 3
    dropped = {(unit.source, unit.text): unit.reason for unit in told.pruned.dropped}
    kept = {(unit.source, unit.text) for unit in told.pruned.kept}
    assert (1, LONG) in kept
    assert not kept & dropped.keys()
    assert "<del" in told.pruned.to_html() or not dropped
    assert [text for _, text in sorted(kept | dropped.keys())].count("Hives are white.") == 1


def test_a_question_in_another_script_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    documents = [Document("Bees need water. Hives are white.")]
    lexical().compress_documents(documents, QUERY)
    assert not caplog.records
    lexical().compress_documents(documents, "Когда дают кислоту?")
    assert "written in CYRILLIC and the documents in LATIN" in caplog.text


def test_a_question_that_no_document_answers_gets_none_as_the_page_says() -> None:
    documents = [Document("The bridge is long. It opened in 1933."), Document("The park is open all year.")]
    for policy in (Threshold(0.2), TokenBudget(500, minimum=0.2)):
        strict = PruningCompressor(policy=policy, on_empty="drop")
        assert strict.compress_documents(documents, "Who won the chess championship in Iceland?") == []
        assert strict.compress_documents(documents, "When did the bridge open?")
