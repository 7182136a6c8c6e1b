"""What no one should feed to a pruner, and what it gives: defined results, exact spans, in bounded time."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import Adaptive, Pruner, Threshold, TokenBudget, TopK, prune, prune_batch
from ctxprune.errors import BudgetError, UsageError
from ctxprune.rag import BestDocuments, Distinct, Neighbours, Passage, PassageOptions, PassagePruner, Passages

ALL = PassageOptions(markdown=True, headings=True, title=True, pronouns=True, protect=("(?i)keep",))
ODD = {
    "white space": " \t\n\u3000",
    "emoji": "😀😀 👩\u200d👩\u200d👧 🇫🇷",
    "arabic": "يقع البرج في باريس. ارتفاعه ثلاثمئة متر؟ الموز أصفر.",
    "hebrew": "המגדל בפריז. הוא גבוה מאוד! הבננות צהובות.",
    "chinese": "铁塔在巴黎。它很高！香蕉是黄色的。",
    "japanese": "塔はパリにあります。とても高いです。バナナは黄色です。",
    "nul": "The tower.\x00 Next\x00one. \x00",
    "surrogates": "The \ud800tower. \udfff Next one.",
    "binary": bytes(range(256)).decode("latin-1") * 3,
    "broken markdown": "# \n```\n| a |\n|--\n[x](\n**\n> \n---\n- \n~~~~",
    "bom": "\ufeffThe tower. Next one.",
    "controls": "\x1b[31mThe tower.\x1b[0m \x08Next.",
}
QUESTIONS = ["tower", "برج", "铁塔?", "😀", "\x00", "\ud800", "?", "the", "tower " * 2000]


def policies():
    return [
        Adaptive(), Threshold(0.1), TopK(2), TokenBudget(1000), Neighbours(Adaptive()), Distinct(Adaptive()),
        BestDocuments(Adaptive(), 1), Distinct(Neighbours(TopK(4))),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("options", [PassageOptions(), ALL], ids=["plain", "all"])
def test_odd_texts_have_exact_spans_and_render_what_is_theirs(name: str, options: PassageOptions) -> None:
    text = ODD[name]
    passages = Passages([text, "", text], options=options)
    for question in QUESTIONS:
        for policy in policies():
            try:
                result = prune(question, passages, policy=policy)
            except BudgetError:
                assert isinstance(policy, TopK) or "top_k" in getattr(policy, "name", "")  # ancestors count among k
                continue
            for unit in result.units:
                assert passages.texts[unit.source][slice(*unit.span)] == unit.text
            for output in result.output:
                for part in output.split("…"):
                    assert part.strip() in text
            result.to_dict()
            result.to_html().encode("utf-8")


@pytest.mark.parametrize("question", QUESTIONS)
def test_odd_questions_rank(question: str) -> None:
    ranked = PassagePruner().rank(question, list(ODD.values()), return_documents=True)
    assert sorted(entry["corpus_id"] for entry in ranked) == list(range(len(ODD)))
    assert [entry["text"] for entry in ranked] == [list(ODD.values())[entry["corpus_id"]] for entry in ranked]


@pytest.mark.parametrize("texts", [[], [""], ["", ""], [" \n", "\t"]])
def test_empty_documents_come_back_as_they_are(texts) -> None:
    result = prune("tower", Passages(texts), policy=TokenBudget(5))
    assert (result.output, result.units) == (texts, ())
    ranked = PassagePruner().prune("tower", texts)
    assert (ranked.order, ranked.texts) == ((), [])
    assert [entry["corpus_id"] for entry in PassagePruner().rank("tower", texts)] == list(range(len(texts)))


@pytest.mark.parametrize("question", ["", " ", "\n\t", None, 3, b"x"])
def test_no_question_is_an_error(question) -> None:
    with pytest.raises(UsageError, match="the query is"):
        prune(question, Passage("A tower."))


def test_budgets_of_nothing_less_than_nothing_and_more_than_all() -> None:
    passages = Passages(["The tower is tall. Pears.", "Apples."])
    with pytest.raises(BudgetError, match="no unit fits into the 0 tokens"):
        prune("tower", passages, policy=TokenBudget(0))
    assert prune("tower", passages, policy=TokenBudget(0), on_empty="drop").output == ["", ""]
    with pytest.raises(UsageError, match="budget is -1"):
        TokenBudget(-1)
    assert prune("tower", passages, policy=TokenBudget(10**12)).output == list(passages.texts)
    with pytest.raises(BudgetError, match="pinned"):
        prune("tower", Passage("Keep this.", options=PassageOptions(protect=("Keep",))), policy=TokenBudget(1))


def sentences(count: int) -> str:
    rng = random.Random(count)
    names = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 9))) for _ in range(4000)]
    return " ".join(" ".join(rng.choices(names, k=rng.randint(6, 20))).capitalize() + "." for _ in range(count))


@pytest.mark.slow
def test_one_document_of_five_megabytes_takes_seconds() -> None:
    text = sentences(55_000)[:5_000_000]
    start = time.process_time()
    passage = Passage(text, options=PassageOptions(markdown=True))
    result = Pruner("cascade.v1", TokenBudget(300)).prune("abc " + text[2_000_000:2_000_100], passage)
    assert time.process_time() - start < 40
    assert 0 < result.tokens_after <= 300
    assert all(text[unit.span[0] : unit.span[1]] == unit.text for unit in result.units)


@pytest.mark.slow
def test_ten_thousand_documents_take_seconds() -> None:
    words = sentences(20_000).split(". ")
    texts = [". ".join(words[i : i + 2]) for i in range(0, 20_000, 2)]
    start = time.process_time()
    ranker = PassagePruner(Pruner("lexical", Distinct(TokenBudget(300))), documents=50, reorder=True)
    result = ranker.prune(texts[777], texts)
    assert time.process_time() - start < 40
    assert result.order[0] == 777
    assert len(result.relevance) == 10_000
    assert 0 < result.pruned.tokens_after <= 300


PIECES = st.sampled_from(
    ["The tower. ", "It is tall. ", "# H\n", "```\n", "| a |\n|---|\n", "\n\n",
     "\x00", "\ud800", "漢字。", "🇫🇷 ", "- x\n",
     "keep ", "\r\n", "The tower is tall. "]
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(PIECES, max_size=8).map("".join), max_size=5),
    st.sampled_from([PassageOptions(), ALL]),
    st.integers(0, 60),
)
def test_kept_is_part_of_the_source_within_the_budget_and_batch_equals_loop(texts, options, budget: int) -> None:
    passages = Passages(texts, gap="\U0001fae5", options=options)
    for policy in (TokenBudget(budget), Neighbours(TokenBudget(budget)), Distinct(TokenBudget(budget))):
        pruner = Pruner("lexical", policy, on_empty="drop")
        try:
            result = pruner.prune("tall tower", passages)
        except BudgetError:
            assert any(unit.pinned for unit in passages.units) or not passages.units  # white space counts too
            continue
        assert result.tokens_after <= budget
        for unit in result.units:
            assert passages.texts[unit.source][slice(*unit.span)] == unit.text
        for text, output in zip(texts, result.output, strict=True):
            at = 0
            for part in output.split("\U0001fae5"):
                at = text.index(part.strip(), at) + len(part.strip())  # in source order
        assert pruner.prune_batch("tall tower", [passages, passages]) == [result, result]
    assert prune_batch(["tower", "tall"], [passages] * 2) == [prune("tower", passages), prune("tall", passages)]
