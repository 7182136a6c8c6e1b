"""`ctxprune shrink show NAME`: one recipe, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ctxprune.shrink.recipes.recipe import Piece, Recipe

__all__ = ["show"]


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a recipe, a TOML file with one, or selectors.")],
    as_json: JsonOption = False,
) -> None:
    """Show a recipe: the paper, what differs from it, its stages, and the parameters of each piece.

    `selectors` shows the ways to choose data for recovery, which any recipe takes.
    """
    from ctxprune.cli import _console
    from ctxprune.shrink.recipes.recipe import load_recipe

    if name == "selectors":
        _show_selectors(as_json=as_json)
        return
    recipe = load_recipe(name)
    if as_json:
        _console.print_json(recipe.to_dict())
        return
    from rich.table import Table
    from rich.text import Text

    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for label, text in _lines(recipe):
        lines.add_row(label, Text(text))
    console = _console.stdout_console()
    console.print(Text(recipe.name, style="bold"))
    console.print(lines)


def _show_selectors(*, as_json: bool) -> None:
    from ctxprune.cli import _console
    from ctxprune.shrink.recipes.selectors import selector_papers

    papers = selector_papers()
    if as_json:
        _console.print_json(papers)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, paper in papers.items():
        table.add_row(name, Text(f"{paper['keeps']}\nneeds {paper['needs']}"))
        table.add_row("", Text(f"{paper['title']}. {paper['source']}", style="dim"))
    _console.stdout_console().print(table)


def _lines(recipe: Recipe) -> Iterator[tuple[str, str]]:
    from ctxprune.shrink.recipes.first_choice import INPUTS, reranker_figures
    from ctxprune.shrink.recipes.recipe import DATA, MODELS, PROMISES

    yield "paper", recipe.title
    yield "source", recipe.source
    yield "differs", recipe.differs or "in nothing known"
    for kind in recipe.models:
        yield ("models" if kind == recipe.models[0] else ""), f"{kind}: {MODELS[kind]}"
    yield "target", f"in {recipe.measure}, unless another is asked for"
    yield "needs", DATA[recipe.data]
    name = recipe.name.removesuffix(".v1")
    if name in INPUTS:
        yield "", f"a file or folder by {INPUTS[name]}, which makes a difference"
    if found := reranker_figures(name):
        lost = f"{found['loss']:.1f} points of nDCG@10 lost in {found['minutes']:.1f} minutes"
        yield "measured", f"{lost}, with {found['steps']} steps, on a MiniLM reranker at half the time"
    yield "tested", PROMISES[recipe.promise]
    for number, stage in enumerate(recipe.stages, 1):
        yield f"stage {number}", f"units {', '.join(stage.units)}; {_extent(stage.share, stage.rounds)}"
        yield "  prepare", _pieces(stage.prepare)
        yield "  score", _pieces([stage.score])
        yield "  allocate", _pieces([stage.allocate])
        yield "  compensate", _pieces(stage.compensate)
        yield "  recover", _pieces(stage.recover)
    yield "finish", _pieces(recipe.finish)


def _extent(share: float, rounds: int) -> str:
    times = {0: "one unit at a time, scored anew", 1: "at once"}.get(rounds, f"in {rounds} rounds, scored anew")
    return f"{times}; {share:.0%} of the way to the target"


def _pieces(pieces: Iterable[Piece]) -> str:
    def one(piece: Piece) -> str:
        given = ", ".join(f"{name}={value}" for name, value in piece.parameters.items())
        return f"{piece.name}({given})" if given else piece.name

    return ", then ".join(map(one, pieces)) or "nothing"
