"""Row groups that hold nothing of what is asked are not read, and the result is the same."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa
import pyarrow.parquet as parquet

from ctxprune import Pruner, TableBudget
from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.rag.tables import index_groups, prune_file
from ctxprune.rag.tables.files import ParquetFile

CITIES = ["Quindale", "Łódź", "São Paulo", "Ost-Ende", "Vienna", "Brno", "Cork"]
QUESTIONS = [
    "who sent the parcel to Quindale",
    "parcels to lodz",
    "what went to sao paulo in 2019",
    "what weighs over 480",
    "parcel 1234",
    "what was sent before 2001-03-05",
    "anything about zebras",
    "Vienn",
    "the heaviest parcel to Brno",
    "東京",
]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    random.seed(0)
    rows = 3000
    # Each city in a stretch of its own, as in data that grew by region.
    cities = [CITIES[place * len(CITIES) // rows] for place in range(rows)]
    table = pa.table(
        {
            "id": range(rows),
            "city": pa.array(cities).dictionary_encode(),
            "sender": [f"Person {random.randint(0, 400)}" for _ in range(rows)],
            "grams": [random.random() * 100 + place / 7 for place in range(rows)],
            "sent": [dt.date(2000, 1, 1) + dt.timedelta(days=place * 3) for place in range(rows)],
            "note": [None if place % 3 else "naïve “quote” x²" for place in range(rows)],
            "price": [f"{place % 90}.50" for place in range(rows)],
        }
    )
    path = tmp_path_factory.mktemp("groups") / "a.parquet"
    parquet.write_table(table, path, row_group_size=150)
    index_groups(path, path.with_name("words.parquet"))
    return path


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_result_is_the_same(question: str, source: Path) -> None:
    pruner = Pruner("lexical", TableBudget(400))
    words = source.with_name("words.parquet")
    whole = prune_file(source, question, candidates=40, pruner=pruner)
    quick = prune_file(source, question, candidates=40, pruner=pruner, groups=words)
    assert quick.output.equals(whole.output)
    assert (quick.note, quick.rows, quick.columns) == (whole.note, whole.rows, whole.columns)
    assert [unit.kept for unit in quick.pruned.units] == [unit.kept for unit in whole.pruned.units]
    assert (whole.groups_skipped, quick.groups_skipped < 20) == (0, True)


def test_most_groups_are_skipped(source: Path) -> None:
    skipped = [
        prune_file(source, question, candidates=40, groups=source.with_name("words.parquet")).groups_skipped
        for question in ("Quindale", "Brno", "zebras")
    ]
    # The first is read in any case, and the others until the candidates are full.
    assert skipped[0] >= 14
    assert skipped[1] >= 14
    assert skipped[2] == 19


def test_random_tables_give_the_same(tmp_path) -> None:
    rng = random.Random(1)
    for number in range(2):
        words = [rng.choice(["ab", "äb", "abc", "b-c", "12", "a12", "12.5", "ﬁne", "ß", "ſun", "K2"]) for _ in range(9)]
        rows = [{"t": " ".join(rng.choices(words, k=3)), "n": rng.randint(0, 40)} for _ in range(100)]
        path = tmp_path / f"{number}.parquet"
        parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=rng.choice([3, 11, 50]))
        index_groups(path, tmp_path / "w.parquet")
        for question in ("ab", "fine sun", "k2 12", "n over 35", "b-c"):
            kwargs = {"candidates": 5, "pruner": Pruner("lexical", TableBudget(200))}
            whole, quick = (prune_file(path, question, groups=one, **kwargs) for one in (None, tmp_path / "w.parquet"))
            assert quick.output.equals(whole.output), question


def test_limits_are_of_numbers_and_dates(source: Path) -> None:
    file = ParquetFile(source)
    assert file.limits(1, 0) == (150, 299)
    low, high = file.limits(0, 4)
    assert (int(low), int(high)) == (2000, 2001)
    assert file.limits(0, 1) is None
    assert file.limits(0, 6) is None


def test_other_files_are_refused(source: Path, tmp_path) -> None:
    words = source.with_name("words.parquet")
    csv = tmp_path / "a.csv"
    csv.write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="only Parquet"):
        index_groups(csv, tmp_path / "w.parquet")
    with pytest.raises(UsageError, match="groups is given"):
        prune_file(csv, "question", groups=words)
    with pytest.raises(UsageError, match="target is the source"):
        index_groups(source, source)
    with pytest.raises(FormatError, match="no words"):
        prune_file(source, "question", groups=source)
    with pytest.raises(InputError):
        prune_file(source, "question", groups=tmp_path / "none")
    with pytest.raises(InputError):
        index_groups(source, tmp_path / "none" / "w.parquet")
    other = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"t": ["tower"]}), other)
    with pytest.raises(FormatError, match="another state"):
        prune_file(other, "question", groups=words)
