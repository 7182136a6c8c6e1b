"""Groups of options: a dataclass in the signature of a command, an option of its own for each field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from ctxprune.cli._options import with_option_groups


@dataclass(frozen=True)
class Sizes:
    width: Annotated[int, typer.Option(min=1, help="In columns.")] = 80
    tall: Annotated[bool, typer.Option("--tall", help="Twice the height.")] = False


@with_option_groups
def draw(
    name: Annotated[str, typer.Argument()], *, sizes: Sizes, colour: Annotated[str, typer.Option()] = "red"
) -> None:
    """Draw something."""
    typer.echo(f"{name} {sizes} {colour}")


def run(*words: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(draw)
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["house"], "house Sizes(width=80, tall=False) red"),
        (["house", "--width", "3", "--tall", "--colour", "blue"], "house Sizes(width=3, tall=True) blue"),
    ],
)
def test_a_command_gets_its_group(words: list[str], printed: str) -> None:
    assert run(*words) == (0, f"{printed}\n")


def test_fields_are_checked_and_described_as_options() -> None:
    assert run("house", "--width", "0")[0] == 2
    code, shown = run("--help")
    assert code == 0
    assert "In columns." in shown
    assert "sizes" not in shown.lower()
