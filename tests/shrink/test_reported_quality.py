"""The figure that a run reports is measured on questions that chose no recipe, and says how sure it is."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models, trained  # noqa: E402

from ctxprune.errors import InputError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.model.tasks.base import Measured  # noqa: E402
from ctxprune.shrink.model.tasks.language_model import LanguageModel  # noqa: E402
from ctxprune.shrink.run import job, reporting  # noqa: E402
from ctxprune.shrink.run.preparation import prepare  # noqa: E402


def rows(batches) -> set[tuple[int, ...]]:
    return {tuple(row.tolist()) for batch in batches for row in batch["input_ids"]}


def test_three_parts_share_no_question(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "model"))
    data = folders.pairs(tmp_path / "pairs.jsonl")
    prepared = prepare(loaded, data, compete=True)
    parts = [rows(batches) for batches in (prepared.subject.calibration, prepared.held_out, prepared.reported)]
    assert all(parts)
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]
    assert not parts[0] & parts[2]
    assert prepared.notes["chosen_by_is"] == "a fifth of the other questions"
    alone = prepare(loaded, data)
    assert rows(alone.held_out) == rows(alone.reported) == parts[2]
    assert parts[0] < rows(alone.subject.calibration)


def test_a_file_of_its_own_chooses_nothing(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "model"))
    data, other = folders.pairs(tmp_path / "pairs.jsonl"), tmp_path / "other.jsonl"
    lines = data.read_text("utf-8").splitlines()
    other.write_text("\n".join(lines[:12]), "utf-8")
    data.write_text("\n".join(lines[12:]), "utf-8")
    prepared = prepare(loaded, data, held_out=other, compete=True)
    assert sum(len(batch["input_ids"]) for batch in prepared.reported) == 12
    assert rows(prepared.held_out)
    assert not rows(prepared.held_out) & rows(prepared.reported)
    assert prepared.notes["held_out_is"] == "a file of its own"


def test_questions_of_the_evaluation_are_not_shrunk_with(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "model"))
    data, other = folders.pairs(tmp_path / "pairs.jsonl"), tmp_path / "other.jsonl"
    other.write_text("\n".join(data.read_text("utf-8").splitlines()[:12]), "utf-8")
    prepared = prepare(loaded, data, held_out=other)
    assert not rows(prepared.subject.calibration) & rows(prepared.reported)
    assert prepared.notes["in_both"] == 3
    assert prepared.notes["calibration"]["groups"] == 9
    said: list[str] = []
    job._tell_data({**prepared.notes, "chance": ""}, said.append)  # its weights are random
    assert said == ["questions or texts that are in the data for evaluation, too: 3; the model is not shrunk with them"]
    with pytest.raises(InputError, match=r"all of the data is in the data for evaluation.*leave the file"):
        prepare(loaded, other, held_out=data)


def test_too_few_questions_for_a_choice_are_said(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "model"))
    prepared = prepare(loaded, folders.pairs(tmp_path / "pairs.jsonl", questions=6), compete=True)
    said: list[str] = []
    job._tell_data({**prepared.notes, "chance": ""}, said.append)
    assert said == [
        "there are too few questions to hold some out: recipes are compared on those that the model is shrunk with"
    ]


def test_a_source_of_which_nothing_was_measured_is_not_the_worst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = folders.pairs(tmp_path / "pairs.jsonl", questions=30)
    given = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for number, row in enumerate(given):
        row["query"] += f" {number // 4}"
        row["source"] = ("de", "en", "fr")[number // 4 % 3]
        row["label"] = row["label"] * (row["source"] != "fr")  # nothing is ranked in French
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join(map(json.dumps, given)), "utf-8")
    loaded = load_model(folders.reranker(tmp_path / "model"))
    prepared = prepare(loaded, folders.pairs(tmp_path / "pairs.jsonl"), held_out=other)
    assert prepared.notes["sources"] == ["de", "en", "fr"]
    found = reporting._quality_by_source(loaded, loaded, prepared)
    assert set(found["by_source"]) == {"de", "en"}
    assert found["worst_source"] == "", "ten questions are too few to be called the worst"
    monkeypatch.setattr(reporting, "LEAST", 10)
    assert reporting._quality_by_source(loaded, loaded, prepared)["worst_source"] in ("de", "en")
    assert all(entry["measured"] for entry in found["by_source"].values())


def test_the_interval_is_of_questions():
    measured = Measured("pairs in order", ((3.0, 4.0), (1.0, 4.0), (8.0, 8.0)))
    assert measured.value == 0.75
    low, high = measured.interval()
    assert 0.25 <= low < 0.75 < high <= 1.0
    assert measured.interval() == (low, high)
    assert Measured("pairs in order", ((1.0, 2.0),) * 5).interval() == (0.5, 0.5)
    assert (Measured("minus the loss", ()).value, Measured("minus the loss", ()).interval()) == (0.0, (0.0, 0.0))


def test_a_model_that_cannot_be_told_from_chance():
    def ranked(*parts: float) -> Measured:
        return Measured("pairs in order", tuple((part, 4.0) for part in parts), chance=0.5)

    assert ranked(1, 3, 2, 2).is_chance
    assert ranked(2, 2, 2).is_chance  # every passage has the same score
    assert ranked(0, 1, 0).is_chance  # worse than chance: labels may be the wrong way round
    assert not ranked(3, 4, 3).is_chance
    assert ranked(1, 4).is_chance  # two questions prove nothing
    assert not Measured("average precision", ((0.1, 1.0),)).is_chance  # not known
    model, texts = models.llama(), trained.chains(2, rows=4, seed=2)
    with torch.no_grad():
        model.lm_head.weight.zero_()  # all tokens have the same probability
    even = LanguageModel().measure(model, texts)
    assert even.chance == pytest.approx(even.value, abs=1e-5)
    assert even.value == pytest.approx(-math.log(model.config.vocab_size), abs=1e-5)


def test_many_questions_are_drawn_in_parts(monkeypatch):
    parts = torch.rand(3_000, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    drawn = torch.randint(3_000, (2_000, 3_000), generator=torch.Generator().manual_seed(0))
    figures = parts[:, 0][drawn].sum(1) / parts[:, 1][drawn].sum(1)
    expected = figures.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    sizes, randint = [], torch.randint

    def count(high, size, **options):
        sizes.append(size[0] * size[1])
        return randint(high, size, **options)

    monkeypatch.setattr(torch, "randint", count)
    found = Measured("pairs in order", tuple(map(tuple, parts.tolist()))).interval()
    assert list(found) == pytest.approx(expected)
    assert sum(sizes) == 2_000 * 3_000
    assert max(sizes) <= 1_000_000


def test_the_interval_holds_the_true_figure_of_a_model_that_others_were_beaten_by():
    """Of twenty equal models the best on 30 questions is reported on 30 others; its true quality is 0.7."""
    generator = torch.Generator().manual_seed(5)
    inside = too_good = 0
    for _ in range(40):
        chosen_by, reported = (torch.rand(20, 30, 10, generator=generator) < 0.7 for _ in range(2))
        best = int(chosen_by.sum((1, 2)).argmax())
        own = Measured("pairs in order", tuple((float(part.sum()), 10.0) for part in reported[best]))
        low, high = own.interval()
        inside += low <= 0.7 <= high
        too_good += float(chosen_by[best].double().mean()) > high
    assert inside >= 36
    assert too_good >= 8  # what the search chose by is no figure to report


def test_what_is_held_out_are_questions_with_a_better_and_a_worse_passage(tmp_path: Path):
    path = folders.pairs(tmp_path / "pairs.jsonl", questions=30)
    given = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for number, row in enumerate(given):
        row["query"] += f" {number // 4}"
        if number // 4 % 2:
            row["label"] = 0  # half of the questions have no relevant passage
    path.write_text("\n".join(map(json.dumps, given)), "utf-8")
    prepared = prepare(load_model(folders.reranker(tmp_path / "model")), path, compete=True)
    for batches in (prepared.held_out, prepared.reported):
        for batch in batches:
            labels = batch["labels"]
            assert all(len(labels[batch["groups"] == group].unique()) == 2 for group in batch["groups"].unique())
