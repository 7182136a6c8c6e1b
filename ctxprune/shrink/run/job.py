"""A whole run: a model's folder and data in; a smaller model's folder, its report and audit out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import CtxpruneError, InputError, UsageError
from ctxprune.shrink.audit import AuditReport, DecoderReport, Question, audit, audit_decoders
from ctxprune.shrink.audit.models import load_audited, load_decoder
from ctxprune.shrink.io.deltas import pack
from ctxprune.shrink.io.loading import load_model
from ctxprune.shrink.io.saving import save_model
from ctxprune.shrink.model.cost import Target, cost, deltas
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.run.correlation import recovery_correlation
from ctxprune.shrink.run.preparation import OtherInputs, add_inputs, prepare
from ctxprune.shrink.run.records import TrialFigures, VocabularyRecord
from ctxprune.shrink.run.recovery import with_recovery_data, with_stop_by_law
from ctxprune.shrink.run.search import Plan, SearchResult, fitting_recipes, search
from ctxprune.shrink.run.spread import check_samples, measure_spread
from ctxprune.shrink.run.timing import measure_times, timing_batch
from ctxprune.shrink.run.trial import measure_sizes
from ctxprune.shrink.run.vocabulary import check_vocabulary
from ctxprune.shrink.select.base import rebatch
from ctxprune.storage.locks import hold_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.shrink.io.loaded import Loaded
    from ctxprune.shrink.recipes.recipe import Recipe
    from ctxprune.shrink.run.preparation import Prepared
    from ctxprune.shrink.run.recovery import RecoveryData
    from ctxprune.shrink.run.targets import RequestedTarget

__all__ = ["ALONE", "DELTAS", "Options", "model_kind", "run_job"]

ALONE = "vocabulary"
"""Stands for a recipe where the smaller vocabulary alone meets the target."""
DELTAS = "deltas.safetensors"
"""Of a model whose differences from its base were pruned: what `ctxprune.shrink.io.deltas.unpack` adds to the base."""
_AUTO_STEPS = 200
_KINDS = {
    **dict.fromkeys(("bert", "gte", "modernbert", "pruner"), "encoder"),
    "llama": "decoder", "moe": "moe", "mamba": "ssm", "mamba2": "ssm",
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Options of a run.

    Attributes:
        wanted: The target.
        recipes: One; several compete; none stands for all that fit the model and the target.
        out: Folder for the model, `report.json` and the trials.
        steps: Of recovery; None: 200 where recipes compete, else those of the recipe.
        seed: Random seed.
        threads: Of torch.
        tokens: Of a row at most.
        held_out: File for the quality in the report.
        onnx: Write the ONNX files, too: of a pruner a model folder with int8 weights.
        resume: Go on with the run in `out`.
        audit: Compare with the full model question by question; needs labels.
        vocabulary: Pieces that stay, before any recipe runs; None: all of them. Where this alone meets the target no
            recipe runs.
        other: An earlier state of the model and related data, for the recipes that take them.
        recovery: Parts of the data that recoveries train on; each of several competes with the others.
        stop_early: End recoveries where the P^2 law predicts hardly any gain.
        samples: Random halves of the calibration data that the winning recipe runs on, too, so that the report has the
            spread of its quality; 0 = none.
        pack: Store matrices with zeros as bits and values: a smaller file, which `load_model` alone reads.
    """

    wanted: RequestedTarget
    recipes: Sequence[Recipe]
    out: Path
    steps: int | None = None
    seed: int = 0
    threads: int = 1
    tokens: int = 256
    held_out: Path | None = None
    onnx: bool = False
    resume: bool = False
    audit: bool = False
    vocabulary: int | None = None
    other: OtherInputs = field(default_factory=OtherInputs)
    pack: bool = False
    recovery: Sequence[RecoveryData] = ()
    stop_early: bool = False
    samples: int = 0


def run_job(
    model: str, data: Path, options: Options, *, progress: Callable[[str, int, int], None] | None = None
) -> tuple[dict[str, Any], AuditReport | DecoderReport | None]:
    """Shrink, save, measure. Gives the report as plain values, and the audit where it was asked for.

    The ONNX files come last: where they cannot be written or differ from the model, the report's `onnx` says why under
    `failed`, and the model is there.

    Raises:
        UsageError: The target is met already or cannot be met, the recipe is for other kinds of model, the vocabulary
            cannot be cut so, or another run is at work in the folder.
        InputError: Model or data cannot be read, or the folder cannot be written.
        FormatError: A file is damaged.
    """
    # a setting of the process, which belongs to the caller
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        with hold_folder(options.out):
            return _run(model, data, options, progress or (lambda *_: None))
    finally:
        torch.set_num_threads(before)


