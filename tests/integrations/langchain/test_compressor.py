"""The document compressor against langchain-core."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from ctxprune import Pruner, Threshold, TokenBudget, as_counter
from ctxprune.errors import BudgetError, CtxpruneError, InputError, UnknownNameError, UsageError
from ctxprune.integrations.langchain import PruningCompressor, restored
from ctxprune.rag import PassageOptions, PassagePruner

QUERY = "When did the bridge open?"
OWN = {f"ctxprune_{name}" for name in ("score", "spans", "gaps", "ends", "cut", "length")}


def documents() -> list[Document]:
    return [
        Document("Tickets cost five. Dogs are welcome here.", id="a", metadata={"title": "Prices", "page": 3}),
        Document(
            "The bridge is long. It was painted red. The bridge did open in 1933.", id="b", metadata={"source": "x"}
        ),
        Document("Ferries sail at noon. They carry cars."),
    ]


def lexical(**fields: Any) -> PruningCompressor:
    return PruningCompressor(scorer="lexical.v1", **fields)


class Recorder(BaseCallbackHandler):
    """Keeps what began, ended and failed."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.events.append(("start", kwargs.get("name")))  # steps of the compressor come between its start and end

    def on_chain_end(self, outputs: Any, **kwargs: Any) -> None:
        self.events.append(("end", outputs))

    def on_chain_error(self, error: BaseException, **kwargs: Any) -> None:
        self.events.append(("error", error))


def test_ids_and_metadata_stay_and_own_keys_come_under_one_prefix() -> None:
    given = documents()
    before = copy.deepcopy(given)
    found = lexical(keep_emptied=True).compress_documents(given, QUERY)
    assert given == before
    assert [document.id for document in found] == ["a", "b", None]
    for old, new in zip(given, found, strict=True):
        assert new is not old
        assert set(new.metadata) - set(old.metadata) == OWN
        assert {key: new.metadata[key] for key in old.metadata} == old.metadata
        assert new.metadata["ctxprune_length"] == len(old.page_content)
        assert restored(old.page_content, new.metadata) == new.page_content
    assert found[1].page_content == "The bridge is long. … The bridge did open in 1933."
    assert found[1].metadata["ctxprune_spans"] == [[0, 19], [40, 68]]
    assert found[1].metadata["ctxprune_gaps"] == [" … "]
    assert found[1].metadata["ctxprune_score"] > found[0].metadata["ctxprune_score"]


def test_documents_that_lost_everything_are_left_out_unless_kept() -> None:
    assert [document.id for document in lexical().compress_documents(documents(), QUERY)] == ["b"]
    kept = lexical(keep_emptied=True).compress_documents(documents(), QUERY)
    assert [document.page_content for document in kept][::2] == ["", ""]
    assert kept[0].metadata["ctxprune_spans"] == []


def test_one_budget_holds_over_all_documents() -> None:
    counter = as_counter()
    long = [Document(f"The bridge number {i} did open in {1900 + i}. It is red. " * 5) for i in range(6)]
    for budget in (20, 60, 200):
        found = lexical(budget=budget).compress_documents(long, QUERY)
        assert 0 < sum(counter.count(document.page_content) for document in found) <= budget
    with pytest.raises(BudgetError):
        lexical(budget=1).compress_documents(long, QUERY)


def test_order_is_the_callers_unless_reordering_is_asked_for() -> None:
    texts = [
        Document("A bridge."),
        Document("Cats."),
        Document("The bridge did open. When did the bridge open? In 1933."),
    ]
    wide = {"policy": Threshold(-1e9), "keep_emptied": True}
    assert [d.page_content for d in lexical(**wide).compress_documents(texts, QUERY)] == [d.page_content for d in texts]
    found = lexical(reorder=True, **wide).compress_documents(texts, QUERY)
    scores = [document.metadata["ctxprune_score"] for document in found]
    assert scores == sorted(scores, reverse=True)
    assert found[0].page_content.endswith("In 1933.")
    best = lexical(reorder=True, top_n=1, policy=Threshold(-1e9)).compress_documents(texts, QUERY)
    assert [document.page_content for document in best] == [found[0].page_content]


@pytest.mark.parametrize(("on_empty", "count"), [(None, 1), ("keep_best", 1), ("keep_all", 3), ("drop", 0)], ids=str)
def test_what_happens_where_nothing_reaches_the_cut(on_empty: str | None, count: int) -> None:
    strict = lexical(policy=Threshold(1e9), on_empty=on_empty)
    found = strict.compress_documents(documents(), QUERY)
    assert len(found) == count
    if on_empty == "keep_all":
        assert [document.page_content for document in found] == [document.page_content for document in documents()]


