"""A whole run: a model's folder and data in; a smaller model's folder, its report and audit out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from ctxprune.errors import CtxpruneError, InputError, UsageError
from ctxprune.shrink.audit import AuditReport, DecoderReport, Question, audit, audit_decoders
from ctxprune.shrink.audit.models import load_audited, load_decoder
from ctxprune.shrink.io.deltas import pack
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.io.loading import load_model
from ctxprune.shrink.io.saving import check_folder, save_model
from ctxprune.shrink.model.cost import Target, cost
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import Batch
from ctxprune.shrink.recipes.recipe import Recipe
from ctxprune.shrink.run.estimate import Finish, estimate_finish, measure_speed
from ctxprune.shrink.run.plans import Limit, SearchRequest, choose_recipes, make_plan, reachable
from ctxprune.shrink.run.preparation import WANT, OtherInputs, Prepared, add_inputs, prepare
from ctxprune.shrink.run.records import TrialFigures, TrialRecord, check_no_run, stored_plan
from ctxprune.shrink.run.recovery import RecoveryData, with_loss, with_recovery_options
from ctxprune.shrink.run.reporting import folder_report, make_report, sizes_of, write_report
from ctxprune.shrink.run.search import Plan, SearchResult, search
from ctxprune.shrink.run.spread import check_samples, measure_spread
from ctxprune.shrink.run.steps import count_steps
from ctxprune.shrink.run.targets import RequestedTarget
from ctxprune.shrink.run.timing import choose_device, measure_times, timing_batch, use_threads
from ctxprune.shrink.run.trial import Trial, baseline_recipes, measure_sizes, run_trial
from ctxprune.shrink.run.vocabulary import check_vocabulary
from ctxprune.storage.locks import hold_folder

ALONE = "vocabulary"
"""Stands for a recipe where the smaller vocabulary alone meets the target."""
DELTAS = "deltas.safetensors"
"""Of a model whose differences from its base were pruned: what `ctxprune.shrink.io.deltas.unpack` adds to the base."""
_KINDS = {
    **dict.fromkeys(("bert", "gte", "modernbert", "pruner"), "encoder"),
    "llama": "decoder", "moe": "moe", "mamba": "ssm", "mamba2": "ssm",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options(SearchRequest):
    """Options of a run, beside those of its search.

    Attributes:
        wanted: The target.
        out: Folder for the model, `report.json` and the trials.
        minutes: Limit: the search stops at it with the best so far, and so do samples.
        device: Of trainings, and of measured times where it is not "auto" or "cpu"; as torch names it.
        threads: Of torch.
        tokens: Of a row at most.
        held_out: File for the quality in the report.
        onnx: Write the ONNX files, too: of a pruner a model folder with int8 weights.
        resume: Go on with the run in `out`.
        audit: Compare with the full model question by question; needs labels.
        vocabulary: Pieces that stay, None: all; no recipe runs where this alone meets the target.
        other: An earlier state of the model and related data, for the recipes that take them.
        loss: One of `LOSSES`, which all weights are trained by at the end in place of the recipes' own training.
        recovery: Parts of the data that recoveries train on; each of several competes with the others.
        stop_early: End recoveries where the P^2 law predicts hardly any gain.
        samples: Random halves of the calibration data that the winner runs on, too, for the spread of its quality.
        pack: Store matrices with zeros as bits and values: a smaller file, which `load_model` alone reads.
    """

    wanted: RequestedTarget
    out: Path
    minutes: float | None = None
    device: str = "cpu"
    threads: int = 1
    tokens: int = 256
    held_out: Path | None = None
    onnx: bool = False
    resume: bool = False
    audit: bool = False
    vocabulary: int | None = None
    other: OtherInputs = field(default_factory=OtherInputs)
    pack: bool = False
    loss: str | None = None
    recovery: Sequence[RecoveryData] = ()
    stop_early: bool = False
    samples: int = 0


def run_job(
    model: str,
    data: Path,
    options: Options,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[dict[str, Any], AuditReport | DecoderReport | None]:
    """Shrink, save, measure. Gives the report as plain values, and the audit where it was asked for.

    `progress` is told the trial that runs, how many are done and how many there are; `say` sentences for people: the
    estimate of time, and what is left out.

    The ONNX files come last: where they cannot be written or differ from the model, the report's `onnx` says why under
    `failed`, and the model is there.

    Raises:
        UsageError: The target is met already or cannot be met, the recipe is for other kinds of model, the vocabulary
            cannot be cut so, the device is not here, no recipe is done within the limit, or another run is at work in
            the folder.
        InputError: Model or data cannot be read, or the folder cannot be written.
        FormatError: A file is damaged.
    """
    with use_threads(options.threads), hold_folder(options.out):
        return _run(model, data, options, progress or (lambda *_: None), say or (lambda _: None))


def model_kind(model: torch.nn.Module) -> str:
    """Which of `ctxprune.shrink.recipes.recipe.MODELS` it is."""
    name = family_of(model).name
    return _KINDS.get(name, name)


def _run(
    model: str, data: Path, options: Options, tell: Callable[[str, int, int], None], say: Callable[[str], None]
) -> tuple[dict[str, Any], AuditReport | DecoderReport | None]:
    started = perf_counter()
    device = choose_device(options.device)
    timed_on = "cpu" if options.device == "auto" else device
    full = _load(model, data, options)
    base = None if options.other.base is None else load_model(options.other.base).model
    target, before = _target(full, options.wanted, base, timed_on)
    recipes = _with_options(choose_recipes(options, model_kind(full.model), target), options, say)
    if options.recipes:
        options = replace(options, recipes=recipes)
    if options.vocabulary is None or target.measure not in ("bytes", "parameters"):
        recipes = reachable(recipes, full.model, target, say)
    prepared = _prepared(full, data, options, base, compete=len(options.recipes) != 1)
    prepared = replace(prepared, subject=replace(prepared.subject, device=device))
    _tell_data(prepared.notes, say)
    asked = f"{options.wanted.measure}={options.wanted.value:g}"
    timed = timing_batch(prepared.loaded.model, prepared.loaded.form.limit, timed_on)
    plan = _plan(options, recipes, target, prepared, (started, timed, say))
    plan = replace(plan, asked=asked, timed_on=timed_on)
    found = _search(full, prepared, plan, options, tell)
    if found.stopped:
        say(f"stopped at the limit after {len(found.trials)} trials: the best so far is taken; --resume goes on")
    tell("saving", len(found.trials), len(found.trials))
    # read back from disk, so that the report is of what was saved
    small = load_model(found.folder)
    report = make_report(full, small, found, prepared, before, (options.wanted.measure, timed_on))
    report |= {"target": asked, "seed": options.seed, "device": {"trained_on": device, "timed_on": timed_on}}
    report["stopped"] = found.stopped
    summary = folder_report(found, report, options.wanted.measure)
    save_model(small, options.out, report=summary, pack=options.pack)
    report["sizes"]["file_bytes"] = [full.file_bytes(), replace(small, folder=options.out).file_bytes()]
    if options.wanted.measure == "deltas":
        report["deltas_bytes"] = pack(small.model, prepared.subject.needed_base(), options.out / DELTAS)
    _write(report, options.out, started)
    if options.samples:
        tell("other samples", len(found.trials), len(found.trials))
        seconds = None if options.minutes is None else 60 * options.minutes - (perf_counter() - started)
        report["spread"] = _spread(prepared, plan, found.best, options.samples, seconds)
        if (done := len(report["spread"]["qualities"])) < options.samples:
            say(f"the limit was over after {done} of {options.samples} samples: more minutes are needed for the others")
        _write(report, options.out, started)
    if options.onnx:
        report["onnx"] = _onnx(full, small, prepared, options.out / "onnx", summary)
    comparison = None
    if options.audit:
        comparison = replace(_audit(model, options.out, prepared, options), recovery=report.get("recovery"))
    _write(report, options.out, started)
    return report, comparison


def _tell_data(notes: Mapping[str, Any], say: Callable[[str], None]) -> None:
    if notes["held_out_is"] == WANT:
        say("there are too few questions to hold some out: quality is measured on those that the model is shrunk with")
    elif notes.get("chosen_by_is") == WANT:
        say("there are too few questions to hold some out: recipes are compared on those that the model is shrunk with")
    if warning := notes.get("chance"):
        say(warning)
    if count := notes.get("in_both"):
        told = "the model is not shrunk with them"
        say(f"questions or texts that are in the data for evaluation, too: {count:,}; {told}")


def _write(report: dict[str, Any], out: Path, started: float) -> None:
    """Write the report with the time until now."""
    report["minutes"] = round((perf_counter() - started) / 60, 2)
    write_report(out / "report.json", report)


def _spread(prepared: Prepared, plan: Plan, best: TrialRecord, samples: int, seconds: float | None) -> dict[str, Any]:
    """The spread of the winner's quality, be it a candidate or a baseline."""
    baselines = baseline_recipes(prepared.subject, plan.target.measure)[: plan.baselines]
    winner = {recipe.name: recipe for recipe in (*plan.recipes, *baselines)}[best.recipe]
    effort = plan.effort(best.rung)
    if plan.target.measure == "latency":
        effort = replace(effort, share=best.needed_figures().share)

    def run(part: Subject) -> Trial:
        options: dict[str, Any] = {"limit": prepared.loaded.form.limit, "timed_on": plan.timed_on}
        return run_trial(part, winner, plan.target, prepared.reported, effort=effort, **options)

    return measure_spread(prepared.subject, run, samples=samples, seconds=seconds)


