"""`--scorer` with `--model` in `prune`, `bench passages` and `bench rerank`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ctxprune.cli import main

TINY = Path(__file__).parent.parent / "scorers" / "tiny_encoder" / "model.onnx"


def test_prune_with_a_model(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    path = tmp_path / "a.txt"
    path.write_text("It is green. It is red.", encoding="utf-8")
    words = [str(path), "-q", "red", "--top-k", "1", "--scorer", "embedding", "--model", str(TINY)]
    assert main(["prune", *words]) == 0
    out, err = capfd.readouterr()
    assert out == "It is red.\n"
    assert "embedding.v1" in err


def test_bench_with_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    row = {"question": "red", "title": "", "labels": [0, 1], "sentences": ["It is green.", "It is red."]}
    (tmp_path / "dev.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    rows = {
        "corpus": [{"id": "a", "title": "", "text": "green pens"}, {"id": "b", "title": "", "text": "red pens"}],
        "queries_dev": [{"id": "1", "text": "red pens", "relevant_doc_ids": ["b"]}],
    }
    for name, lines in rows.items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    given = ["--scorer", "embedding", "--model", str(TINY), "--json"]
    assert main(["bench", "passages", "--data", str(tmp_path / "dev.jsonl"), "--split", "all", *given]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["scorer"], report["model"], report["evidence_recall"]["10"]) == ("embedding.v1", str(TINY), 100)
    assert main(["bench", "rerank", "--data", str(tmp_path), *given]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["scorer"], report["model"], report["mrr@10"]) == ("embedding.v1", str(TINY), 100)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--scorer", "cross_encoder"], 2, "needs --model"),
        (["--scorer", "provence"], 2, "needs --model"),
        (["--scorer", "lexical", "--model", "x"], 2, "takes no --model"),
        (["--scorer", "nothing", "--model", "x"], 2, "no scorer is named"),
        (["--scorer", "pruner", "--model", "x"], 1, "manifest cannot be read"),
        (["--scorer", "embedding", "--model", "x.onnx"], 1, "there is no such ONNX file"),
    ],
)
def test_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str):
    path = tmp_path / "a.txt"
    path.write_text("It is green. It is red.", encoding="utf-8")
    assert main(["prune", str(path), "-q", "red", *words]) == code
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