def test_lists_without_a_word_come_back_as_they_are() -> None:
    blank = [Document("", id="e"), Document(" \n")]
    found = lexical().compress_documents(blank, QUERY)
    assert [(document.id, document.page_content) for document in found] == [("e", ""), (None, " \n")]
    assert lexical(on_empty="drop").compress_documents(blank, QUERY) == []
    assert lexical().compress_documents([], QUERY) == []
    assert asyncio.run(lexical().acompress_documents([], QUERY)) == []
    mixed = lexical(keep_emptied=True).compress_documents([*blank, *documents()], QUERY)
    assert [document.page_content for document in mixed][:2] == ["", ""]


def test_subclasses_come_back_as_plain_documents() -> None:
    class Internal(Document):
        extra: int = 1

    found = lexical().compress_documents([Internal("The bridge did open in 1933.")], QUERY)
    assert [type(document) for document in found] == [Document]


@pytest.mark.parametrize(
    "text", ["\x00\x00", "a\x00b. The bridge did open.", "\ud800 The bridge did open in \udfff1933."]
)
def test_odd_characters_survive(text: str) -> None:
    found = lexical(policy=Threshold(-1e9)).compress_documents([Document(text)], QUERY)
    assert [document.page_content for document in found] == [text]


def test_titles_are_read_where_the_metadata_has_them() -> None:
    texts = [
        Document("It opened in 1933.", metadata={"title": "The bridge", "name": "Cats"}),
        Document("It opened in 1950."),
    ]
    scores = {}
    for key in ("title", "name", None):
        found = PruningCompressor(scorer="cascade.v1", title_key=key, keep_emptied=True).compress_documents(
            texts, QUERY
        )
        scores[key] = found[0].metadata["ctxprune_score"] - found[1].metadata["ctxprune_score"]
    assert scores["title"] > scores[None]
    odd = [Document("The bridge did open.", metadata={"title": 3}), Document("Cats.", metadata={"title": None})]
    assert len(lexical().compress_documents(odd, QUERY)) == 1


def test_markdown_spans_restore_the_content() -> None:
    text = (
        "# The bridge\n\nIt is red.\n\nThe bridge did open in 1933.\n\n## Other\n\nCats.\n\nThe bridge did open once."
    )
    found = lexical(options=PassageOptions(markdown=True, headings=True)).compress_documents([Document(text)], QUERY)
    assert "\n\n…\n\n" in found[0].page_content
    assert restored(text, found[0].metadata) == found[0].page_content
    with pytest.raises(InputError, match="not"):
        restored(text + "x", found[0].metadata)
    with pytest.raises(InputError, match="no spans"):
        restored(text, {})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(alphabet="ab. \n\x00\ud800é。#-|", max_size=40), max_size=4),
    st.booleans(),
    st.sampled_from([Threshold(0.5), TokenBudget(12)]),
)
def test_contents_are_restored_from_spans(texts: list[str], markdown: bool, policy: Any) -> None:
    compressor = lexical(policy=policy, options=PassageOptions(markdown=markdown), keep_emptied=True, on_empty="drop")
    given = [Document(text) for text in texts]
    try:
        found = compressor.compress_documents(given, "a b")
    except BudgetError:
        return
    assert len(found) == len(given)
    for old, new in zip(given, found, strict=True):
        assert restored(old.page_content, new.metadata) == new.page_content
    assert asyncio.run(compressor.acompress_documents(given, "a b")) == found


def test_async_gives_the_same_off_the_event_loops_thread() -> None:
    threads = set()

    class Scorer:
        def score(self, query: str, context: Any) -> list[float]:
            threads.add(threading.get_ident())
            return [float("1933" in unit.text) for unit in context.units]

    compressor = PruningCompressor(scorer=Scorer())
    found = asyncio.run(compressor.acompress_documents(documents(), QUERY))
    assert threading.get_ident() not in threads
    assert found == compressor.compress_documents(documents(), QUERY)
    assert [document.page_content for document in found] == ["The bridge did open in 1933."]


def test_callbacks_see_a_run_of_its_own() -> None:
    recorder = Recorder()
    found = lexical().compress_documents(documents(), QUERY, callbacks=[recorder])
    assert [recorder.events[0], recorder.events[-1]] == [("start", "PruningCompressor"), ("end", found)]
    recorder = Recorder()
    asyncio.run(lexical().acompress_documents(documents(), QUERY, callbacks=[recorder]))
    assert [recorder.events[0], recorder.events[-1]] == [("start", "PruningCompressor"), ("end", found)]
    recorder = Recorder()
    with pytest.raises(UsageError):
        lexical().compress_documents(documents(), " ", callbacks=[recorder])
    assert [kind for kind, _ in recorder.events] == ["start", "error"]