def _prepared(full: Loaded, data: Path, options: Options, base: torch.nn.Module | None, *, compete: bool) -> Prepared:
    """Data and model for the search; refused before hours of work where an option asks for what they lack."""
    if options.loss in ("listwise", "margin") and full.kind != "reranker":
        raise UsageError(f"the loss {options.loss!r} is for rerankers", where="loss", hint="take 'hidden' or 'output'")
    prepared = prepare(
        full, data, held_out=options.held_out, tokens=options.tokens, seed=options.seed,
        vocabulary=options.vocabulary, compete=compete,
    )  # fmt: skip
    prepared = add_inputs(prepared, options.other, base, tokens=options.tokens, seed=options.seed)
    if options.audit and full.kind != "decoder":
        _questions(prepared)
    if options.samples:
        check_samples(prepared.subject, options.samples, vocabulary=options.vocabulary)
    if options.onnx and full.kind != "pruner":
        from ctxprune.shrink.io.export import check_exportable

        check_exportable(full)
    return prepared


def _load(model: str, data: Path, options: Options) -> Loaded:
    """The model; refused before hours of work where the result could not be written, or a file of data is not there."""
    for path in (data, options.held_out, options.other.related):
        if path is not None and not Path(path).is_file():
            what = "this is a folder" if Path(path).is_dir() else "there is no such file"
            raise InputError(what, where=str(path), hint="name a file of JSON lines")
    full = load_model(model)
    check_folder(options.out, full.folder)
    if not options.resume:
        check_no_run(options.out / "trials")
    if options.vocabulary is not None:
        check_vocabulary(full, options.vocabulary)
    return full


