"""`ctxprune shrink list`: which recipes to begin with, and all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from ctxprune.shrink.recipes.first_choice import Situation
    from ctxprune.shrink.recipes.recipe import Recipe

__all__ = ["list_recipes"]

_UNITS = 12  # characters of the kinds of unit, so that a recipe has one line of 80


def list_recipes(
    model: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="All recipes for this kind of model: encoder, decoder, moe, ssm.", show_default=False
        ),
    ] = "",
    unit: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="All recipes that remove this kind of unit: head, neuron, layer …", show_default=False
        ),
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="All recipes: what they promise, need and cost.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the recipes to begin with, by situation, with their measured loss and minutes.

    `ctxprune shrink show NAME` shows all of one recipe.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.shrink.model.anatomy import KINDS
    from ctxprune.shrink.recipes.recipe import MODELS, load_recipe, recipe_names

    for word, known, option in ((model, MODELS, "--model"), (unit, KINDS, "--unit")):
        if word and word not in known:
            raise typer.BadParameter(f"{word!r} is not one of {', '.join(known)}", param_hint=option)
    with show_progress("reading the recipes"):
        recipes = [load_recipe(name) for name in recipe_names()]
    chosen = [
        recipe for recipe in recipes if (not model or model in recipe.models) and (not unit or unit in recipe.units)
    ]
    if as_json:
        _console.print_json([_to_dict(recipe) for recipe in chosen])
        return
    console = _console.stdout_console()
    if every or model or unit:
        console.print(_all(chosen))
        _console.print_note(
            f"{_console.format_count(len(chosen), 'recipe')}; cost: minutes on a MiniLM reranker, or forward passes"
            " and steps of training; all of one: ctxprune shrink show NAME"
        )
        return
    console.print(_first(), markup=False)
    for line in _notes(len(recipes)):
        _console.print_note(line)


def _first() -> Table:
    from rich.table import Table

    from ctxprune.shrink.recipes.first_choice import SITUATIONS

    table = Table(box=None, pad_edge=False)
    table.add_column("situation")
    table.add_column("recipe", style="bold", no_wrap=True)
    table.add_column("nDCG@10 lost", justify="right")
    table.add_column("minutes", justify="right")
    table.add_column("")
    for situation in SITUATIONS:
        for place, name in enumerate(situation.recipes):
            table.add_row("" if place else situation.name, name, *_figures(situation, name))
    return table


def _figures(situation: Situation, name: str) -> tuple[str, str, str]:
    """Loss, minutes, and what else there is to say."""
    from ctxprune.shrink.recipes.first_choice import measured_figures, reranker_figures

    if situation.figures == "sparse":
        error = measured_figures()["sparse"].get(name)
        return "", "", "" if error is None else f"{error:.1f} % error"
    found = reranker_figures(name, trained=situation.trained) if situation.figures else None
    if found is None:
        return "", "", "not measured"
    steps = f"{found['steps']} steps"
    return f"{found['loss']:.1f}", f"{found['minutes']:.1f}", f"{steps}{_seeds(found['seeds'])}"


def _seeds(count: int) -> str:
    return f", {count} seeds" if count > 1 else ""


def _notes(count: int) -> Iterator[str]:
    from ctxprune.shrink.recipes.first_choice import measured_figures

    if about := measured_figures()["about"]:
        yield f"measured on {about}"
        yield "steps: of training at the end, by --loss hidden"
    yield "% error: of a matrix's output with half of its weights; no faster"
    yield "run one: ctxprune shrink MODEL --data FILE --target latency=0.5 \\"
    yield "         --recipe NAME --out DIR"
    yield "--recipe auto tries those that suit the model, in --minutes N"
    yield f"all {count}: ctxprune shrink list --all; one: ctxprune shrink show NAME"


def _all(recipes: Sequence[Recipe]) -> Table:
    """One line a recipe at 80 columns."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name, width in (("name", None), ("removes", _UNITS), ("promise", None), ("needs", None), ("cost", None)):
        table.add_column(name, no_wrap=True, style="bold" if name == "name" else "", max_width=width)
    for recipe in recipes:
        # the version is 1 of all of them: a column less wide
        cells = (recipe.name.removesuffix(".v1"), " ".join(recipe.units) or "-", recipe.promise, _needs(recipe))
        table.add_row(*cells, _cost(recipe))
    return table


def _needs(recipe: Recipe) -> str:
    from ctxprune.shrink.recipes.first_choice import INPUTS

    other = INPUTS.get(recipe.name.removesuffix(".v1"), "")
    return f"{recipe.data} {other}".strip()


def _cost(recipe: Recipe) -> str:
    """Minutes where they were measured, else how many forward passes it takes, and how many steps of training."""
    from ctxprune.shrink.recipes.first_choice import measured_figures, reranker_figures
    from ctxprune.shrink.run.steps import count_steps

    if found := reranker_figures(recipe.name):
        return f"{found['minutes']:.1f} min"
    parts = []
    if passes := measured_figures()["passes"].get(recipe.name.removesuffix(".v1")):
        # what is done beside the data is work, too, and training is not in either figure
        parts.append(max(1, round(sum(passes))))
    if not (steps := count_steps(recipe)):
        return f"{parts[0]} pass{'es' * (parts[0] > 1)}" if parts else ""
    return "+".join(map(str, [*parts, steps])) + " steps"  # no spaces: a line has 80 characters


def _to_dict(recipe: Recipe) -> dict[str, Any]:
    from ctxprune.shrink.recipes.first_choice import SITUATIONS, reranker_figures

    name = recipe.name.removesuffix(".v1")
    return {
        "name": recipe.name,
        "models": recipe.models,
        "units": recipe.units,
        "measure": recipe.measure,
        "data": recipe.data,
        "promise": recipe.promise,
        "title": recipe.title,
        "source": recipe.source,
        "situations": [situation.name for situation in SITUATIONS if name in situation.recipes],
        "measured": reranker_figures(name),
    }
