"""Runs that are killed: whenever it happens, the run goes on with --resume and ends with the same weights."""

from __future__ import annotations

import os
import shutil
import signal
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

import safetensors.torch  # noqa: E402
from shrink import folders  # noqa: E402

from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.model.cost import Target  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe  # noqa: E402
from ctxprune.shrink.run import search as searching  # noqa: E402
from ctxprune.shrink.run.job import Options, run_job  # noqa: E402
from ctxprune.shrink.run.preparation import prepare  # noqa: E402
from ctxprune.shrink.run.targets import read_target  # noqa: E402
from ctxprune.storage.sealed import unseal  # noqa: E402

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the run is a fork of this process")
POINTS = ((os, "replace"), (os, "fsync"), (safetensors.torch, "save_file"), (searching, "run_trial"), (Path, "unlink"))
"""What a kill comes before or after."""


def run_job_there(folder: Path, out: Path, *, resume: bool = False) -> None:
    recipes = [load_recipe(name) for name in ("top_layers", "unit_magnitude")]
    options = Options(recipes, wanted=read_target("flops=0.6"), out=out, steps=1, resume=resume)
    run_job(str(folder / "model"), folder / "pairs.jsonl", options)


def search_there(folder: Path, out: Path, *, resume: bool = False) -> None:
    """The same without baselines, figures and a model of its own."""
    plan = searching.Plan(
        (load_recipe("top_layers"), load_recipe("unit_magnitude")), Target("flops", 0.6), steps=1, baselines=False
    )
    searching.search(*prepared(folder), plan, out, resume=resume)


@cache
def prepared(folder: Path):
    loaded = load_model(folder / "model")
    return loaded, prepare(loaded, folder / "pairs.jsonl")


def killed(run: Callable[..., None], folder: Path, out: Path, moment: int) -> int:
    """Run in a process of its own, killed at that moment; how many moments it had before that."""
    seen = folder / f"seen-{moment}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads; torch runs on one
        child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) == (len(seen.read_bytes()) == moment)
        return len(seen.read_bytes())
    # in the child, which must not come back into pytest
    try:
        with seen.open("wb", buffering=0) as counter:

            def watched(real):
                def call(*given, **more):
                    step()
                    result = real(*given, **more)
                    step()
                    return result

                return call

            def step() -> None:
                counter.write(b".")
                if counter.tell() == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

            for owner, name in POINTS:
                setattr(owner, name, watched(getattr(owner, name)))
            run(folder, out)
    finally:
        os._exit(0)


def result(out: Path) -> dict[str, bytes | list]:
    """All weights, and the trials but for their times."""
    lines = [unseal(line) for line in (out / "trials" / "trials.jsonl").read_bytes().splitlines()]
    trials = [{name: value for name, value in line.items() if name != "seconds"} for line in lines]
    weights = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.safetensors")}
    return {**weights, "trials": trials}


@cache
def whole(run: Callable[..., None]) -> tuple[Path, dict[str, bytes | list], int]:
    """A folder, what a run that is not killed ends with there, and how many moments it has."""
    folder = Path(mkdtemp())
    folders.reranker(folder / "model")
    folders.pairs(folder / "pairs.jsonl")
    prepared(folder)
    moments = killed(run, folder, folder / "whole", -1)
    return folder, result(folder / "whole"), moments


def check_resumed(run: Callable[..., None], part: float) -> None:
    folder, wanted, moments = whole(run)
    out = folder / f"out-{part}"
    assert killed(run, folder, out, round(part * moments)) < moments
    run(folder, out, resume=True)
    assert result(out) == wanted
    assert not [path for path in out.rglob("*") if path.name.startswith((".part-", ".lock"))]
    shutil.rmtree(out)


# while the first trial is saved, and while the second one's files are moved to their places
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_killed_search_is_resumed_to_the_same_end(part: float):
    check_resumed(search_there, part)


@pytest.mark.long
@pytest.mark.parametrize("number", range(10))
def test_a_killed_run_is_resumed_to_the_same_end(number: int):
    check_resumed(run_job_there, (number + 0.5) / 10)
