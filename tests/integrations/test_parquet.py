"""Parquet corpora in one process; skipped where pyarrow is not installed. They run in `make framework-ray`, too."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from ctxprune import Pruner, TokenBudget
from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.integrations.parquet import PruneReport, PruneRows, prune_parquet, prune_partition
from ctxprune.rag import PassagePruner

LEXICAL = PassagePruner(Pruner("lexical.v1"))
PRUNE = PruneRows(LEXICAL, "When did the bridge open?")
SIZES = {"a.parquet": 7, "lang=en/a.parquet": 12, "lang=en/b.parquet": 0}


def texts(size: int) -> list[str | None]:
    return [
        None if i % 5 == 4 else f"The bridge {i} is long. It was painted. It did open in {1900 + i}."
        for i in range(size)
    ]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two files of row groups of five rows, one without rows, and something else."""
    for name, size in SIZES.items():
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            pa.table({"id": range(size), "text": pa.array(texts(size), pa.string())}), path, row_group_size=5
        )
    (tmp_path / "corpus" / "_SUCCESS").touch()
    (tmp_path / "corpus" / "_temporary").mkdir()
    (tmp_path / "corpus" / "_temporary" / "half.parquet").write_bytes(b"PAR1")
    return tmp_path / "corpus"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rows_are_those_of_the_corpus(corpus: Path, tmp_path: Path) -> None:
    report = prune_parquet(corpus, tmp_path / "out", PRUNE, rows=3)
    assert (report.partitions, report.skipped, report.rows, report.errors) == (8, 0, 19, 3)
    assert report.tokens_after < report.tokens_before
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.parquet")) == [
        "a-00000-000000000.parquet",
        "a-00000-000000003.parquet",
        "a-00001-000000000.parquet",
        *(
            f"lang=en/a-0000{group}-00000000{first}.parquet"
            for group, first in ((0, 0), (0, 3), (1, 0), (1, 3), (2, 0))
        ),
    ]
    for name, size in SIZES.items():
        if size:
            parts = sorted((tmp_path / "out").glob(name.replace(".parquet", "-*.parquet")))
            whole = pa.concat_tables(pq.read_table(part, partitioning=None) for part in parts)
            assert whole == PRUNE(pq.read_table(corpus / name, partitioning=None))
    assert pq.read_table(tmp_path / "out").num_rows == 19  # the manifest is in nobody's way


def test_a_file_and_a_uri_give_the_same(corpus: Path, tmp_path: Path) -> None:
    prune_parquet(corpus / "a.parquet", tmp_path / "one", PRUNE)
    prune_parquet((corpus / "a.parquet").as_uri(), (tmp_path / "two").as_uri(), PRUNE)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 3


def stopping(after: int) -> Callable[..., Iterator[PruneReport]]:
    """`map` that is stopped before the item number `after` of those that are pruned."""

    def run(function: Callable, items: list) -> Iterator[PruneReport]:
        for number, item in enumerate(items):
            if number == after:
                raise KeyboardInterrupt
            yield function(item)

    return run


