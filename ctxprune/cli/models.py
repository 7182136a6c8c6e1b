"""`ctxprune models`: the model folders at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctxprune.cli._options import JsonOption

__all__ = ["models"]


def models(
    folder: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="A model of your own, or a folder of models. May be repeated.", show_default=False
        ),
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Measure the speed on this machine, one thread.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the available models: size, speed, licence, base model, and what each is for. Nothing is downloaded.

    Speed is milliseconds for 10 passages of 200 tokens: measured with --measure, else as the model's files say.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._model_folders import installed_models
    from ctxprune.cli._progress import show_progress

    with show_progress("measuring" if measure else "reading the models"):
        installed = installed_models(folder or (), measure=measure)
    if as_json:
        _console.print_json([model.to_dict() for model in installed])
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "kind", "MB", "ms", "licence", "from", "for")
    for model in installed:
        speed = "" if model.milliseconds is None else f"{model.milliseconds:,.1f}"
        texts = (model.kind, f"{model.megabytes:,.1f}", speed, model.licence, model.base, model.purpose)
        table.add_row(
            Text(_console.escape(model.name), style="bold"),
            *(Text(_console.escape(text)) for text in texts),
        )
    _console.stdout_console().print(table)
    if not measure and any(model.milliseconds is None for model in installed):
        _console.print_note("--measure measures the speed")
