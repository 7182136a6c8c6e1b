"""Pruning corpora in files: lines stay byte for byte, a killed run goes on, nothing half written is left."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.rag import PassageQuality, PassageReader, prune_corpus, prune_corpus_file
from ctxprune.rag.corpus import prune_file as module
from ctxprune.storage.locks import hold_folder

WORDS = ["tower", "river", "Paris", "1889", "built", "home", "click", "the", "of", "London", "was", "in"]


@pytest.fixture
def records() -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 30))) + "." for _ in range(300)]
    return [{"id": f"p{number}", "text": text, "deep": [number]} for number, text in enumerate(texts)]


def write(path: Path, records) -> Path:
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return path


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_a_file_is_pruned_as_its_records_are(ending: str, records, tmp_path) -> None:
    source, target = write(tmp_path / f"a{ending}", records), tmp_path / f"b{ending}"
    steps: list[tuple[str, int]] = []
    report = prune_corpus_file(
        source, target, dropped=tmp_path / "gone.jsonl", progress=lambda step, done: steps.append((step, done))
    )
    pruned = prune_corpus(records)
    assert report == pruned.report
    assert content(target) == b"".join(json.dumps(record).encode() + b"\n" for record in pruned)
    gone = [json.loads(line) for line in (tmp_path / "gone.jsonl").read_text().splitlines()]
    assert [(one["index"], one["id"], one["reason"]) for one in gone] == [
        (one.index, one.id, one.reason) for one in pruned.dropped()
    ]
    assert steps[-2:] == [("judge", 300), ("copy", 0)]
    assert {path.name for path in tmp_path.iterdir()} == {source.name, target.name, "gone.jsonl"}
    first = target.read_bytes()
    prune_corpus_file(source, target)
    assert target.read_bytes() == first


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize("batches", [0, 1, 7, 24])
def test_a_killed_run_goes_on(ending: str, batches: int, records, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 10)
    monkeypatch.setattr(module, "_SAVED", 3)
    source = make(tmp_path / f"a{ending}", records)
    prune_corpus_file(source, tmp_path / f"whole{ending}", dropped=tmp_path / "whole.txt")
    judged: list[int] = []

    def stop(step: str, done: int) -> None:
        if step == "judge" and done > batches * 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune_corpus_file(source, tmp_path / f"b{ending}", progress=stop)
    assert not (tmp_path / f"b{ending}").exists()
    report = prune_corpus_file(
        source, tmp_path / f"b{ending}", dropped=tmp_path / "gone.txt", progress=lambda step, done: judged.append(done)
    )
    assert report.resumed == (batches + 1) // 3 * 30
    assert judged[0] == report.resumed + 10
    assert (tmp_path / f"b{ending}").read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
    assert (tmp_path / "gone.txt").read_bytes() == (tmp_path / "whole.txt").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def make(path: Path, records) -> Path:
    if path.suffix != ".parquet":
        return write(path, records)
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    table = pa.table({name: [record[name] for record in records] for name in ("id", "text", "deep")})
    parquet.write_table(table.replace_schema_metadata({"owner": "us"}), path, row_group_size=37)
    return path


def kill(tmp_path: Path, source: Path) -> Path:
    def stop(step: str, done: int) -> None:
        if done >= 150:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune_corpus_file(source, tmp_path / "b.jsonl", progress=stop)
    return tmp_path / ".b.jsonl.ctxprune"


def test_another_source_or_quality_starts_anew(records, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 10)
    monkeypatch.setattr(module, "_SAVED", 10)
    source = write(tmp_path / "a.jsonl", records)
    kill(tmp_path, source)
    assert prune_corpus_file(source, tmp_path / "b.jsonl", quality="length.v1").resumed == 0
    kill(tmp_path, source)
    write(source, [*records, records[0]])
    report = prune_corpus_file(source, tmp_path / "b.jsonl")
    assert (report.resumed, report.passages) == (0, 301)


@pytest.mark.parametrize("name", ["state.json", "qualities.bin"])
def test_a_damaged_journal_is_named(name: str, records, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 10)
    monkeypatch.setattr(module, "_SAVED", 10)
    source = write(tmp_path / "a.jsonl", records)
    folder = kill(tmp_path, source)
    (folder / name).write_bytes((folder / name).read_bytes()[:20])
    with pytest.raises(FormatError, match=r"stopped run.*delete"):
        prune_corpus_file(source, tmp_path / "b.jsonl")


def test_lines_stay_byte_for_byte(tmp_path) -> None:
    lines = [
        b'\xef\xbb\xbf{"text": "In 1889 Gustave Eiffel built the tower in Paris, 330 metres tall.",  "x":1.50}\r\n',
        b'{"text": ""}\n',
        b"  \n",
        '{"x": "é", "text":"The Thames flows through London and is 346 km long, says Wikipedia."}'.encode(),
    ]
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines))
    report = prune_corpus_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", share=0.4)
    assert (report.passages, report.dropped) == (3, 1)
    assert (tmp_path / "b.jsonl").read_bytes() == lines[0][3:] + lines[3] + b"\n"


def test_odd_ids_are_told_in_json(tmp_path) -> None:
    ids = ["1e999", "NaN", '[1, {"a": null}]', "9" * 4000, '"\\ud800"', "null"]
    lines = [f'{{"id": {name}, "text": "A tower."}}\n' for name in ids]
    (tmp_path / "a.jsonl").write_text("".join(lines))
    report = prune_corpus_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", share=0.99, dropped=tmp_path / "gone.jsonl")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    gone = [json.loads(line, parse_constant=refuse) for line in (tmp_path / "gone.jsonl").read_text().splitlines()]
    assert [one["index"] for one in gone] == [1, 2, 3, 4, 5]
    assert (report.kept, gone[1]["id"], gone[4]["id"]) == (1, [1, {"a": None}], None)


def test_a_pipe_is_no_corpus(tmp_path) -> None:
    for name in ("a.jsonl", "a.parquet"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="no regular file"):
            prune_corpus_file(tmp_path / name, tmp_path / f"b{name}")


@pytest.mark.parametrize("line", [b"{", b"[]", b"5", b'{"body": "x"}', b'{"text": 5}', b"\xff\xfe", b"[" * 100_000])
def test_broken_lines_are_refused_or_counted(line: bytes, tmp_path) -> None:
    good = b'{"text": "In 1889 Gustave Eiffel built the tower in Paris."}\n'
    (tmp_path / "a.jsonl").write_bytes(good + b"\n" + line + b"\n" + good)
    with pytest.raises(InputError, match=r"a\.jsonl, line 3\]"):
        prune_corpus_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    reader = PassageReader(broken="skip")
    report = prune_corpus_file(
        tmp_path / "a.jsonl", tmp_path / "b.jsonl", share=0, reader=reader, dropped=tmp_path / "gone.jsonl"
    )
    assert (report.passages, report.broken, report.dropped) == (2, 1, 0)
    assert (tmp_path / "b.jsonl").read_bytes() == good * 2
    (gone,) = map(json.loads, (tmp_path / "gone.jsonl").read_text().splitlines())
    assert (gone["index"], gone["quality"], gone["reason"]) == (1, None, "broken")


def test_an_empty_file_stays_empty(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n\n")
    report = prune_corpus_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert (report.passages, report.cut, (tmp_path / "b.jsonl").read_bytes()) == (0, None, b"")


def test_texts_alone_are_passages(tmp_path) -> None:
    (tmp_path / "a.ndjson").write_text('"In 1889 Gustave Eiffel built the tower in Paris."\n"menu"\n')
    assert prune_corpus_file(tmp_path / "a.ndjson", tmp_path / "b.ndjson", share=0.5).kept == 1
    assert "Eiffel" in (tmp_path / "b.ndjson").read_text()


@pytest.mark.parametrize(
    ("source", "target", "options"),
    [
        ("a.jsonl", "a.jsonl", {}),
        ("a.jsonl", "b.jsonl", {"dropped": "b.jsonl"}),
        ("a.jsonl", "b.jsonl", {"dropped": "a.jsonl"}),
        ("a.jsonl", "b.parquet", {}),
        ("a.txt", "b.jsonl", {}),
        ("a.jsonl", "b.jsonl", {"share": 1}),
        ("a.jsonl", "b.jsonl", {"reader": PassageReader(text=str)}),
        ("a.jsonl", "b.jsonl", {"reader": "text"}),
    ],
)
def test_other_arguments_are_refused(source: str, target: str, options, records, tmp_path) -> None:
    before = write(tmp_path / source, records).read_bytes()
    if "dropped" in options:
        options = {"dropped": tmp_path / options["dropped"]}
    with pytest.raises(UsageError):
        prune_corpus_file(tmp_path / source, tmp_path / target, **options)
    assert (tmp_path / source).read_bytes() == before
    assert len([*tmp_path.iterdir()]) == 1


def test_files_that_cannot_be_read_or_written(records, tmp_path) -> None:
    source = write(tmp_path / "a.jsonl", records)
    for one, other in (
        (tmp_path / "none.jsonl", tmp_path / "b.jsonl"),
        (source, tmp_path / "none" / ".." / "a" / "b.jsonl"),
    ):
        if one == source:
            (tmp_path / "a").write_bytes(b"a file in the place of a folder")
        with pytest.raises(InputError):
            prune_corpus_file(one, other)
    cut = tmp_path / "c.jsonl.gz"
    cut.write_bytes(gzip.compress(source.read_bytes())[:-20])
    with pytest.raises(InputError, match=r"c\.jsonl\.gz"):
        prune_corpus_file(cut, tmp_path / "d.jsonl.gz")


def test_two_runs_do_not_write_one_target(records, tmp_path) -> None:
    source = write(tmp_path / "a.jsonl", records)
    with hold_folder(tmp_path / ".b.jsonl.ctxprune"), pytest.raises(UsageError, match="another run"):
        prune_corpus_file(source, tmp_path / "b.jsonl")


def test_parquet_keeps_columns_schema_and_metadata(records, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    source = make(tmp_path / "a.parquet", records)
    report = prune_corpus_file(source, tmp_path / "b.parquet", share=0.4, dropped=tmp_path / "gone.jsonl")
    before, after = parquet.read_table(source), parquet.read_table(tmp_path / "b.parquet")
    pruned = prune_corpus(records, share=0.4)
    assert report == pruned.report
    assert after.equals(before.filter(pruned.kept))
    assert after.schema.equals(before.schema, check_metadata=True)
    gone = [json.loads(line)["id"] for line in (tmp_path / "gone.jsonl").read_text().splitlines()]
    assert gone == [one.id for one in pruned.dropped()]


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_texts_of_several_types_of_arrow(kind: str, tmp_path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    texts = pa.array(["The tower was built in 1889 by Gustave Eiffel.", "menu", "menu"])
    column = texts.dictionary_encode() if kind == "dictionary" else texts.cast(getattr(pa, kind)())
    parquet.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    assert prune_corpus_file(tmp_path / "a.parquet", tmp_path / "b.parquet", share=0.67).kept == 1
    before, after = (parquet.read_table(tmp_path / name) for name in ("a.parquet", "b.parquet"))
    assert after.schema == before.schema
    assert after.column("text").to_pylist() == [texts[0].as_py()]


def test_parquet_that_holds_no_passages(tmp_path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    parquet.write_table(pa.table({"text": [1, 2], "body": ["a tower", None]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column of texts 'text'"):
        prune_corpus_file(tmp_path / "a.parquet", tmp_path / "b.parquet")
    with pytest.raises(InputError, match="row 1"):
        prune_corpus_file(tmp_path / "a.parquet", tmp_path / "b.parquet", reader=PassageReader("body"))
    report = prune_corpus_file(
        tmp_path / "a.parquet", tmp_path / "b.parquet", reader=PassageReader("body", broken="skip")
    )
    assert (report.kept, report.broken) == (1, 1)
    twice = pa.table({"text": ["a"], "more": ["b"]}).rename_columns(["text", "text"])
    parquet.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(InputError, match="no column of texts"):
        prune_corpus_file(tmp_path / "twice.parquet", tmp_path / "d.parquet")
    (tmp_path / "c.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match=r"c\.parquet"):
        prune_corpus_file(tmp_path / "c.parquet", tmp_path / "d.parquet")


@pytest.mark.long
def test_ten_million_passages_take_bounded_memory(tmp_path) -> None:
    """13 bytes a passage, and what the cut of them takes: far below what the file is."""
    import resource

    with (tmp_path / "a.jsonl").open("w") as file:
        for number in range(10_000_000):
            file.write(f'{{"id": {number}, "text": "Tower {number} of London, built in {number % 2000}."}}\n')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = prune_corpus_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", share=0.25, quality="length.v1")
    assert report.dropped == 2_500_000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3 < 400


def test_the_quality_of_a_text_does_not_depend_on_the_batch(records) -> None:
    texts = [str(record["text"]) for record in records]
    whole = PassageQuality().score(texts)
    assert np.array_equal(whole, np.concatenate([PassageQuality().score(texts[i : i + 7]) for i in range(0, 300, 7)]))
