"""`--recipe auto`: which recipes it tries, how long it says that takes, and that it stops when the time is over."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from time import thread_time

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
transformers = pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.model.cost import Target, cost  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder  # noqa: E402
from ctxprune.shrink.recipes.first_choice import passes_of  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe, parse_recipe  # noqa: E402
from ctxprune.shrink.recover import tune  # noqa: E402
from ctxprune.shrink.run import estimate, search, trial  # noqa: E402
from ctxprune.shrink.run.estimate import (  # noqa: E402
    Finish,
    OutOfTimeError,
    Speed,
    estimate_finish,
    estimate_plan,
    estimate_trial,
    measure_speed,
    stop_after,
)
from ctxprune.shrink.run.plans import (  # noqa: E402
    Limit,
    SearchRequest,
    choose_recipes,
    least_left,
    make_plan,
    reachable,
)
from ctxprune.shrink.run.preparation import prepare  # noqa: E402
from ctxprune.shrink.run.recovery import RecoveryData, with_recovery_data  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402
from ctxprune.shrink.run.timing import choose_device  # noqa: E402
from ctxprune.shrink.run.trial import Effort, run_trial, with_steps  # noqa: E402

HALF = Target("flops", 0.5)
SPEED = Speed(forward=1.0, step=4.0, timing=0.5, batches=40, held_out=10)
HEADS = """
name = "heads.v1"
title = "Heads"
source = "none"
[[stages]]
units = ["head"]
score = { piece = "random.v1" }
allocate = { piece = "lowest.v1" }
"""


def encoder() -> list:
    return choose_recipes(SearchRequest(()), "encoder", HALF)


def planned(seconds: float | None, **request) -> tuple:
    said: list[str] = []
    limit = Limit(seconds)
    plan = make_plan(SearchRequest((), **request), encoder(), HALF, SPEED, limit=limit, say=said.append)
    return plan, said


def test_it_tries_the_short_list_and_all_tries_everything():
    names = [recipe.name for recipe in encoder()]
    assert names == ["fisher_knapsack.v1", "kprune.v1", "liar.v1", "depth_width.v1", "top_layers.v1"]
    assert len(choose_recipes(SearchRequest((), every=True), "encoder", HALF)) > 40
    plan, said = planned(None)
    assert plan.baselines == 1
    assert said[-1].startswith("5 recipes compete, with ")


def test_an_estimate_is_the_sum_over_rungs_of_what_each_trial_does():
    plan, _ = planned(1e6)
    assert (plan.steps, plan.rungs) == (200, 2)
    expected, seen = 0.0, []
    for rung, count in ((0, 5), (1, 2)):
        seconds = []
        for recipe in plan.recipes:
            each, beside = passes_of(recipe.name)
            batches, steps = ((20, 100), (40, 200))[rung]
            work = each * min(batches, (16, 32)[rung]) + beside
            # a step: the teacher's pass of 1 s, and 3 s of which half is left; quality before and after it: 10 batches
            seconds.append(work + steps * (1 + 1.5) + 2 * 5)
        seen.append(seconds)
        expected += count * sum(seconds) / 5
    assert estimate_trial(plan.recipes[0], HALF, plan.effort(0), SPEED) == pytest.approx(seen[0][0])
    each, beside = passes_of("random")
    expected += each * 32 + beside + 200 * 2.5 + 2 * 5
    assert estimate_plan(plan) == pytest.approx(expected)


def test_the_estimate_holds_what_follows_the_search():
    recipes, timed = [load_recipe("liar")], Target("latency", 0.5)
    least = estimate_finish(HALF, Finish(10), SPEED)
    assert least == pytest.approx(8 * 1.5 * 0.5 + 10 * 0.5)  # both are timed by turns, the smaller one is measured
    for more, seconds in (
        ({"by_source": True}, 10 * 1.5),
        ({"audit": True}, 1.5 * 10 * 1.5),
        ({"parameters": 10**8}, 2.5 * SPEED.held_out * 0.5 + 10.0),
    ):
        assert estimate_finish(HALF, Finish(10, **more), SPEED) == pytest.approx(least + seconds)
    said: list[str] = []
    for finish in (0.0, 600.0):
        limit = Limit(finish=finish)
        plan = make_plan(SearchRequest(recipes), recipes, timed, SPEED, limit=limit, say=said.append)
        assert said[-1].endswith(f"this takes about {estimate.format_minutes(estimate_plan(plan) + finish)}")
    assert said[0] != said[1]


def test_the_aim_without_a_limit_holds_what_follows_the_search_but_for_samples():
    quick = replace(SPEED, forward=0.25, step=1.0)
    steps = [
        make_plan(SearchRequest(()), encoder(), HALF, quick, limit=limit, say=lambda _: None).steps
        for limit in (Limit(), Limit(finish=300.0), Limit(samples=50))
    ]
    assert steps[0] == steps[2] > steps[1]


def test_samples_are_estimated_with_the_steps_of_the_plan_up_to_the_limit():
    recipes, said = [load_recipe("liar")], []
    plan = make_plan(
        SearchRequest(recipes, steps=30), recipes, HALF, SPEED, limit=Limit(None, 60.0, 5), say=said.append
    )
    one = estimate_trial(recipes[0], HALF, Effort(steps=30, share=1.0), SPEED)
    assert one > 30 * 2.5
    seconds = estimate_plan(plan) + 60 + 5 * one
    assert said[-1].endswith(f"this takes about {estimate.format_minutes(seconds)}")
    # samples stop at the limit
    limit = Limit(2 * estimate_plan(plan), 60.0, 50)
    make_plan(SearchRequest(recipes, steps=30), recipes, HALF, SPEED, limit=limit, say=said.append)
    assert said[-1].endswith(f"this takes about {estimate.format_minutes(limit.seconds + 60)}")


def test_the_data_of_a_recovery_does_not_change_what_a_recipe_takes():
    recipe = load_recipe("fisher_knapsack")
    on_half = with_recovery_data(recipe, RecoveryData("random"))
    assert passes_of("fisher_knapsack") != passes_of("unknown")
    said = [estimate_trial(entry, HALF, Effort(steps=10), SPEED) for entry in (recipe, on_half)]
    assert said[0] == said[1]


def test_with_less_time_there_are_fewer_steps_then_fewer_recipes_then_an_error():
    efforts = [planned(seconds)[0] for seconds in (1e6, 3000, 1500)]
    assert [plan.steps for plan in efforts] == sorted((plan.steps for plan in efforts), reverse=True)
    assert efforts[0].steps == 200 > efforts[2].steps
    for plan, limit in zip(efforts, (1e6, 3000, 1500), strict=True):
        assert estimate_plan(plan) <= limit
        assert len(plan.recipes) == 5
    plan, said = planned(400)
    assert 1 <= len(plan.recipes) < 5
    assert plan.recipes[0].name == "fisher_knapsack.v1"  # the first choice stays longest
    assert said[0].startswith("left out, since they do not fit in 7 minutes: random removal, kprune.v1")
    assert estimate_plan(plan) <= 400
    assert [recipe.name for recipe in planned(90)[0].recipes] == ["top_layers.v1"]  # the quickest alone
    with pytest.raises(UsageError, match=r"alone takes .*: allow more, or give fewer steps"):
        planned(20)
    assert planned(1e6, steps=7)[0].steps == 7


def test_a_run_that_is_continued_keeps_its_effort():
    before, _ = planned(3000)
    names = [{"name": recipe.name} for recipe in before.recipes[:3]]
    stored = {"recipes": names, "steps": 60, "scored": 12, "baselines": 0}
    plan = make_plan(SearchRequest(()), encoder(), HALF, SPEED, limit=Limit(1e6), stored=stored, say=lambda _: None)
    assert (plan.steps, plan.scored, len(plan.recipes), plan.baselines) == (60, 12, 3, 0)
    other = make_plan(SearchRequest((), steps=7), encoder()[1:], HALF, SPEED, stored=stored, say=lambda _: None)
    assert (other.steps, len(other.recipes)) == (7, 4)  # another run, which its log refuses


@pytest.mark.parametrize("name", ["liar", "top_layers"])
def test_an_estimate_is_right_within_a_factor_of_two(name: str, monkeypatch: pytest.MonkeyPatch):
    # processor time on both sides: other processes of the machine are not the estimate's fault
    monkeypatch.setattr(estimate, "perf_counter", thread_time)
    monkeypatch.setattr(trial, "perf_counter", thread_time)
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 2, "hidden_size": 128, "num_attention_heads": 4, "intermediate_size": 512}
    config = transformers.BertConfig(vocab_size=500, **sizes, num_labels=1)
    draw = torch.Generator().manual_seed(0)
    batches = [
        {
            "input_ids": torch.randint(10, 500, (8, 64), generator=draw),
            "attention_mask": torch.ones(8, 64, dtype=torch.int64),
            "labels": torch.arange(8) % 2 * 1.0,
            "groups": torch.arange(8) // 2,
        }
        for _ in range(4)
    ]
    subject = Subject(transformers.BertForSequenceClassification(config).eval(), CrossEncoder(), batches)
    effort, recipe = Effort(steps=6), load_recipe(name)
    speed = measure_speed(subject, len(batches), batches[0], trained=True)
    assert speed.timing > 0  # the report has both times, whatever the target is
    said = estimate_trial(recipe, HALF, effort, speed)
    taken = run_trial(subject, recipe, HALF, batches, effort=effort).figures.seconds
    assert taken / 2 <= said <= 2 * taken


def test_a_pass_is_estimated_for_batches_of_all_lengths(monkeypatch: pytest.MonkeyPatch):
    clock = [0.0]

    def output(task, model, batch) -> None:
        clock[0] += batch["input_ids"].numel()

    monkeypatch.setattr(estimate, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(CrossEncoder, "output", output)
    batches = [{"input_ids": torch.ones(2, length, dtype=torch.int64)} for length in (4, 5, 6, 7, 8, 9, 10, 90, 200)]
    timed = {"input_ids": torch.ones(1, 4, dtype=torch.int64), "attention_mask": torch.ones(1, 4, dtype=torch.int64)}
    speed = measure_speed(Subject(models.bert(), CrossEncoder(), batches), 1, timed, trained=False)
    assert speed.forward == pytest.approx(2 * 339 / 9)


@pytest.fixture
def given(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "model"))
    return loaded, prepare(loaded, folders.pairs(tmp_path / "pairs.jsonl"), compete=True)


def test_a_search_that_was_stopped_takes_the_best_so_far_and_goes_on(
    given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipes = tuple(replace(load_recipe("flap"), name=f"flap{number}.v1") for number in range(3))
    plan = search.Plan(recipes, Target("flops", 0.6), baselines=0, rungs=2)
    whole = search.search(*given, plan, tmp_path / "whole")
    calls = []

    def stopped(*words, **more):
        calls.append(words)
        if len(calls) == 3:
            raise OutOfTimeError
        return run_trial(*words, **more)

    monkeypatch.setattr(search, "run_trial", stopped)
    found = search.search(*given, plan, tmp_path / "out")
    assert found.stopped
    assert [record.recipe for record in found.trials] == ["flap0.v1", "flap1.v1"]
    assert cost(load_model(found.folder).model, "flops") <= 0.6 * cost(given[0].model, "flops")
    again = search.search(*given, plan, tmp_path / "out", resume=True)
    assert not again.stopped
    assert [record.recipe for record in again.trials] == [record.recipe for record in whole.trials]
    assert again.best.figures.quality == whole.best.figures.quality


def test_a_limit_that_is_over_before_anything_is_done_says_so(given, tmp_path: Path):
    plan = search.Plan((load_recipe("flap"),), Target("flops", 0.6), baselines=0, seconds=0.0)
    with pytest.raises(UsageError, match="no recipe was done within the limit: allow more minutes"):
        search.search(*given, plan, tmp_path / "out")
    model = models.bert()
    seen = []
    with stop_after(0.0):
        thread = threading.Thread(target=lambda: seen.append(model(torch.ones(1, 2, dtype=torch.int64)).logits.shape))
        thread.start()
        thread.join()
        with pytest.raises(OutOfTimeError):
            model(torch.ones(1, 2, dtype=torch.int64))
    assert seen == [(1, 1)]  # another thread's model runs on
    assert model(torch.ones(1, 2, dtype=torch.int64)).logits.shape == (1, 1)


def test_training_on_another_device_comes_back_to_the_cpu(given):
    subject = given[1].subject
    recipe = with_steps(load_recipe("unit_magnitude"), 3)
    # "cpu:0" is the CPU by another name, which goes the way of any other device
    small = [shrink(replace(subject, device=name), recipe, Target("flops", 0.6)).subject for name in ("cpu", "cpu:0")]
    one, two = (found.model.state_dict() for found in small)
    assert all(one[name].equal(two[name]) for name in one)
    assert {str(entry.device) for entry in subject.model.parameters()} == {"cpu"}
    assert choose_device("cpu:0") == "cpu:0"
    assert choose_device("auto") in ("cpu", "cuda:0", "mps")


def test_what_is_too_slow_is_seen_before_its_training(given, monkeypatch: pytest.MonkeyPatch):
    ratios = iter([0.5, 0.6, 0.5, 0.49])  # a guess, the stages' result, the same at a smaller share, the end
    monkeypatch.setattr(trial, "measure_times", lambda models, batch, *, rounds=7: [1.0, next(ratios)])
    steps, train = [], tune.train
    monkeypatch.setattr(tune, "train", lambda *words, **more: steps.append(words) or train(*words, **more))
    subject, target = given[1].subject, Target("latency", 0.5)
    found = run_trial(subject, load_recipe("flap"), target, given[1].held_out, effort=Effort(steps=1))
    assert len(steps) == 1
    assert found.figures.time.time_left == 0.49
    assert found.figures.share == pytest.approx(0.5 * 0.5 / 0.6)


def test_rows_in_one_pass_count_towards_a_time(monkeypatch: pytest.MonkeyPatch):
    """Rows are mixed by a piece that trains: without it pruning alone would have to meet the target."""
    monkeypatch.setattr(
        trial, "measure_times", lambda models, batch, *, rounds=7: [cost(model, "flops") for model in models]
    )
    subject, recipe = models.encoder(), load_recipe("prumux")
    assert reachable([recipe], subject.model, Target("flops", 0.15), print) == [recipe]
    effort = Effort(steps=1, share=0.5)
    found = run_trial(subject, recipe, Target("latency", 0.5), subject.calibration, effort=effort, limit=24)
    assert found.figures.time.time_left <= 0.5 * 1.03
    assert found.subject.notes["multiplexed"] >= 2
    # the share is searched with rows mixed, too
    assert [piece.name for piece in trial._without_scores(recipe).finish] == ["multiplex.v1"]


def test_what_trains_and_changes_shapes_says_so():
    pieces = {name: trial.Piece(name) for name in ("tune.v1", "adapters.v1", "multiplex.v1", "route_experts.v1")}
    assert [name for name, piece in pieces.items() if trial.keeps_shapes(piece)] == ["tune.v1", "adapters.v1"]
    assert all(map(trial.trains, pieces.values()))
    wrapped = with_recovery_data(load_recipe("prumux"), RecoveryData("random")).finish[0]
    assert not trial.keeps_shapes(wrapped)
    assert trial.keeps_shapes(with_recovery_data(load_recipe("flap"), RecoveryData("random")).finish[0])


def test_what_cannot_be_left_is_computed_before_anything_runs():
    model = models.bert()
    heads = parse_recipe(HEADS, where="heads")
    lowest = least_left(model, heads, "flops")
    said: list[str] = []
    with pytest.raises(UsageError, match=r"cannot be left: it leaves .*name a recipe that takes other units"):
        reachable([heads], model, Target("flops", 0.9 * lowest), said.append)
    flap = load_recipe("flap")
    assert reachable([heads, flap], model, Target("flops", 0.9 * lowest), said.append) == [flap]
    assert said == ["left out, since they cannot leave so little: heads.v1"]
    with pytest.raises(UsageError, match="--vocabulary N"):
        reachable([flap], model, Target("bytes", 0.05), said.append)
    assert least_left(model, load_recipe("wanda"), "weights") == 0.0


@pytest.mark.parametrize("measure", ["flops", "bytes"])
def test_the_bound_is_what_is_left_when_one_unit_stays_in_each_group(measure: str, given):
    heads = parse_recipe(HEADS, where="heads")
    lowest = least_left(given[0].model, heads, measure)
    small = run_trial(given[1].subject, heads, Target(measure, lowest + 1e-6), given[1].held_out, effort=Effort())
    assert cost(small.subject.model, measure) / cost(given[0].model, measure) == pytest.approx(lowest)
    with pytest.raises(UsageError, match="cannot go"):
        run_trial(given[1].subject, heads, Target(measure, 0.98 * lowest), given[1].held_out, effort=Effort())


@pytest.mark.parametrize("measure", ["flops", "parameters", "bytes"])
def test_the_bound_of_layers_and_their_neurons_is_one_layer_with_one_neuron(measure: str, given):
    recipe = load_recipe("depth_width")
    lowest = least_left(given[0].model, recipe, measure)
    assert lowest > 0
    small = run_trial(given[1].subject, recipe, Target(measure, lowest + 1e-6), given[1].held_out, effort=Effort())
    assert cost(small.subject.model, measure) / cost(given[0].model, measure) == pytest.approx(lowest)
    assert {group.count for group in small.subject.groups(["neuron"])} == {1}
    with pytest.raises(UsageError, match=r"as many units .* cannot meet the budget .*take another recipe"):
        run_trial(given[1].subject, recipe, Target(measure, 0.98 * lowest), given[1].held_out, effort=Effort())
