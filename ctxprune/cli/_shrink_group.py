"""The group `ctxprune shrink`: what is no command of its own is a model to be shrunk."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

__all__ = ["ShrinkGroup"]


class ShrinkGroup(TyperGroup):
    """`ctxprune shrink MODEL …` is `ctxprune shrink run MODEL …`; a model called "list" needs the long form."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where there is none."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)
