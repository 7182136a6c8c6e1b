"""Lines of a file that a model chooses, in the file's order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders  # noqa: E402

from ctxprune.cli import main  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def chosen(*words: str) -> list[dict[str, object]]:
    assert main(["train", "select", "rows.jsonl", *words, "--out", "out.jsonl"]) == 0
    return [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]


def test_a_decoder_finds_texts_of_low_loss():
    folders.decoder(Path("model"))
    words = folders.WORDS
    texts = [" ".join(words[(3 * n + k) % len(words)] for k in range(4 + n % 5)) for n in range(40)]
    Path("rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    loaded = load_model("model")
    losses = []
    for text in texts:  # one by one, without padding
        ids = torch.tensor([loaded.form.texts([text], 32)[0].ids])
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        with torch.no_grad():
            losses.append(float(loaded.task.loss(loaded.model, batch)))
    order = sorted(range(40), key=losses.__getitem__)
    for by, best in (("perplexity-low", order[:10]), ("perplexity-high", order[-10:]), ("perplexity", order[15:25])):
        kept = chosen("--by", by, "--share", "0.25", "--model", "model")
        assert kept == [{"text": texts[place]} for place in sorted(best)]


def test_a_reranker_keeps_questions_whole(capsys: pytest.CaptureFixture[str]):
    folders.reranker(Path("model"))
    folders.pairs(Path("rows.jsonl"))
    lines = [json.loads(line) for line in Path("rows.jsonl").read_text("utf-8").splitlines()]
    mixed = lines[::2] + lines[1::2]  # a question's lines stand apart
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mixed), "utf-8")
    kept = chosen("--by", "el2n", "--share", "0.5", "--model", "model")
    assert kept == [row for row in mixed if row in kept]
    asked = {row["query"] for row in kept}
    assert kept == [row for row in mixed if row["query"] in asked]
    assert chosen("--by", "selectivity", "--share", "0.5", "--model", "model", "--related", "rows.jsonl")
    assert main(["train", "select", "rows.jsonl", "--by", "paser", "--share", "0.5", "--model", "model"]) == 1
    assert "paser needs the model before it was shrunk" in capsys.readouterr().err
    folders.embedder(Path("other"))
    assert main(["train", "select", "rows.jsonl", "--by", "el2n", "--share", "0.5", "--model", "other"]) == 1
    assert "reranker or a decoder" in capsys.readouterr().err
