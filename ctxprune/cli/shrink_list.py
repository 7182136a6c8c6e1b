"""`ctxprune shrink list`: the recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import JsonOption

if TYPE_CHECKING:
    from ctxprune.shrink.recipes.recipe import Recipe

__all__ = ["list_recipes"]


def list_recipes(
    model: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="Only recipes for this kind of model: encoder, decoder, moe, ssm.", show_default=False
        ),
    ] = "",
    unit: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="Only recipes that remove this kind of unit: head, neuron, layer …", show_default=False
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List the recipes: what they remove, from which models, with which data, and the paper.

    `ctxprune shrink show NAME` shows all of one recipe.
    """
    from ctxprune.cli import _console
    from ctxprune.shrink.model.anatomy import KINDS
    from ctxprune.shrink.recipes.recipe import MODELS, load_recipe, recipe_names

    for word, known, option in ((model, MODELS, "--model"), (unit, KINDS, "--unit")):
        if word and word not in known:
            raise typer.BadParameter(f"{word!r} is not one of {', '.join(known)}", param_hint=option)
    recipes = [load_recipe(name) for name in recipe_names()]
    chosen = [
        recipe for recipe in recipes if (not model or model in recipe.models) and (not unit or unit in recipe.units)
    ]
    if as_json:
        _console.print_json([_to_dict(recipe) for recipe in chosen])
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True, style="bold")
    table.add_column("models")
    table.add_column("units")
    table.add_column("source", ratio=1)
    for recipe in chosen:
        table.add_row(recipe.name, ", ".join(recipe.models), ", ".join(recipe.units) or "-", Text(recipe.source))
    _console.stdout_console().print(table)
    _console.print_note(f"{_console.format_count(len(chosen), 'recipe')}; all of one: ctxprune shrink show NAME")


def _to_dict(recipe: Recipe) -> dict[str, object]:
    return {
        "name": recipe.name,
        "models": recipe.models,
        "units": recipe.units,
        "measure": recipe.measure,
        "data": recipe.data,
        "promise": recipe.promise,
        "title": recipe.title,
        "source": recipe.source,
    }
