"""What a question finds."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxprune.errors import SchemaError
from ctxprune.sql.schema.schema import ColumnRef

FOUND = [
    # question, table, column, value, stage
    ("who lives in Springfield?", "town", "name", "Springfield", "exact"),
    ("who lives in springfield?", "town", "name", "Springfield", "folded"),
    ("who lives in Sprinfield?", "town", "name", "Springfield", "lsh"),
    ("people of New York Citty", "town", "name", "New York City", "prefix"),
    ("people of Nwe York City", "town", "name", "New York City", "lsh"),
    ("Springfield's mayor", "town", "name", "Springfield", "exact"),
    ("how many engineers are there?", "person", "job", "engineer", "folded"),
    ("the street of O'Neill", "person", "name", "Anna O'Neill", "prefix"),
    ("towns of the Brazilians", "town", "country", "Brazil", "synonym"),
    ("American towns", "town", "country", "USA", "synonym"),
    ("all female people", "person", "sex", "F", "synonym"),
    ("towns with zip 94107", "town", "zip", "94107", "exact"),
    ("people born on 1970-01-31", "person", "born", "1970-01-31", "exact"),
    ("staff of computer science", "person", "dept", "Comp. Sci.", "prefix"),
    ("東京の人口は?", "town", "name", "東京", "exact"),
    ("where is NYC?", "town", "name", "New York City", "prefix"),
    ("who lives in Sa\u0303o Paulo?", "town", "name", "São Paulo", "folded"),
    ("people born on January 31st, 1970", "person", "born", "1970-01-31", "synonym"),
    ("people born on 5/2/1981", "person", "born", "1981-05-02", "synonym"),
    ("towns with zip code 1310", "town", "zip", "01310", "synonym"),
    ("active people", "person", "active", "yes", "column"),
    ("people who are not active", "person", "active", "no", "column"),
    ('towns with grade "A+"', "town", "grade", "A+", "exact"),
]


@pytest.mark.parametrize(("question", "table", "column", "value", "stage"), FOUND, ids=[row[0] for row in FOUND])
def test_found(towns, question, table, column, value, stage):
    hits = towns.lookup(question)
    (hit,) = [hit for hit in hits if hit.ref == (table, column) and hit.value == value]
    assert hit.stage == stage
    assert len(hits) <= 4


@pytest.mark.parametrize(
    "question",
    ["What is the name of each person?", "how many are there of the", "show all", "", " ", "?!", "\0", "x" * 5000],
)
def test_words_of_any_question_find_nothing(towns, question):
    assert [hit for hit in towns.lookup(question) if hit.likelihood > 0.05] == []


def test_a_quoted_common_word_is_meant(towns):
    assert ("person", "name") in {hit.ref for hit in towns.lookup('Is anybody called "name"?')}


def test_spans_point_into_question_and_evidence(towns):
    question, evidence = "Sums in euro of São Paulo", "euro refers to 'EUR'"
    text = f"{question}\n{evidence}"
    got = {hit.value: text[slice(*hit.span)] for hit in towns.lookup(question, evidence)}
    assert got["EUR"] == "EUR"
    assert got["São Paulo"] == "São Paulo"


def test_no_span_crosses_into_the_evidence(index):
    found = index("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('alpha beta gamma delta');")
    assert not [hit for hit in found.lookup("one alpha beta", "gamma delta two") if hit.stage in {"exact", "folded"}]


def test_many_quoted_values_are_all_found(index):
    names = [f"Harbour {word}" for word in ("Red", "Blue", "Green", "Pink", "Grey", "Black", "White", "Gold", "Teal")]
    found = index("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [(name,) for name in names]))
    asked = "boats in " + ", ".join(f"'{name}'" for name in names)
    assert {hit.value for hit in found.lookup(asked)} >= set(names)


def test_a_long_question_is_answered(towns):
    hits = towns.lookup("Who lives in Springfield? " + "Please tell me more about it all. " * 3000)
    assert hits[0].value == "Springfield"


def test_duplicates_are_reported_once_per_column(index):
    found = index(
        "CREATE TABLE a (c TEXT, d TEXT); INSERT INTO a VALUES ('Quito', 'Quito'), ('Quito', 'QUITO'), ('quito', NULL);"
    )
    hits = found.lookup("Quito or Quito or quito")
    assert sorted((hit.ref.column, hit.value) for hit in hits) == [
        ("c", "Quito"), ("c", "quito"), ("d", "QUITO"), ("d", "Quito"),
    ]  # fmt: skip


def test_an_empty_database_has_no_hits(index):
    found = index("CREATE TABLE t (c TEXT)")
    assert len(found) == 0
    assert found.lookup("anything at all") == []


def test_threads_share_an_index(towns):
    questions = [row[0] for row in FOUND]
    alone = [towns.lookup(question) for question in questions]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(towns.lookup, questions * 20)) == alone * 20


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.text(max_size=80), evidence=st.text(max_size=30))
def test_any_text_is_safe_and_hits_are_stored(towns, question, evidence):
    text = f"{question}\n{evidence}" if evidence else question
    for hit in towns.lookup(question, evidence):
        assert (hit.ref, hit.value) in set(towns)
        assert 0 <= hit.span[0] < hit.span[1] <= len(text)
        assert 0 < hit.score <= 1
        assert 0 <= hit.likelihood <= 1


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8, unique=True))
def test_a_quoted_value_is_found_whatever_it_is(values):
    import numpy as np

    from ctxprune.sql.values.index import ValueIndex
    from ctxprune.sql.values.index_arrays import ValueBatch, map_batch
    from ctxprune.sql.values.minhash import Signer
    from ctxprune.sql.values.spans import Question, key_words
    from ctxprune.sql.values.stores import ArrayStore

    permutations = np.arange(2, 194, dtype=np.uint32).reshape(2, 96) | np.uint32(1)
    part = map_batch(ValueBatch(values, np.ones(len(values), dtype=np.bool_)), Signer(permutations))
    column = {"table": "t", "column": "c", "values": len(values)}
    store = ArrayStore(part, np.array([0, len(values)]))
    found = ValueIndex({"columns": [column], "permutations": permutations.tolist()}, store)
    assert [value for _ref, value in found] == values
    for value in values:
        words = key_words(value)
        asked = f'which ones have "{value}"?'
        quoted = [[word.text for word in Question.parse(asked).words[a:b]] for a, b in Question.parse(asked).quoted]
        if words in quoted and sum(key_words(other) == words for other in values) == 1:
            assert value in {hit.value for hit in found.lookup(asked)}


def test_lookup_needs_neither_datasketch_nor_scipy(towns, tmp_path):
    towns.save(tmp_path / "index")
    code = (
        "import sys; from ctxprune.sql.values import ValueIndex; "
        "hits = ValueIndex.open(sys.argv[1]).lookup('who lives in Sprinfield?'); "
        "print(hits[0].value, [m for m in ('scipy', 'datasketch', 'sqlalchemy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "index")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "Springfield []"


def test_values_are_listed_whole_and_by_column(towns):
    everything = list(towns)
    assert len(everything) == len(towns)
    listed = [(column.ref, value) for column in towns.columns for value in towns.values_of(column.ref)]
    assert listed == everything
    assert list(towns.values_of(ColumnRef("town", "grade"))) == ["A", "A+", "B", "C"]
    with pytest.raises(SchemaError, match="nowhere"):
        towns.values_of(ColumnRef("town", "nowhere"))
