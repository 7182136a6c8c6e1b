"""The search: halving, baselines, failures with reasons, resuming after a kill, targets of time."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders  # noqa: E402

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.model.cost import Target, cost  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe  # noqa: E402
from ctxprune.shrink.run import search as searching  # noqa: E402
from ctxprune.shrink.run import trial as trials  # noqa: E402
from ctxprune.shrink.run.preparation import prepare  # noqa: E402
from ctxprune.shrink.run.records import MeasuredTime, TrialFigures, TrialLog, TrialRecord  # noqa: E402
from ctxprune.shrink.run.search import Plan, fitting_recipes, search  # noqa: E402
from ctxprune.shrink.run.trial import Effort, baseline_recipes, run_trial, with_steps  # noqa: E402
from ctxprune.storage.sealed import sealed_line, unseal  # noqa: E402

TIMES = ("seconds", "milliseconds", "full_milliseconds", "time_left", "exact")
WATCHED = """
import os, sys, time
from pathlib import Path
from ctxprune.shrink.run import search as searching
from ctxprune.shrink.model.cost import Target
from ctxprune.shrink.io.loading import load_model
from ctxprune.shrink.run.preparation import prepare
from ctxprune.shrink.recipes.recipe import load_recipe
folder = Path(sys.argv[1])
loaded = load_model(folder / "model")
plan = searching.Plan((load_recipe("flap"),), Target("flops", 0.6), steps=2)
ran = []
def told(name, done, total):
    ran.append(name)
    if len(ran) == int(sys.argv[2]):
        print("ready", flush=True)
        time.sleep(60)
