"""Corpora under hostile input: changed sources, stale journals, odd names, bad qualities, damaged columns."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.rag import BlockMaxIndex, PassageQuality, PassageReader, fit_quality, prune_corpus, prune_corpus_file
from ctxprune.rag.corpus import prune_file as module
from ctxprune.rag.corpus.base import Quality
from ctxprune.rag.corpus.block_max import rank_exhaustively
from ctxprune.rag.corpus.cut import cut_share
from ctxprune.rag.corpus.features import FEATURES, describe_passages
from ctxprune.rag.corpus.fitting import fit_logistic
from ctxprune.rag.corpus.journal import Journal
from ctxprune.rag.corpus.sparse import Postings
from ctxprune.storage.drafts import draft_of

TEXTS = [f"Tower {i} of London was built in {1000 + i} by the king." + " It stands." * (i % 7) for i in range(100)]


def write(path: Path, texts: list[str] = TEXTS) -> Path:
    lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts)).encode()
    path.write_bytes(gzip.compress(lines) if path.name.lower().endswith(".gz") else lines)
    return path


def stop_at(count: int):
    def stop(step: str, done: int) -> None:
        if done >= count:
            raise KeyboardInterrupt

    return stop


def test_numbers_never_stand_beside_the_state_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 10)
    monkeypatch.setattr(module, "_SAVED", 1)
    source, target = write(tmp_path / "a.jsonl"), tmp_path / "b.jsonl"
    prune_corpus_file(source, tmp_path / "whole.jsonl", quality="length.v1")
    with pytest.raises(KeyboardInterrupt):
        prune_corpus_file(source, target, quality="length.v1", progress=stop_at(60))
    with monkeypatch.context() as patch:
        # Killed after the columns are written, before the state is.
        patch.setattr("ctxprune.rag.corpus.journal.seal", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prune_corpus_file(source, target, progress=stop_at(90))
    assert prune_corpus_file(source, target, quality="length.v1").resumed == 0
    assert target.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_journal_of_other_settings_is_gone_before_it_is_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ["one"])
    journal.add(qualities=np.ones(3), reasons=np.zeros(3), ids=np.zeros(3))
    journal.save([3])
    journal.close()
    journal = Journal(tmp_path, ["two"])
    assert not (tmp_path / "state.json").exists()
    journal.close()


@pytest.mark.parametrize("change", ["text", "id", "broken", "time"])
def test_what_the_numbers_depend_on_starts_anew(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 10)
    monkeypatch.setattr(module, "_SAVED", 1)
    source, target = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text(
        "".join(json.dumps({"id": i, "text": t, "body": t, "key": 1}) + "\n" for i, t in enumerate(TEXTS))
    )
    with pytest.raises(KeyboardInterrupt):
        prune_corpus_file(source, target, progress=stop_at(60))
    if change == "time":
        os.utime(source, ns=(1, 1))
    other = {"text": {"text": "body"}, "id": {"id": "key"}, "broken": {"broken": "skip"}}.get(change, {})
    report = prune_corpus_file(source, target, reader=PassageReader(**other))
    assert report.resumed == 0
    assert report.repeated_ids == (99 if change == "id" else 0)


@pytest.mark.parametrize("step", ["judge", "copy"])
def test_a_source_that_changes_meanwhile_is_refused(step: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")

    def change(now: str, done: int) -> None:
        if now == step:
            write(source, TEXTS[::-1])
            os.utime(source, ns=(1, 1))

    with pytest.raises(InputError, match="changed while"):
        prune_corpus_file(source, tmp_path / "b.jsonl", dropped=tmp_path / "d.jsonl", progress=change)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["a.jsonl"]


def test_names_in_capitals_are_gzipped_too(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl.GZ")
    reader = PassageReader(broken="skip")
    report = prune_corpus_file(
        source, tmp_path / "b.JSONL.GZ", share=0.25, reader=reader, dropped=tmp_path / "d.jsonl.gz"
    )
    assert (report.passages, report.broken) == (100, 0)
    assert len(gzip.decompress((tmp_path / "b.JSONL.GZ").read_bytes()).splitlines()) == 75
    assert len(gzip.decompress((tmp_path / "d.jsonl.gz").read_bytes()).splitlines()) == 25


@pytest.mark.parametrize("names", [(), ("a",), tuple(map(str, range(300)))])
@pytest.mark.parametrize("code", [1, 255, -1, 0.5])
def test_qualities_with_bad_reasons_are_refused(names: tuple[str, ...], code: float) -> None:
    class Bad(Quality):
        reasons: ClassVar[tuple[str, ...]] = names

        def judge(self, texts):
            return np.ones(len(texts), np.float32), np.full(len(texts), code)

    if code == 1 and len(names) > 1:
        pytest.skip("a good one, but for its type")
    with pytest.raises(UsageError, match="reasons"):
        prune_corpus(["a", "b"], quality=Bad(), share=0)


def test_a_share_is_cut_as_it_is_written() -> None:
    values = np.arange(10, dtype=np.float32)
    assert cut_share(values, 0.9999999995).sum() == 1
    assert cut_share(values, np.nextafter(1.0, 0)).sum() == 1
    assert (~cut_share(np.arange(100, dtype=np.float32), 0.29)).sum() == 29
    assert (~cut_share(np.arange(30, dtype=np.float32), 0.1)).sum() == 3


def test_deep_ids_are_broken_records(tmp_path: Path) -> None:
    source, lines = tmp_path / "a.jsonl", [f'{{"id": {"[" * n}1{"]" * n}, "text": "A tower."}}\n' for n in (0, 40, 600)]
    source.write_text("".join(lines))
    with pytest.raises(InputError, match=r"line 3\].*|nested over 50"):
        prune_corpus_file(source, tmp_path / "b.jsonl")
    reader = PassageReader(broken="skip")
    report = prune_corpus_file(source, tmp_path / "b.jsonl", reader=reader, share=0.5, dropped=tmp_path / "d.jsonl")
    assert (report.kept, report.dropped, report.broken) == (1, 1, 1)
    assert len((tmp_path / "d.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("where", ["target", "dropped"])
def test_a_missing_folder_is_named_before_judging(where: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    paths = {"target": tmp_path / "b.jsonl", "dropped": tmp_path / "d.jsonl"} | {where: tmp_path / "none" / "x.jsonl"}
    with pytest.raises(InputError, match=r"no such folder.*none"):
        prune_corpus_file(source, paths["target"], dropped=paths["dropped"], progress=stop_at(0))
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("where", ["target", "dropped"])
def test_a_folder_is_no_file(where: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    (tmp_path / "x.jsonl").mkdir()
    paths = {"target": tmp_path / "b.jsonl", "dropped": tmp_path / "d.jsonl"} | {where: tmp_path / "x.jsonl"}
    with pytest.raises(InputError, match="this is a folder, not a file") as caught:
        prune_corpus_file(source, paths["target"], dropped=paths["dropped"], progress=stop_at(0))
    assert caught.value.where == str(tmp_path / "x.jsonl")


@pytest.mark.parametrize("where", ["target", "dropped"])
def test_an_error_of_the_system_names_the_file_that_it_is_about(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "a.jsonl")
    paths = {"target": tmp_path / "b.jsonl", "dropped": tmp_path / "d.jsonl"}

    @contextmanager
    def fail(target: Path) -> Iterator[Path]:
        with draft_of(target) as draft:
            if target == paths[where]:
                raise PermissionError(13, "Permission denied", str(draft))
            yield draft

    monkeypatch.setattr(module, "draft_of", fail)
    with pytest.raises(InputError, match="Permission denied") as caught:
        prune_corpus_file(source, paths["target"], dropped=paths["dropped"])
    assert caught.value.where == str(paths[where])


def test_mode_and_link_of_the_target_stay(tmp_path: Path) -> None:
    source, real = write(tmp_path / "a.jsonl"), tmp_path / "real.jsonl"
    real.touch(0o600)
    (tmp_path / "b.jsonl").symlink_to(real)
    prune_corpus_file(source, tmp_path / "b.jsonl", share=0.25)
    assert (tmp_path / "b.jsonl").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert len(real.read_text().splitlines()) == 75


def test_parquet_keeps_codecs_and_passes_over_what_is_no_text(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    texts = pa.array([b"The tower was built in 1889.", b"\xff\xfe", b"menu"], pa.binary()).view(pa.string())
    times = pa.array([2**62, 1, 2**62], pa.timestamp("us"))
    table = pa.table({"text": texts, "id": times})
    parquet.write_table(table, tmp_path / "a.parquet", compression={"text": "zstd", "id": "none"})
    with pytest.raises(InputError, match=r"row 1\].*|not UTF-8"):
        prune_corpus_file(tmp_path / "a.parquet", tmp_path / "b.parquet")
    reader = PassageReader(broken="skip")
    report = prune_corpus_file(
        tmp_path / "a.parquet", tmp_path / "b.parquet", share=0.5, reader=reader, dropped=tmp_path / "d.jsonl"
    )
    assert (report.kept, report.dropped, report.broken, report.repeated_ids) == (1, 1, 1, 1)
    group = parquet.ParquetFile(tmp_path / "b.parquet").metadata.row_group(0)
    assert [group.column(i).compression for i in range(2)] == ["ZSTD", "UNCOMPRESSED"]
    assert len((tmp_path / "d.jsonl").read_text().splitlines()) == 2


def test_many_corpora_take_no_more_memory_than_rows() -> None:
    import tracemalloc

    rng = np.random.default_rng(0)
    rows, groups = rng.normal(size=(4000, 5)), np.repeat(np.arange(1000), 4)
    labels = rows[:, 0] + rng.normal(size=4000) > 0
    tracemalloc.start()
    network = fit_logistic(rows, labels, groups, decay=0.01)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6  # a column a corpus would take 32 MB
    assert network.out[0] > 5 * np.abs(network.out[1:]).max()


def test_the_fit_is_the_minimum_of_its_loss() -> None:
    """Against the textbook form, with a column for each group."""
    rng = np.random.default_rng(1)
    rows, groups = rng.normal(size=(90, 3)), rng.integers(0, 4, 90)
    labels = rows[:, 1] + rng.normal(size=90) > 0
    network = fit_logistic(rows, labels, groups, decay=0.1)
    values = np.hstack([np.clip((rows - network.mean) / network.scale, -8, 8), np.eye(4)[groups]])
    share = np.asarray([0.5 / ((groups == g) & (labels == y)).sum() / 4 for g, y in zip(groups, labels, strict=True)])
    penalty = np.asarray([0.1] * 3 + [0.001] * 4)
    point = np.zeros(7)
    for _ in range(50):
        chances = 1 / (1 + np.exp(-values @ point))
        curvature = (values * (share * chances * (1 - chances))[:, None]).T @ values + np.diag(penalty)
        point -= np.linalg.solve(curvature, values.T @ (share * (chances - labels)) + penalty * point)
    assert network.out == pytest.approx(point[:3], abs=1e-8)
    assert network.bias == pytest.approx(point[3:].mean(), abs=1e-8)


def test_a_saved_quality_is_the_same_and_corpora_have_names(tmp_path: Path) -> None:
    quality = fit_quality(TEXTS, [i % 3 == 0 for i in range(100)], corpora=[i % 2 for i in range(100)])
    quality.save(tmp_path / "q.json")
    assert np.array_equal(PassageQuality.load(tmp_path / "q.json").score(TEXTS), quality.score(TEXTS))
    with pytest.raises(UsageError, match="corpora"):
        fit_quality(["a", "b"], [True, False], corpora=[[1], [2]])  # type: ignore[list-item]


def test_the_reason_is_what_lowers_the_quality_most() -> None:
    quality = PassageQuality()
    text = "Home | About | Contact | Login » Share » Tweet » Print » 1 2 3 4"
    row = describe_passages([text])[0]
    _, (place,) = quality.judge([text])
    ends = dict.fromkeys(range(len(FEATURES)), 0.0)
    length, again, distinct = (FEATURES.index(name) for name in ("length", "repetition", "distinct words"))
    for head in (quality.weights.text, quality.weights.asked):
        parts = np.clip((row - head.mean) / head.scale, -8, 8) * head.out
        slope = 1 / (1 + np.exp(parts.sum() + head.bias))
        # ln(distinct words) = ln(words) + ln(distinct words / words), each against its mean
        ratio = row[distinct] - row[length] - (head.mean[distinct] - head.mean[length])
        repeated = head.out[distinct] * ratio / head.scale[distinct]
        parts[length] += parts[distinct] - repeated
        parts[again] += repeated
        parts[distinct] = 0
        for number in ends:
            ends[number] += slope * parts[number]
    assert place == min(ends, key=ends.__getitem__)
    assert ends[int(place)] < 0


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e-44])
@pytest.mark.parametrize("reorder", [False, True])
def test_bounds_hold_for_equal_and_for_tiny_weights(scale: float, reorder: bool) -> None:
    rng = np.random.default_rng(0)
    terms, size = 60, 64
    weights = np.repeat(np.float32(scale) * rng.uniform(1, 2, terms).astype(np.float32), size)
    postings = Postings(
        size, np.arange(terms + 1) * size, np.tile(np.arange(size, dtype=np.int32), terms), weights.astype(np.float32)
    )
    index = BlockMaxIndex(postings, block=8, reorder=reorder)
    for factor in (1.0, 1e-15, 0.1):
        for count in (3, 20, 60):
            query = {number: factor * float(rng.uniform(0.5, 2)) for number in range(count)}
            hits, all_hits = index.search(query, 5), rank_exhaustively(postings, query, 5)
            assert hits.passages.tolist() == all_hits.passages.tolist()
            assert hits.scores.tolist() == all_hits.scores.tolist()
            numbers = np.arange(count)
            given = np.asarray([query[number] for number in range(count)], dtype=np.float32)
            highest = index._postings.score(numbers, given).reshape(-1, 8).max(axis=1)
            assert (index._block_bounds(numbers, given) >= highest).all()
