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
            metavar="DIR", help="Also a model of your own, or a folder of such; again for more.", show_default=False
        ),
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Measure the speed on this machine, one thread.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the models at hand: size, speed, licence, base model, and what each is for. Nothing is downloaded.

    Speed is milliseconds for 10 passages of 200 tokens: measured with --measure, else as the model's files say.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._model_folders import installed_models

    found = installed_models(folder or (), measure=measure)
    if as_json:
        _console.emit([model.to_dict() for model in found])
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "kind", "MB", "ms", "licence", "from", "for")
    for model in found:
        speed = "" if model.milliseconds is None else f"{model.milliseconds:,.1f}"
        texts = (model.kind, f"{model.megabytes:,.1f}", speed, model.licence, model.base, model.purpose)
        table.add_row(
            Text(_console.visible(model.name), style="bold"), *(Text(_console.visible(text)) for text in texts)
        )
    _console.data().print(table)
    if not measure and any(model.milliseconds is None for model in found):
        _console.say("--measure measures the speed")