def test_the_runnable_works_in_chains_and_batches() -> None:
    compressor = lexical()
    expected = compressor.compress_documents(documents(), QUERY)
    runnable = compressor.as_runnable()
    recorder = Recorder()
    assert (
        runnable.invoke({"query": QUERY, "documents": documents()}, {"callbacks": [recorder], "run_name": "cut"})
        == expected
    )
    assert recorder.events[0] == ("start", "cut")
    inputs = [
        {"question": QUERY, "documents": documents()},
        {"question": "Where are dogs welcome?", "documents": documents()},
    ]
    both = runnable.batch(inputs)
    assert both[0] == expected
    assert [document.id for document in both[1]] == ["a"]
    assert asyncio.run(runnable.abatch(inputs)) == both
    assert list(runnable.stream(inputs[0])) == [expected]
    chain = (
        {"context": RunnableLambda(lambda _: documents()), "question": RunnablePassthrough()}
        | RunnablePassthrough.assign(context=compressor.as_runnable(documents_key="context"))
        | (lambda state: state["context"])
    )
    assert chain.invoke(QUERY) == expected
    assert asyncio.run(chain.ainvoke(QUERY)) == expected
    asked = compressor.as_runnable(query_key="ask").invoke({"ask": QUERY, "query": 3, "documents": documents()})
    assert asked == expected


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("text", "the input is a str"),
        ({"documents": []}, "it needs query or question, and documents"),
        ({"query": "q"}, "it needs query"),
        ({"query": " ", "documents": []}, "asks something"),
        ({"query": "q", "documents": "text"}, "documents is a str"),
        ({"query": "q", "documents": Document("x")}, "documents is a Document"),
        ({"query": "q", "documents": ["text"]}, "a document is a str"),
        (
            {"query": "q", "documents": [Document.model_construct(page_content=b"x", metadata={})]},
            "page_content is a bytes",
        ),
    ],
)
def test_wrong_inputs_are_told(inputs: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        lexical().as_runnable().invoke(inputs)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"budget": 5, "policy": "adaptive.v1"}, "both budget and policy"),
        ({"pruner": PassagePruner(), "budget": 5, "reorder": True}, "policy, reorder beside pruner"),
        ({"pruner": Pruner(), "scorer": "lexical.v1"}, "scorer beside pruner"),
        ({"pruner": "adaptive.v1"}, "pruner is a str"),
        ({"budget": -1}, "budget is -1"),
        ({"budget": "many"}, "budget is 'many': give a whole number"),
        ({"budget": True}, "budget is True"),
        ({"budget": "500"}, "budget is '500'"),
        ({"top_n": 0}, "top_n is 0"),
        ({"keep_emptied": "yes"}, "keep_emptied is a str"),
        ({"on_oversized": "maybe"}, "on_oversized is 'maybe'"),
        ({"budjet": 5}, "no argument 'budjet': did you mean 'budget'"),
        ({"on_empty": "maybe"}, "on_empty is 'maybe'"),
        ({"options": 3}, "options is a int"),
        ({"language": "e"}, "language is 'e'"),
        ({"reward": 1}, "reward"),
    ],
)
def test_wrong_fields_are_told(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PruningCompressor(**fields)
    with pytest.raises(UnknownNameError):
        PruningCompressor(scorer="nothing.v9")
    assert issubclass(UsageError, CtxpruneError)


def test_a_pruner_is_taken_as_it_is() -> None:
    passage_pruner = PassagePruner(Pruner("lexical.v1"), documents=1)
    assert PruningCompressor(pruner=passage_pruner).passage_pruner() is passage_pruner
    around = PruningCompressor(pruner=passage_pruner.pruner, top_n=2, reorder=True).passage_pruner()
    assert (around.pruner, around.documents, around.reorder) == (passage_pruner.pruner, 2, True)


def test_copies_and_pickles_prune_alike() -> None:
    compressor = lexical(budget=30, options=PassageOptions(protect=(r"\d{4}",)), counter=None)
    expected = compressor.compress_documents(documents(), QUERY)
    twins = [pickle.loads(pickle.dumps(compressor)), compressor.model_copy(), copy.deepcopy(compressor)]
    assert [twin.compress_documents(documents(), QUERY) for twin in twins] == [expected] * 3
    smaller = compressor.model_copy(update={"budget": 12})
    assert smaller.passage_pruner().pruner.policy == TokenBudget(12)
    model = pickle.loads(pickle.dumps(PruningCompressor()))
    assert model.passage_pruner().pruner.scorer == PruningCompressor().passage_pruner().pruner.scorer
