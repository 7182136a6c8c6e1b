"""What `bench dedup` plants, and what it says is true."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.errors import InputError
from ctxprune.rag.evaluation.dedup import find_true_merges, measure, plant, read_texts


def made(count: int, size: int = 80) -> list[str]:
    rng = random.Random(5)
    names = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(800)]
    return [" ".join(f"{rng.choice(names)}{'.' * (k % 9 == 8)}" for k in range(size)) for _ in range(count)]


def test_what_is_true_is_counted_pair_by_pair() -> None:
    sets = [frozenset((word,) for word in text.split()) for text in ("a b c d", "x y", "a b c e", "a b c", "", "x y")]
    assert find_true_merges(sets, 0.6) == {2: 0, 3: 0, 5: 1}
    assert find_true_merges(sets, 0.75) == {3: 0, 5: 1}


def test_copies_are_planted_with_their_true_similarity() -> None:
    texts = made(70)
    everything, planted = plant([*texts, texts[0]])
    assert len(planted) == 35
    assert len(everything) == 105
    assert plant([*texts, texts[0]]) == (everything, planted)
    by_kind = {one.kind: one for one in planted}
    assert sorted(by_kind) == ["case", "exact", "framed", "moved", "numbers", "part", "words"]
    assert by_kind["exact"].similarity == 1
    assert everything[by_kind["exact"].copy] == everything[by_kind["exact"].source]
    assert by_kind["part"].similarity == 1
    assert all(0.5 < one.similarity < 0.8 for one in planted if one.kind == "numbers")
    assert all(one.similarity > 0.7 for one in planted if one.kind not in ("numbers", "part"))


def test_all_are_found_and_nothing_else_is_merged() -> None:
    found = measure(made(210)).to_dict()
    assert found["texts"] == 315
    assert found["planted"] > 50
    assert (found["found_percent"], found["missed"], found["false_merges"]) == (100, 0, 0)
    assert found["near_misses"]["pairs"] >= 15
    assert found["near_misses"]["merged_percent"] == 0
    assert (found["parts"]["merged_percent"], found["parts"]["false_merges"]) == (100, 0)


def test_texts_are_read_as_passages_or_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = made(30, size=200)
    (tmp_path / "a.txt").write_text("\n\n".join([*texts[:10], "short"]), encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in texts[10:]), encoding="utf-8"
    )
    (tmp_path / "c.bin").write_bytes(b"\xff")
    assert read_texts(tmp_path, pages=True)[1:] == texts[10:]
    passages = read_texts(tmp_path)
    assert all(60 <= len(passage.split()) <= 160 for passage in passages)
    assert main(["bench", "dedup", "--data", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["set"] == tmp_path.name
    assert document["found_percent"] == 100
    assert main(["bench", "dedup", "--data", str(tmp_path), "--limit", "20"]) == 0
    shown = capsys.readouterr()
    assert "framed" in shown.out
    assert "false" in shown.err


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no texts"):
        read_texts(tmp_path)
    (tmp_path / "a.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(InputError, match="KeyError"):
        read_texts(tmp_path)
