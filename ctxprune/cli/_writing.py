"""How a chat model is asked to write, as the command line says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ctxprune.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ctxprune.sql.generate.base import Generator

__all__ = ["EXAMPLES_HELP", "STYLE_HELP", "Writing"]

STYLE_HELP = (
    "How chat:... is asked, several with commas between: compact, ddl, decompose, mschema, plain, skeleton, small."
)
EXAMPLES_HELP = "JSON file of answered questions; chat:... sees the two most similar ones."


@dataclass(frozen=True, slots=True)
class Writing:
    """What `--style` and `--examples` say.

    Attributes:
        style: Names of styles with commas between; "" for the default.
        examples: File of answered questions; None for none.
    """

    style: str = ""
    examples: Path | None = None

    def generator(self, model: Any, *, plain: bool) -> Generator:
        """The generator over `model`; where nothing else is said, `plain` means the style of that name.

        Raises:
            typer.BadParameter: There is no such style, or none is named.
            InputError: The file of examples cannot be read.
        """
        from ctxprune.sql.generate.examples import ExampleStore, read_examples
        from ctxprune.sql.generate.prompt_styles import DEFAULT_STYLES, build_generator

        source = None if self.examples is None else ExampleStore(read_examples(self.examples))
        names = tuple(name for name in (part.strip() for part in self.style.split(",")) if name)
        if not self.style:
            names = ("plain",) if plain else DEFAULT_STYLES
        try:
            return build_generator(model, names, examples=source)
        except (UnknownNameError, UsageError) as error:
            raise typer.BadParameter(str(error), param_hint="--style") from error

    def refuse(self, generator: str) -> None:
        """Says that `generator` reads no prompt, where one was described.

        Raises:
            typer.BadParameter: Style or examples were given.
        """
        for option, value in (("--style", self.style), ("--examples", self.examples)):
            if value:
                raise typer.BadParameter(f"{generator!r} is no chat model", param_hint=option)