def _search(
    full: Loaded, prepared: Prepared, plan: Plan, options: Options, tell: Callable[[str, int, int], None]
) -> SearchResult:
    """Search the plan, or take the model with its smaller vocabulary where that alone meets the target."""
    target, loaded = plan.target, prepared.loaded
    if prepared.vocabulary and target.measure in ("bytes", "parameters"):
        # the target is a share of the full model, and the search starts from the smaller vocabulary
        left = target.keep * cost(full.model, target.measure) / cost(loaded.model, target.measure)
        if left >= 1:
            figures = TrialFigures(prepared.vocabulary["quality"][1], None, 0.0, measure_sizes(prepared.subject))
            record = TrialRecord(ALONE, 0, 0, 1.0, figures)
            place = save_model(loaded, options.out / "trials" / ALONE, report=record.to_dict())
            return SearchResult(place, record, [record])
        plan = replace(plan, target=replace(target, keep=left))
    return search(loaded, prepared, plan, options.out, resume=options.resume, progress=tell)


def _target(
    loaded: Loaded, wanted: RequestedTarget, base: torch.nn.Module | None, timed_on: str
) -> tuple[Target, dict[str, float]]:
    full = sizes_of(Subject(loaded.model, loaded.task, base=base), wanted.measure)
    full["milliseconds"] = measure_times([loaded.model], timing_batch(loaded.model, loaded.form.limit, timed_on))[0]
    now = full["milliseconds" if wanted.measure == "latency" else wanted.measure]
    if not now:  # a base with the same weights
        raise UsageError(f"the model has no {wanted.measure} to lose", where="target", hint="name another --base")
    return Target(wanted.measure, wanted.share(now)), full