def model_kind(model: torch.nn.Module) -> str:
    """Which of `ctxprune.shrink.recipes.recipe.MODELS` it is."""
    name = family_of(model).name
    return _KINDS.get(name, name)


def _run(
    model: str, data: Path, options: Options, tell: Callable[[str, int, int], None]
) -> tuple[dict[str, Any], AuditReport | DecoderReport | None]:
    full = load_model(model)
    if options.vocabulary is not None:
        check_vocabulary(full, options.vocabulary)
    base = None if options.other.base is None else load_model(options.other.base).model
    target, before = _target(full, options.wanted, base)
    asked = f"{options.wanted.measure}={options.wanted.value:g}"
    plan = replace(_plan(full, options, target), asked=asked)
    prepared = prepare(
        full, data, held_out=options.held_out, tokens=options.tokens, seed=options.seed,
        vocabulary=options.vocabulary, compete=len(plan.recipes) > 1 or plan.baselines,
    )  # fmt: skip
    prepared = add_inputs(prepared, options.other, base, tokens=options.tokens, seed=options.seed)
    if options.audit and full.kind != "decoder":
        _questions(prepared)  # refuses before hours of work
    if options.samples:
        check_samples(prepared.subject, options.samples, vocabulary=options.vocabulary)
    if options.onnx and full.kind != "pruner":
        from ctxprune.shrink.io.export import check_exportable

        check_exportable(full)
    found = _found(full, prepared, plan, options, tell)
    tell("saving", len(found.trials), len(found.trials))
    # read back from disk, so that the report is of what was saved
    small = load_model(found.folder)
    report = _report(full, small, found, prepared, before, options.wanted.measure)
    report |= {"target": asked, "seed": options.seed}
    summary = _folder_report(found, report, options.wanted.measure)
    save_model(small, options.out, report=summary, pack=options.pack)
    report["sizes"]["file_bytes"] = [full.file_bytes(), replace(small, folder=options.out).file_bytes()]
    if options.wanted.measure == "deltas":
        report["deltas_bytes"] = pack(small.model, prepared.subject.needed_base(), options.out / DELTAS)
    _write(options.out / "report.json", report)
    if options.samples and (winner := {recipe.name: recipe for recipe in plan.recipes}.get(found.best.recipe)):
        tell("other samples", len(found.trials), len(found.trials))
        report["spread"] = measure_spread(
            prepared.subject, winner, plan.target, prepared.reported, samples=options.samples,
            effort=plan.effort(plan.rungs - 1),
        )  # fmt: skip
        _write(options.out / "report.json", report)
    if options.onnx:
        # after hours of work the model is there, whatever becomes of its graph
        try:
            report["onnx"] = _onnx(full, small, prepared, options.out / "onnx", summary)
        except CtxpruneError as error:
            report["onnx"] = {"failed": str(error)}
        _write(options.out / "report.json", report)
    comparison = _audit(model, options.out, prepared, options) if options.audit else None
    if comparison is not None:
        comparison = replace(comparison, recovery=report.get("recovery"))
    return report, comparison


def _found(
    full: Loaded, prepared: Prepared, plan: Plan, options: Options, tell: Callable[[str, int, int], None]
) -> SearchResult:
    """Search the plan, or take the model with its smaller vocabulary where that alone meets the target."""
    target, loaded = plan.target, prepared.loaded
    if prepared.vocabulary and target.measure in ("bytes", "parameters"):
        # the target is a share of the full model, and the search starts from the smaller vocabulary
        left = target.keep * cost(full.model, target.measure) / cost(loaded.model, target.measure)
        if left >= 1:
            figures = TrialFigures(prepared.vocabulary["quality"][1], None, 0.0, measure_sizes(prepared.subject))
            record = VocabularyRecord(ALONE, 0, 0, 1.0, figures)
            place = save_model(loaded, options.out / "trials" / ALONE, report=record.to_dict())
            return SearchResult(place, record, [record])
        plan = replace(plan, target=replace(target, keep=left))
    return search(loaded, prepared, plan, options.out, resume=options.resume, progress=tell)


def _target(loaded: Loaded, wanted: RequestedTarget, base: torch.nn.Module | None) -> tuple[Target, dict[str, float]]:
    full = _sizes(Subject(loaded.model, loaded.task, base=base), wanted.measure)
    full["milliseconds"] = measure_times([loaded.model], timing_batch(loaded.model, loaded.form.limit))[0]
    now = full["milliseconds" if wanted.measure == "latency" else wanted.measure]
    return Target(wanted.measure, wanted.share(now)), full


