"""The pages on shrinking, as they are written, on a tiny cross-encoder."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")
pytest.importorskip("onnx", reason="the train extra is not installed")

from doc_pages import page  # noqa: E402
from shrink import folders, models  # noqa: E402

from ctxprune.cli import main  # noqa: E402
from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink import Target, load_model, load_recipe, prepare, save_model, score_texts, shrink  # noqa: E402
from ctxprune.shrink.model.cost import cost  # noqa: E402
from ctxprune.shrink.model.pathways import Choosing  # noqa: E402
from ctxprune.shrink.recipes import first_choice  # noqa: E402
from ctxprune.shrink.run import job, plans, reporting, trial  # noqa: E402
from ctxprune.shrink.run.trial import with_steps  # noqa: E402

PAGE = page("tasks/shrink")
SECTION = page("tasks/shrink_a_reranker")
COMMANDS = [shlex.split(line, comments=True) for line in re.findall(r"^ctxprune .*", SECTION, re.MULTILINE)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def pretended(models, batch, *, rounds=5):
        """Of a tiny model hardly any time is saved."""
        return [1 + cost(model, "flops") / 20_000 for model in models]

    monkeypatch.setattr(trial, "measure_times", pretended)
    monkeypatch.setattr(job, "measure_times", pretended)
    monkeypatch.setattr(reporting, "measure_times", pretended)
    monkeypatch.chdir(tmp_path)
    folders.reranker(tmp_path / "reranker")
    folders.pairs(tmp_path / "pairs.jsonl", questions=30)
    (tmp_path / "page.txt").write_text("The bridge is long. It opened in winter. A cat sleeps.", encoding="utf-8")
    return tmp_path


def test_the_commands(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    assert len(COMMANDS) == 5
    # two quick recipes with two steps stand for the competition
    monkeypatch.setattr(first_choice, "_SHORT", {"encoder": ("flap", "unit_magnitude")})
    monkeypatch.setattr(plans, "_EFFORTS", ((2, 2),))
    for _, *words in COMMANDS:
        assert main(words) == 0, words
    report = json.loads((folder / "small" / "report.json").read_text("utf-8"))
    before, after = report["sizes"]["milliseconds"]
    assert after <= 0.52 * before
    assert (folder / "audit.html").is_file()
    shown = capsys.readouterr().out
    assert "fisher_knapsack.v1" in shown
    assert json.loads((folder / "best" / "report.json").read_text("utf-8"))["recipe"]
    for said in re.findall(r"`ctxprune (shrink (?:show|list) [^`]*)`", PAGE):
        assert main(said.split()) == 0


def test_the_python(folder: Path, capsys: pytest.CaptureFixture[str]):
    block, scoring = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    exec(compile(block, "shrink_a_reranker.md", "exec"), {})
    assert float(capsys.readouterr().out.split()[0]) == pytest.approx(0.5)
    names: dict = {}
    exec(compile(scoring.replace('"small"', '"shallow"'), "shrink_a_reranker.md", "exec"), names)
    assert capsys.readouterr().out.strip() in names["passages"]
    loaded = load_model("shallow")
    rows = loaded.form.tokenizer.encode_batch([("When did the bridge open?", text) for text in names["passages"]])
    with torch.no_grad():  # row by row, which needs no padding
        slow = [float(loaded.model(torch.tensor([row.ids]), None, torch.tensor([row.type_ids])).logits) for row in rows]
    assert names["scores"] == pytest.approx(slow, abs=1e-5)
    assert score_texts(loaded, "a bridge", []) == []
    with pytest.raises(UsageError, match="a decoder gives texts no scores"):
        score_texts(replace(loaded, kind="decoder"), "a bridge", ["the bridge"])
    library = pytest.importorskip("sentence_transformers")
    scores = library.CrossEncoder("shallow", local_files_only=True).predict(
        [("when did it open", "it opened in winter")], show_progress_bar=False
    )
    assert 0 <= float(scores[0]) <= 1


def test_the_python_of_the_page(folder: Path, capsys: pytest.CaptureFixture[str]):
    ranking, pathways, multiplexing = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    folders.decoder(folder / "decoder")
    ranking = ranking.replace('find("yes")', "7").replace('find("no")', "9")  # the tiny vocabulary has neither
    exec(compile(ranking, "shrink.md", "exec"), {})
    assert load_model("small-decoder").kind == "decoder"

    rows = models.batches(2, rows=8)
    domains = [batch | {"sources": torch.full((8,), number)} for number, batch in enumerate(rows)]
    recipe = with_steps(load_recipe("pathways"), 2)
    data = prepare(load_model("reranker"), "pairs.jsonl")
    small = shrink(replace(data.subject, calibration=domains), recipe, Target("weights", 0.6)).subject
    save_model(data.loaded.with_model(small.model), "small-pathways")
    names: dict = {}
    exec(compile(pathways, "shrink.md", "exec"), names)
    assert [module.pinned for module in names["model"].modules() if isinstance(module, Choosing)] == [1]

    quick = multiplexing.replace("steps=500", "steps=1").replace("loss=0.05", "loss=1")
    exec(compile(quick, "shrink.md", "exec"), {})
    count, keep, speed = map(float, capsys.readouterr().out.split()[-3:])
    assert (count, keep) == (4, pytest.approx(0.6))  # with all quality to lose the fastest one wins
    assert speed > 2
    assert load_model("mixed").kind == "reranker"
