"""`ctxprune shrink MODEL …` from folder to folder, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders  # noqa: E402

from ctxprune.cli import main  # noqa: E402
from ctxprune.models.pruner import load_pruner  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.recipes import first_choice  # noqa: E402
from ctxprune.shrink.run.preparation import prepare  # noqa: E402


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command line without recipe, target and output."""
    monkeypatch.chdir(tmp_path)
    folders.reranker(Path("model"))
    folders.pairs(Path("pairs.jsonl"))
    return ["shrink", "model", "--data", "pairs.jsonl", "--recipe", "flap", "--out", "small"]


def changed(words: list[str], option: str, value: str) -> list[str]:
    place = words.index(option)
    return [*words[: place + 1], value, *words[place + 2 :]]


def test_from_folder_to_folder(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([*words, "--target", "flops=0.5", "--onnx", "--html", "audit.html", "--json"]) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert report == json.loads(Path("small/report.json").read_text("utf-8"))
    assert report["quality"]["before_is_chance"] is True  # its weights are random
    assert "the model is no better than chance on the held-out questions: pairs in order 0." in shown.err
    assert report["data"]["chance"] in shown.err
    before, after = report["sizes"]["flops"]
    assert after <= 0.5 * before
    assert report["onnx"]["model.onnx"]["largest"] < 1e-4
    assert "<table" in Path("audit.html").read_text("utf-8")
    assert load_model("small").kind == "reranker"
    assert main(["shrink", "small", *words[2:-1], "smaller", "--target", "bytes=60KB"]) == 0
    assert "the model is smaller" in capsys.readouterr().err


def test_the_card_says_where_it_comes_from(words: list[str], capsys: pytest.CaptureFixture[str]):
    Path("model/README.md").write_text("---\nlicense: mit\nbase_model: a/b\n---\n# Model\n", "utf-8")
    Path("model/LICENSE").write_text("MIT", "utf-8")
    assert main([*words, "--target", "flops=0.5"]) == 0
    report = json.loads(Path("small/report.json").read_text("utf-8"))
    shrunk = json.loads(Path("small/shrunk.json").read_text("utf-8"))
    assert [shrunk[name] for name in ("licence", "base_model", "source")] == ["mit", "a/b", "model"]
    assert shrunk["report"]["target"] == report["target"] == "flops=0.5"
    card = Path("small/README.md").read_text("utf-8")
    digest = hashlib.sha256(Path("pairs.jsonl").read_bytes()).hexdigest()
    for said in (
        'license: "mit"',
        "# small",
        "shrunk from model with flap.v1",
        "base model: a/b",
        digest,
        "reached 0.",
    ):
        assert said in card
    assert Path("small/LICENSE").read_text("utf-8") == "MIT"
    capsys.readouterr()
    assert main(["models", "--folder", "small", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)[-1]
    assert (found["licence"], found["base"], found["name"]) == ("mit", "a/b", "small")
    assert found["purpose"] == "A reranker shrunk from model with flap.v1, by ctxprune."
    assert found["milliseconds"] > 0
    Path("smaller").mkdir()
    Path("smaller/README.md").write_text("mine", "utf-8")
    assert main(["shrink", "small", *words[2:-1], "smaller", "--target", "flops=0.7"]) == 0
    again = json.loads(Path("smaller/shrunk.json").read_text("utf-8"))
    assert [again[name] for name in ("licence", "base_model", "source")] == ["mit", "a/b", "model"]
    assert Path("smaller/README.md").read_text("utf-8") == "mine"


def test_several_recipes_and_the_long_spelling(words: list[str], capsys: pytest.CaptureFixture[str]):
    words = ["shrink", "run", *changed(words, "--recipe", "flap, unit_magnitude")[1:], "--steps", "2"]
    assert main([*words, "--target", "flops=60%"]) == 0
    shown = capsys.readouterr().out
    assert all(
        name in shown for name in ("flap.v1", "unit_magnitude.v1", "random.v1", "distilled_scratch.v1", "quality")
    )
    assert main([*words, "--target", "flops=60%"]) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*words, "--target", "flops=60%", "--resume"]) == 0