def _sizes(subject: Subject, measure: str) -> dict[str, float]:
    """What every trial reports, and the measure of the target where it is another one."""
    found = measure_sizes(subject)
    if measure == "values":  # which takes a sort of every matrix
        found["values"] = cost(subject.model, "values")
    if measure == "deltas":
        if subject.base is None:
            raise UsageError("there is no base model to differ from", where="base", hint="name its folder: --base DIR")
        found["deltas"] = deltas(subject.model, subject.needed_base())
    return found


def _plan(loaded: Loaded, options: Options, target: Target) -> Plan:
    kind = model_kind(loaded.model)
    for recipe in options.recipes:
        if kind not in recipe.models:
            raise UsageError(
                f"{recipe.name} is for {', '.join(recipe.models)}, and this is {kind}",
                hint=f"ctxprune shrink list --model {kind} names others",
            )
    recipes = options.recipes or fitting_recipes(kind, target.measure)
    if options.recovery:
        recipes = [with_recovery_data(recipe, part) for recipe in recipes for part in options.recovery]
    if options.stop_early:
        recipes = [with_stop_by_law(recipe) for recipe in recipes]
    if options.recipes and len(recipes) == 1:
        return Plan(tuple(recipes), target, steps=options.steps or 0, baselines=False, seed=options.seed)
    steps = _AUTO_STEPS if options.steps is None else options.steps
    return Plan.halving(recipes, target, steps=steps, seed=options.seed)


def _report(
    loaded: Loaded, small: Loaded, found: SearchResult, prepared: Prepared, full: dict[str, float], measure: str
) -> dict[str, Any]:
    after = _sizes(Subject(small.model, small.task, base=prepared.subject.base), measure)
    batch = timing_batch(small.model, loaded.form.limit)
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
    return {
        "before": prepared.full_quality,
        "after": found.value,
        "interval": list(found.interval()),
        "metric": found.metric,
        "measured": len(found.parts),
    }


def _quality_by_source(full: Loaded, small: Loaded, prepared: Prepared) -> dict[str, Any]:
    """Quality before and after of each source or language; nothing where there is one, or the vocabulary differs.

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
        changes[name] = after.value - before.value
        found[name] = {"before": before.value, "after": after.value, "interval": list(after.interval())}
        found[name]["measured"] = len(after.parts)
    return {"by_source": found, "worst_source": min(changes, key=changes.__getitem__)}


def _folder_report(found: SearchResult, report: dict[str, Any], measure: str) -> dict[str, Any]:
    """The report in the model's folder: the winning trial, with target, reached share and checksum of the data."""
    before, after = report["sizes"]["milliseconds" if measure == "latency" else measure]
    added = {"target": report["target"], "reached": after / before, "full_quality": report["quality"]["before"]}
    added |= {"milliseconds": report["sizes"]["milliseconds"][1], "data_sha256": report["data"]["sha256"]}
    added |= {"quality": report["quality"]["after"], "chosen_by": found.best.needed_figures().quality}
    return {**found.best.to_dict(), **added}


def _questions(prepared: Prepared) -> list[Question]:
    asked: dict[str, list[Any]] = {}
    for pair in prepared.pairs:
        asked.setdefault(pair.question, []).append(pair)
    if not asked or any(pair.label is None for pair in prepared.pairs):
        raise InputError("an audit needs pairs with labels", hint='give each line a "label", or no --html')
    return [
        Question(name, tuple(pair.passage for pair in own), tuple(float(pair.label) for pair in own), own[0].source)
        for name, own in asked.items()
    ]


def _audit(full: str, small: Path, prepared: Prepared, options: Options) -> AuditReport | DecoderReport:
    if prepared.loaded.kind == "decoder":
        found = [load_decoder(place, tokens=options.tokens) for place in (full, small)]
        one, other = (replace(model, name=name) for model, name in zip(found, ("full", "shrunk"), strict=True) if model)
        return audit_decoders(one, [other], prepared.pairs, seed=options.seed)
    models = [
        replace(load_audited(place, tokens=options.tokens), name=name)
        for place, name in ((full, "full"), (small, "shrunk"))
    ]
    return audit(models[0], models[1:], _questions(prepared), seed=options.seed)


def _onnx(full: Loaded, small: Loaded, prepared: Prepared, place: Path, summary: dict[str, Any]) -> dict[str, Any]:
    if full.kind == "pruner":
        from ctxprune.shrink.io.export_pruner import export_pruner
        from ctxprune.train.graph_reader import word_bits

        words = 4 if word_bits(full.folder) == 4 else 8
        return export_pruner(small, place, prepared.held_out, words=words, report=summary)
    from ctxprune.shrink.io.export import export_onnx

    return export_onnx(small, place, prepared.held_out)


def _write(path: Path, report: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(report, indent=1, default=str) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"the report cannot be written ({error.strerror})", where=str(path)) from error
