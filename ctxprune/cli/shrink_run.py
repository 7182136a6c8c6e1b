"""`ctxprune shrink MODEL --data FILE --target latency=0.5 --recipe NAME --out DIR`: a smaller model from a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.shrink.recipes.recipe import Recipe
    from ctxprune.shrink.run.job import Options

__all__ = ["run"]


_SEARCH, _DATA, _OUTPUT = "Search and time", "Data", "Output"
_RECOVERY, _EXTRA = "Recovery, of any recipe", "For some recipes alone"


def run(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Folder of a cross-encoder, an embedding model or a decoder, as transformers saves it; or the name of"
            " the bundled pruner, as `ctxprune models` shows it.",
        ),
    ],
    data: Annotated[
        Path, typer.Option(metavar="FILE", help='JSON lines {"query", "passage", "label"}; texts for a decoder.')
    ],
    target: Annotated[
        str, typer.Option(help="latency=0.5, latency=40ms, flops=0.5, bytes=20MB, parameters=0.6 or weights=0.5.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the smaller model, report.json and trials.")],
    recipe: Annotated[
        str,
        typer.Option(
            help="Name or TOML file, several with commas between; auto: the few that suit the model compete;"
            " all: all that fit."
        ),
    ] = "auto",
    steps: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Training steps after removal; default: of one recipe its own, of several up to 200.",
            show_default=False,
            rich_help_panel=_SEARCH,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Limit: what does not fit is left out, and the best so far is taken when it is over.",
            show_default=False,
            rich_help_panel=_SEARCH,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in DIR.", rich_help_panel=_SEARCH)] = False,
    device: Annotated[
        str,
        typer.Option(
            help="cpu, cuda, mps or auto, for training; times are measured on it too, but with auto on the CPU.",
            rich_help_panel=_SEARCH,
        ),
    ] = "cpu",
    threads: Annotated[
        int, typer.Option(min=1, help="Threads of torch; times are measured on one.", rich_help_panel=_SEARCH)
    ] = 1,
    seed: Annotated[int, typer.Option(help="Random seed.", rich_help_panel=_SEARCH)] = 0,
    eval_data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Data for the quality that is reported; default: a fifth of --data, held out.",
            show_default=False,
            rich_help_panel=_DATA,
        ),
    ] = None,
    tokens: Annotated[
        int, typer.Option(min=8, help="Longest pair or text; the model's limit if less.", rich_help_panel=_DATA)
    ] = 256,
    vocabulary: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Keep the N pieces of the vocabulary most frequent in --data; all text stays readable.",
            show_default=False,
            rich_help_panel=_DATA,
        ),
    ] = None,
    onnx: Annotated[
        bool,
        typer.Option(
            "--onnx",
            help="Also write onnx/: model.onnx and model_int8.onnx; of a pruner int8 alone.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the audit as a page: slices, flips, swaps.", rich_help_panel=_OUTPUT),
    ] = None,
    pack: Annotated[
        bool,
        typer.Option(
            "--pack",
            help="Store zeros as bits: a smaller file, which only ctxprune reads.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    as_json: JsonOption = False,
    base: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the model that MODEL was tuned from, or of its first steps: for dare, lottery and others.",
            show_default=False,
            rich_help_panel=_EXTRA,
        ),
    ] = None,
    related: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Data of a related task or of a general domain, as --data: for transfer, fairness and others.",
            show_default=False,
            rich_help_panel=_EXTRA,
        ),
    ] = None,
    groups: Annotated[
        bool,
        typer.Option(
            "--groups",
            help='The "source" of a line of --related says for whom quality shall be equal.',
            rich_help_panel=_EXTRA,
        ),
    ] = False,
    loss: Annotated[
        str | None,
        typer.Option(
            help="Train all weights at the end by this, towards MODEL, and not as the recipe does: hidden (outputs and"
            " states of layers), output, margin or listwise.",
            show_default=False,
            rich_help_panel=_RECOVERY,
        ),
    ] = None,
    recovery_data: Annotated[
        str,
        typer.Option(
            metavar="NAME[:SHARE[:ROUNDS]]",
            help="Recover on a chosen part of --data, as el2n:0.5; several with commas compete. `show selectors`.",
            show_default=False,
            rich_help_panel=_RECOVERY,
        ),
    ] = "",
    stop_early: Annotated[
        bool,
        typer.Option(
            "--stop-early",
            help="End recovery where the P^2 law predicts that it hardly helps.",
            rich_help_panel=_RECOVERY,
        ),
    ] = False,
    samples: Annotated[
        int,
        typer.Option(
            min=0,
            help="Run the winner on N random halves of --data, too: the spread of its quality.",
            rich_help_panel=_RECOVERY,
        ),
    ] = 0,
) -> None:
    """Make a model smaller until the target is met, and measure what that cost. `run` may be left out.

    A share is of what the model has now; a number with a unit is absolute. Latency is measured. Recipes compete on
    held-out quality (successive halving), beside random removal; an estimate of the time comes first.
    Needs the train extra; reads local folders alone and downloads nothing.
    """
    for module in ("torch", "transformers", "safetensors", *(("onnx",) if onnx else ())):
        require(module, "train")
    from ctxprune.cli import _console
    from ctxprune.shrink.run.job import Options
    from ctxprune.shrink.run.preparation import OtherInputs
    from ctxprune.shrink.run.recovery import read_recovery_data
    from ctxprune.shrink.run.targets import read_target

    wanted = read_target(target)
    names = [name.strip() for name in recipe.split(",") if name.strip()]
    if not names:
        raise typer.BadParameter("it names no recipe", param_hint="--recipe")
    chosen = [] if names in (["auto"], ["all"]) else [_recipe(name) for name in names]
    parts = [read_recovery_data(part.strip()) for part in recovery_data.split(",") if part.strip()]
    if "random.v1" not in {part.piece.name for part in parts}:  # the comparison that is advised is already made
        for advice in filter(None, (part.advice for part in parts)):
            _console.print_note(advice)
    if html is not None:
        _console.check_target(html, data, *([eval_data] if eval_data else []))
    options = Options(
        chosen, wanted=wanted, out=out, every=names == ["all"], steps=steps, minutes=minutes, device=device, seed=seed,
        threads=threads, tokens=tokens, held_out=eval_data, onnx=onnx, resume=resume, audit=html is not None,
        vocabulary=vocabulary, other=OtherInputs(base, related, groups), pack=pack,
        loss=loss, recovery=parts, stop_early=stop_early, samples=samples,
    )  # fmt: skip
    report, audited = _run_watched(model, data, options)
    if html is not None and audited is not None:
        _console.write_file(html, audited.to_html(), data)
    if as_json:
        _console.print_json(report)
    else:
        _show(report)
        _console.print_note(f"the model is {out}")
    if failed := report.get("onnx", {}).get("failed"):
        _console.print_note(f"there are no ONNX files: {_console.escape(failed)}")
        raise typer.Exit(1)


def _run_watched(model: str, data: Path, options: Options) -> tuple[dict[str, Any], Any]:
    """Run the job with a bar on a terminal, and lines elsewhere."""
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.shrink.run.job import run_job

    # The text of a trial estimates the time itself: trials are not alike.
    with show_progress("reading", estimates=False) as line:
        told = [0]

        def report_progress(text: str, done: int, total: int) -> None:
            line.update(done, total, text)
            if not line.shown and done != told[0]:  # no terminal shows the bar: a line for each trial in its place
                told[0] = done
                _console.print_note(f"{done} of {total} trials done")

        try:
            return run_job(model, data, options, progress=report_progress, say=_console.print_note)
        except KeyboardInterrupt:
            _console.print_note(
                f"stopped; what is finished is in {options.out}: the same command with --resume goes on"
            )
            raise


def _recipe(name: str) -> Recipe:
    from ctxprune.shrink.recipes.recipe import load_recipe

    return load_recipe(name)


def _show(report: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    table = Table("", "before", "after", "left", title=f"{report['recipe']}: {report['target']}")
    for name, (before, after) in report["sizes"].items():
        table.add_row(name, _amount(before), _amount(after), f"{after / before:.1%}" if before else "")
    words = report.get("vocabulary", {})
    for name, label in (("pieces", "pieces"), ("tokens", "tokens of the data")) if words else ():
        before, after = words[name]
        table.add_row(label, f"{before:,}", f"{after:,}", f"{after / max(before, 1):.1%}")
    quality = report["quality"]
    table.add_row("quality", f"{quality['before']:.4f}", f"{quality['after']:.4f}", "")
    _console.stdout_console().print(table)
    low, high = quality["interval"]
    count = quality["measured"]
    noun = ("batch of texts", "batches of texts") if report["kind"] == "decoder" else ("question", "questions")
    interval = f"after: {low:.4f} to {high:.4f} (95 %)" if count > 1 else "too few for an interval"
    _console.print_note(
        f"quality: {quality['metric']}, of {count:,} {noun[count != 1]} that chose no recipe; {interval}"
    )
    if quality["before_is_chance"]:
        _console.print_note("the model was no better than chance before, so that these qualities say nothing")
    for name, entry in quality.get("by_source", {}).items():
        worst = " (worst)" if name == quality["worst_source"] else ""
        _console.print_note(
            f"{name or 'no source'}: before {entry['before']:.4f}, after {entry['after']:.4f}, of"
            f" {entry['measured']:,}{worst}"
        )
    if (spread := report.get("spread")) and "deviation" in spread:
        _console.print_note(
            f"on {len(spread['qualities'])} random halves of the data: {spread['mean']:.4f} ± {spread['deviation']:.4f}"
        )
    if words and words["pieces"][1] > words["asked"]:
        _console.print_note(f"{words['pieces'][1]:,} pieces are needed to read every text")
    if len(report["trials"]) > 1:
        _console.stdout_console().print(_trials(report["trials"]))
    for line in report["trials"]:
        if line["status"] == "failed":
            _console.print_note(f"{line['recipe']} failed: {_console.escape(str(line['reason']))}")


def _amount(value: float) -> str:
    """A number as people read it: "90.9 M" for 90,866,412."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def _trials(lines: Sequence[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("round", "recipe", "steps", "quality", "seconds")
    for line in sorted(lines, key=lambda line: (-line["rung"], -line.get("quality", float("-inf")))):
        if line["status"] == "done":
            cells = (line["recipe"], str(line["steps"]), f"{line['quality']:.4f}", f"{line['seconds']:.1f}")
            table.add_row(str(line["rung"] + 1), *cells)
    return table
