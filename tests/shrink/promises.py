"""What each promise of a recipe means as a check, and the random removal that most are compared with."""

from __future__ import annotations

import inspect
from dataclasses import replace
from statistics import mean

import torch
from shrink import trained

from ctxprune.shrink.model.cost import Target, matrices
from ctxprune.shrink.recipes.recipe import Piece, Recipe, build_piece, load_recipe
from ctxprune.shrink.registries import ALLOCATORS, COMPENSATORS, RECOVERIES, SCORES
from ctxprune.shrink.run.runner import Shrunk, apply_masks, shrink

SUBJECTS = dict(trained.SUBJECTS)
SEEDS = (0, 1, 2)
_RIVALS: dict[str, tuple[float, float]] = {}


def with_steps(name: str, parameters: dict, most: dict[str, int]) -> dict:
    """The parameters with those that stand in the piece's own defaults above the most that a test takes."""
    for registry in (SCORES, ALLOCATORS, COMPENSATORS, RECOVERIES):
        if name in registry.names():
            for key, value in inspect.signature(registry.get(name)).parameters.items():
                if key in most and key not in parameters and value.default > most[key]:
                    parameters[key] = most[key]
    return parameters


def same_state(one, other) -> None:
    assert list(one) == list(other)
    for path, entry in one.items():
        assert torch.equal(entry, other[path]), path


def patterns(recipe: Recipe) -> list[tuple[int, int]]:
    """n and m of every stage that lays an N:M pattern."""
    laid = [stage.allocate.parameters for stage in recipe.stages if {"n", "m"} <= set(stage.allocate.parameters)]
    return [(entry["n"], entry["m"]) for entry in laid]


def beyond_pattern(recipe: Recipe, keep: float) -> bool:
    return any(n / m > keep for n, m in patterns(recipe))


def judged(kind: str, subject) -> tuple[float, float]:
    """Divergence from the teacher and task loss on the test batches."""
    task, (test,) = subject.task, trained.held_out(kind)
    with torch.no_grad():
        output = task.output(subject.model, test)
        divergence = task.divergence(output, task.output(SUBJECTS[kind](0).model, test), test)
        return float(divergence), float(task.loss(subject.model, test))


def rival(recipe: Recipe, kind: str, target: Target, *, recovered: bool) -> tuple[float, float]:
    """The mean over seeds after random removal of the same units: with the same recovery, or with none."""
    stages = tuple(
        replace(
            stage,
            score=Piece("random.v1"),
            allocate=Piece("uniform.v1"),
            prepare=(),
            compensate=(),
            recover=stage.recover if recovered else (),
            rounds=max(stage.rounds, 1) if recovered and stage.recover else 1,
        )
        for stage in recipe.stages
    )
    plain = replace(
        recipe, name="rival", title="", source="", differs="", promise="target",
        stages=stages or load_recipe("random.v1").stages, finish=recipe.finish if recovered and stages else (),
    )  # fmt: skip
    key = repr((plain, kind, target))
    if key not in _RIVALS:
        found = [judged(kind, _random(plain, kind, target, seed)) for seed in SEEDS]
        _RIVALS[key] = mean(entry[0] for entry in found), mean(entry[1] for entry in found)
    return _RIVALS[key]


def _random(recipe: Recipe, kind: str, target: Target, seed: int):
    subject = SUBJECTS[kind](seed)
    if "weight" not in recipe.units:
        return shrink(subject, recipe, target).subject
    subject, generator = subject.copy(), torch.Generator().manual_seed(seed)
    shapes = {path: subject.model.get_parameter(path).shape for path in matrices(subject.model)}
    masks = {path: torch.rand(shape, generator=generator) < target.keep for path, shape in shapes.items()}
    apply_masks(subject, masks)
    subject = subject.with_model(subject.model, masks)
    for piece in (*recipe.stages[-1].recover, *recipe.finish):
        subject = build_piece(RECOVERIES, piece)(subject)
    return subject


def _reconstruction(recipe: Recipe, kind: str, target: Target, found: Shrunk) -> None:
    here, random_removal = judged(kind, found.subject)[0], rival(recipe, kind, target, recovered=False)[0]
    assert here < random_removal, f"{here:.3f} is no nearer to the teacher than random removal, {random_removal:.3f}"


def _loss(recipe: Recipe, kind: str, target: Target, found: Shrunk) -> None:
    here, random_removal = judged(kind, found.subject)[1], rival(recipe, kind, target, recovered=True)[1]
    assert here < random_removal, f"a loss of {here:.3f} is no lower than after random removal, {random_removal:.3f}"


def _pattern(recipe: Recipe, kind: str, target: Target, found: Shrunk) -> None:
    assert patterns(recipe), "no stage says n and m"
    for n, m in patterns(recipe):
        for path in matrices(found.subject.model):
            entry = found.subject.model.get_parameter(path).detach()
            whole = entry.shape[-1] // m * m
            zeros = (entry[..., :whole].reshape(-1, m) != 0).sum(1)
            assert int(zeros.max()) <= n, path


def _equality(recipe: Recipe, kind: str, target: Target, found: Shrunk) -> None:
    (test,) = trained.held_out(kind)
    with torch.no_grad():
        outputs = [found.subject.task.output(model, test) for model in (found.subject.model, SUBJECTS[kind](0).model)]
    assert torch.allclose(*outputs, atol=1e-4), "the outputs are no longer the same"


def _nothing_more(recipe: Recipe, kind: str, target: Target, found: Shrunk) -> None:
    """The target alone, which the matrix has checked."""


CHECKS = {
    "target": _nothing_more,
    "reconstruction": _reconstruction,
    "loss": _loss,
    "pattern": _pattern,
    "equality": _equality,
    "baseline": _nothing_more,
}