def _with_options(recipes: Sequence[Recipe], options: Options, say: Callable[[str], None]) -> list[Recipe]:
    """The recipes with what was asked of their recovery; several parts of the data make several recipes of each."""
    if options.loss is not None:
        recipes = [with_loss(recipe, options.loss) for recipe in recipes]
    # a recipe that was named is refused, one of many is left out
    told = None if options.recipes else say
    return with_recovery_options(recipes, options.recovery, stop_early=options.stop_early, say=told)


def _plan(
    options: Options,
    recipes: Sequence[Recipe],
    target: Target,
    prepared: Prepared,
    clock: tuple[float, Batch, Callable[[str], None]],
) -> Plan:
    """The plan, after a forward pass and a step were timed."""
    started, timed, say = clock
    single = len(options.recipes) == 1
    steps = options.steps if options.steps is not None else count_steps(recipes[0]) if single else 1
    speed = measure_speed(prepared.subject, len(prepared.held_out), timed, trained=bool(steps))
    finish = Finish(
        len(prepared.reported), by_source=bool(prepared.notes.get("sources")) and not prepared.vocabulary,
        parameters=int(cost(prepared.loaded.model, "parameters")) if options.onnx else 0, audit=options.audit,
    )  # fmt: skip
    after = estimate_finish(target, finish, speed)
    seconds = None
    if options.minutes is not None:
        seconds = max(60 * options.minutes - (perf_counter() - started) - after, 1.0)
    limit = Limit(seconds, after, options.samples)
    stored = stored_plan(options.out / "trials") if options.resume else None
    return make_plan(options, recipes, target, speed, limit=limit, stored=stored, say=say)


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
    places: dict[str, str | Path] = {"full": full, "shrunk": small}
    if prepared.loaded.kind == "decoder":
        found = [load_decoder(place, tokens=options.tokens, name=name) for name, place in places.items()]
        one, other = filter(None, found)
        return audit_decoders(one, [other], prepared.pairs, seed=options.seed)
    before, after = (load_audited(place, tokens=options.tokens, name=name) for name, place in places.items())
    return audit(before, [after], _questions(prepared), seed=options.seed)


def _onnx(full: Loaded, small: Loaded, prepared: Prepared, place: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """What the export reports; after hours of work the model is there, whatever becomes of its graph."""
    try:
        if full.kind != "pruner":
            from ctxprune.shrink.io.export import export_onnx

            return export_onnx(small, place, prepared.held_out)
        from ctxprune.shrink.io.export_pruner import export_pruner
        from ctxprune.train.graph_reader import word_bits

        words = min(word_bits(full.folder), 8)  # a float32 graph's words are rounded to eight bits
        return export_pruner(small, place, prepared.held_out, words=words, report=summary)
    except CtxpruneError as error:
        return {"failed": str(error)}
