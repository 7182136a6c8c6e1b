"""Recovery on a chosen part of the data and by the P^2 law, as options of any recipe."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402

from ctxprune.cli import main  # noqa: E402
from ctxprune.errors import UnknownNameError, UsageError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.model.cost import Target  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe, recipe_names  # noqa: E402
from ctxprune.shrink.registries import SELECTORS  # noqa: E402
from ctxprune.shrink.run import job  # noqa: E402
from ctxprune.shrink.run.estimate import OutOfTimeError  # noqa: E402
from ctxprune.shrink.run.preparation import prepare  # noqa: E402
from ctxprune.shrink.run.records import TrialFigures, TrialRecord  # noqa: E402
from ctxprune.shrink.run.recovery import (  # noqa: E402
    RecoveryData,
    read_recovery_data,
    with_loss,
    with_recovery_data,
    with_recovery_options,
    with_stop_by_law,
)
from ctxprune.shrink.run.runner import shrink  # noqa: E402
from ctxprune.shrink.run.search import Plan  # noqa: E402
from ctxprune.shrink.run.spread import check_samples, measure_spread  # noqa: E402
from ctxprune.shrink.run.targets import read_target  # noqa: E402
from ctxprune.shrink.run.trial import Effort, Trial, run_trial, trains, with_steps  # noqa: E402
from ctxprune.shrink.select.base import rebatch  # noqa: E402


def test_what_is_read():
    assert read_recovery_data("el2n") == RecoveryData("el2n", 0.5, 1)
    assert read_recovery_data("random:0.2") == RecoveryData("random", 0.2)
    assert read_recovery_data("el2n:0.5:5") == RecoveryData("el2n", 0.5, 5)
    high = with_recovery_data(load_recipe("flap"), read_recovery_data("perplexity-high:0.5"))
    assert high.finish[0].parameters["select"] == {"piece": "perplexity.v1", "part": "high"}
    for bad in ("el2n:half", "el2n:0.5:5:1", "el2n:0", "el2n:2", "el2n:0.5:0", "el2n:0.5:1.5"):
        with pytest.raises(UsageError):
            read_recovery_data(bad)
    with pytest.raises(UnknownNameError, match="best"):
        read_recovery_data("best")


def test_small_shares_by_a_score_are_advised_against():
    assert "random:0.3" in RecoveryData("el2n", 0.3).advice
    assert not RecoveryData("el2n", 0.31).advice
    assert not RecoveryData("random", 0.1).advice


def test_recipes_with_and_without_recovery():
    data = RecoveryData("el2n", 0.5)
    plain = with_steps(with_recovery_data(load_recipe("flap"), data), 7)
    assert plain.name == "flap.v1+el2n-0.5-1"
    assert [piece.parameters["recover"] for piece in plain.finish] == [
        {"piece": "tune.v1", "loss": "hidden", "rate": 2e-4}
    ]
    assert plain.finish[0].parameters["steps"] == 7
    between = with_recovery_data(load_recipe("efficientllm"), data)
    assert [piece.name for piece in between.stages[0].recover] == ["on_subset.v1"]
    assert between.stages[0].recover[0].parameters["steps"] == 20
    assert not between.finish
    own = with_recovery_data(load_recipe("paser"), RecoveryData("random", 0.1))
    assert own.finish[0].parameters["select"] == {"piece": "random.v1"}

    both = with_stop_by_law(with_recovery_data(load_recipe("flap"), data))
    assert both.finish[0].name == "stop_by_law.v1"
    assert both.finish[0].parameters["recover"]["piece"] == "on_subset.v1"


@pytest.mark.parametrize("name", recipe_names())
def test_any_recipe_takes_them(name: str):
    """All that trains after removal is on the chosen data, and can be built."""
    recipe = with_recovery_data(load_recipe(name), RecoveryData("random"))
    pieces = [*recipe.finish, *(piece for stage in recipe.stages for piece in stage.recover)]
    assert any(piece.name == "on_subset.v1" for piece in pieces)
    assert all(piece.name == "on_subset.v1" for piece in pieces if trains(piece))


def test_the_data_is_chosen_and_training_stops():
    data = RecoveryData("el2n", 0.25, 2)
    recipe = with_steps(with_stop_by_law(with_recovery_data(load_recipe("flap"), data)), 20)
    notes = shrink(models.encoder(), recipe, Target("flops", 0.6)).notes
    assert notes["subset"][-1] == 4  # a quarter of the two batches that are not set aside, in groups of four
    assert notes["p2_law"]["steps"] <= 20


def test_a_recovery_that_cannot_be_divided_is_refused_before_anything_runs():
    rounds, once = RecoveryData("random", 0.5, 2), RecoveryData("random", 0.5)
    for name in ("scratch", "lottery", "transfer"):
        recipe = load_recipe(name)
        with pytest.raises(UsageError, match="does not go on"):
            with_recovery_data(recipe, rounds)
        with pytest.raises(UsageError, match="does not go on"):
            with_stop_by_law(recipe)
        whole = with_recovery_data(recipe, once)
        with pytest.raises(UsageError, match="does not go on"):  # the law divides what the subset does not
            with_stop_by_law(whole)


def test_of_many_recipes_those_that_cannot_be_divided_are_left_out():
    scratch, flap, data = load_recipe("scratch"), load_recipe("flap"), RecoveryData("random", 0.5)
    said: list[str] = []
    found = with_recovery_options([scratch, flap], [data], stop_early=True, say=said.append)
    assert found == [with_stop_by_law(with_recovery_data(flap, data))]
    assert said == ["left out, since their recovery cannot be divided: scratch.v1"]
    with pytest.raises(UsageError, match="does not go on"):  # these were named
        with_recovery_options([scratch, flap], [], stop_early=True)
    with pytest.raises(UsageError, match="does not go on"):  # nothing is left
        with_recovery_options([scratch], [], stop_early=True, say=said.append)
    assert with_recovery_options([scratch, flap], [], stop_early=False) == [scratch, flap]
    parts = [data, RecoveryData("el2n", 0.25)]
    assert [recipe.name for recipe in with_recovery_options([flap], parts, stop_early=False)] == [
        "flap.v1+random-0.5-1",
        "flap.v1+el2n-0.25-1",
    ]


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command line without recovery data and output, on pairs in two languages."""
    monkeypatch.chdir(tmp_path)
    folders.reranker(Path("model"))
    folders.pairs(Path("pairs.jsonl"))
    lines = [json.loads(line) for line in Path("pairs.jsonl").read_text("utf-8").splitlines()]
    asked = list(dict.fromkeys(row["query"] for row in lines))
    lines = [row | {"lang": ("sw", "yo")[asked.index(row["query"]) % 2]} for row in lines]
    Path("pairs.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    others = [row | {"query": f"{row['query']} it"} for row in lines]
    Path("others.jsonl").write_text("\n".join(map(json.dumps, others)), "utf-8")
    found = ["shrink", "model", "--data", "pairs.jsonl", "--eval-data", "others.jsonl", "--recipe", "flap"]
    return [*found, "--target", "flops=0.6", "--steps", "2"]


def test_gradual_pruning_lasts_from_a_quarter_to_three_quarters_of_the_steps():
    recipe = with_steps(load_recipe("sparse_pretraining"), 2)
    found = shrink(models.encoder(), recipe, Target("weights", 0.5))
    trained = found.notes["trained"]
    assert [steps for steps, _ in trained] == [2] * 8
    sizes = [size for _, size in trained]
    assert sizes[0] == sizes[1] > sizes[2] > sizes[3] > sizes[4] > sizes[5] > sizes[6] == sizes[7]
    # the first weights go after part 2 of 8, the last ones before part 7 of 8: from 25 to 75 % of the steps
    assert found.notes["average_parameters"] == pytest.approx(sum(sizes) / 8)
    assert found.after < found.notes["average_parameters"] < found.before


def test_on_the_command_line(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([*words, "--recovery-data", "el2n:0.25", "--stop-early", "--out", "one", "--json"]) == 0
    shown = capsys.readouterr()
    assert "compare with random:0.25" in shown.err
    report = json.loads(shown.out)
    assert report["recipe"] == "flap.v1+el2n-0.25-1"
    assert report["trials"][0]["notes"]["p2_law"]["at_most"] == 2
    assert set(report["quality"]["by_source"]) == {"sw", "yo"}
    assert report["quality"]["worst_source"] in ("", "sw", "yo")
    assert sum(entry["measured"] for entry in report["quality"]["by_source"].values()) == report["quality"]["measured"]


def test_the_spread_is_that_of_runs_on_random_halves():
    subject, recipe, target = models.encoder(), load_recipe("flap"), Target("flops", 0.6)

    def run(part):
        return run_trial(part, recipe, target, subject.calibration, effort=Effort())

    found = measure_spread(subject, run, samples=2)
    wanted = []
    for seed in (1, 2):
        part = replace(subject, seed=seed)
        kept = SELECTORS.get("random.v1")()(part, 0.5)
        assert int(kept.sum()) == 12
        small = shrink(replace(part, calibration=rebatch(subject.calibration, kept)), recipe, target).subject
        wanted.append(subject.task.quality(small.model, subject.calibration))
    assert found["qualities"] == wanted
    assert found["mean"] == pytest.approx(sum(wanted) / 2)
    assert found["deviation"] == pytest.approx((sum((value - found["mean"]) ** 2 for value in wanted)) ** 0.5)
    for samples, vocabulary in ((1, None), (3, 100)):
        with pytest.raises(UsageError, match="samples"):
            check_samples(subject, samples, vocabulary=vocabulary)


def test_samples_end_with_the_limit():
    subject, calls = models.encoder(), []

    def run(part):
        calls.append(part.seed)
        if len(calls) == 3:
            raise OutOfTimeError
        return Trial(part, TrialFigures(len(calls) / 10, None, 1.0, {}))

    found = measure_spread(subject, run, samples=5)
    assert (found["qualities"], found["asked"]) == ([0.1, 0.2], 5)
    assert found["mean"] == pytest.approx(0.15)

    def real(part):
        return run_trial(part, load_recipe("flap"), Target("flops", 0.6), subject.calibration, effort=Effort())

    assert measure_spread(subject, real, samples=5, seconds=0.0) == {"qualities": [], "asked": 5, "share": 0.5}


@pytest.fixture
def prepared(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "model"))
    return prepare(loaded, folders.pairs(tmp_path / "pairs.jsonl"))


@pytest.mark.parametrize("name", ["flap.v1", "random.v1"])
def test_samples_are_of_the_winner_as_it_ran(prepared, name: str, monkeypatch: pytest.MonkeyPatch):
    """A baseline that won, too; with the model's limit, the device and the share that gave the time."""
    seen = []

    def run(part, recipe, target, held_out, **options):
        seen.append((recipe.name, options))
        return Trial(part, TrialFigures(0.5, 0.4, 1.0, {}))

    monkeypatch.setattr(job, "run_trial", run)
    recipes = (load_recipe("flap"), load_recipe("kprune"))
    plan = Plan(recipes, Target("latency", 0.8), steps=8, rungs=2, baselines=1, timed_on="cpu:0")
    best = TrialRecord(name, 0, 4, 0.5, TrialFigures(0.5, 0.4, 1.0, {}))
    assert job._spread(prepared, plan, best, 2, None)["mean"] == 0.5
    effort = Effort(steps=4, data=0.5, share=0.4)
    assert seen == [(name, {"effort": effort, "limit": prepared.loaded.form.limit, "timed_on": "cpu:0"})] * 2
    assert prepared.loaded.form.limit < 200


def test_the_minutes_of_a_report_are_those_of_samples_too(prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    past = [0.0]

    def measure(*words, seconds, **more):
        assert seconds == 3600 - 120
        past[0] = 600.0
        return {"qualities": [0.5], "asked": 3, "share": 0.5}

    monkeypatch.setattr(job, "perf_counter", lambda: past[0])
    monkeypatch.setattr(job, "measure_spread", measure)
    options = job.Options(
        [load_recipe("flap")], wanted=read_target("flops=0.6"), out=tmp_path / "out", tokens=32, samples=3, minutes=60.0
    )
    said: list[str] = []
    data = tmp_path / "pairs.jsonl"

    def tell(name, *_):
        past[0] = 120.0 if name == "saving" else past[0]

    report, _ = job.run_job(str(tmp_path / "model"), data, options, progress=tell, say=said.append)
    assert report["minutes"] == 10.0
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == json.loads(json.dumps(report))
    assert said[-1] == "the limit was over after 1 of 3 samples: more minutes are needed for the others"


@pytest.mark.long
def test_the_spread_on_the_command_line(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([*words[:-2], "--samples", "3", "--out", "one"]) == 0
    spread = json.loads(Path("one/report.json").read_text("utf-8"))["spread"]
    assert len(spread["qualities"]) == 3
    assert "on 3 random halves of the data" in capsys.readouterr().err


@pytest.mark.long
def test_parts_of_the_data_compete(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([*words, "--recovery-data", "el2n:0.25,domains:0.25:2,random:0.25", "--out", "two"]) == 0
    shown = capsys.readouterr()
    assert "compare with" not in shown.err
    assert "(worst)" not in shown.err
    trials = json.loads(Path("two/report.json").read_text("utf-8"))["trials"]
    assert {"flap.v1+el2n-0.25-1", "flap.v1+random-0.25-1", "flap.v1+domains-0.25-2"} <= {
        line["recipe"] for line in trials if line["status"] == "done"
    }


def test_a_corrected_teacher_is_no_recovery():
    """Its updates are few whatever --steps says, and on all of the data."""
    recipe = with_steps(with_stop_by_law(with_recovery_data(load_recipe("minitron_width"), RecoveryData("el2n"))), 90)
    first, last = recipe.finish
    assert (first.name, first.parameters) == ("correct_teacher.v1", {"updates": 20})
    assert (last.name, last.parameters["steps"]) == ("stop_by_law.v1", 90)


def test_a_loss_takes_the_place_of_the_recipes_own_training():
    found = with_loss(load_recipe("top_layers"), "hidden")
    assert [(piece.name, piece.parameters) for piece in found.finish] == [
        ("tune.v1", {"loss": "hidden", "rate": 2e-4, "steps": 100})
    ]
    assert with_loss(load_recipe("flap"), "margin").finish[0].parameters["loss"] == "margin"
    small = shrink(models.encoder(), with_steps(found, 2), Target("flops", 0.6))
    assert small.left <= 0.6
    with pytest.raises(UsageError, match="loss is 'stars'"):
        with_loss(load_recipe("flap"), "stars")


@pytest.mark.parametrize(
    ("parts", "count"),
    [("el2n:0.5", 0), ("el2n:0.25", 1), ("el2n:0.25,el2n:0.5", 1), ("el2n:0.25,random.v1:0.25", 0)],
)
def test_advice_takes_a_line_only_where_there_is_some(
    parts: str, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    given = ["--data", str(tmp_path / "none.jsonl"), "--target", "flops=0.5", "--out", str(tmp_path / "small")]
    assert main(["shrink", str(tmp_path / "none"), *given, "--recipe", "flap", "--recovery-data", parts]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert not any(line.strip() == "ctxprune:" for line in lines)
    assert sum("compare with random" in line for line in lines) == count


def test_a_loss_for_rerankers_is_refused_for_other_models_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    folders.decoder(Path("model"))
    Path("texts.jsonl").write_text("\n".join(json.dumps({"text": f"the old cat {n}"}) for n in range(12)), "utf-8")
    words = ["shrink", "model", "--data", "texts.jsonl", "--target", "flops=0.6", "--recipe", "flap", "--out", "small"]
    for loss, said in (("margin", "is for rerankers"), ("stars", "loss is 'stars'")):
        assert main([*words, "--loss", loss]) == 1
        assert said in capsys.readouterr().err
        assert not Path("small/trials").exists()