searching.search(loaded, prepare(loaded, folder / "pairs.jsonl"), plan, folder / "out", resume=True, progress=told)
print(len(ran), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folders.reranker(tmp_path / "model")
    folders.pairs(tmp_path / "pairs.jsonl")
    return tmp_path


@pytest.fixture
def given(folder: Path):
    loaded = load_model(folder / "model")
    return loaded, prepare(loaded, folder / "pairs.jsonl")


def flap(name: str = "flap.v1", **changes):
    return replace(load_recipe("flap"), name=name, **changes)


def timeless(lines):
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def test_the_better_half_goes_on_and_baselines_join_the_last_rung(given, folder: Path):
    recipes = [flap(f"flap{number}.v1") for number in range(4)]
    told = []
    plan = Plan.halving(recipes, Target("flops", 0.6), steps=4)
    found = search(*given, plan, folder / "out", progress=lambda *what: told.append(what))
    assert [(record.rung, record.recipe) for record in found.trials] == [
        *((0, f"flap{number}.v1") for number in range(4)),
        *((1, name) for name in ("flap0.v1", "flap1.v1", "random.v1", "distilled_scratch.v1")),
    ]
    assert [record.steps for record in found.trials] == [2] * 4 + [4] * 4
    assert [record.data for record in found.trials] == [0.5] * 4 + [1.0] * 4
    assert [(done, total) for _, done, total in told] == [(number, 8) for number in range(8)]
    assert found.best.figures.quality == max(record.figures.quality for record in found.trials[4:])
    assert sorted(path.name for path in (folder / "out" / "trials").iterdir() if path.is_dir()) == sorted(
        ["0-flap0.v1", "0-flap1.v1", *(f"1-{record.recipe}" for record in found.trials[4:])]
    )
    small = load_model(found.folder).model
    assert cost(small, "flops") == found.best.figures.sizes["flops"] <= 0.6 * cost(given[0].model, "flops")


def test_the_same_seed_gives_the_same(given, folder: Path):
    plan = Plan((flap(), load_recipe("random")), Target("flops", 0.5), steps=2, rungs=2, seed=3)
    one, two = (search(*given, plan, folder / name) for name in ("one", "two"))
    assert timeless(map(TrialRecord.to_dict, one.trials)) == timeless(map(TrialRecord.to_dict, two.trials))
    weights = [(found.folder / "model.safetensors").read_bytes() for found in (one, two)]
    assert weights[0] == weights[1]


def test_a_recipe_that_fails_has_its_reason(given, folder: Path):
    stage = replace(load_recipe("flap").stages[0], units=("expert",))
    plan = Plan((flap(), flap("experts.v1", stages=(stage,))), Target("flops", 0.6))
    found = search(*given, plan, folder / "out")
    (failed,) = (record for record in found.trials if record.failed)
    assert failed.recipe == "experts.v1"
    assert "no units of kind 'expert'" in failed.reason
    assert not found.best.failed
    alone = Plan((flap("experts.v1", stages=(stage,)),), Target("flops", 0.6), baselines=False)
    with pytest.raises(UsageError, match="has no units of kind 'expert'"):
        search(*given, alone, folder / "alone")


@pytest.mark.long  # test_kills.py kills at two moments in CI, without a process of its own
def test_a_killed_search_is_resumed(given, folder: Path):
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", WATCHED, str(folder)]
    with subprocess.Popen([*words, "3"], stdout=subprocess.PIPE, env=environment, text=True) as running:
        assert running.stdout.readline() == "ready\n"  # two trials are done, the third begins
        running.send_signal(signal.SIGKILL)
        running.wait()
    log = folder / "out" / "trials" / "trials.jsonl"
    before = log.read_bytes()
    assert len(before.splitlines()) == 3
    with log.open("ab") as file:
        file.write(b'{"rung": 0, "rec')  # killed while it wrote
    done = subprocess.run([*words, "9"], stdout=subprocess.PIPE, env=environment, text=True, check=True)
    assert done.stdout == "3\n"
    assert log.read_bytes().startswith(before)
    plan = Plan((load_recipe("flap"),), Target("flops", 0.6), steps=2)
    whole = search(*given, plan, folder / "whole")
    assert timeless(map(unseal, log.read_bytes().splitlines()[1:])) == timeless(map(TrialRecord.to_dict, whole.trials))


def test_the_log_gives_records_back_as_they_were_written(tmp_path: Path):
    sizes = {"bytes": 4.0, "flops": 3.0, "parameters": 2.0, "weights": 1.0}
    time = MeasuredTime(2.0, 1.0, 0.5, exact=True)
    records = [
        TrialRecord("a.v1", 0, 2, 0.5, TrialFigures(0.25, 0.5, 1.5, sizes, time, {"sparsity": 0.5})),
        TrialRecord("b.v1", 1, 4, 1.0, reason="so much cannot go"),
    ]
    log = TrialLog(tmp_path, {"seed": 0}, resume=False)
    for record in records:
        log.add(record)
    again = TrialLog(tmp_path, {"seed": 0}, resume=True)
    assert again.records == log.records == records
    assert again.done == {(0, "a.v1"): records[0], (1, "b.v1"): records[1]}
    with pytest.raises(UsageError, match="so much cannot go"):
        again.records[1].needed_figures()


def test_a_line_without_a_trial_is_refused(tmp_path: Path):
    (tmp_path / "trials.jsonl").write_bytes(sealed_line({"seed": 0}) + sealed_line({"rung": 0, "status": "done"}))
    with pytest.raises(FormatError, match="is no trial"):
        TrialLog(tmp_path, {"seed": 0}, resume=True)


def test_of_equals_a_baseline_does_not_win(given, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(given[0].task), "quality", lambda *_: 0.5)
    found = search(*given, Plan((load_recipe("top_layers"),), Target("flops", 0.6)), folder / "out")
    assert found.best.recipe == "top_layers.v1"
    assert {record.figures.quality for record in found.trials} == {0.5}


def test_a_run_without_a_finished_trial_starts_again(given, folder: Path):
    with pytest.raises(UsageError, match="cannot go"):
        search(*given, Plan((load_recipe("flap"),), Target("flops", 0.001), baselines=False), folder / "out")
    found = search(*given, Plan((load_recipe("flap"),), Target("flops", 0.6), baselines=False), folder / "out")
    assert [record.failed for record in found.trials] == [False]


def test_another_plan_in_the_folder_raises(given, folder: Path):
    plan = Plan((flap(),), Target("flops", 0.6), baselines=False)
    search(*given, plan, folder / "out")
    with pytest.raises(UsageError, match="go on with --resume"):
        search(*given, plan, folder / "out")
    with pytest.raises(UsageError, match="another one: seed differ"):
        search(*given, replace(plan, seed=1), folder / "out", resume=True)
    assert len(search(*given, plan, folder / "out", resume=True).trials) == 1
    log = folder / "out" / "trials" / "trials.jsonl"
    log.write_text("{\n", encoding="utf-8")
    with pytest.raises(FormatError, match="damaged"):
        search(*given, plan, folder / "out", resume=True)


@pytest.mark.parametrize("name", ["labels", "groups", "teacher"])
def test_other_labels_in_the_folder_raise(given, folder: Path, name: str):
    loaded, prepared = given
    plan = Plan((flap(),), Target("flops", 0.6), baselines=False)
    first = dict(prepared.subject.calibration[0])
    first |= {"teacher": first["labels"] * 0.5}
    others = prepared.subject.calibration[1:]
    before = replace(prepared, subject=replace(prepared.subject, calibration=(first, *others)))
    log = folder / "out" / "trials"
    TrialLog(log, searching._plan_line(loaded, before, plan), resume=False)
    changed = {**first, name: first[name].flip(0) + 1}
    other = replace(before, subject=replace(prepared.subject, calibration=(changed, *others)))
    with pytest.raises(UsageError, match="another one: sha256 differ"):
        search(loaded, other, plan, folder / "out", resume=True)
    assert searching._plan_line(loaded, before, plan) == searching._plan_line(loaded, before, plan)


def test_the_best_so_far_may_have_had_less_effort(tmp_path: Path):
    """Of a stopped search the latest trial of each recipe counts whose model is there."""
    sizes = dict.fromkeys(("bytes", "flops", "parameters", "weights"), 1.0)
    log = TrialLog(tmp_path, {"seed": 0}, resume=False)
    for name, rung, quality in (("a", 0, 0.7), ("b", 0, 0.9), ("c", 0, 0.8), ("d", 0, 0.85), ("a", 1, 0.71)):
        log.add(TrialRecord(name, rung, 100, 0.5, TrialFigures(quality, 0.5, 1.0, sizes)))
        log.place(rung, name).mkdir()
    for name in ("c", "d"):  # as the search deletes what goes no further
        log.place(0, name).rmdir()
    found = searching._best(log, set())
    assert (found.best.recipe, found.best.rung, found.folder) == ("b", 0, log.place(0, "b"))
    log.add(TrialRecord("b", 1, 200, 1.0, TrialFigures(0.6, 0.5, 1.0, sizes)))
    log.place(1, "b").mkdir()
    assert searching._best(log, set()).best.recipe == "a"  # more effort did b no good, and d's model is gone


def test_the_next_rung_begins_with_the_best(given, folder: Path, monkeypatch: pytest.MonkeyPatch):
    quality = {"flap0.v1": 0.1, "flap1.v1": 0.6, "flap2.v1": 0.2, "flap3.v1": 0.9}
    figures = {name: TrialFigures(value, 0.5, 1.0, {}) for name, value in quality.items()}
    monkeypatch.setattr(
        searching._Run,
        "_run_trial",
        lambda self, recipe, rung: TrialRecord(recipe.name, rung, 0, 1.0, figures[recipe.name]),
    )
    monkeypatch.setattr(TrialLog, "add", lambda self, record: self.records.append(record))
    for rung, name in ((0, "flap1.v1"), (0, "flap3.v1"), (1, "flap1.v1"), (1, "flap3.v1")):
        (folder / "out" / "trials" / f"{rung}-{name}").mkdir(parents=True)
    plan = Plan(tuple(map(flap, quality)), Target("flops", 0.6), rungs=2, baselines=0)
    found = search(*given, plan, folder / "out")
    assert [record.recipe for record in found.trials[4:]] == ["flap3.v1", "flap1.v1"]


def test_a_run_towards_another_time_is_another_run(given, folder: Path):
    half = Plan((load_recipe("top_layers"),), Target("latency", 0.7), baselines=False, asked="latency=0.7")
    search(*given, half, folder / "out")
    again = replace(half, target=Target("latency", 0.69))  # the same words; the time was measured anew
    assert search(*given, again, folder / "out", resume=True).trials
    with pytest.raises(UsageError, match="another one: target differ"):
        search(*given, replace(half, asked="latency=0.6"), folder / "out", resume=True)


def test_a_full_disk_stops_it(given, folder: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(InputError, match="cannot be written"):
            search(*given, Plan((flap(),), Target("flops", 0.6), baselines=False), folder / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert search(*given, Plan((flap(),), Target("flops", 0.6), baselines=False), folder / "out", resume=True).trials


def test_time_is_met_within_three_percent(given, monkeypatch: pytest.MonkeyPatch):
    loaded, prepared = given

    def pretended(models, batch, *, rounds=5):
        return [30 + cost(model, "flops") / 20_000 for model in models]  # 30 ms that no pruning saves

    monkeypatch.setattr(trials, "measure_times", pretended)
    subject = prepared.subject
    full = pretended([loaded.model], None)[0]
    keep = (30 + 0.9 * (full - 30)) / full  # neurons are a fifth of it
    neurons = flap(stages=(replace(load_recipe("flap").stages[0], units=("neuron",)),))
    found = run_trial(subject, neurons, Target("latency", keep), prepared.held_out, effort=Effort())
    assert found.figures.time.time_left == pytest.approx(keep, rel=0.03)
    assert found.figures.time.exact
    assert found.figures.share == pytest.approx(0.9, abs=0.03)
    with pytest.raises(UsageError, match="no share of the multiply-adds leaves"):
        run_trial(subject, neurons, Target("latency", 20 / full), prepared.held_out, effort=Effort())


def test_steps_are_set_wherever_something_trains():
    plain = with_steps(load_recipe("flap"), 7)
    assert [(piece.name, piece.parameters) for piece in plain.finish] == [
        ("tune.v1", {"loss": "hidden", "rate": 2e-4, "steps": 7})
    ]
    assert with_steps(load_recipe("flap"), 7, add=False) == load_recipe("flap")
    assert with_steps(plain, 3).finish[0].parameters == {"loss": "hidden", "rate": 2e-4, "steps": 3}


def test_recipes_that_fit():
    names = {recipe.name for recipe in fitting_recipes("encoder", "latency")}
    assert {"flap.v1", "unit_magnitude.v1"} <= names
    assert "random.v1" not in names
    assert all(recipe.measure == "weights" for recipe in fitting_recipes("decoder", "weights"))


def test_plans_that_are_none():
    for wrong in ({"recipes": ()}, {"recipes": (flap(), flap())}, {"steps": -1}, {"rungs": 0}):
        with pytest.raises(UsageError):
            Plan(**({"recipes": (flap(),), "target": Target("flops", 0.5)} | wrong))


def test_rivals_are_of_the_models_own_units(given):
    random_removal, scratch = baseline_recipes(given[1].subject, "flops")
    assert random_removal == load_recipe("random")
    assert scratch.finish[-1].name == "scratch.v1"
    assert {recipe.stages[0].units for recipe in baseline_recipes(given[1].subject, "weights")} == {("weight",)}
