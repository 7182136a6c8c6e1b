"""Rows of Arrow tables; skipped where pyarrow is not installed. They run in `make framework-ray`, too."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

import pyarrow as pa

from ctxprune import Pruner, TokenBudget
from ctxprune.errors import InputError, UsageError
from ctxprune.integrations.arrow import RESULTS, PruneRows, restored
from ctxprune.rag import PassagePruner, Passages

QUERY = "When did the bridge open?"
TEXT = "The bridge is long. It was painted red. The bridge did open in 1933."
LEXICAL = PassagePruner(Pruner("lexical.v1"))


def pruned(texts: object, **settings: object) -> list[dict[str, object]]:
    table = texts if isinstance(texts, pa.Table) else pa.table({"text": texts})
    return PruneRows(LEXICAL, **{"query": QUERY, **settings})(table).to_pylist()


def test_each_row_is_what_the_pruner_makes_of_it() -> None:
    table = pa.table({"id": [7, 8, 9], "text": [TEXT, "Cats sleep. Dogs bark.", ""]})
    found = PruneRows(LEXICAL, query=QUERY)(table)
    assert found.select(["id", "text"]) == table
    assert found.schema.names[2:] == RESULTS.names
    for row in found.to_pylist():
        alone = LEXICAL.prune(QUERY, Passages([row["text"]]))
        assert row["ctxprune_text"] == alone.pruned.output[0] == restored(row["text"], row)
        assert row["ctxprune_score"] == alone.relevance[0]
        assert row["ctxprune_tokens_before"] == alone.pruned.tokens_before
        assert row["ctxprune_tokens_after"] == alone.pruned.tokens_after
        assert row["ctxprune_error"] is None


def test_each_row_may_have_its_own_question() -> None:
    table = pa.table({"text": [TEXT, TEXT], "q": [QUERY, "What was painted red?"]})
    first, second = pruned(table, query=None, query_column="q")
    assert "1933" in first["ctxprune_text"]
    assert "painted red" in second["ctxprune_text"]


def test_rows_that_cannot_be_pruned_say_why() -> None:
    texts = pa.array([TEXT.encode(), None, b"caf\xe9", b"x" * 101, b" \n"])
    table = pa.table({"id": [0, 1, 2, 3, 4], "text": texts})
    rows = pruned(table, longest=100)
    assert [row["id"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["ctxprune_error"] for row in rows] == [
        None,
        "text is null",
        "text is no UTF-8 at byte 3",
        "text has 101 characters, over 100",
        None,
    ]
    assert {row[name] for row in rows[1:4] for name in RESULTS.names[:-1]} == {None}
    assert rows[4]["ctxprune_text"] == " \n"


def test_strings_that_are_no_utf8_are_rows_too() -> None:
    texts = pa.Array.from_buffers(pa.string(), 2, pa.array([b"ok then", b"\xff"]).buffers())
    assert [row["ctxprune_error"] for row in PruneRows(LEXICAL, query=QUERY)(pa.table({"text": texts})).select(
        ["ctxprune_error"]
    ).to_pylist()] == [None, "text is no UTF-8 at byte 0"]  # fmt: skip


def test_questions_that_ask_nothing_say_so() -> None:
    table = pa.table({"text": [TEXT, TEXT, TEXT], "query": [None, "  ", QUERY]})
    errors = [row["ctxprune_error"] for row in pruned(table, query=None)]
    assert errors == ["query is null", "query is empty", None]


def test_a_budget_that_holds_nothing_is_the_rows_error() -> None:
    small = PruneRows(PassagePruner(Pruner("lexical.v1", TokenBudget(3))), QUERY)
    rows = small(pa.table({"text": [TEXT, "In 1933."]})).to_pylist()
    assert "no unit fits into the 3 tokens" in rows[0]["ctxprune_error"]
    assert rows[0]["ctxprune_text"] is None


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())],
)
def test_every_kind_of_text(kind: pa.DataType) -> None:
    table = pa.table({"text": pa.array([TEXT, None]).cast(kind)})
    expected = pruned([TEXT, None])
    assert [row["ctxprune_text"] for row in pruned(table)] == [row["ctxprune_text"] for row in expected]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"body": [TEXT]}), "there is no column 'text': known: body"),
        (pa.table({"text": [1]}), "the column 'text' holds int64, no text"),
        (pa.table({"text": pa.nulls(2)}), "the column 'text' holds null, no text"),
        (pa.table({"text": [TEXT], "ctxprune_error": [""]}), "there is a column 'ctxprune_error' already"),
    ],
)
def test_tables_of_another_shape(table: pa.Table, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pruned(table)


def test_no_rows() -> None:
    found = PruneRows(LEXICAL, query=QUERY)(pa.table({"text": pa.array([], pa.string())}))
    assert found.num_rows == 0
    assert found.schema.names == ["text", *RESULTS.names]


@pytest.mark.parametrize(
    "settings", [{"query": " "}, {"query": 3}, {"longest": 0}, {"longest": True}, {"pruner": Pruner()}]
)
def test_arguments(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        PruneRows(**settings)
