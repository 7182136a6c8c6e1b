"""Tables in files: the rows that a question needs are found in one pass, whatever the format."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from ctxprune import Pruner
from ctxprune.errors import InputError, UsageError
from ctxprune.policies import TableBudget
from ctxprune.rag import Table, TableOptions
from ctxprune.rag.tables import csv_file, files, prune_file

SIZE = 5000
TOWNS = ["Turku", "Lahti", "São Luís", "Ghent", "Malmö"]
QUESTIONS = {
    "which town is parcel 41877 in": 1877,
    "who sent the parcel to Quindale": 4321,
    "which parcel was sent by Ostrander": 17,
    "which parcel is the heaviest": 3003,
    "what is the latest parcel": 444,
    "which parcel was sent on 7 March 1999": 2500,
    "parcels over 900 kg": 3003,
    "which parcel went to sao tome": 3333,
}


def parcels() -> pa.Table:
    rng = random.Random(5)
    towns = [rng.choice(TOWNS) for _ in range(SIZE)]
    senders = [f"sender {rng.randrange(100)}" for _ in range(SIZE)]
    weights = [round(rng.uniform(1, 50), 2) for _ in range(SIZE)]
    days = [date(2010, 1, 1) + timedelta(rng.randrange(3000)) for _ in range(SIZE)]
    towns[4321], towns[3333], senders[17], weights[3003] = "Quindale", "São Tomé", "Mrs. Ostrander", 950.5
    days[444], days[2500] = date(2031, 5, 5), date(1999, 3, 7)
    columns = {"parcel": range(40000, 40000 + SIZE), "town": towns, "sender": senders, "weight": weights, "sent": days}
    return pa.table(columns).replace_schema_metadata({"origin": "depot"})


def write(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=700)
    elif path.suffix == ".arrow":
        with ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=700)
    else:
        lines = [",".join(table.column_names), *(",".join(map(str, row.values())) for row in table.to_pylist())]
        path.write_bytes("\r\n".join(lines).encode())
    return path


@pytest.fixture(scope="module", params=["parcels.parquet", "parcels.arrow", "parcels.csv"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("tables") / request.param, parcels())


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_row_is_found(source: Path, question: str) -> None:
    result = prune_file(source, question, candidates=200)
    (grid,) = Table(result.output).grids
    label = str(40000 + QUESTIONS[question])
    assert label in [row[0] for row in grid.rows]
    assert result.rows[1] == SIZE
    assert (len(grid.rows), len(grid.header)) == (result.rows[0], result.columns[0])
    assert result.note.startswith(f"(kept {result.rows[0]} of {SIZE} rows")
    assert result.pruned.tokens_after <= 2000


def test_what_is_written_is_the_output_in_the_form_of_the_source(source: Path, tmp_path: Path) -> None:
    target = tmp_path / f"kept{source.suffix}"
    result = prune_file(source, "who sent the parcel to Quindale", target, pruner=Pruner("lexical", TableBudget(200)))
    assert result.target == target
    if source.suffix == ".csv":
        assert target.read_bytes() == result.output.encode()
        lines = target.read_bytes().splitlines(keepends=True)
        whole = [line.split(b",") for line in source.read_bytes().splitlines(keepends=True)]
        assert all(line.endswith(b"\r\n") for line in lines)
        assert all(any({*line.split(b",")} <= {*row} for row in whole) for line in lines)
    else:
        read = pq.read_table(target) if source.suffix == ".parquet" else ipc.open_file(target).read_all()
        assert read.equals(result.output)
        assert read.schema.metadata == {b"origin": b"depot"}
        assert {field.type for field in read.schema} <= {field.type for field in parcels().schema}
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_the_line_in_csv_tells_the_rows_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "parcels.csv", parcels())
    result = prune_file(path, "who sent the parcel to Quindale", options=TableOptions(note=True), candidates=50)
    assert result.output.startswith(f"# (kept {result.rows[0]} of {SIZE} rows")
    assert result.note in result.output


def test_a_small_table_is_looked_at_whole(source: Path) -> None:
    result = prune_file(source, "which parcel", candidates=SIZE, pruner=Pruner("lexical", TableBudget(10**7)))
    assert result.rows == (SIZE, SIZE)
    assert result.note == ""
    if source.suffix == ".csv":
        assert result.output == source.read_bytes().decode() + "\n"[: not source.read_bytes().endswith(b"\n")]
    else:
        assert result.output.equals(parcels())


def test_the_source_is_never_written_over(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(source)
    for target in (source, link):
        with pytest.raises(UsageError, match="the target is the source"):
            prune_file(source, "which parcel", target)
    with pytest.raises(InputError, match="the target cannot be written"):
        prune_file(source, "which parcel", tmp_path / "nowhere" / "kept")
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "rows", "kept"),
    [
        ("a,b\n1,wren\n2,owl\n", 2, "a,b\n2,owl\n"),
        ("\ufeffBirds\n\na;b\n1;wren\n\n2;owl", 2, "\ufeffBirds\n\na;b\n2;owl\n"),
        ('a\tb\n1\t"wren\nor robin"\n2\t"an ""owl"""\n', 2, 'a\tb\n2\t"an ""owl"""\n'),
        ("a,b,c\n1,wren\n2,owl,9,9\n", 2, "a,b,c\n2,owl,9,9\n"),
        ('a,b\n1,5" wren\n2,owl\n', 2, "a,b\n2,owl\n"),
        ("a,b\r1,wren\r2,owl\r", 2, "a,b\r2,owl\r"),
        ("a,b\n", 0, "a,b\n"),
        ("", 0, ""),
    ],
)
@pytest.mark.parametrize("block", [1 << 23, 7])
def test_csv_of_many_kinds(
    text: str, rows: int, kept: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", block)
    path = tmp_path / "birds.csv"
    path.write_bytes(text.encode())
    result = prune_file(path, "owl", pruner=Pruner("lexical", TableBudget(100)), candidates=1)
    assert (result.output, result.rows[1]) == (kept, rows)


def test_types_of_arrow_that_are_looked_into_and_that_are_not(tmp_path: Path) -> None:
    stamp = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    table = pa.table(
        {
            "code": pa.array(["x", "y", "zebra"]).dictionary_encode(),
            "price": pa.array([Decimal("1.50"), None, Decimal("7.25")]),
            "at": pa.array([None, stamp, stamp + timedelta(days=400)], pa.timestamp("us", "Asia/Tokyo")),
            "tags": pa.array([["a"], None, ["b", "c"]]),
            "raw": pa.array([b"\xff", b"", None]),
            "view": pa.array(["one", None, "three"], pa.string_view()),
            "flag": [True, False, None],
            "none": pa.nulls(3),
        }
    )
    path = tmp_path / "kinds.parquet"
    pq.write_table(table, path)
    for question, row in (("zebra", 2), ("7.25", 2), ("on 2024-02-29", 1), ("three", 2), ("since 2025", 2)):
        kept = prune_file(path, question, candidates=1, pruner=Pruner("lexical", TableBudget(1000))).output
        assert kept.equals(table.slice(row, 1)), question


@pytest.mark.parametrize("years", [[1990, 1990, 1989, 1990], [date(1990, 1, 1)] * 2 + [date(1989, 5, 1)]])
def test_before_a_year_is_not_in_it(years: list, tmp_path: Path) -> None:
    table = pa.table({"code": list("wxyz")[: len(years)], "made": years})
    path = write(tmp_path / "made.parquet", table)
    kept = prune_file(path, "made before 1990", candidates=1, pruner=Pruner("lexical", TableBudget(1000))).output
    assert kept.equals(table.slice(2, 1))


def test_wide_tables_are_read_by_fewer_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CELLS", 100)
    path = write(tmp_path / "some.parquet", parcels().slice(0, 300))
    assert prune_file(path, "which parcel was sent by Ostrander", candidates=3).rows[1] == 300


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1 and nothing else", "cannot be read"),
        (b"ARROW1 and nothing else", "cannot be read"),
        (b"a,b\n1,\xe9t\xe9\n", "not UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_damaged_files_are_told(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        prune_file(path, "which parcel")


def test_a_damaged_row_group_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "some.parquet", parcels())
    content = bytearray(path.read_bytes())
    content[2000:4000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(InputError, match="rows cannot be read"):
        prune_file(path, "which parcel")


def test_arguments_are_checked(source: Path) -> None:
    with pytest.raises(UsageError, match="the question is ''"):
        prune_file(source, "")
    for wrong in (0, True, 1.5):
        with pytest.raises(UsageError, match="candidates is"):
            prune_file(source, "which parcel", candidates=wrong)
    with pytest.raises(UsageError, match="no column 'size'"):
        prune_file(source, "which parcel", options=TableOptions(key=("size",)))


def test_a_header_of_any_length_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    names = [f"a rather long name {number}" for number in range(6000)]
    rows = "".join(f"{row}," * 5999 + "last\n" for row in range(3))
    path.write_text(",".join(names) + "\n" + rows, encoding="utf-8")
    found = prune_file(path, "Which name is last?", pruner=Pruner("lexical", TableBudget(100_000)))
    assert (found.rows[1], found.columns[1]) == (3, 6000)


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    for name, kind in (("a.parquet", "Parquet"), ("a.feather", "Arrow IPC")):
        (tmp_path / name).write_text("not that\n")
        with pytest.raises(InputError, match=f"this is no {kind}"):
            prune_file(tmp_path / name, "what is there")


def test_a_target_named_like_another_format_is_refused(source: Path, tmp_path: Path) -> None:
    other = "out.csv" if source.suffix != ".csv" else "out.parquet"
    with pytest.raises(UsageError, match="the target is written in the format of the source"):
        prune_file(source, "which parcel is the heaviest", tmp_path / other)
    assert not (tmp_path / other).exists()


def test_csv_and_parquet_of_the_same_data_answer_alike(tmp_path: Path) -> None:
    table = parcels().slice(0, 300)
    pq.write_table(table, tmp_path / "a.parquet")
    kept = Pruner("tabular.v1", TableBudget(120))
    question = "which parcel has the highest weight"
    from_file = prune_file(tmp_path / "a.parquet", question, pruner=kept).output.to_pylist()
    text = Table(table.to_pandas().to_csv(index=False))
    from_text = Table(kept.prune(question, text).output)
    heaviest = str(max(table["weight"].to_pylist()))
    for names, rows in (
        ([*from_file[0]], [[str(cell) for cell in row.values()] for row in from_file]),
        ([*from_text.grids[0].header], [[*row] for row in from_text.grids[0].rows]),
    ):
        assert "weight" in names
        assert heaviest in {row[names.index("weight")] for row in rows}