def test_a_decoder_and_an_embedder(words: list[str], capsys: pytest.CaptureFixture[str]):
    folders.decoder(Path("decoder"))
    Path("texts.txt").write_text("\n\n".join(f"the old bridge is in town number {n}" for n in range(9)), "utf-8")
    words = changed(changed(words, "--data", "texts.txt"), "--out", "out1")
    assert main(["shrink", "decoder", *words[2:], "--target", "flops=0.7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "decoder"
    folders.embedder(Path("embedder"))
    words = changed(changed(words, "--data", "pairs.jsonl"), "--out", "out2")
    assert main(["shrink", "embedder", *words[2:], "--target", "flops=0.7", "--onnx", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "embedder"
    from ctxprune.scorers.neural.embedders import OnnxEmbedder

    assert OnnxEmbedder("out2/onnx/model_int8.onnx")(["the bridge", "a cat"]).shape == (2, 32)


def test_pairs_without_labels(words: list[str], capsys: pytest.CaptureFixture[str]):
    lines = [json.loads(line) for line in Path("pairs.jsonl").read_text("utf-8").splitlines()]
    Path("plain.jsonl").write_text("\n".join(json.dumps({**row, "label": None}) for row in lines), "utf-8")
    words = [*changed(words, "--data", "plain.jsonl"), "--target", "flops=0.9"]
    assert main([*words, "--html", "a.html"]) == 1
    assert "an audit needs pairs with labels" in capsys.readouterr().err
    assert main([*words, "--json"]) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert report["quality"]["before"] == 1.0  # it agrees with itself
    assert report["quality"]["before_is_chance"] is False
    assert "chance" not in shown.err
    assert report["data"]["labels"] == "the full model's scores"


@pytest.mark.parametrize(
    ("option", "value", "code", "said"),
    [
        ("--target", "latency=999s", 1, "meets the target as it is"),
        ("--target", "bytes=1GB", 1, "meets the target as it is"),
        ("--target", "bytes=0.01", 1, "1 % of the bytes cannot be left: it leaves"),
        ("--target", "speed=0.5", 1, "with one of bytes, deltas, flops, latency"),
        ("--target", "flops=fast", 1, "a share such as 0.5"),
        ("--recipe", "flapp", 1, "did you mean 'flap.v1'?"),
        ("--recipe", "none.toml", 1, "the recipe cannot be read"),
        ("--data", "none.jsonl", 1, "there is no such file [none.jsonl]"),
        ("--data", "model", 1, "this is a folder [model]"),
        ("--out", "model", 1, "name another folder"),
    ],
)
def test_what_is_said(
    option: str, value: str, code: int, said: str, words: list[str], capsys: pytest.CaptureFixture[str]
):
    words = [*words, "--target", "flops=0.5"]
    assert main(changed(words, option, value)) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert len(shown.splitlines()) == 1


def test_models_that_do_not_fit(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = [*words, "--target", "flops=0.5"]
    assert main(["shrink", "cross-encoder/ms-marco", *words[2:]]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    Path("mine.toml").write_text(
        'name = "mine.v1"\ntitle = "Mine"\nsource = "me"\nmodels = ["decoder"]\n[[finish]]\npiece = "tune.v1"\n',
        "utf-8",
    )
    assert main(changed(words, "--recipe", "mine.toml")) == 1
    assert (
        "mine.v1 is for decoder, and this is encoder: ctxprune shrink list --model encoder" in capsys.readouterr().err
    )


def test_a_pruner(words: list[str], capsys: pytest.CaptureFixture[str]):
    from ctxprune.rag import Passage
    from ctxprune.scorers.neural.pruner import PrunerScorer

    folders.pruner(Path("pruner"))
    words = [*changed(words, "--recipe", "unit_magnitude"), "--target", "flops=0.9"]
    assert main(["shrink", "pruner", *words[2:], "--onnx", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kind"] == "pruner"
    assert report["sizes"]["flops"][1] <= 0.9 * report["sizes"]["flops"][0]
    scores = [
        PrunerScorer(model=place).score("when did the bridge open", Passage("It opened in 1933. Cats sleep."))
        for place in ("small", "small/onnx")
    ]
    assert len(scores[0]) == 2
    assert scores[1] == pytest.approx(scores[0], abs=0.05)
    figures = report["onnx"]["model.onnx"]
    assert figures["largest"] < 0.1
    assert figures["bytes"] == Path("small/onnx/model.onnx").stat().st_size
    assert figures["bytes"] < 0.35 * Path("small/model.onnx").stat().st_size
    parts = [json.loads(Path(place, "manifest.json").read_text("utf-8")) for place in ("pruner", "small", "small/onnx")]
    for name in ("unit", "document", "limit"):
        assert parts[0][name] == parts[1][name] == parts[2][name]
    for place in ("small", "small/onnx"):
        assert 'license: "unknown"' in (card := Path(place, "README.md").read_text("utf-8"))
        assert "A pruner shrunk from tiny.v1 with unit_magnitude.v1" in card
    assert main(["shrink", "small/onnx", *words[2:-3], "smaller", *words[-2:]]) == 0


def tuned_folder(folder: Path) -> Path:
    """The reranker after some steps: other weights, of the same shapes."""
    import torch
    from shrink import models

    model = models.bert()
    with torch.no_grad():
        for entry in model.parameters():
            entry.add_(0.01 * torch.randn(entry.shape, generator=torch.Generator().manual_seed(1)))
    return folders.write(folder, model)


def test_differences_from_a_base_are_pruned_and_packed(words: list[str], capsys: pytest.CaptureFixture[str]):
    tuned_folder(Path("tuned"))
    words = ["shrink", "tuned", *changed(words, "--recipe", "dare")[2:], "--target", "deltas=0.1"]
    assert main(words) == 1
    assert "no base model to differ from [base]" in capsys.readouterr().err
    assert main([*words, "--base", "model", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    before, after = report["sizes"]["deltas"]
    assert 0.09 * before <= after <= 0.1 * before
    from ctxprune.shrink.io.deltas import unpack

    small, again = load_model("small").model, unpack("small/deltas.safetensors", load_model("model").model)
    assert all(a.equal(b) for a, b in zip(small.state_dict().values(), again.state_dict().values(), strict=True))
    assert report["deltas_bytes"] == Path("small/deltas.safetensors").stat().st_size
    folders.decoder(Path("other"))
    assert main([*changed(words, "--out", "small2"), "--base", "other"]) == 1
    assert "the base model has other shapes" in capsys.readouterr().err


def test_related_data_and_groups_reach_the_recipe(words: list[str], capsys: pytest.CaptureFixture[str]):
    lines = [json.loads(line) for line in Path("pairs.jsonl").read_text("utf-8").splitlines()]
    Path("related.jsonl").write_text(
        "\n".join(json.dumps({**row, "source": "ab"[n % 8 > 3]}) for n, row in enumerate(lines)), "utf-8"
    )
    words = [*changed(words, "--recipe", "fair_heads"), "--target", "flops=0.9", "--json"]
    assert main([*words, "--groups"]) == 1
    assert "groups are those of a reranker's related pairs" in capsys.readouterr().err
    assert main([*words, "--groups", "--related", "pairs.jsonl"]) == 1
    assert "no pair has a source" in capsys.readouterr().err
    assert main([*words, "--groups", "--related", "related.jsonl"]) == 0
    capsys.readouterr()
    words = changed(changed(words, "--recipe", "transfer"), "--out", "other")
    assert main([*words, "--related", "related.jsonl"]) == 0
    trial = json.loads(capsys.readouterr().out)["trials"][0]
    assert trial["notes"]["related"] == len(lines)


def test_zeros_are_packed_where_that_is_asked_for(words: list[str], capsys: pytest.CaptureFixture[str]):
    words = [*changed(words, "--recipe", "wanda"), "--target", "weights=0.3"]
    assert main(words) == 0
    assert main([*changed(words, "--out", "packed"), "--pack"]) == 0
    plain, packed = (Path(name, "model.safetensors").stat().st_size for name in ("small", "packed"))
    assert packed < 0.8 * plain
    one, two = (load_model(name).model.state_dict() for name in ("small", "packed"))
    assert all(one[name].equal(two[name]) for name in one)


def test_a_graph_that_fails_costs_no_model(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from ctxprune.shrink.io import export

    monkeypatch.setattr(export, "_TOLERANCE", -1.0)
    assert main([*words, "--target", "flops=0.5", "--onnx"]) == 1
    assert "there are no ONNX files: the graph differs from the model" in capsys.readouterr().err
    assert load_model("small").kind == "reranker"
    assert "failed" in json.loads(Path("small/report.json").read_text("utf-8"))["onnx"]
    assert not list(Path("small/onnx").glob("*.onnx"))


def test_a_wrong_parameter_at_the_end_is_refused_before_anything_runs(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from ctxprune.shrink.run import runner

    Path("mine.toml").write_text(
        'name = "mine.v1"\ntitle = "Mine"\nsource = "me"\nmodels = ["encoder"]\n[[stages]]\nunits = ["head"]\n'
        'score = { piece = "random.v1" }\nallocate = { piece = "uniform.v1" }\n'
        '[[finish]]\npiece = "tune.v1"\nrate = -1.0\n',
        "utf-8",
    )
    monkeypatch.setattr(runner, "remove", lambda *_: pytest.fail("a unit was removed"))
    assert main([*changed(words, "--recipe", "mine.toml"), "--target", "flops=0.9"]) == 1
    assert "rate" in capsys.readouterr().err


def test_the_bundled_pruner_by_its_name():
    name = load_pruner().manifest.name
    loaded = load_model(name)
    assert loaded.kind == "pruner"
    assert loaded.origin["name"] == name


def test_a_decoder_is_audited_on_held_out_texts(words: list[str], capsys: pytest.CaptureFixture[str]):
    folders.decoder(Path("model"))
    lines = [{"text": f"the {word} {other} in winter"} for word in ("old", "new", "red") for other in ("cat", "dog")]
    Path("pairs.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    assert main([*words, "--target", "flops=0.6", "--html", "audit.html"]) == 0
    assert "Knowledge, retrieval and people" in Path("audit.html").read_text("utf-8")
    assert "of 1 batch of texts that chose no recipe; too few for an interval" in capsys.readouterr().err


def data_with(label) -> str:
    lines = [json.loads(line) for line in Path("pairs.jsonl").read_text("utf-8").splitlines()]
    return "\n".join(json.dumps({**row, "label": label}) for row in lines)


def test_data_that_nothing_can_be_measured_on_are_refused_before_any_work(
    words: list[str], capsys: pytest.CaptureFixture[str]
):
    lines = Path("pairs.jsonl").read_text("utf-8").splitlines()
    single = "\n".join(json.dumps({"query": f"who {n}", "passage": "ann", "label": n % 2}) for n in range(8))
    for text, said in (
        (data_with(0), "every label is 0, so no passage is better than another"),
        (data_with(1), "every label is 1, so no passage is better than another"),
        (single, "no question has two passages"),
        (lines[0], "no question has two passages"),
        ('{"query": "when"}\n', "there is no text in 'passage' or 'text', in line 1"),
        ('{"query": \n', "line 1"),
        ("", "bad.jsonl"),
    ):
        Path("bad.jsonl").write_text(text, "utf-8")
        assert main([*changed(words, "--data", "bad.jsonl"), "--target", "flops=0.5"]) == 1, text
        (shown,) = capsys.readouterr().err.splitlines()
        assert said in shown
        assert not Path("small").exists()


def test_few_questions_are_said_to_be_few(words: list[str], capsys: pytest.CaptureFixture[str]):
    Path("few.jsonl").write_text("\n".join(Path("pairs.jsonl").read_text("utf-8").splitlines()[:4]), "utf-8")
    assert main([*changed(words, "--data", "few.jsonl"), "--target", "flops=0.5"]) == 0
    assert "too few questions to hold some out" in capsys.readouterr().err
    prepared = prepare(load_model("model"), folders.pairs(Path("five.jsonl"), questions=5))
    assert prepared.notes["held_out"]["groups"] == 2
    assert prepared.notes["calibration"]["groups"] == 3


def test_auto_with_an_estimate_and_a_limit(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(first_choice, "_SHORT", {"encoder": ("flap", "unit_magnitude")})  # the quickest ones
    words = [*changed(words, "--recipe", "auto"), "--target", "flops=0.6", "--steps", "1", "--minutes", "30", "--json"]
    assert main(words) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert "2 recipes compete, with 1 step of training; this takes about" in shown.err
    assert [line["recipe"] for line in report["trials"][:2]] == ["flap.v1", "unit_magnitude.v1"]
    assert report["trials"][3]["recipe"] == "random.v1"
    assert len(report["trials"]) == 4
    assert not report["stopped"]
    assert 0 < report["minutes"] < 30


def test_a_device_that_is_not_here_is_refused_before_anything_is_read(
    words: list[str], capsys: pytest.CaptureFixture[str]
):
    words = [*changed(words, "--data", "none.jsonl"), "--target", "flops=0.6"]
    for device in ("cuda:99", "tpu", "meta"):
        assert main([*words, "--device", device]) == 1
        assert f"'{device}'" in (said := capsys.readouterr().err)
        assert "auto, or one of" in said
        assert main(["shrink", "audit", "none", "none", "--data", "none.jsonl", "--device", device]) == 1
        assert "auto, or one of" in capsys.readouterr().err


def test_the_folder_of_a_shrunk_reranker_scores_through_its_graph(words: list[str], capsys: pytest.CaptureFixture[str]):
    Path("page.txt").write_text("The bridge is long. It opened in winter.", "utf-8")
    asked = ["prune", "page.txt", "-q", "When did it open?", "--scorer", "cross_encoder", "--model"]
    words = [*changed(words, "--recipe", "fisher_knapsack"), "--target", "flops=0.5"]
    assert main(words) == 0
    capsys.readouterr()
    assert main([*asked, "small"]) == 1
    said = capsys.readouterr().err
    assert "the layers of this shrunk model differ in size" in said
    assert "--resume --onnx" in said
    before = Path("small/model.safetensors").read_bytes()
    assert main([*words, "--resume", "--onnx"]) == 0
    assert Path("small/model.safetensors").read_bytes() == before
    for place in ("small", "small/onnx", "small/onnx/model_int8.onnx"):
        assert main([*asked, place]) == 0


def test_a_run_that_is_interrupted_says_how_to_go_on(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ctxprune.shrink.run.job.search", interrupt)
    assert main([*words, "--target", "flops=0.5"]) == 130
    assert "stopped; what is finished is in small: the same command with --resume goes on" in capsys.readouterr().err
