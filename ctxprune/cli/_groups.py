"""Commands and groups whose help shows an option that is a flag without a type: `--version`, not `--version <bool>`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["Command", "Group", "ShrinkGroup"]


def _hide_flag_types(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:  # arguments have no such attribute
            param.metavar = ""
    return params


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The options and arguments, `--help` included."""
        return _hide_flag_types(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The options, `--help` included."""
        return _hide_flag_types(super().get_params(ctx))


class ShrinkGroup(Group):
    """`ctxprune shrink MODEL …` is `ctxprune shrink run MODEL …`; a model called "list" needs the long form."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where there is none."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)
