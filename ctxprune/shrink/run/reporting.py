"""The report of a run: quality, sizes and time before and after, with everything that was tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.audit.questions import LEAST
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.model.cost import cost, deltas
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.run.correlation import recovery_correlation
from ctxprune.shrink.run.preparation import Prepared
from ctxprune.shrink.run.search import SearchResult
from ctxprune.shrink.run.timing import measure_times, timing_batch
from ctxprune.shrink.run.trial import measure_sizes
from ctxprune.shrink.select.base import rebatch
from ctxprune.storage.drafts import draft_of


def sizes_of(subject: Subject, measure: str) -> dict[str, float]:
    """What every trial reports, and the measure of the target where it is another one."""
    found = measure_sizes(subject)
    if measure == "values":  # which takes a sort of every matrix
        found["values"] = cost(subject.model, "values")
    if measure == "deltas":
        if subject.base is None:
            raise UsageError("there is no base model to differ from", where="base", hint="name its folder: --base DIR")
        found["deltas"] = deltas(subject.model, subject.needed_base())
    return found


def make_report(
    loaded: Loaded,
    small: Loaded,
    found: SearchResult,
    prepared: Prepared,
    full: dict[str, float],
    measured: tuple[str, str],
) -> dict[str, Any]:
    """What is known of a run, as plain values.

    Args:
        loaded, small: The full model and the smaller one, as it was read back from disk.
        found, prepared: The search and its data.
        full: Sizes of the full model, as `sizes_of` gives them; the time is measured anew.
        measured: Measure of the target, and the device that time is measured on.
    """
    measure, timed_on = measured
    after = sizes_of(Subject(small.model, small.task, base=prepared.subject.base), measure)
    batch = timing_batch(small.model, loaded.form.limit, timed_on)
    # timed again side by side: a time from the start of a long run says little about now
    full["milliseconds"], after["milliseconds"] = measure_times([loaded.model, small.model], batch)
    agreement = recovery_correlation(found.trials)
    return {
        "recipe": found.best.recipe,
        "kind": loaded.kind,
        "quality": _quality(small, prepared) | _quality_by_source(loaded, small, prepared),
        "sizes": {name: [full[name], after[name]] for name in after},
        "data": dict(prepared.notes),
        **({"vocabulary": dict(prepared.vocabulary)} if prepared.vocabulary else {}),
        "torch": torch.__version__,
        "trials": [record.to_dict() for record in found.trials],
        **({"recovery": agreement} if agreement else {}),
    }


def _quality(small: Loaded, prepared: Prepared) -> dict[str, Any]:
    """On what no recipe was chosen by: the best of many is too good on what it was chosen by."""
    found = small.task.measure(small.model, prepared.reported)
    figures = {"before": prepared.full_quality, "after": found.value, "interval": list(found.interval())}
    told = {"metric": found.metric, "measured": len(found.parts), "before_is_chance": "chance" in prepared.notes}
    return {**figures, **told}


def _quality_by_source(full: Loaded, small: Loaded, prepared: Prepared) -> dict[str, Any]:
    """Quality before and after of each source or language that something was measured of.

    Nothing where there is one, or the vocabulary differs. The worst is "" where all have too few questions.

    Awobade and others, What Happens When Small Is Made Smaller?, 2024: what compression costs differs by language and
    with the size of its data, which a mean hides.
    """
    if not prepared.notes.get("sources") or prepared.vocabulary:
        return {}
    sources = torch.cat([batch["sources"] for batch in prepared.reported])
    found: dict[str, Any] = {}
    changes: dict[str, float] = {}
    for number, name in enumerate(prepared.notes["sources"]):
        batches = rebatch(prepared.reported, sources == number)
        before, after = (entry.task.measure(entry.model, batches) for entry in (full, small))
        if not after.parts:
            continue  # no question has a better and a worse passage
        changes[name] = after.value - before.value
        found[name] = {"before": before.value, "after": after.value, "interval": list(after.interval())}
        found[name]["measured"] = len(after.parts)
    if len(found) < 2:
        return {}
    judged = [name for name in changes if found[name]["measured"] >= LEAST]
    return {"by_source": found, "worst_source": min(judged, key=changes.__getitem__, default="")}


def folder_report(found: SearchResult, report: dict[str, Any], measure: str) -> dict[str, Any]:
    """The report in the model's folder: the winning trial, with target, reached share and checksum of the data."""
    before, after = report["sizes"]["milliseconds" if measure == "latency" else measure]
    added = {"target": report["target"], "reached": after / before, "full_quality": report["quality"]["before"]}
    added |= {"milliseconds": report["sizes"]["milliseconds"][1], "data_sha256": report["data"]["sha256"]}
    added |= {"quality": report["quality"]["after"], "chosen_by": found.best.needed_figures().quality}
    return {**found.best.to_dict(), **added}


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON, whole or not at all; an `InputError` where it cannot be."""
    try:
        with draft_of(path) as draft:
            draft.write_text(json.dumps(report, indent=1, default=str) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"the report cannot be written ({error.strerror})", where=str(path)) from error
