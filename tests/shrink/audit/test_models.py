"""Folders as audited models, and the command over them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
transformers = pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from ctxprune.cli import main  # noqa: E402
from ctxprune.cli._app import app  # noqa: E402
from ctxprune.errors import FormatError, InputError, MissingExtraError, UsageError  # noqa: E402
from ctxprune.models.pruner import bundled, read_manifest  # noqa: E402
from ctxprune.shrink.audit import Question  # noqa: E402
from ctxprune.shrink.audit.models import load_audited, load_decoder, score_texts  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402

PRUNER = read_manifest(bundled()).name
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "gate", "opened", "never", "cow", "grass", "who", "blue", "river"]


@pytest.fixture
def folders(tmp_path):
    """A tiny reranker, and the same without a layer."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import BertProcessing

    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    full = models.bert()
    small = remove(full, {("layer", -1): torch.tensor([True, True, False, True])})
    for name, model in (("full", full), ("small", small)):
        model.save_pretrained(tmp_path / name)
        tokenizer.save(str(tmp_path / name / "tokenizer.json"))
    lines = [
        {"query": f"who opened {word} {again}", "passage": text, "label": int(text == "gate opened"), "source": word}
        for again in range(6)
        for word in ("gate", "river", "blue never", "cow")
        for text in ("gate opened", "cow grass", "blue river")
    ]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return tmp_path


def asked(query, *texts):
    return Question(query, texts, (1.0,) * len(texts))


def test_the_command_reports_and_draws(folders, capsys):
    command = ["shrink", "audit", str(folders / "full"), str(folders / "small"), "--data", str(folders / "pairs.jsonl")]
    done = CliRunner().invoke(app, [*command, "--json", "--tokens", "16", "--html", str(folders / "page.html")])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    full, small = report["models"]
    assert report["questions"] == 24
    assert small["sizes"]["flops"] < full["sizes"]["flops"]
    assert "<h1>" in (folders / "page.html").read_text(encoding="utf-8")


def test_scores_are_the_models_own(folders):
    model = load_audited(folders / "full", tokens=16)
    whole = model.score(asked("who opened gate", *["gate opened", "cow"] * 20))
    assert len(whole) == 40
    assert model.score(asked("who opened gate", "cow")) == pytest.approx(whole[1:2], abs=1e-5)


def test_the_bundled_pruner_is_audited_by_its_name():
    model = load_audited(PRUNER)
    yes, no = model.score(asked("Who opened the gate?", "The gate was opened by Ada.", "Cows eat grass."))
    assert yes > no
    assert model.sizes["bytes"] > 1e6
    assert 1e7 < model.sizes["parameters"] < model.sizes["flops"]


def test_a_pruner_reads_texts_under_the_titles_of_their_documents():
    model = load_audited(PRUNER)
    texts = ("It opened in 1933.", "It opened in 1911.")
    titled = Question("When did the Oda bridge open?", texts, (1, 0), sources=(0, 1), titles=("Oda bridge", "Tolu zoo"))
    named, other = model.score(titled)
    assert named > other + 0.1


def test_a_pruner_of_another_making_has_its_bytes_alone(monkeypatch):
    def refuse(folder):
        raise FormatError("not the graph of a pruner")

    monkeypatch.setattr("ctxprune.train.graph_reader.read_network", refuse)
    assert list(load_audited(PRUNER).sizes) == ["bytes"]


def test_models_that_cannot_be_audited_raise(folders, capsys):
    with pytest.raises(InputError, match="no such folder"):
        load_audited(folders / "none")
    unlabelled = folders / "unlabelled.jsonl"
    unlabelled.write_text('{"query": "a", "passage": "b"}\n', encoding="utf-8")
    assert main(["shrink", "audit", PRUNER, str(folders / "small"), "--data", str(unlabelled)]) == 1
    assert "needs labels" in capsys.readouterr().err


def test_scores_are_those_of_evaluation_mode_whatever_the_mode(folders):
    loaded = load_model(folders / "full")
    texts = ["gate opened", "cow grass"]
    wanted = score_texts(loaded, "who opened gate", texts)
    loaded.model.train()
    loaded.model.classifier.eval()
    assert score_texts(loaded, "who opened gate", texts) == wanted
    assert loaded.model.training
    assert not loaded.model.classifier.training


def test_a_single_string_is_no_list_of_texts(folders):
    with pytest.raises(UsageError, match="single string"):
        score_texts(load_model(folders / "full"), "who opened gate", "gate opened")


def test_pruners_are_told_apart_without_torch(monkeypatch, folders):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert load_decoder(PRUNER) is None
    with pytest.raises(MissingExtraError, match="torch"):
        load_decoder(folders / "full")
    with pytest.raises(MissingExtraError, match="torch"):
        load_audited(folders / "full")


def test_pairs_are_read_without_torch():
    code = "import sys; sys.modules['torch'] = None; from ctxprune.shrink.data import read_pairs"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