def test_a_stopped_run_goes_on(corpus: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    whole = prune_parquet(corpus, tmp_path / "whole", PRUNE, rows=3)
    with pytest.raises(KeyboardInterrupt):
        prune_parquet(corpus, target, PRUNE, rows=3, run=stopping(3))
    kept = {path: path.stat().st_mtime_ns for path in target.rglob("*.parquet")}
    assert len(kept) == 3
    (target / ".a.parquet.0.draft").write_bytes(b"half")  # as a killed worker leaves it
    report = prune_parquet(corpus, target, PRUNE, rows=3)
    assert (report.partitions, report.skipped) == (5, 3)
    assert contents(target) == contents(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert prune_parquet(corpus, target, PRUNE, rows=3) == PruneReport(skipped=whole.partitions)


def test_new_files_are_added(corpus: Path, tmp_path: Path) -> None:
    prune_parquet(corpus, tmp_path / "out", PRUNE)
    pq.write_table(pa.table({"id": [1], "text": ["It did open."]}), corpus / "c.parquet")
    report = prune_parquet(corpus, tmp_path / "out", PRUNE)
    assert (report.partitions, report.rows) == (1, 1)


def test_a_changed_file_is_refused(corpus: Path, tmp_path: Path) -> None:
    prune_parquet(corpus, tmp_path / "out", PRUNE)
    pq.write_table(pa.table({"id": [1], "text": ["It did open."]}), corpus / "a.parquet")
    with pytest.raises(InputError, match="changed since the target was begun"):
        prune_parquet(corpus, tmp_path / "out", PRUNE)


def test_other_settings_are_refused(corpus: Path, tmp_path: Path) -> None:
    prune_parquet(corpus, tmp_path / "out", PRUNE)
    before = contents(tmp_path / "out")
    budget = PassagePruner(Pruner("lexical.v1", TokenBudget(99)))
    for prune, rows in ((PruneRows(LEXICAL, "Why?"), 10_000), (PruneRows(budget, PRUNE.query), 10_000), (PRUNE, 5)):
        with pytest.raises(FormatError, match="begun with another pruner"):
            prune_parquet(corpus, tmp_path / "out", prune, rows=rows)
    assert contents(tmp_path / "out") == before
    assert b"bridge" not in before["_ctxprune.json"]


@pytest.mark.parametrize(
    "manifest", [b"{", b"[]", b'{"format": "x", "version": 1}', json.dumps({"format": 1}).encode()]
)
def test_a_target_of_something_else(corpus: Path, tmp_path: Path, manifest: bytes) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "_ctxprune.json").write_bytes(manifest)
    with pytest.raises(FormatError):
        prune_parquet(corpus, target, PRUNE)
    (target / "_ctxprune.json").rename(target / "other.json")
    with pytest.raises(FormatError, match="holds something else"):
        prune_parquet(corpus, target, PRUNE)
    assert len(contents(target)) == 1


def test_what_cannot_be_read(corpus: Path, tmp_path: Path) -> None:
    for source in (corpus / "lang=en" / "_none", tmp_path / "nothing"):
        with pytest.raises(InputError, match="there is no Parquet file"):
            prune_parquet(source, tmp_path / "out", PRUNE)
    with pytest.raises(InputError, match="cannot reach"):
        prune_parquet("nowhere://corpus", tmp_path / "out", PRUNE)
    with pytest.raises(InputError, match="there is no column 'body'"):
        prune_parquet(corpus, tmp_path / "out", PruneRows(LEXICAL, "Why?", "body"))
    (corpus / "z.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        prune_parquet(corpus, tmp_path / "out", PRUNE)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="within the source"):
        prune_parquet(corpus, corpus / "out", PRUNE)
    with pytest.raises(UsageError, match="rows is 0"):
        prune_parquet(corpus, tmp_path / "out", PRUNE, rows=0)


def test_a_target_that_cannot_be_written(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="the target cannot be written"):
        prune_parquet(corpus, tmp_path / "file" / "out", PRUNE)


@dataclass(frozen=True)
class Broken:
    """A scorer with a mistake in it."""

    def score(self, query: str, context: object) -> object:
        return 1 / 0


def test_an_error_that_is_none_of_ours_says_where(corpus: Path, tmp_path: Path) -> None:
    prune = PruneRows(PassagePruner(Pruner(Broken())), "Why?")
    with pytest.raises(RuntimeError, match=r"a\.parquet, row group 0, rows from 0") as caught:
        prune_parquet(corpus, tmp_path / "out", prune)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_damaged_row_group_is_named(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "a.parquet"
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"a\.parquet, row group 0, rows from 0"):
        prune_parquet(corpus, tmp_path / "out", PRUNE)
    assert not [*(tmp_path / "out").rglob("*.draft")]


def test_a_flipped_bit_in_what_is_there_is_refused(corpus: Path, tmp_path: Path) -> None:
    target, rng = tmp_path / "out", random.Random(1)
    whole = prune_parquet(corpus, target, PRUNE)
    files = [path for path in target.rglob("*") if path.is_file()]
    for _ in range(120):
        path = rng.choice(files)
        before = bytearray(path.read_bytes())
        place = rng.randrange(8 * len(before))
        after = bytearray(before)
        after[place >> 3] ^= 1 << (place & 7)
        path.write_bytes(after)
        if path.suffix == ".parquet":
            with pytest.raises(FormatError, match="delete it"):
                prune_parquet(corpus, target, PRUNE)
        else:  # the blank space of the manifest says nothing
            with suppress(FormatError):
                assert prune_parquet(corpus, target, PRUNE) == PruneReport(skipped=whole.partitions)
        path.write_bytes(before)
    assert prune_parquet(corpus, target, PRUNE) == PruneReport(skipped=whole.partitions)


def test_a_target_of_an_earlier_release_is_gone_on_with(corpus: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    prune_parquet(corpus, target, PRUNE, rows=3)
    manifest = target / "_ctxprune.json"
    old = json.loads(manifest.read_text())
    del old["crc32"]
    manifest.write_text(json.dumps(old | {"version": 1}))
    first, *others = sorted(target.rglob("*.parquet"))
    table = pq.read_table(first, partitioning=None)
    pq.write_table(table.replace_schema_metadata(None), first)  # without a checksum
    others[0].unlink()
    assert prune_parquet(corpus, target, PRUNE, rows=3).partitions == 1
    manifest.write_text(json.dumps(old | {"version": 2}))
    with pytest.raises(FormatError, match="has no checksum"):
        prune_parquet(corpus, target, PRUNE, rows=3)
    first.unlink()
    assert prune_parquet(corpus, target, PRUNE, rows=3).partitions == 1


@pytest.mark.parametrize("end", [b"", b"\x18", b"\x18\x08", b"\x18\x081234567"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_file_that_is_cut_off_behind_the_name_of_its_checksum(
    corpus: Path, tmp_path: Path, end: bytes, version: int
) -> None:
    target = tmp_path / "out"
    prune_parquet(corpus, target, PRUNE)
    manifest = target / "_ctxprune.json"
    old = json.loads(manifest.read_text())
    del old["crc32"]
    manifest.write_text(json.dumps(old | {"version": 1}) if version == 1 else manifest.read_text())
    path = next(target.rglob("*.parquet"))
    path.write_bytes(b"PAR1 ctxprune.crc32" + end)
    with pytest.raises(FormatError, match="delete it") as caught:
        prune_parquet(corpus, target, PRUNE)
    assert caught.value.where == str(path)


def test_a_worker_takes_no_file_without_a_checksum_either(corpus: Path, tmp_path: Path) -> None:
    """As when a worker was lost between writing and reporting: the partition is there when it is done again."""
    target = tmp_path / "out"
    reports: list[PruneReport] = []

    def again(change: Callable[[Path], object]) -> Callable[..., Iterator[PruneReport]]:
        def run(function: Callable, items: list) -> Iterator[PruneReport]:
            for item in items:
                report = function(item)
                change(Path(item.target))
                reports.append(report)
                assert function(item) == report
                yield report

        return run

    whole = prune_parquet(corpus, target, PRUNE, run=again(lambda path: None))
    assert len(reports) == whole.partitions
    for number, (change, told) in enumerate([(strip, "has no checksum"), (cut, "has no checksum")]):
        with pytest.raises(FormatError, match=told):
            prune_parquet(corpus, tmp_path / str(number), PRUNE, run=again(change))


def strip(path: Path) -> None:
    """Leave the checksum of a file out, as another writer does."""
    pq.write_table(pq.read_table(path, partitioning=None).replace_schema_metadata(None), path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def test_a_file_of_version_1_that_lacks_its_columns_is_told(corpus: Path, tmp_path: Path) -> None:
    files = pa.fs.LocalFileSystem()
    plan: list = []

    def note(function: Callable, items: list) -> Iterator[PruneReport]:
        plan.extend(items)
        return map(function, items)

    prune_parquet(corpus, tmp_path / "out", PRUNE, run=note)
    pq.write_table(pa.table({"id": [1]}), plan[0].target)
    for content in (Path(plan[0].target).read_bytes(), b"PAR1 and no more PAR1"):
        Path(plan[0].target).write_bytes(content)
        with pytest.raises(FormatError, match="cannot be read"):
            prune_partition(plan[0], prune=PRUNE, reading=files, writing=files, version=1)


def test_what_is_there_is_compared_by_the_workers(corpus: Path, tmp_path: Path) -> None:
    calls: list[int] = []

    def count(function: Callable, items: list) -> Iterator[PruneReport]:
        calls.append(len(items))
        return map(function, items)

    whole = prune_parquet(corpus, tmp_path / "out", PRUNE, rows=3, run=count)
    next((tmp_path / "out").rglob("*.parquet")).unlink()
    prune_parquet(corpus, tmp_path / "out", PRUNE, rows=3, run=count)
    assert calls == [whole.partitions, whole.partitions - 1, 1]
